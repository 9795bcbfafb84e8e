//! A worker runs steps that work on a list: a job an item, some of them at a time.

mod ends;
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{LEASE_TIME, SHORT_LEASE, Site};
use apalis::prelude::{BoxDynError, task_fn};
use serde_json::{Value, json};
use stage::{DOUBLE, items, map_of};
use windlass_workers::apalis::Lease;
use windlass_workers::catalogue::Catalogue;

#[tokio::test]
async fn a_map_gives_what_its_items_gave_in_their_order() {
    let site = Site::new().await;
    site.publish("double", DOUBLE).await;
    site.publish(
        "maps",
        &map_of("double", "parallel: 3\n        tolerate: { count: 1 }"),
    )
    .await;
    site.work(Catalogue::new(), LEASE_TIME);
    let input =
        json!({ "items": (0..10).map(|n| json!({ "n": n, "odd": true })).collect::<Vec<_>>() });

    let job = site.map(&input.to_string()).await;

    let list = site.list(job).await;
    let list = list.as_array().expect("a list");
    assert_eq!(list.len(), 10);
    for (n, entry) in list.iter().enumerate() {
        assert_eq!(entry["index"], json!(n));
        assert_eq!(entry["ok"], json!(n != 3), "{entry}");
    }
    assert_eq!(list[7]["output"], json!({ "twice": 14 }));
    assert_eq!(list[3]["error"]["title"], json!("odd"));
    site.has_no_group().await;
}

#[tokio::test]
async fn an_empty_list_gives_an_empty_list() {
    let site = Site::new().await;
    site.publish("double", DOUBLE).await;
    site.publish("maps", &map_of("double", "")).await;
    site.work(Catalogue::new(), LEASE_TIME);

    let job = site.map(r#"{"items":[]}"#).await;

    assert_eq!(site.list(job).await, json!([]));
    site.has_no_group().await;
}

/// Counts what runs at once, and how often an item ran.
#[derive(Clone, Default)]
struct Counted {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    runs: Arc<AtomicUsize>,
}

fn counting(counted: &Counted) -> Catalogue {
    let counted = counted.clone();
    let count = move |input: Value, lease: Lease| {
        let counted = counted.clone();
        async move {
            let now = counted.now.fetch_add(1, Ordering::SeqCst) + 1;
            counted.most.fetch_max(now, Ordering::SeqCst);
            tokio::task::yield_now().await;
            counted.now.fetch_sub(1, Ordering::SeqCst);
            counted.runs.fetch_add(1, Ordering::SeqCst);
            Ok::<_, BoxDynError>(json!({ "n": input["n"], "key": lease.key() }))
        }
    };
    Catalogue::new().with::<Value, _>("count", "1.0.0", task_fn(count))
}

const CALLS: &str = "
  - each:
      call: map:1.0.0@default
      with: { items: '${ .items }', call: 'count:1.0.0@default', parallel: 4, key: bundle-7 }
";

#[tokio::test]
async fn a_function_is_called_by_a_job_an_item_under_the_key_of_its_own() {
    let site = Site::new().await;
    site.publish("maps", CALLS).await;
    let counted = Counted::default();
    site.work(counting(&counted), LEASE_TIME);

    let job = site.map(&items(20)).await;

    let list = site.list(job).await;
    let list = list.as_array().expect("a list");
    for (n, entry) in list.iter().enumerate() {
        assert_eq!(entry["output"]["n"], json!(n));
        let key = entry["output"]["key"].as_str().expect("a key");
        assert!(key.starts_with(&format!("bundle-7/{n}-")), "{key}");
    }
    assert_eq!(list.len(), 20);
    assert!(
        counted.most.load(Ordering::SeqCst) <= 4,
        "at most four at once"
    );
    assert_eq!(counted.runs.load(Ordering::SeqCst), 20);
    let shown = site.store.templates(1, None, 10).await.expect("a page");
    assert_eq!(shown.items.len(), 1, "a part is no template");
    site.has_no_group().await;
}

#[tokio::test]
async fn ten_thousand_items_are_each_done_once() {
    let site = Site::new().await;
    site.publish("double", DOUBLE).await;
    let map = map_of("double", "parallel: 200")
        + "  - sum: { set: { n: '${ length }', sum: '${ map(.output.twice) | add }' } }\n";
    site.publish("maps", &map).await;
    site.work(Catalogue::new(), LEASE_TIME);
    site.work(Catalogue::new(), LEASE_TIME);

    let job = site.map(&items(10_000)).await;

    assert_eq!(
        site.list(job).await,
        json!({ "n": 10_000, "sum": 99_990_000 })
    );
    assert_eq!(
        site.count("select count(*) from job where parent is not null")
            .await,
        10_000
    );
    site.has_no_group().await;
}

/// The worker dies while the items are written; the server throws the turn away, or writes it after all.
async fn dies_while_it_plans(is_written: bool) {
    let site = Site::new().await;
    site.publish("double", DOUBLE).await;
    site.publish("maps", &map_of("double", "parallel: 3")).await;
    site.keep(SHORT_LEASE);
    let job = site.map(&items(50)).await;
    let sql = format!(
        "insert into child_item (parent, activity, n, job, lane, input) values ({job}, 1, 49, 1, 1, '{{}}')"
    );
    site.die_at(sql, is_written).await;

    let list = site.list(job).await;
    assert_eq!(list.as_array().map(Vec::len), Some(50));
    assert_eq!(
        site.count("select count(*) from job where parent is not null")
            .await,
        50
    );
    site.has_no_group().await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_plans_loses_and_doubles_no_item() {
    dies_while_it_plans(false).await;
}

#[tokio::test]
async fn a_plan_that_is_durable_after_its_worker_died_is_gone_on_with() {
    dies_while_it_plans(true).await;
}
