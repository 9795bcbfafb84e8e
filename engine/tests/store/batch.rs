//! Batches from selection to jobs: strategies, guards, planners that die or race, previews.

use crate::common::Bench;
use crate::common::recipe::{
    BIRDS, create, flock, jobs, members, new_batch, plan, plan_failing, recipe, refused, with_birds,
};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::protocol::{Planned, Source};
use windlass_engine::store::DEFAULT_TENANT;

/// More than two blocks.
pub const MANY: usize = 2_500;

pub async fn bench(csv: &str) -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, csv).await;
    bench
}

pub fn over_birds(strategy: &str) -> Source {
    recipe(json!({ "selection": { "category": "birds" }, "strategy": strategy }))
}

#[tokio::test]
async fn individual_makes_a_job_of_every_member_that_passes() {
    let bench = bench(BIRDS).await;
    let source = recipe(json!({
        "selection": { "category": "birds", "filter": ".cost < 60 and $object != \"Alabama\"" },
        "strategy": "individual",
        "input": { "bird": "${ .name }", "at": "${ [ $key, $object, .cost ] }" },
    }));

    let batch = plan(&bench.store, &source).await;

    let inputs: Vec<String> = jobs(&bench.pool, batch.id)
        .await
        .into_iter()
        .map(|job| job.2)
        .collect();
    assert_eq!(
        inputs,
        [
            r#"{"language":"en","bird":"Gull","at":["Gull","Ohio",5]}"#,
            r#"{"language":"en","bird":"Crow","at":["Crow","Utah",50]}"#,
            r#"{"language":"en","bird":"Jay","at":["Jay","Utah",9]}"#,
        ]
    );
    let told: Vec<_> = members(&bench.store, batch.id)
        .await
        .into_iter()
        .map(|one| (one.n, one.key))
        .collect();
    assert_eq!(
        told,
        [
            (1, "Gull".to_owned()),
            (2, "Crow".to_owned()),
            (3, "Jay".to_owned())
        ]
    );
    assert_eq!(
        (
            batch.state.as_str(),
            batch.planned.members,
            batch.planned.jobs
        ),
        ("planned", 3, 3)
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn object_makes_a_job_of_every_object_in_byte_order() {
    let bench = bench(BIRDS).await;

    let batch = plan(&bench.store, &over_birds("object")).await;

    let made = jobs(&bench.pool, batch.id).await;
    let objects: Vec<&str> = made.iter().filter_map(|job| job.1.as_deref()).collect();
    assert_eq!(objects, ["Alabama", "Ohio", "Utah"]);
    let ohio = r#"{"language":"en","object":"Ohio","count":2,"keys":["Gull","Owl"],"items":[{"name":"Gull","state":"Ohio","cost":5},{"name":"Owl","state":"Ohio","cost":70}]}"#;
    assert_eq!(made[1].2, ohio);
    let keys: Vec<String> = members(&bench.store, batch.id)
        .await
        .into_iter()
        .map(|one| one.key)
        .collect();
    assert_eq!(keys, ["Wren", "Gull", "Owl", "Crow", "Jay"]);
    assert_eq!(
        (
            batch.planned.members,
            batch.planned.jobs,
            batch.planned.chunks
        ),
        (5, 3, 0)
    );
}

#[tokio::test]
async fn combined_in_chunks_numbers_its_members_and_counts_them() {
    let bench = bench(BIRDS).await;
    let source = recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "combined", "chunk": { "max_items": 2 } }),
    );

    let batch = plan(&bench.store, &source).await;

    let made = jobs(&bench.pool, batch.id).await;
    assert_eq!(
        made,
        [(
            None,
            None,
            r#"{"language":"en","count":5,"chunks":3}"#.to_owned()
        )]
    );
    let chunks: Vec<Option<i32>> = members(&bench.store, batch.id)
        .await
        .into_iter()
        .map(|one| one.chunk)
        .collect();
    assert_eq!(chunks, [Some(1), Some(1), Some(2), Some(2), Some(3)]);
    let job = members(&bench.store, batch.id).await[0]
        .job
        .expect("its job");
    let third = bench.store.chunk(job, 3).await.expect("a chunk");
    assert_eq!(third.len(), 1);
}

#[tokio::test]
async fn items_of_the_recipe_keep_their_order_up_to_the_limit() {
    let bench = bench(BIRDS).await;
    let items =
        json!([{ "id": "x", "of": "b" }, { "id": "y", "of": "a" }, { "id": "z", "of": "b" }]);
    let listed = recipe(
        json!({ "selection": { "items": items, "key": "id", "limit": 2 }, "strategy": "individual" }),
    );
    let grouped =
        recipe(json!({ "selection": { "items": items, "object": "of" }, "strategy": "object" }));

    let listed = plan(&bench.store, &listed).await;
    let grouped = plan(&bench.store, &grouped).await;

    let keys: Vec<_> = jobs(&bench.pool, listed.id)
        .await
        .into_iter()
        .filter_map(|job| job.0)
        .collect();
    assert_eq!(keys, ["x", "y"]);
    let keys: Vec<_> = members(&bench.store, grouped.id)
        .await
        .into_iter()
        .map(|one| (one.key, one.object))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        keys,
        [
            ("2".to_owned(), some("a")),
            ("1".to_owned(), some("b")),
            ("3".to_owned(), some("b"))
        ]
    );
}

#[tokio::test]
async fn items_that_share_a_key_are_refused_by_their_place() {
    let bench = bench(BIRDS).await;
    let items = json!([{ "id": "x" }, { "id": "y" }, { "id": "x" }]);
    let source =
        recipe(json!({ "selection": { "items": items, "key": "id" }, "strategy": "individual" }));

    let problem = refused(
        bench
            .store
            .create_batch(DEFAULT_TENANT, new_batch(&source))
            .await,
    );

    assert_eq!(
        (problem.code.as_str(), problem.pointer.as_str()),
        ("duplicate_key", "/selection/items/2")
    );
}

#[tokio::test]
async fn a_member_without_the_object_fails_the_batch_by_name() {
    let bench = bench(&format!("{BIRDS}Hawk,,1\n")).await;
    let strict = over_birds("object");
    let patient = recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "object", "guards": { "min_members": 0 } }),
    );

    let at_creation = refused(
        bench
            .store
            .create_batch(DEFAULT_TENANT, new_batch(&strict))
            .await,
    );
    let (_, reason) = plan_failing(&bench.store, &patient).await;

    assert_eq!(
        (at_creation.code.as_str(), reason.code.as_str()),
        ("invalid_row", "invalid_row")
    );
    assert!(reason.message.contains("`Hawk`"), "{reason:?}");
}

#[tokio::test]
async fn a_filter_that_fails_late_names_the_row_and_leaves_no_job_open() {
    let bench = bench(&flock(MANY, 7)).await;
    let filter = "if .cost == 2400 then .name else true end";
    let source = recipe(
        json!({ "selection": { "category": "birds", "filter": filter }, "strategy": "individual" }),
    );

    let (batch, reason) = plan_failing(&bench.store, &source).await;

    assert_eq!(
        (reason.code.as_str(), reason.pointer.as_str()),
        ("filter_error", "/selection/filter")
    );
    assert!(
        reason.message.contains("member 2401 (key `b02400`)"),
        "{reason:?}"
    );
    let dropped = jobs(&bench.pool, batch).await.len();
    assert_eq!(dropped, 1_000, "the first page was stored before it");
    assert_eq!(bench.count("select count(*) from held").await, 0);
    assert_eq!(
        bench
            .count("select sum(last_id - first_id + 1)::int8 from outcome where kind = 'cancelled'")
            .await,
        1_000
    );
    assert_eq!(bench.count("select count(*) from tally").await, 0);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn an_empty_selection_asks_unless_the_guard_allows_it() {
    let bench = bench(BIRDS).await;
    let selection = json!({ "category": "birds", "filter": ".cost > 1000" });
    let empty = recipe(json!({ "selection": selection, "strategy": "individual" }));
    let allowed = recipe(
        json!({ "selection": selection, "strategy": "combined", "guards": { "min_members": 0 } }),
    );

    let asks = plan(&bench.store, &empty).await;
    let reasons = asks.asks.expect("it asks").reasons;
    assert_eq!(reasons[0].guard, "min_members");
    assert!(bench.store.finish().await.expect("it waits").is_empty());

    let batch = plan(&bench.store, &allowed).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    let view = bench
        .store
        .batch(DEFAULT_TENANT, batch.id)
        .await
        .expect("it");
    assert_eq!((view.state.as_str(), view.planned.jobs), ("completed", 0));
}

#[tokio::test]
async fn a_batch_that_cannot_be_read_fails_and_stands_before_no_other() {
    let bench = bench(BIRDS).await;
    let broken = create(&bench.store, &over_birds("individual")).await;
    sqlx::query("update batch set document = '{}' where id = $1")
        .bind(broken)
        .execute(&bench.pool)
        .await
        .expect("broken");
    let sound = create(&bench.store, &over_birds("individual")).await;

    assert_eq!(
        bench.store.plan().await.expect("decided"),
        Planned::Failed(broken)
    );
    assert_eq!(
        bench.store.plan().await.expect("planned"),
        Planned::Sealed(sound)
    );
}

#[tokio::test]
async fn a_key_used_at_once_makes_one_batch() {
    let bench = bench(BIRDS).await;
    let keyed = |source: &Source| windlass_engine::protocol::NewBatch {
        idempotency_key: Some("k".to_owned()),
        ..new_batch(source)
    };
    let source = over_birds("individual");

    let made =
        join_all((0..8).map(|_| bench.store.create_batch(DEFAULT_TENANT, keyed(&source)))).await;
    let made: Vec<_> = made
        .into_iter()
        .map(|one| one.expect("created or found"))
        .collect();
    let other = bench
        .store
        .create_batch(DEFAULT_TENANT, keyed(&over_birds("object")))
        .await;

    assert_eq!(made.iter().filter(|one| one.is_new).count(), 1);
    assert!(made.iter().all(|one| one.id == made[0].id));
    assert_eq!(other.expect_err("another recipe").code(), "key_reused");
    assert_eq!(bench.count("select count(*) from batch").await, 1);
}

#[tokio::test]
async fn jobs_of_a_batch_stand_in_the_queue_that_its_configuration_names() {
    let bench = bench(BIRDS).await;
    let keys =
        json!({ "selection": { "category": "birds" }, "strategy": "individual", "queue": "night" });

    let named = plan(&bench.store, &recipe(keys)).await;
    let other = plan(&bench.store, &over_birds("individual")).await;

    let queue = "select queue from lane where id = $1";
    for (lane, expected) in [(named.lane, "night"), (other.lane, "default")] {
        let found: String = sqlx::query_scalar(queue)
            .bind(lane)
            .fetch_one(&bench.pool)
            .await
            .expect("its lane");
        assert_eq!(found, expected);
    }
}
