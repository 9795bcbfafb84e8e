//! Template versions: published once, never changed, found by reference.

use windlass_engine::store::{DEFAULT_TENANT, Published};
use windlass_engine::testing::TestDatabase;
use windlass_engine::{Error, Store};

/// A template that says `word`.
fn template(version: &str, word: &str) -> String {
    format!(
        "document: {{ dsl: '1.0.3', namespace: strikes, name: brief, version: '{version}' }}\n\
         do:\n  - say: {{ set: {{ word: {word} }} }}\n"
    )
}

async fn publish(store: &Store, version: &str, word: &str) -> Result<Published, Error> {
    store
        .publish_source(DEFAULT_TENANT, &template(version, word))
        .await
}

#[tokio::test]
async fn the_same_content_is_published_once() {
    let database = TestDatabase::new().await;
    let store = database.store().await;

    let first = publish(&store, "1.0.0", "hello").await.expect("published");
    let again = publish(&store, "1.0.0", "hello").await.expect("the same");

    let Published::Created(id) = first else {
        panic!("a new version expected, {first:?} found");
    };
    assert_eq!(again, Published::Unchanged(id));
}

#[tokio::test]
async fn a_published_version_never_changes() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    publish(&store, "1.0.0", "hello").await.expect("published");

    let refused = publish(&store, "1.0.0", "goodbye")
        .await
        .expect_err("other content");

    assert_eq!(refused.code(), "template_version_exists");
    let source = store
        .template_source(DEFAULT_TENANT, "strikes.brief@1.0.0")
        .await;
    assert_eq!(source.expect("the first text"), template("1.0.0", "hello"));
}

#[tokio::test]
async fn a_name_alone_finds_the_newest_release() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    for version in ["1.2.0", "1.10.0", "1.9.0", "2.0.0-rc.1"] {
        publish(&store, version, "hello").await.expect("published");
    }

    let newest = store
        .template(DEFAULT_TENANT, "strikes.brief")
        .await
        .expect("one");
    let exact = store
        .template(DEFAULT_TENANT, "strikes.brief@1.2.0")
        .await
        .expect("one");
    let missing = store.template(DEFAULT_TENANT, "strikes.brief@3.0.0").await;

    assert_eq!(newest.version, "1.10.0");
    assert_eq!(exact.version, "1.2.0");
    assert_eq!(missing.expect_err("no such version").code(), "not_found");
}

#[tokio::test]
async fn a_list_shows_each_template_once() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    publish(&store, "1.0.0", "hello").await.expect("published");
    publish(&store, "1.1.0", "hello").await.expect("published");

    let page = store
        .templates(DEFAULT_TENANT, None, 10)
        .await
        .expect("a page");
    let versions = store
        .template_versions(DEFAULT_TENANT, "strikes", "brief")
        .await
        .expect("all");

    let shown: Vec<_> = page.items.iter().map(|one| one.version.as_str()).collect();
    assert_eq!((shown, page.next), (vec!["1.1.0"], None));
    assert_eq!(versions.len(), 2);
}

#[tokio::test]
async fn a_broken_template_is_refused_with_its_places() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    let broken = template("1.0.0", "hello").replace("set:", "sett:");

    let refused = store.publish_source(DEFAULT_TENANT, &broken).await;

    let Err(Error::Invalid { problems }) = refused else {
        panic!("problems expected");
    };
    assert_eq!(problems[0].line, Some(3));
    let page = store
        .templates(DEFAULT_TENANT, None, 10)
        .await
        .expect("a page");
    assert!(page.items.is_empty());
}
