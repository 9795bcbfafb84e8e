//! The life of a category: its loads as versions, how long what they end is kept, and its deletion.

use crate::category::{BY_NAME, keys, load, with_category};
use chrono::{TimeDelta, Utc};
use windlass_engine::store::{CategoryVersion, DEFAULT_TENANT};
use windlass_engine::testing::{TestDatabase, application};
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::Format;

async fn versions(store: &Store) -> Vec<CategoryVersion> {
    let page = store.category_versions(DEFAULT_TENANT, "birds", None, 100);
    page.await.expect("versions").items
}

/// Lets the keeper's pass do all there is to do, so many days from now.
async fn forget(store: &Store, days: i64) {
    let then = Some(Utc::now() + TimeDelta::days(days));
    while store.forget_items(then).await.expect("a pass") > 0 {}
}

#[tokio::test]
async fn a_load_says_what_it_changed_and_who_brought_it() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;

    for text in [
        "name,state,cost\nGull,Ohio,1\nCrow,Utah,2\n",
        "name,state,cost\nGull,Ohio,9\nKite,Utah,3\nOwl,Iowa,4\n",
    ] {
        load(&store, Format::Csv, text).await.expect("loaded");
    }

    let told = versions(&store).await;
    let counts: Vec<_> = told
        .iter()
        .map(|one| (one.version, one.items, one.added, one.changed, one.removed))
        .collect();
    assert_eq!(
        counts,
        [
            (2, 3, Some(2), Some(1), Some(1)),
            (1, 2, Some(2), Some(0), Some(0))
        ]
    );
    assert_eq!(told[0].loaded_by, "mia");
    assert_eq!(told[0].origin.as_deref(), Some("birds.csv"));
}

#[tokio::test]
async fn the_same_rows_in_another_form_are_no_new_version() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    let csv = "name,state,cost\nGull,Ohio,1\nCrow,Utah,\n";
    load(&store, Format::Csv, csv).await.expect("loaded");

    let lines = "{\"name\":\"Gull\",\"state\":\"Ohio\",\"cost\":1}\n\
        {\"name\":\"Crow\",\"state\":\"Utah\",\"cost\":null}\n";
    let same = load(&store, Format::Ndjson, lines).await.expect("known");
    let turned = "name,state,cost\nCrow,Utah,\nGull,Ohio,1\n";
    let other = load(&store, Format::Csv, turned).await.expect("loaded");

    assert_eq!((same.version, same.rows, same.loaded), (1, 2, false));
    assert_eq!(
        (other.version, other.loaded),
        (2, true),
        "another order is another version"
    );
    assert_eq!(versions(&store).await.len(), 2);
    assert_eq!(keys(&store).await, ["Crow", "Gull"]);
}

#[tokio::test]
async fn an_older_version_is_readable_until_its_time_is_over() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, &format!("{BY_NAME}retention: 2d\n")).await;
    load(&store, Format::Csv, "name,state\nGull,Ohio\n")
        .await
        .expect("loaded");
    load(&store, Format::Csv, "name,state\nCrow,Utah\n")
        .await
        .expect("loaded");
    let of = async |version| {
        let page = store
            .items_of(DEFAULT_TENANT, "birds", Some(version), 0, 10)
            .await;
        page.map(|page| {
            page.items
                .into_iter()
                .map(|item| item.key)
                .collect::<Vec<_>>()
        })
    };

    forget(&store, 1).await;
    assert_eq!(of(1).await.expect("kept"), ["Gull"]);
    forget(&store, 3).await;

    assert_eq!(of(1).await.expect_err("gone").code(), "version_gone");
    assert_eq!(of(2).await.expect("the current one stays"), ["Crow"]);
    assert_eq!(of(3).await.expect_err("never was").code(), "not_found");
    let left: i64 = sqlx::query_scalar("select count(*) from category_item")
        .fetch_one(&database.pool().await)
        .await
        .expect("a count");
    assert_eq!(left, 1);
}

#[tokio::test]
async fn a_deleted_category_comes_back_within_its_time_and_not_later() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_category(&store, BY_NAME).await;
    let csv = "name,state\nGull,Ohio\nCrow,Utah\n";
    load(&store, Format::Csv, csv).await.expect("loaded");

    let delete = async || store.delete_category(DEFAULT_TENANT, "birds", "leo").await;
    delete().await.expect("deleted");
    let listed = store
        .categories(DEFAULT_TENANT, None, 10)
        .await
        .expect("a page");
    assert!(listed.items.is_empty());
    assert_eq!(
        delete().await.expect_err("twice").code(),
        "category_deleted"
    );
    let refused = load(&store, Format::Csv, "name,state\nKite,Utah\n").await;
    assert_eq!(refused.expect_err("refused").code(), "category_deleted");
    assert!(store.item(DEFAULT_TENANT, "birds", "Gull").await.is_err());
    forget(&store, 6).await;
    assert!(
        store
            .undelete_category(DEFAULT_TENANT, "birds")
            .await
            .expect("brought back")
    );
    assert_eq!(keys(&store).await, ["Gull", "Crow"]);

    delete().await.expect("deleted again");
    forget(&store, 8).await;
    assert!(
        !store
            .undelete_category(DEFAULT_TENANT, "birds")
            .await
            .expect("too late")
    );
    with_category(&store, BY_NAME).await;
    assert!(keys(&store).await.is_empty());
    let anew = load(&store, Format::Csv, csv).await.expect("loaded anew");
    assert_eq!((anew.version, anew.rows, anew.loaded), (2, 2, true));
    assert_eq!(keys(&store).await, ["Gull", "Crow"]);
}

#[tokio::test]
async fn a_category_that_is_selected_from_cannot_be_deleted_nor_a_deleted_one_selected_from() {
    const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\ntemplate: strikes.brief\n\
        selection: { category: birds }\nstrategy: individual\n";
    const TEMPLATE: &str = "document: { dsl: '1.0.3', namespace: strikes, name: brief, version: '1.0.0' }\n\
        do:\n  - say: { set: { word: hello } }\n";
    let database = TestDatabase::new().await;
    let store = database.store().await;
    store
        .apply(application(&[TEMPLATE, BY_NAME, JOB]))
        .await
        .expect("applied");

    let refused = store.delete_category(DEFAULT_TENANT, "birds", "leo").await;
    let refused = refused.expect_err("in use");
    assert_eq!(refused.code(), "category_in_use");
    assert!(refused.to_string().contains("briefs"));

    let items = JOB.replace("{ category: birds }", "{ items: [ { a: 1 } ], key: a }");
    store.apply(application(&[&items])).await.expect("applied");
    store
        .delete_category(DEFAULT_TENANT, "birds", "leo")
        .await
        .expect("deleted");
    let Err(Error::Invalid { problems }) = store.apply(application(&[JOB])).await else {
        panic!("a deleted category is not there");
    };
    assert_eq!(problems[0].code, "unknown_reference");
    assert!(
        problems[0]
            .hint
            .as_deref()
            .is_some_and(|hint| hint.contains("undelete birds"))
    );
    let report = store
        .apply(application(&[BY_NAME, JOB]))
        .await
        .expect("it is there again");
    assert_eq!(report.changes[0].diff, ["- deleted"]);
}
