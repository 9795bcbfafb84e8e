//! Planners that die, meet and fail: a plan is what an undisturbed one would have been.

mod common;
#[path = "planner/turns.rs"]
mod turns;

use std::io::Cursor;

use common::Bench;
use common::recipe::{BIRDS, create, flock, jobs, new_batch, plan, recipe, with_birds};
use futures::TryStreamExt;
use futures::future::join_all;
use serde_json::json;
use windlass_engine::Store;
use windlass_engine::protocol::{Planned, Source, Upload};
use windlass_engine::store::DEFAULT_TENANT;

/// More than are stored at once when the first of them is: four blocks.
const MANY: usize = 9_000;
/// As many of jobs that have five members each: their blocks begin where a thousand of them are whole.
const MANY_IN_FIVES: usize = 3 * MANY;
const FIVES: usize = MANY_IN_FIVES / 5;
/// More than are stored at once of one job.
const MANY_OF_ONE: usize = 32_500;

async fn bench(csv: &str) -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, csv).await;
    bench
}

fn over_birds(strategy: &str) -> Source {
    recipe(json!({ "selection": { "category": "birds" }, "strategy": strategy }))
}

/// Everything of a plan that must not depend on who made it, or how often it was begun.
async fn digest(
    bench: &Bench,
    batch: i64,
) -> (
    String,
    String,
    Vec<(Option<String>, Option<String>, String)>,
    Vec<(i64, Option<i32>)>,
) {
    let view = bench.store.batch(DEFAULT_TENANT, batch).await.expect("it");
    let rows = sqlx::query_as("select n, chunk from member where batch = $1 order by n")
        .bind(batch)
        .fetch_all(&bench.pool)
        .await;
    (
        view.selection_hash.expect("sealed"),
        view.plan_hash.expect("sealed"),
        jobs(&bench.pool, batch).await,
        rows.expect("its members"),
    )
}

/// Plans until the first block has committed, and then no more.
async fn plan_in_part(bench: &Bench, batch: i64) {
    let moved = async {
        let mut cursor = 0_i64;
        while cursor == 0 {
            cursor = sqlx::query_scalar("select cursor_n from batch where id = $1")
                .bind(batch)
                .fetch_one(&bench.pool)
                .await
                .expect("a cursor");
        }
    };
    tokio::select! {
        biased;
        () = moved => {}
        planned = bench.store.plan() => panic!("planned whole: {planned:?}"),
    }
    let state: String = sqlx::query_scalar("select state from batch where id = $1")
        .bind(batch)
        .fetch_one(&bench.pool)
        .await
        .expect("a state");
    assert_eq!(state, "planning");
}

async fn sealed_after_a_death(source: Source) {
    sealed_after_a_death_over(&flock(MANY, 1_700), source).await;
}

async fn sealed_after_a_death_over(csv: &str, source: Source) {
    let bench = bench(csv).await;
    let undisturbed = plan(&bench.store, &source).await;
    let batch = create(&bench.store, &source).await;

    plan_in_part(&bench, batch).await;
    while bench.store.plan().await.expect("planned") != Planned::Idle {}

    assert_eq!(
        digest(&bench, batch).await,
        digest(&bench, undisturbed.id).await
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_dead_planner_s_individual_plan_is_completed_as_it_would_have_been() {
    sealed_after_a_death(over_birds("individual")).await;
}

#[tokio::test]
async fn a_dead_planner_s_plan_of_large_pages_up_to_a_limit_is_completed_as_it_would_have_been() {
    let limited = json!({ "category": "birds", "limit": 11_500 });
    let source = recipe(json!({ "selection": limited, "strategy": "individual" }));
    sealed_after_a_death_over(&flock(12_000, 7), source).await;
}

#[tokio::test]
async fn a_dead_planner_s_object_plan_is_completed_as_it_would_have_been() {
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "object", "chunk": { "max_items": 1 },
    }));
    sealed_after_a_death_over(&flock(MANY_IN_FIVES, FIVES), source).await;
}

#[tokio::test]
async fn a_dead_planner_s_combined_plan_is_completed_as_it_would_have_been() {
    sealed_after_a_death_over(&flock(MANY_OF_ONE, 3), in_chunks("combined")).await;
}

/// Its three objects have some thousands of members each: every job but the first begins in a block of its own.
#[tokio::test]
async fn a_dead_planner_s_plan_of_large_objects_is_completed_as_it_would_have_been() {
    sealed_after_a_death_over(&flock(3 * MANY_OF_ONE / 2, 3), in_chunks("object")).await;
}

fn in_chunks(strategy: &str) -> Source {
    recipe(json!({
        "selection": { "category": "birds" }, "strategy": strategy, "chunk": { "max_items": 700 },
    }))
}

#[tokio::test]
async fn members_of_one_large_job_are_stored_in_parts_and_seen_once_it_is_whole() {
    let bench = bench(&flock(MANY_OF_ONE, 3)).await;
    let batch = create(&bench.store, &in_chunks("combined")).await;

    plan_in_part(&bench, batch).await;

    let stored = bench.count("select count(*) from member").await;
    assert!(
        (1..MANY_OF_ONE as i64).contains(&stored),
        "{stored} members are stored"
    );
    assert_eq!(bench.count("select count(*) from job").await, 0);
    let page = bench.store.members(DEFAULT_TENANT, batch, None, 10).await;
    assert_eq!(page.expect("a page").items, []);

    while bench.store.plan().await.expect("planned") != Planned::Idle {}

    let page = bench.store.members(DEFAULT_TENANT, batch, None, 10).await;
    let page = page.expect("a page").items;
    assert_eq!(page.len(), 10);
    assert!(
        page.iter()
            .all(|row| row.state == "paused" || row.state == "ready" || row.state == "scheduled"),
        "{page:?}"
    );
    assert_eq!(
        bench.count("select count(distinct job) from member").await,
        1
    );
    assert_eq!(
        bench.count("select max(chunk)::int8 from member").await,
        (MANY_OF_ONE as i64 + 699) / 700
    );
    assert_eq!(
        bench
            .count("select count(*) from job join member on job = id")
            .await,
        MANY_OF_ONE as i64
    );
}

#[tokio::test]
async fn planners_at_once_make_one_large_job_once() {
    let bench = bench(&flock(MANY_OF_ONE, 3)).await;
    let undisturbed = plan(&bench.store, &in_chunks("combined")).await;
    let batch = create(&bench.store, &in_chunks("combined")).await;
    let keepers: Vec<Store> = join_all((0..3).map(|_| bench.database.store())).await;

    sealed_by_one(&keepers, batch).await;

    assert_eq!(
        digest(&bench, batch).await,
        digest(&bench, undisturbed.id).await
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_dead_planner_s_plan_over_a_file_is_completed_as_it_would_have_been() {
    let bench = bench(BIRDS).await;
    let text = flock(MANY_IN_FIVES, FIVES);
    let selection = json!({ "file": "birds.csv", "key": "name", "object": "state" });
    let source = recipe(json!({ "selection": selection, "strategy": "object" }));
    let undisturbed = of_file(&bench, &source, &text).await;
    assert_eq!(
        bench.store.plan().await.expect("planned"),
        Planned::Sealed(undisturbed)
    );
    let batch = of_file(&bench, &source, &text).await;

    plan_in_part(&bench, batch).await;
    while bench.store.plan().await.expect("planned") != Planned::Idle {}

    assert_eq!(
        digest(&bench, batch).await,
        digest(&bench, undisturbed).await
    );
    bench.assert_held_once().await;
}

async fn of_file(bench: &Bench, source: &Source, text: &str) -> i64 {
    of_file_named(bench, source, "birds.csv", text).await
}

async fn of_file_named(bench: &Bench, source: &Source, name: &str, text: &str) -> i64 {
    let file = Upload {
        name: name.to_owned(),
        reader: Box::new(Cursor::new(text.as_bytes().to_vec())),
    };
    let made = bench
        .store
        .create_batch_of(DEFAULT_TENANT, new_batch(source), Some(file));
    made.await.expect("created").id
}

#[tokio::test]
async fn planners_at_once_make_each_member_once() {
    let bench = bench(&flock(MANY, 1_700)).await;
    let undisturbed = plan(&bench.store, &over_birds("individual")).await;
    let batch = create(&bench.store, &over_birds("individual")).await;
    let keepers: Vec<Store> = join_all((0..3).map(|_| bench.database.store())).await;

    sealed_by_one(&keepers, batch).await;

    assert_eq!(
        digest(&bench, batch).await,
        digest(&bench, undisturbed.id).await
    );
    bench.assert_held_once().await;
}

async fn sealed_by_one(keepers: &[Store], batch: i64) {
    let mut sealed = 0;
    while sealed == 0 {
        let passes = join_all(keepers.iter().map(Store::plan)).await;
        sealed = passes
            .into_iter()
            .filter(|pass| matches!(pass, Ok(Planned::Sealed(id)) if *id == batch))
            .count();
    }
}

#[tokio::test]
async fn planners_that_fail_at_once_leave_no_job_open() {
    let bench = bench(&flock(MANY, 7)).await;
    let filter = "if .cost == 2400 then .name else true end";
    let batch = create(&bench.store, &recipe(json!({ "selection": { "category": "birds", "filter": filter }, "strategy": "individual" }))).await;
    let keepers: Vec<Store> = join_all((0..3).map(|_| bench.database.store())).await;

    while bench
        .count("select count(*) from batch where state = 'planning'")
        .await
        > 0
    {
        let passes = join_all(keepers.iter().map(Store::plan)).await;
        assert!(passes.iter().all(Result::is_ok), "{passes:?}");
    }

    let view = bench.store.batch(DEFAULT_TENANT, batch).await.expect("it");
    assert_eq!((view.state.as_str(), view.sealed), ("failed", false));
    assert_eq!(bench.count("select count(*) from held").await, 0);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn the_manifest_of_a_plan_under_way_has_what_is_stored_in_order() {
    for (strategy, many) in [("individual", MANY), ("object", MANY_IN_FIVES)] {
        let bench = bench(&flock(many, FIVES)).await;
        let batch = create(&bench.store, &over_birds(strategy)).await;
        plan_in_part(&bench, batch).await;

        let part = manifest(&bench, batch).await;
        while bench.store.plan().await.expect("planned") != Planned::Idle {}
        let whole = manifest(&bench, batch).await;

        assert!(!part.is_empty() && part.len() < whole.len(), "{strategy}");
        assert_eq!(part, whole[..part.len()], "{strategy}");
        let ns: Vec<i64> = whole.iter().map(|(n, _)| *n).collect();
        assert_eq!(ns, (1..=many as i64).collect::<Vec<_>>(), "{strategy}");
    }
}

/// Place and key of each member.
async fn manifest(bench: &Bench, batch: i64) -> Vec<(i64, String)> {
    let rows = bench.store.manifest(DEFAULT_TENANT, batch).await;
    let rows = rows.expect("a stream").map_ok(|row| (row.n, row.key));
    rows.try_collect().await.expect("rows")
}

/// Members so large that sixteen MiB of them are stored before the rest is read.
#[tokio::test]
async fn large_members_of_one_job_are_stored_before_they_fill_the_memory() {
    let bench = bench(BIRDS).await;
    let note = "x".repeat(400_000);
    let items: String = (0..120)
        .map(|n| {
            format!(
                "{}\n",
                json!({ "name": format!("b{n:03}"), "state": "s", "note": note })
            )
        })
        .collect();
    let selection = json!({ "file": "birds.ndjson", "key": "name" });
    let source = recipe(json!({
        "selection": selection, "strategy": "combined", "chunk": { "max_items": 10 },
    }));
    let batch = of_file_named(&bench, &source, "birds.ndjson", &items).await;

    plan_in_part(&bench, batch).await;

    let stored = bench.count("select count(*) from member").await;
    assert!((1..100).contains(&stored), "{stored} members are stored");
    while bench.store.plan().await.expect("planned") != Planned::Idle {}
    assert_eq!(bench.count("select count(*) from member").await, 120);
    assert_eq!(bench.count("select count(*) from job").await, 1);
}
