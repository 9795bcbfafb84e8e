//! 05 and 10: work on a list, by a function and by a template.

use serde_json::{Value as Json, json};

use crate::samples::world::{Answer, Call, World};

/// Enriches an item, but for those that are marked.
fn enrich(call: &Call, _: usize) -> Answer {
    match (&*call.what, &call.input["broken"]) {
        ("item-enrich:1.0.0", Json::Bool(true)) => Answer::Status(422),
        ("item-enrich:1.0.0", _) => Answer::Is(json!({ "rich": call.input["sku"] })),
        _ => Answer::Is(json!({ "stored": true })),
    }
}

/// Items of which the first so many cannot be enriched.
fn items(all: usize, broken: usize) -> Json {
    let items = (0..all).map(|n| json!({ "sku": format!("s-{n}"), "broken": n < broken }));
    items.collect()
}

/// The sample tolerates 5 % unless it is told otherwise.
fn category(items: Json) -> Json {
    json!({
        "category": { "id": "c-1", "items": items },
        "window": { "from": "2026-01-01", "to": "2026-02-01" },
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_is_published_without_the_few_items_that_failed() {
    let world = World::new(enrich).await;
    world.publish("05-refresh-category.yaml").await;
    let job = world
        .submit("catalog.refresh-category", category(items(20, 1)))
        .await;

    let result = world.result(job, "completed").await;

    assert_eq!(world.of("item-enrich:1.0.0").len(), 20);
    let published = world.of("PUT /v1/categories/c-1/items");
    let [published] = published.as_slice() else {
        panic!("{published:?}");
    };
    let rich: Vec<Json> = (1..20)
        .map(|n| json!({ "rich": format!("s-{n}") }))
        .collect();
    assert_eq!(published.input, json!({ "items": rich }), "in their order");
    assert_eq!(published.key, format!("j_{job}/publish"));
    assert_eq!(
        (&result["categoryId"], &result["refreshed"]),
        (&json!("c-1"), &json!(19))
    );
    let failed = &result["failed"];
    assert_eq!(failed.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&failed[0]["index"], &failed[0]["error"]["status"]),
        (&json!(0), &json!(422))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_category_of_which_too_much_failed_is_not_published() {
    let world = World::new(enrich).await;
    world.publish("05-refresh-category.yaml").await;
    let job = world
        .submit("catalog.refresh-category", category(items(20, 2)))
        .await;

    let result = world.result(job, "failed").await;

    assert_eq!(result["status"], 500, "{result}");
    assert!(world.of("PUT /v1/categories/c-1/items").is_empty());
}

/// Stand-ins for the two templates that the bundle starts.
const REQUEST: &str = "
document: { dsl: '1.0.3', namespace: content, name: process-request, version: '2.0.0' }
do:
  - work: { call: 'item-enrich:1.0.0@default', with: { sku: '${ .sku }', broken: '${ .broken }' } }
";
const INDEX: &str = "
document: { dsl: '1.0.3', namespace: content, name: index-bundle, version: '1.0.0' }
do:
  - work: { call: 'storage-create:1.0.0@default', with: { bundle: '${ .bundleId }' } }
";

async fn bundle(broken: usize) -> (World, i64) {
    let world = World::new(enrich).await;
    world.publish_text(REQUEST).await;
    world.publish_text(INDEX).await;
    world.publish("10-fan-out-children.yaml").await;
    let input = json!({ "bundleId": "b-1", "requests": items(25, broken) });
    let job = world.submit("content.process-bundle", input).await;
    (world, job)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_names_the_requests_that_failed_and_is_indexed() {
    let (world, job) = bundle(2).await;

    let result = world.result(job, "completed").await;

    assert_eq!(result, json!({ "finished": 25, "failed": [ 0, 1 ] }));
    assert_eq!(world.of("item-enrich:1.0.0").len(), 25);
    let indexed = world.of("storage-create:1.0.0");
    let [indexed] = indexed.as_slice() else {
        panic!("{indexed:?}");
    };
    assert_eq!(indexed.input, json!({ "bundle": "b-1" }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_of_which_too_many_failed_is_not_indexed() {
    let (world, job) = bundle(6).await;

    let result = world.result(job, "failed").await;

    assert_eq!(result["status"], 500, "{result}");
    assert!(world.of("storage-create:1.0.0").is_empty());
    let open = "select (select count(*) from ready) + (select count(*) from lease) + (select count(*) from wait)";
    crate::samples::world::eventually(async || match world.crowd.count(open).await {
        0 => Ok(()),
        open => Err(format!("{open} jobs are open")),
    })
    .await;
}
