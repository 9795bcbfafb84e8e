//! Loads that go on without rows that are no items: what is loaded, what is told, and what is refused all the same.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::sync::oneshot;
use windlass_engine::protocol::Action;
use windlass_engine::protocol::apply::Application;
use windlass_engine::protocol::load::{LISTED_MAX, Load, ReadSeek, Source, Terms};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::{TestDatabase, application};
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::{Format, Invalid, Mode};
use windlass_workflows::problem::Problem;

use crate::category::{BY_NAME, keys, with_category};
use crate::upload::parquet_file;

/// The items of a document, of which two are none.
const ITEMS: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\n\
    schema: { type: object, properties: { cost: { type: integer } } }\n\
    data: { invalid: leave_out, items: [ { name: Gull, cost: 1 }, { name: Crow, cost: much }, { cost: 3 } ] }\n";
const FROM_FILE: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\n\
    schema: { type: object, properties: { cost: { type: integer } } }\n\
    data: { file: birds.csv, invalid: leave_out }\n";
/// Bad by its columns, by a cell and by its key.
const ROWS: &str =
    "name,state,cost\nGull,Ohio,1\nCrow,Ohio\nKite,Utah,many\n,Utah,3\nOwl,Iowa,some\nAuk,Iowa,5\n";

struct How {
    mode: Mode,
    invalid: Option<Invalid>,
    format: Format,
}

const LEAVING: How = How {
    mode: Mode::Replace,
    invalid: Some(Invalid::LeaveOut),
    format: Format::Csv,
};

async fn load(store: &Store, how: How, bytes: impl Into<Vec<u8>>) -> Result<Load, Error> {
    load_from(store, how, Box::new(Cursor::new(bytes.into()))).await
}

async fn load_from(store: &Store, how: How, reader: Box<dyn ReadSeek>) -> Result<Load, Error> {
    let source = Source::File {
        name: "birds.csv".to_owned(),
        format: how.format,
        reader,
    };
    let terms = Terms {
        tenant: DEFAULT_TENANT,
        who: "mia",
        mode: Some(how.mode),
        invalid: how.invalid,
        listed_max: LISTED_MAX,
    };
    store.load_on(terms, "birds", source).await
}

fn problems<T: std::fmt::Debug>(refused: Result<T, Error>) -> Vec<Problem> {
    match refused {
        Err(Error::Invalid { problems }) => problems,
        other => panic!("problems expected, {other:?} found"),
    }
}

/// Rows and field of each reason.
fn reasons(load: &Load) -> Vec<(i64, &str)> {
    let reasons = load.left_out.reasons.iter();
    reasons
        .map(|one| (one.rows, one.pointer.as_str()))
        .collect()
}

fn with_file(text: &str, rows: &str) -> Application {
    let reader: Box<dyn ReadSeek> = Box::new(Cursor::new(rows.as_bytes().to_vec()));
    Application {
        files: BTreeMap::from([("birds".to_owned(), reader)]),
        ..application(&[text])
    }
}

#[tokio::test]
async fn bad_rows_are_left_out_and_told_by_row_and_reason() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    let loaded = load(&store, LEAVING, ROWS).await.expect("loaded");
    let refuses = How {
        invalid: None,
        ..LEAVING
    };
    let refused = problems(load(&store, refuses, ROWS).await);

    assert_eq!(keys(&store).await, ["Gull", "Auk"]);
    assert_eq!((loaded.read, loaded.rows, loaded.left_out.rows), (6, 2, 4));
    assert_eq!(reasons(&loaded), [(1, ""), (2, "/cost"), (1, "/name")]);
    let told = loaded.left_out.refused.iter();
    let told: Vec<_> = told.map(|one| (one.row, one.line)).collect();
    let place = |row| (Some(row), Some(row + 1));
    assert_eq!(told, [place(2), place(3), place(4), place(5)]);
    let first = &loaded.left_out.refused[0];
    assert_eq!(first.message, "line 3 has 2 columns; the header has 3");
    assert_eq!(first.file.as_deref(), Some("birds.csv"));
    // The same bytes are not what was loaded for one who refuses such rows.
    assert_eq!(refused, loaded.left_out.refused);
    let versions = store.category_versions(DEFAULT_TENANT, "birds", None, 10);
    let versions = versions.await.expect("versions").items;
    assert_eq!((versions.len(), versions[0].left_out), (1, 4));
}

#[tokio::test]
async fn what_is_loaded_again_tells_again_what_was_left_out() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    let first = load(&store, LEAVING, ROWS).await.expect("loaded");
    let again = load(&store, LEAVING, ROWS).await.expect("known");
    let fewer = "name,state,cost\nGull,Ohio,1\n,Utah,3\nAuk,Iowa,5\n";
    let fewer = load(&store, LEAVING, fewer).await.expect("known");

    assert_eq!(
        (again.loaded, again.version, again.unchanged),
        (false, 1, 2)
    );
    assert_eq!((again.read, &again.left_out), (6, &first.left_out));
    // The same items in other rows of their file are what was there, row for row.
    assert_eq!(
        (fewer.loaded, fewer.version, fewer.unchanged),
        (false, 1, 2)
    );
    assert_eq!((fewer.read, fewer.left_out.rows), (3, 1));
}

/// Rows whose second reading says that it begins, and waits until it may.
struct Waiting {
    rows: Cursor<Vec<u8>>,
    is_second: bool,
    begins: Option<oneshot::Sender<()>>,
    may: Receiver<()>,
}

impl Waiting {
    fn new() -> (Box<Self>, oneshot::Receiver<()>, Sender<()>) {
        let (begins, begun) = oneshot::channel();
        let (let_go, may) = channel();
        let rows = Box::new(Self {
            rows: Cursor::new(ROWS.as_bytes().to_vec()),
            is_second: false,
            begins: Some(begins),
            may,
        });
        (rows, begun, let_go)
    }
}

impl Read for Waiting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_second
            && let Some(begins) = self.begins.take()
        {
            begins.send(()).expect("somebody waits for it");
            self.may.recv().expect("it may go on");
        }
        self.rows.read(buffer)
    }
}

impl Seek for Waiting {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.is_second = true;
        self.rows.seek(to)
    }
}

#[tokio::test]
async fn nobody_waits_while_what_was_left_out_is_read_again() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let first = store.apply(with_file(FROM_FILE, ROWS)).await;
    let first = &first.expect("applied").changes[0];
    let others = |name: &str| format!("name,state,cost\n{name},Ohio,1\n");

    let (rows, begun, let_go) = Waiting::new();
    let loading = tokio::spawn({
        let store = store.clone();
        async move { load_from(&store, LEAVING, rows).await }
    });
    begun.await.expect("it is read again");
    let other = load(&store, LEAVING, others("Tern")).await;
    let_go.send(()).expect("it waits");
    let told = loading.await.expect("no panic").expect("known");

    assert_eq!(other.expect("loaded meanwhile").version, 2);
    assert_eq!((told.version, told.read), (1, 6));
    assert_eq!(told.left_out, first.left_out);

    store
        .apply(with_file(FROM_FILE, ROWS))
        .await
        .expect("applied");
    let (rows, begun, let_go) = Waiting::new();
    let application = Application {
        files: BTreeMap::from([("birds".to_owned(), rows as Box<dyn ReadSeek>)]),
        ..application(&[FROM_FILE])
    };
    let applying = tokio::spawn({
        let store = store.clone();
        async move { store.apply(application).await }
    });
    begun.await.expect("it is read again");
    let other = store.apply(with_file(FROM_FILE, &others("Rail"))).await;
    let_go.send(()).expect("it waits");
    let told = applying.await.expect("no panic").expect("unchanged");

    assert_eq!(other.expect("applied meanwhile").changes[0].items, Some(1));
    let told = &told.changes[0];
    assert_eq!((told.action, told.read), (Action::Unchanged, Some(6)));
    assert_eq!(told.left_out, first.left_out);
}

#[tokio::test]
async fn a_merge_leaves_bad_rows_out_too() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    load(
        &store,
        LEAVING,
        "name,state,cost\nGull,Ohio,1\nCrow,Ohio,2\n",
    )
    .await
    .expect("loaded");

    let merging = How {
        mode: Mode::Merge,
        ..LEAVING
    };
    let merged = load(&store, merging, ROWS).await.expect("merged");

    assert_eq!(keys(&store).await, ["Gull", "Crow", "Auk"]);
    assert_eq!((merged.added, merged.changed, merged.unchanged), (1, 0, 1));
    assert_eq!((merged.read, merged.rows, merged.left_out.rows), (6, 3, 4));
}

#[tokio::test]
async fn a_load_of_which_nothing_is_left_changes_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    load(&store, LEAVING, ROWS).await.expect("loaded");

    let all_bad = "name,state,cost\nKite,Utah,many\n,Utah,3\n";
    for mode in [Mode::Replace, Mode::Merge] {
        let how = How { mode, ..LEAVING };
        let told = problems(load(&store, how, all_bad).await);

        let codes: Vec<_> = told.iter().map(|one| one.code.as_str()).collect();
        assert_eq!(codes, ["nothing_left", "invalid_row", "invalid_row"]);
        assert_eq!(
            told[0].message,
            "all 2 rows are invalid, so nothing would be left to load"
        );
    }
    let emptied = load(&store, LEAVING, "name,state,cost\n").await;

    // A file without rows says what it means.
    assert_eq!(emptied.expect("loaded").removed, 2);
    assert_eq!(keys(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn keys_that_stand_twice_and_broken_files_are_refused_all_the_same() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    let twice = "name,state,cost\nGull,Ohio\nCrow,Ohio,1\nKite,Ohio,x\nCrow,Utah,2\n";
    let twice = problems(load(&store, LEAVING, twice).await);
    let lines = How {
        format: Format::Ndjson,
        ..LEAVING
    };
    let broken = load(&store, lines, "{\"name\":\"Gull\"}\n{\"name\":\n").await;

    assert_eq!(twice[0].code, "duplicate_key");
    // Lines of the file, with those between that were left out.
    assert_eq!(twice[0].message, "lines 3 and 5 have the same key `Crow`");
    assert_eq!(problems(broken)[0].code, "source_broken");
    assert_eq!(keys(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn every_format_leaves_out_and_says_the_row() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    let lines = "{\"name\":\"Gull\"}\n\n{\"name\":7.5,\"cost\":\"x\"}\n{\"name\":\"Owl\"}\n";
    let array = "[ {\"name\":\"Gull\"},\n 7, {\"name\":\"Owl\"} ]";
    let table = parquet_file::birds(&[("Gull", Some("Ohio"), 1), ("", None, 2), ("Owl", None, 3)]);

    for (format, bytes) in [
        (Format::Ndjson, lines.as_bytes().to_vec()),
        (Format::Json, array.as_bytes().to_vec()),
        (Format::Parquet, table),
    ] {
        let how = How { format, ..LEAVING };
        let loaded = load(&store, how, bytes).await.expect("loaded");

        assert_eq!(keys(&store).await, ["Gull", "Owl"], "{format:?}");
        assert_eq!((loaded.read, loaded.left_out.rows), (3, 1), "{format:?}");
        assert_eq!(loaded.left_out.refused[0].row, Some(2), "{format:?}");
    }
}

#[tokio::test]
async fn rows_without_a_key_count_on_without_those_that_are_left_out() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let by_row = BY_NAME.replace("key: name", "key: { row: true }");
    with_category(&store, &by_row).await;

    let loaded = load(&store, LEAVING, ROWS).await.expect("loaded");

    // `,Utah,3` has all that an item needs here.
    assert_eq!(keys(&store).await, ["1", "2", "3"]);
    assert_eq!((loaded.rows, loaded.left_out.rows), (3, 3));
}

#[tokio::test]
async fn an_apply_says_what_it_left_out_of_documents_and_files() {
    let database = TestDatabase::new().await;
    let store = database.store().await;

    let written = store.apply(application(&[ITEMS])).await.expect("applied");
    let first = store
        .apply(with_file(FROM_FILE, ROWS))
        .await
        .expect("applied");
    let again = store
        .apply(with_file(FROM_FILE, ROWS))
        .await
        .expect("applied");
    let bad = "name,state,cost\nKite,Utah,many\n";
    let told = problems(store.apply(with_file(FROM_FILE, bad)).await);

    let written = &written.changes[0];
    assert_eq!((written.items, written.read), (Some(1), Some(3)));
    assert_eq!(written.left_out.rows, 2);
    assert_eq!(written.left_out.refused[0].row, Some(2));
    for (change, action) in [
        (&first.changes[0], Action::Changed),
        (&again.changes[0], Action::Unchanged),
    ] {
        assert_eq!((change.action, change.items), (action, Some(2)));
        assert_eq!((change.read, change.left_out.rows), (Some(6), 4));
    }
    assert_eq!(told[0].code, "nothing_left");
    assert_eq!(keys(&store).await, ["Gull", "Auk"]);
}
