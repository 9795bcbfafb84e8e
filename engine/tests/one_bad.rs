//! One thing that the database refuses, or that comes again, does not stand before the others.

mod common;

use common::dead::failed;
use common::recipe::{BIRDS, create, flock, over, plan, recipe, refused, with_birds};
use common::told::{callbacks, tell};
use common::{Bench, TestWorker};
use serde_json::json;
use windlass_engine::protocol::{NewRestart, Planned, Source};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::{Error, Store};

fn birds() -> Source {
    over(json!({ "category": "birds" }), "individual")
}

fn all() -> NewRestart {
    NewRestart {
        who: "mia".into(),
        ..NewRestart::default()
    }
}

async fn run(bench: &Bench, sql: &'static str) {
    let ran = sqlx::raw_sql(sql).execute(&bench.pool).await;
    ran.expect("the statements run");
}

/// Claims what is released and lets it fail.
async fn fail_all(bench: &Bench, worker: &mut TestWorker) -> usize {
    bench.store.release().await.expect("released");
    let jobs = worker.claim(10).await;
    let ends: Vec<_> = jobs.iter().map(failed).collect();
    worker.record(&ends).await;
    jobs.len()
}

async fn pass(store: &Store) -> Option<i64> {
    store.pace_restarts().await.expect("paced")
}

#[tokio::test]
async fn a_batch_that_the_database_refuses_does_not_stand_before_others() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let (bad, good) = (
        create(&bench.store, &birds()).await,
        create(&bench.store, &birds()).await,
    );
    assert_eq!(bad, 1);
    run(
        &bench,
        "create function refuse() returns trigger language plpgsql as
             $$ begin raise exception 'not this one'; end $$;
         create trigger refuse before insert on job
             for each row when (new.batch = 1) execute function refuse()",
    )
    .await;

    assert_eq!(bench.store.plan().await.unwrap(), Planned::Sealed(good));
    assert!(bench.store.plan().await.is_err(), "it is said all the same");

    run(&bench, "drop trigger refuse on job").await;
    assert_eq!(bench.store.plan().await.unwrap(), Planned::Sealed(bad));
}

#[tokio::test]
async fn a_key_that_no_index_takes_is_refused_where_it_is_written() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let items = |bytes: usize| {
        let selection = json!({ "items": [{ "id": "k".repeat(bytes) }], "key": "id" });
        over(selection, "individual")
    };

    let long = common::recipe::new_batch(&items(1_001));
    let problem = refused(bench.store.create_batch(DEFAULT_TENANT, long).await);

    assert_eq!(
        (problem.code.as_str(), problem.pointer.as_str()),
        ("invalid_row", "/selection/items/0")
    );
    plan(&bench.store, &items(1_000)).await;
}

#[tokio::test]
async fn a_callback_whose_input_fails_with_a_text_that_no_table_takes_stops_no_other() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual", "callbacks": [
            { "when": "first_failure", "purpose": "brief", "input": { "x": "${ error(\"a\\u0000\") }" } },
            { "when": "finished", "purpose": "brief" },
        ],
    }));
    let batch = plan(&bench.store, &source).await;
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    assert_eq!(fail_all(&bench, &mut worker).await, 5);
    bench.store.finish().await.expect("finished");

    tell(&bench).await;

    let came = callbacks(&bench, batch.id).await;
    let of = |kind: &str| came.iter().find(|one| one.kind == kind).expect("it came");
    let problem = of("first_failure").problem.as_ref().expect("a problem");
    assert!(problem.contains('\u{fffd}'), "{problem}");
    assert!(of("finished").job.is_some(), "{came:?}");
}

#[tokio::test]
async fn what_a_restart_makes_anew_it_does_not_make_anew_again() {
    let bench = Bench::new().await;
    with_birds(&bench.store, &flock(3, 1)).await;
    // A job that SQL submits has an id far beyond those of batches.
    run(&bench, "select submit('brief', '{}')").await;
    let batch = plan(&bench.store, &birds()).await;
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    assert_eq!(fail_all(&bench, &mut worker).await, 3);
    let begun = bench.store.restart_batch(DEFAULT_TENANT, batch.id, all());
    begun.await.expect("begun");

    let mut made = 0;
    while made == 0 {
        made = pass(&bench.store).await.expect("it goes on");
    }
    assert_eq!(fail_all(&bench, &mut worker).await, 3);

    let mut again = 0;
    for _ in 0..10 {
        again += pass(&bench.store).await.unwrap_or_default();
    }
    assert_eq!((made, again), (3, 0));
}

#[tokio::test]
async fn a_batch_that_is_failing_takes_no_restart_until_it_has_ended() {
    let bench = Bench::new().await;
    with_birds(&bench.store, &flock(4, 1)).await;
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual", "release": { "window": 2 },
        "tolerance": { "max_failed": 0, "action": "fail" },
    }));
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    let jobs = worker.claim(2).await;
    worker.record(&[failed(&jobs[0])]).await;
    assert!(bench.store.finish().await.expect("judged").is_empty());

    let refused = bench.store.restart_batch(DEFAULT_TENANT, batch.id, all());
    let Err(Error::Conflict { code, .. }) = refused.await else {
        panic!("a conflict expected");
    };
    assert_eq!(code, "illegal_state");

    worker.complete(&jobs[1..]).await;
    assert_eq!(bench.store.finish().await.expect("judged"), [batch.id]);
    let begun = bench.store.restart_batch(DEFAULT_TENANT, batch.id, all());
    begun.await.expect("begun");
}
