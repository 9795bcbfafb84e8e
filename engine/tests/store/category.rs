//! Loading categories: all rows or none, every refusal told, versions in order.

use std::io::Cursor;

use windlass_engine::protocol::load::{LeftOut, Load, Source};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::{TestDatabase, application};
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::Format;
use windlass_workflows::problem::Problem;

pub const BY_NAME: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\n\
    schema: { type: object, properties: { cost: { type: [ integer, 'null' ] } } }\n";

pub async fn with_category(store: &Store, text: &str) {
    store.apply(application(&[text])).await.expect("applied");
}

pub async fn load(store: &Store, format: Format, text: &str) -> Result<Load, Error> {
    let reader = Box::new(Cursor::new(text.as_bytes().to_vec()));
    let source = Source::File {
        name: "birds.csv".to_owned(),
        format,
        reader,
    };
    store
        .load_items(DEFAULT_TENANT, "mia", "birds", source)
        .await
}

fn problems(refused: Result<Load, Error>) -> Vec<Problem> {
    match refused {
        Err(Error::Invalid { problems }) => problems,
        other => panic!("problems expected, {other:?} found"),
    }
}

pub async fn keys(store: &Store) -> Vec<String> {
    let page = store
        .items(DEFAULT_TENANT, "birds", 0, 100)
        .await
        .expect("a page");
    page.items.into_iter().map(|item| item.key).collect()
}

#[tokio::test]
async fn rows_become_typed_items_with_key_and_object() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    let text = "name,state,cost\r\n\"Gull, \"\"big\"\"\",Ohio,12\r\nCrow,,\r\n";
    let loaded = load(&store, Format::Csv, text).await.expect("loaded");

    assert_eq!(
        loaded,
        Load {
            version: 1,
            rows: 2,
            loaded: true,
            added: 2,
            changed: 0,
            removed: 0,
            unchanged: 0,
            read: 2,
            left_out: LeftOut::default(),
        }
    );
    let page = store
        .items(DEFAULT_TENANT, "birds", 0, 1)
        .await
        .expect("a page");
    assert_eq!(page.items[0].key, "Gull, \"big\"");
    assert_eq!(page.items[0].object.as_deref(), Some("Ohio"));
    let document = page.items[0].document.clone();
    assert_eq!(
        document,
        r#"{"name":"Gull, \"big\"","state":"Ohio","cost":12}"#
    );
    let rest = store
        .items(DEFAULT_TENANT, "birds", page.next.expect("more"), 1)
        .await
        .expect("a page");
    assert_eq!(
        (rest.items[0].n, rest.items[0].object.clone(), rest.next),
        (2, None, None)
    );
}

#[tokio::test]
async fn the_same_file_is_not_loaded_again_and_another_replaces_it() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    load(&store, Format::Csv, "name,state\nGull,Ohio\nCrow,Ohio\n")
        .await
        .expect("loaded");

    let same = load(&store, Format::Csv, "name,state\nGull,Ohio\nCrow,Ohio\n")
        .await
        .expect("known");
    let other = load(&store, Format::Csv, "name,state\nCrow,Utah\nHawk,Utah\n")
        .await
        .expect("loaded");

    assert_eq!(
        same,
        Load {
            version: 1,
            rows: 2,
            loaded: false,
            added: 0,
            changed: 0,
            removed: 0,
            unchanged: 2,
            read: 2,
            left_out: LeftOut::default(),
        }
    );
    assert_eq!(
        other,
        Load {
            version: 2,
            rows: 2,
            loaded: true,
            added: 1,
            changed: 1,
            removed: 1,
            unchanged: 0,
            read: 2,
            left_out: LeftOut::default(),
        }
    );
    assert_eq!(keys(&store).await, ["Crow", "Hawk"]);
}

#[tokio::test]
async fn every_refused_row_is_told_and_nothing_is_stored() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    load(&store, Format::Csv, "name,state\nGull,Ohio\n")
        .await
        .expect("loaded");

    let text =
        "name,state,cost\nCrow,Ohio,1\nHawk,Ohio\n\"two\nlines\",Ohio,2\nKite,Ohio,many\n,Ohio,3\n";
    let told = problems(load(&store, Format::Csv, text).await);

    let lines: Vec<_> = told
        .iter()
        .map(|one| (one.line, one.code.as_str()))
        .collect();
    let row = "invalid_row";
    assert_eq!(lines, [(Some(3), row), (Some(6), row), (Some(7), row)]);
    assert_eq!(told[0].message, "line 3 has 2 columns; the header has 3");
    assert_eq!(told[0].file.as_deref(), Some("birds.csv"));
    assert_eq!(keys(&store).await, ["Gull"]);
}

#[tokio::test]
async fn lines_are_told_rightly_in_files_from_windows() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    let told = problems(load(&store, Format::Csv, "name,state\r\nGull,Ohio\r\nCrow\r\n").await);

    assert_eq!(told[0].line, Some(3));
}

#[tokio::test]
async fn a_key_that_stands_twice_names_both_lines() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    let text = "name,state\n\"Gull\",\"a\nb\"\nCrow,Ohio\nHawk,Ohio\nCrow,Utah\n";
    let told = problems(load(&store, Format::Csv, text).await);

    assert_eq!(told.len(), 1);
    assert_eq!(told[0].message, "lines 4 and 6 have the same key `Crow`");
    assert_eq!(
        (told[0].code.as_str(), told[0].line),
        ("duplicate_key", Some(6))
    );
    let category = store.category(DEFAULT_TENANT, "birds").await;
    let category = category.expect("its row is its document's");
    assert_eq!((category.version, category.items), (0, 0));
}

#[tokio::test]
async fn json_rows_are_read_line_by_line_or_as_an_array() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    let lines = "{\"name\":\"Gull\",\"cost\":1}\n\n{\"name\":\"Crow\"}\n";
    let by_line = load(&store, Format::Ndjson, lines).await.expect("loaded");
    let array = "[\n {\"name\":\"Hawk\"},\n {\"name\":\"Kite\"}\n]\n";
    let by_array = load(&store, Format::Json, array).await.expect("loaded");
    let broken = problems(
        load(
            &store,
            Format::Ndjson,
            "{\"name\":\"Gull\"}\n{\"name\":}\n[1]\n",
        )
        .await,
    );
    let wrong = problems(
        load(
            &store,
            Format::Json,
            "[\n {\"name\":\"Hawk\"},\n {\"name\":7,\"cost\":\"x\"}\n]",
        )
        .await,
    );

    assert_eq!((by_line.rows, by_array.rows), (2, 2));
    assert_eq!(keys(&store).await, ["Hawk", "Kite"]);
    assert_eq!(
        broken.iter().map(|one| one.line).collect::<Vec<_>>(),
        [Some(2), Some(3)]
    );
    assert_eq!(wrong[0].line, Some(3));
}

#[tokio::test]
async fn a_load_of_many_parts_arrives_whole() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    let rows: Vec<String> = (0..20_000)
        .map(|n| format!("bird {n},State\\{},{n}", n % 29))
        .collect();

    let text = format!("name,state,cost\n{}\n", rows.join("\n"));
    let loaded = load(&store, Format::Csv, &text).await.expect("loaded");

    assert_eq!(loaded.rows, 20_000);
    let last = store
        .items(DEFAULT_TENANT, "birds", 19_999, 10)
        .await
        .expect("a page");
    assert_eq!(last.items[0].object.as_deref(), Some("State\\18"));
}

#[tokio::test]
async fn a_category_that_nobody_applied_cannot_be_loaded() {
    let database = TestDatabase::new().await;
    let store = database.store().await;

    let refused = load(&store, Format::Csv, "name\nGull\n").await;

    assert_eq!(refused.expect_err("unknown").code(), "not_found");
}
