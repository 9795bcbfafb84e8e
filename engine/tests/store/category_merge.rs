//! Loads that are merged: items of their keys change, others are added, all others stay.

use std::io::Cursor;

use crate::common::Bench;
use crate::common::recipe::{PURPOSE, TEMPLATE, create, jobs, over};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use windlass_engine::protocol::load::{LISTED_MAX, Load, Source, Terms};
use windlass_engine::protocol::{Planned, Wanted};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::application;
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::{Format, Mode};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

const BY_NAME: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\n\
    indexes: [ state ]\nschema: { type: object, properties: { cost: { type: [ integer, 'null' ] } } }\n";

async fn applied(store: &Store, text: &str) {
    let texts = [TEMPLATE, PURPOSE, text];
    store.apply(application(&texts)).await.expect("applied");
}

async fn load(store: &Store, mode: Option<Mode>, text: &str) -> Result<Load, Error> {
    let source = Source::File {
        name: "birds.csv".to_owned(),
        format: Format::Csv,
        reader: Box::new(Cursor::new(text.as_bytes().to_vec())),
    };
    let terms = Terms {
        tenant: DEFAULT_TENANT,
        who: "mia",
        mode,
        invalid: None,
        listed_max: LISTED_MAX,
    };
    store.load_on(terms, "birds", source).await
}

async fn merge(store: &Store, text: &str) -> Load {
    let merged = load(store, Some(Mode::Merge), text).await;
    merged.expect("merged")
}

async fn replace(store: &Store, text: &str) -> Load {
    let replaced = load(store, Some(Mode::Replace), text).await;
    replaced.expect("replaced")
}

fn problems(refused: Result<Load, Error>) -> Vec<Problem> {
    match refused {
        Err(Error::Invalid { problems }) => problems,
        other => panic!("problems expected, {other:?} found"),
    }
}

/// Row, key, object and cost of the items of a version.
async fn items(store: &Store, version: Option<i32>) -> Vec<String> {
    let page = store.items_of(DEFAULT_TENANT, "birds", version, 0, 100);
    let items = page.await.expect("a page").items.into_iter();
    let told = items.map(|item| {
        let document = Value::parse(&item.document).expect("JSON");
        let cost = document.get("cost").map(ToString::to_string);
        let object = item.object.unwrap_or_default();
        format!(
            "{} {} {object} {}",
            item.n,
            item.key,
            cost.unwrap_or_default()
        )
    });
    told.collect()
}

/// Added, changed, removed and unchanged, with the version and the items of it.
fn counts(load: &Load) -> (i32, i64, [i64; 4]) {
    let counts = [load.added, load.changed, load.removed, load.unchanged];
    (load.version, load.rows, counts)
}

async fn count(pool: &PgPool, sql: &str) -> i64 {
    let found = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
    found.fetch_one(pool).await.expect("a count")
}

async fn kept(store: &Store, filter: &str) -> Vec<String> {
    let wanted = Wanted {
        category: "birds",
        version: None,
        filter,
    };
    let page = store.items_kept(DEFAULT_TENANT, wanted, 0, 100).await;
    let items = page.expect("a page").items.into_iter();
    items.map(|item| item.key).collect()
}

const FIRST: &str = "name,state,cost\nGull,Ohio,1\nCrow,Utah,2\nOwl,Iowa,3\n";

#[tokio::test]
async fn items_change_in_their_place_and_new_ones_come_last() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, BY_NAME).await;
    replace(store, FIRST).await;

    let merged = merge(
        store,
        "name,state,cost\nKite,Ohio,9\nOwl,Iowa,3\nCrow,Ohio,2\nTern,,4\n",
    )
    .await;

    assert_eq!(counts(&merged), (2, 5, [2, 1, 0, 1]));
    let now = [
        "1 Gull Ohio 1",
        "2 Crow Ohio 2",
        "3 Owl Iowa 3",
        "4 Kite Ohio 9",
        "5 Tern  4",
    ];
    assert_eq!(items(store, None).await, now);
    assert_eq!(
        items(store, Some(1)).await,
        ["1 Gull Ohio 1", "2 Crow Utah 2", "3 Owl Iowa 3"]
    );
    assert_eq!(
        kept(store, r#".state == "Ohio""#).await,
        ["Gull", "Crow", "Kite"]
    );
    assert_eq!(kept(store, r#".state == "Utah""#).await, [""; 0]);
    assert_eq!(kept(store, ".state == null").await, ["Tern"]);
    let versions = store.category_versions(DEFAULT_TENANT, "birds", None, 1);
    let told = versions.await.expect("versions").items.remove(0);
    assert_eq!(
        (told.added, told.changed, told.removed),
        (Some(2), Some(1), Some(0))
    );
    let item = store
        .item(DEFAULT_TENANT, "birds", "Crow")
        .await
        .expect("it");
    assert_eq!(
        item.expect("there")
            .get("state")
            .and_then(|state| state.as_str().map(str::to_owned)),
        Some("Ohio".to_owned())
    );
    let written = "select count(*) from category_item";
    assert_eq!(count(&bench.pool, written).await, 6);
}

#[tokio::test]
async fn what_says_nothing_new_is_no_version_and_what_was_merged_is_not_the_whole() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, BY_NAME).await;
    assert_eq!(counts(&merge(store, FIRST).await), (1, 3, [3, 0, 0, 0]));
    let some = "name,state,cost\nOwl,Iowa,3\nGull,Ohio,1\n";

    let same = merge(store, some).await;
    assert_eq!(counts(&same), (1, 3, [0, 0, 0, 2]));
    assert!(!same.loaded);
    assert_eq!(
        count(&bench.pool, "select count(*) from category_item").await,
        3
    );

    let other = "name,state,cost\nOwl,Iowa,4\n";
    assert_eq!(counts(&merge(store, other).await), (2, 3, [0, 1, 0, 0]));
    assert_eq!(counts(&merge(store, FIRST).await), (3, 3, [0, 1, 0, 2]));
    assert_eq!(counts(&merge(store, other).await), (4, 3, [0, 1, 0, 0]));
    // The same bytes as what was merged last, but now they are all there is.
    assert_eq!(counts(&replace(store, other).await), (5, 1, [0, 0, 2, 1]));
    assert_eq!(items(store, None).await, ["1 Owl Iowa 4"]);
    assert_eq!(
        items(store, Some(4)).await,
        ["1 Gull Ohio 1", "2 Crow Utah 2", "3 Owl Iowa 4"]
    );
}

#[tokio::test]
async fn one_refused_row_or_a_key_that_stands_twice_refuses_all() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, BY_NAME).await;
    replace(store, FIRST).await;

    let wrong = "name,state,cost\nGull,Ohio,7\nKite,Ohio,many\n";
    let told = problems(load(store, Some(Mode::Merge), wrong).await);
    assert_eq!(
        (told[0].code.as_str(), told[0].line),
        ("invalid_row", Some(3))
    );
    let twice = "name,state,cost\nGull,Ohio,7\nKite,Ohio,1\nGull,Utah,7\n";
    let told = problems(load(store, Some(Mode::Merge), twice).await);
    assert_eq!(told[0].message, "lines 2 and 4 have the same key `Gull`");

    assert_eq!(
        items(store, None).await,
        ["1 Gull Ohio 1", "2 Crow Utah 2", "3 Owl Iowa 3"]
    );
    let category = store.category(DEFAULT_TENANT, "birds").await.expect("it");
    assert_eq!((category.version, category.items), (1, 3));
}

#[tokio::test]
async fn keys_that_do_not_say_which_item_is_meant_are_refused() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, &BY_NAME.replace("key: name", "key: { row: true }")).await;
    replace(store, FIRST).await;
    let told = problems(load(store, Some(Mode::Merge), FIRST).await);
    assert_eq!(told[0].code, "merge_needs_key");
    assert!(told[0].hint.is_some());

    applied(store, BY_NAME).await;
    let told = problems(load(store, Some(Mode::Merge), FIRST).await);
    assert_eq!(told[0].code, "merge_other_key");
    replace(store, FIRST).await;
    assert_eq!(counts(&merge(store, FIRST).await).2, [0, 0, 0, 3]);

    let merging = BY_NAME.replace("key: name", "key: { row: true }")
        + "data: { mode: merge, items: [ { name: Jay } ] }\n";
    let files = [windlass_workflows::configuration::SourceFile {
        name: "birds.yaml",
        text: &merging,
    }];
    let refused = windlass_workflows::configuration::read(&files, Utc::now());
    assert_eq!(refused.expect_err("refused")[0].code, "merge_needs_key");
}

#[tokio::test]
async fn a_document_merges_its_items_and_says_so_for_other_loads() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, BY_NAME).await;
    replace(store, FIRST).await;
    let document =
        format!("{BY_NAME}data: {{ mode: merge, items: [ {{ name: Jay, state: Ohio }} ] }}\n");

    applied(store, &document).await;
    applied(store, &document).await;
    let loaded = load(store, None, "name,state,cost\nGull,Utah,1\n")
        .await
        .expect("merged");

    assert_eq!(counts(&loaded), (3, 4, [0, 1, 0, 0]));
    let now = [
        "1 Gull Utah 1",
        "2 Crow Utah 2",
        "3 Owl Iowa 3",
        "4 Jay Ohio ",
    ];
    assert_eq!(items(store, None).await, now);
    let report = store
        .apply(application(&[&document]))
        .await
        .expect("applied");
    assert_eq!(
        report.changes[0].action,
        windlass_engine::protocol::Action::Unchanged
    );
}

#[tokio::test]
async fn a_plan_reads_its_version_whatever_is_merged_meanwhile() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, BY_NAME).await;
    replace(store, FIRST).await;
    let sources = [
        over(
            json!({ "category": "birds", "filter": r#".state == "Ohio""# }),
            "individual",
        ),
        over(json!({ "category": "birds" }), "object"),
    ];
    let (one, by_object) = (
        create(store, &sources[0]).await,
        create(store, &sources[1]).await,
    );

    merge(store, "name,state,cost\nGull,Utah,1\nKite,Ohio,2\n").await;
    assert_eq!(store.plan().await.expect("planned"), Planned::Sealed(one));
    assert_eq!(
        store.plan().await.expect("planned"),
        Planned::Sealed(by_object)
    );

    let keys = |rows: Vec<(Option<String>, Option<String>, String)>| -> Vec<String> {
        rows.into_iter().filter_map(|job| job.0.or(job.1)).collect()
    };
    assert_eq!(keys(jobs(&bench.pool, one).await), ["Gull"]);
    assert_eq!(jobs(&bench.pool, by_object).await.len(), 3);
    let later = create(store, &sources[1]).await;
    assert_eq!(store.plan().await.expect("planned"), Planned::Sealed(later));
    let objects: Vec<_> = jobs(&bench.pool, later)
        .await
        .into_iter()
        .filter_map(|job| job.1)
        .collect();
    assert_eq!(objects, ["Iowa", "Ohio", "Utah"]);
}

#[tokio::test]
async fn what_a_merge_ended_goes_with_its_time_and_the_rest_stays() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, BY_NAME).await;
    replace(store, FIRST).await;
    merge(store, "name,state,cost\nGull,Ohio,5\n").await;
    merge(store, "name,state,cost\nGull,Ohio,6\nKite,Ohio,1\n").await;

    let then = Some(Utc::now() + TimeDelta::days(30));
    while store.forget_items(then).await.expect("a pass") > 0 {}

    let now = [
        "1 Gull Ohio 6",
        "2 Crow Utah 2",
        "3 Owl Iowa 3",
        "4 Kite Ohio 1",
    ];
    assert_eq!(items(store, None).await, now);
    assert_eq!(
        count(&bench.pool, "select count(*) from category_item").await,
        4
    );
    assert_eq!(
        count(&bench.pool, "select count(*) from category_mark").await,
        4
    );
    let gone = store
        .items_of(DEFAULT_TENANT, "birds", Some(2), 0, 10)
        .await;
    assert_eq!(gone.expect_err("gone").code(), "version_gone");
    let deleted = store.delete_category(DEFAULT_TENANT, "birds", "mia");
    deleted.await.expect("deleted");
    assert!(
        store
            .undelete_category(DEFAULT_TENANT, "birds")
            .await
            .expect("back")
    );
    assert_eq!(items(store, None).await, now);
}

/// A thousand rows into a hundred thousand: what is written is theirs.
#[tokio::test]
async fn a_merge_writes_no_more_than_it_brings() {
    let bench = Bench::new().await;
    let store = &bench.store;
    applied(store, BY_NAME).await;
    let row = |n: usize, cost: usize| format!("b{n},s{},{cost}\n", n % 50);
    let all: String = (0..100_000).map(|n| row(n, n)).collect();
    replace(store, &format!("name,state,cost\n{all}")).await;
    let some: String = (99_500..100_500)
        .map(|n| row(n, if n % 2 == 0 { n } else { 7 }))
        .collect();

    let merged = merge(store, &format!("name,state,cost\n{some}")).await;

    assert_eq!(counts(&merged), (2, 100_500, [500, 250, 0, 250]));
    assert_eq!(
        count(
            &bench.pool,
            "select count(*) from category_item where added = 2"
        )
        .await,
        750
    );
    assert_eq!(
        count(
            &bench.pool,
            "select count(*) from category_item where removed = 2"
        )
        .await,
        250
    );
    assert_eq!(
        count(
            &bench.pool,
            "select count(*) from category_item where xmin::text = (
        select xmin::text from category_item where added = 2 limit 1)"
        )
        .await,
        1_000
    );
    let last = count(&bench.pool, "select max(n) from category_item").await;
    assert_eq!(last, 100_500);
}
