//! Exporting: what comes out goes in again, here without a change and elsewhere as it was.

use std::collections::BTreeMap;
use std::io::Cursor;

use windlass_engine::Store;
use windlass_engine::protocol::Action;
use windlass_engine::protocol::apply::Application;
use windlass_engine::protocol::export::{ExportKind, Exported};
use windlass_engine::protocol::load::{ReadSeek, Source};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::{TestDatabase, application};
use windlass_workflows::configuration::Format;

const TEMPLATE: &str = "# Says hello.\ndocument: { dsl: '1.0.3', namespace: strikes, name: brief, version: '1.0.0' }\n\
    do:\n  - say: { set: { word: '${ \"hello\" }' } } # to all\n";
/// A document of every kind.
const SET: &str = include_str!("export.yaml");
const BIRDS: &str = "name,state,cost\nGull,Ohio,1\nCrow,Utah,\n\"Owl, great\",Ohio,3\n";

fn everything() -> Vec<ExportKind> {
    ExportKind::all().collect()
}

/// Whole, a few at a time.
async fn exported(store: &Store, rows: bool) -> Vec<Exported> {
    let (mut all, mut after, kinds) = (Vec::new(), None, everything());
    loop {
        let page = store.export(DEFAULT_TENANT, &kinds, rows, after.as_ref(), 3);
        let page = page.await.expect("a page");
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// The texts, with the rows that their files hold.
async fn files(store: &Store, all: &[Exported]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for one in all.iter().filter(|one| one.rows.is_some()) {
        let category = store.category(DEFAULT_TENANT, &one.name).await.expect("it");
        let rows = store
            .item_texts(&category, None, 0)
            .await
            .expect("its rows");
        let text: String = rows.into_iter().map(|(_, text)| text + "\n").collect();
        files.insert(one.name.clone(), text);
    }
    files
}

async fn apply(store: &Store, texts: &[&str], files: &BTreeMap<String, String>) -> Vec<Action> {
    let reader = |text: &String| -> Box<dyn ReadSeek> { Box::new(Cursor::new(text.clone())) };
    let files = files
        .iter()
        .map(|(name, text)| (name.clone(), reader(text)));
    let application = Application {
        files: files.collect(),
        ..application(texts)
    };
    let report = store.apply(application).await.expect("applied");
    report
        .changes
        .into_iter()
        .map(|change| change.action)
        .collect()
}

async fn applied(store: &Store) {
    let birds = BTreeMap::from([("birds".to_owned(), BIRDS.to_owned())]);
    apply(store, &[TEMPLATE, SET], &birds).await;
}

#[tokio::test]
async fn an_export_goes_into_an_empty_database_and_comes_out_the_same() {
    let (here, there) = (TestDatabase::new().await, TestDatabase::new().await);
    let (here, there) = (here.store().await, there.store().await);
    applied(&here).await;

    let first = exported(&here, true).await;
    let texts: Vec<&str> = first.iter().map(|one| one.text.as_str()).collect();
    let actions = apply(&there, &texts, &files(&here, &first).await).await;
    let second = exported(&there, true).await;

    assert_eq!(actions, [Action::Created; 16]);
    assert_eq!(first, second);
    for kind in everything() {
        assert!(first.iter().any(|one| one.kind == kind), "{kind:?}");
    }
    let whole = texts.concat();
    for name in [
        "openai-api-key",
        "warehouse-url",
        "feed-token",
        "desk-signing-key",
    ] {
        assert!(
            whole.contains(&format!("{{ secret: {name} }}")),
            "{name}: {whole}"
        );
    }
    assert_eq!(files(&here, &first).await, files(&there, &second).await);
    let found = there
        .item(DEFAULT_TENANT, "birds", "Crow")
        .await
        .expect("birds");
    assert_eq!(
        found.expect("a crow").to_json(),
        r#"{"name":"Crow","state":"Utah","cost":null}"#
    );
}

#[tokio::test]
async fn an_export_applied_where_it_comes_from_changes_nothing() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    applied(&store).await;

    for rows in [true, false] {
        let all = exported(&store, rows).await;
        let texts: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
        let stream = texts.join("---\n");

        assert_eq!(
            apply(&store, &texts, &files(&store, &all).await).await,
            [Action::Unchanged; 16]
        );
        assert_eq!(
            apply(&store, &[&stream], &files(&store, &all).await).await,
            [Action::Unchanged; 16]
        );
        assert_eq!(exported(&store, rows).await, all);
    }
}

#[tokio::test]
async fn one_stream_of_documents_keeps_what_authors_wrote() {
    let (here, there) = (TestDatabase::new().await, TestDatabase::new().await);
    let (here, there) = (here.store().await, there.store().await);
    applied(&here).await;

    let all = exported(&here, false).await;
    let texts: Vec<&str> = all.iter().map(|one| one.text.as_str()).collect();
    apply(&there, &[&texts.join("---\n")], &BTreeMap::new()).await;

    assert_eq!(all[0].text, TEMPLATE);
    assert_eq!(exported(&there, false).await, all);
    assert!(all.iter().all(|one| one.rows.is_none()));
}

#[tokio::test]
async fn an_export_is_of_the_kinds_that_were_asked_for_and_of_what_is_there() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    applied(&store).await;
    store
        .delete_category(DEFAULT_TENANT, "owners", "mia")
        .await
        .expect("deleted");

    let kinds = ["purpose", "category"].map(|word| word.parse().expect("a kind"));
    let page = store
        .export(DEFAULT_TENANT, &kinds, false, None, 100)
        .await
        .expect("a page");

    let names: Vec<&str> = page.items.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["birds", "brief", "survey"]);
    assert!("purposes".parse::<ExportKind>().is_err());
    let brief = &page.items[1].text;
    assert!(
        brief.starts_with("windlass: v1\nkind: Purpose\nname: brief\ntitle: A brief per state\n"),
        "{brief}"
    );
}

#[tokio::test]
async fn items_that_were_loaded_over_those_of_a_document_are_not_lost() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    applied(&store).await;
    let source = Source::File {
        name: "owners.csv".to_owned(),
        format: Format::Csv,
        reader: Box::new(Cursor::new("owner\nada\n")),
    };
    store
        .load_items(DEFAULT_TENANT, "mia", "owners", source)
        .await
        .expect("loaded");

    let all = exported(&store, true).await;
    let owners = all.iter().find(|one| one.name == "owners").expect("it");

    assert_eq!(owners.rows.as_deref(), Some("owners.ndjson"));
    assert!(
        owners.text.ends_with("data: { file: owners.ndjson }\n"),
        "{}",
        owners.text
    );
}

#[tokio::test]
async fn items_that_were_merged_into_others_are_exported_with_them() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let whole = "windlass: v1\nkind: Category\nname: gulls\nkey: name\n\
        data: { items: [ { name: ada }, { name: bea } ] }\n";
    let merged = "windlass: v1\nkind: Category\nname: gulls\nkey: name\n\
        data: { items: [ { name: cleo } ], mode: merge }\n";
    let none = BTreeMap::new();
    apply(&store, &[whole], &none).await;
    assert_eq!(apply(&store, &[merged], &none).await, [Action::Changed]);
    assert_eq!(apply(&store, &[merged], &none).await, [Action::Unchanged]);

    let all = exported(&store, true).await;
    let other = TestDatabase::new().await;
    let other = other.store().await;
    let rows = files(&store, &all).await;
    apply(&other, &[&all[0].text], &rows).await;

    assert!(
        all[0]
            .text
            .ends_with("data: { file: gulls.ndjson, mode: merge }\n"),
        "{}",
        all[0].text
    );
    let items = other.items(DEFAULT_TENANT, "gulls", 0, 10).await;
    let keys = items
        .expect("a page")
        .items
        .into_iter()
        .map(|item| item.key);
    assert_eq!(keys.collect::<Vec<_>>(), ["ada", "bea", "cleo"]);
    assert_eq!(exported(&other, true).await, all);
    // Without rows the document says what it brings.
    assert!(exported(&store, false).await[0].text.contains("cleo"));
}

#[tokio::test]
async fn governed_work_is_kept_and_does_not_start() {
    use windlass_engine::protocol::{Answer, Request, Work};
    use windlass_workflows::value::Value;
    let database = TestDatabase::new().await;
    let store = database.store().await;
    applied(&store).await;

    let submit = async |purpose: &str| {
        let request = Request::new(
            Work::Purpose(purpose.to_owned()),
            Value::map([("a", Value::Null)]),
        );
        let receipt = store.submit_request(DEFAULT_TENANT, "mia", &request).await;
        receipt.expect("an answer").answer
    };

    assert!(matches!(submit("brief").await, Answer::Submitted(_)));
    let Answer::Invalid(problems) = submit("survey").await else {
        panic!("nobody was asked");
    };
    assert_eq!(problems[0].code, "consent_not_enforced");
    let pool = database.pool().await;
    let queue: String =
        sqlx::query_scalar("select queue from ready join lane on lane.id = ready.lane")
            .fetch_one(&pool)
            .await
            .expect("its lane");
    assert_eq!(queue, "slow");
    for (purpose, code) in [
        ("survey", "consent_not_enforced"),
        ("brief", "queue_needs_engine"),
    ] {
        let sql = sqlx::query("select submit($1)")
            .bind(purpose)
            .execute(&pool)
            .await;
        let refused = sql
            .expect_err("refused")
            .into_database_error()
            .expect("by the function");
        let detail = refused
            .downcast_ref::<sqlx::postgres::PgDatabaseError>()
            .detail();
        assert_eq!(detail, Some(code));
    }
}
