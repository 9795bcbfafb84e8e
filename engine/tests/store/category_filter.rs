//! Items of a category that a filter keeps: the same that a selection takes, a bounded look at a time.

use crate::common::recipe::{flock, over, refused, with_birds};
use serde_json::json;
use windlass_engine::protocol::Wanted;
use windlass_engine::store::{DEFAULT_TENANT, ItemView, Page};
use windlass_engine::testing::TestDatabase;
use windlass_engine::{Error, Store};

fn wanted(filter: &str) -> Wanted<'_> {
    Wanted {
        category: "birds",
        version: None,
        filter,
    }
}

async fn page(store: &Store, filter: &str, after: i64, limit: u32) -> Page<ItemView> {
    let found = store.items_kept(DEFAULT_TENANT, wanted(filter), after, limit);
    found.await.expect("a page")
}

/// Keys of all pages.
async fn all(store: &Store, filter: &str, limit: u32) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), Some(0));
    while let Some(from) = after {
        let page = page(store, filter, from, limit).await;
        assert!(page.items.len() <= limit as usize);
        keys.extend(page.items.into_iter().map(|item| item.key));
        after = page.next;
    }
    keys
}

#[tokio::test]
async fn pages_hold_what_a_selection_with_this_filter_takes() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_birds(&store, &flock(50, 7)).await;
    let filters = [
        "true",
        "null",
        ".cost > 40",
        r#".state == "s0003""#,
        r#"$key == "b00007" or $key == "b00049" or $key == "x""#,
        r#"$key >= "b00047" and .cost != 48"#,
        r#"$object == "s0001" and (.cost == 1 or .cost == 8)"#,
        ".cost == null",
    ];

    for filter in filters {
        let selection = json!({ "category": "birds", "filter": filter });
        let source = over(selection, "individual");
        let preview = store.preview_batch(DEFAULT_TENANT, &source);
        let members = preview.await.expect("a preview").members;
        for limit in [1, 3, 100] {
            let mut keys = all(&store, filter, limit).await;
            assert_eq!(keys.len() as u64, members, "{filter} by {limit}");
            assert!(keys.is_sorted(), "{filter} by {limit}");
            keys.dedup();
            assert_eq!(keys.len() as u64, members, "{filter} by {limit}");
        }
    }
    let last = page(&store, ".cost > 47", 0, 2).await;
    assert_eq!((last.items.len(), last.next), (2, None));
}

/// Two hundred thousand rows, of which the filter keeps the last one.
#[tokio::test]
async fn a_page_that_has_looked_enough_is_short_and_says_where_to_go_on() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_birds(&store, &flock(1, 1)).await;
    let more = "insert into category_item (category, added, n, key, document)
                select id, 1, n, 'k' || n, '{\"cost\":' || n || '}' from category, generate_series(2, 200000) n";
    sqlx::query(more)
        .execute(&database.pool().await)
        .await
        .expect("rows");

    for filter in [".cost == 200000", ".cost > 199999"] {
        let first = page(&store, filter, 0, 100).await;
        assert!(first.items.is_empty(), "{filter}");
        let reached = first.next.expect("there is more");
        assert!(reached <= 150_000, "{filter} looked at {reached}");
    }
    assert_eq!(all(&store, ".cost == 200000", 100).await, ["k200000"]);
}

#[tokio::test]
async fn a_filter_that_is_none_or_fails_is_refused_and_names_its_row() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_birds(&store, &flock(5, 2)).await;
    let of = async |filter: &'static str| {
        refused(
            store
                .items_kept(DEFAULT_TENANT, wanted(filter), 0, 10)
                .await,
        )
    };

    let broken = of(".cost >").await;
    assert_eq!(broken.pointer, "/filter");
    let failing = of("$key == \"b00003\" and (.state | tonumber) > 3").await;
    assert_eq!(failing.code, "filter_error");
    assert!(failing.message.contains("b00003"), "{}", failing.message);
    assert_eq!(of(".cost").await.code, "filter_error");
    let elsewhere = Wanted {
        category: "fish",
        ..wanted("true")
    };
    let missing = store.items_kept(DEFAULT_TENANT, elsewhere, 0, 10).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })));
    let later = Wanted {
        version: Some(2),
        ..wanted("true")
    };
    let later = store.items_kept(DEFAULT_TENANT, later, 0, 10).await;
    assert!(matches!(later, Err(Error::NotFound { .. })));
}
