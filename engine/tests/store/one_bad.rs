//! One thing that the database refuses, or that comes again, does not stand before the others.

use crate::common::dead::{self, FINGERPRINT, exhausted, failed, wanted};
use crate::common::recipe::{BIRDS, create, flock, over, plan, recipe, refused, with_birds};
use crate::common::told::{callbacks, kinds, tell, with_webhook};
use crate::common::{Bench, TestWorker};
use serde_json::json;
use windlass_engine::protocol::{NewRestart, Planned, Source};
use windlass_engine::store::{DEFAULT_TENANT, NewRedrive};
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

    let long = crate::common::recipe::new_batch(&items(1_001));
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

#[tokio::test]
async fn a_redrive_whose_passes_fail_stands_before_no_other() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    let other = "other-500-ffff";
    let ends = [exhausted(&jobs[0], FINGERPRINT), exhausted(&jobs[1], other)];
    worker.record(&ends).await;
    let bad = bench.store.redrive(1, &wanted()).await.expect("begun");
    let good = NewRedrive {
        fingerprint: Some(other.into()),
        ..wanted()
    };
    let good = bench.store.redrive(1, &good).await.expect("begun");
    run(
        &bench,
        "create function refuse() returns trigger language plpgsql as
             $$ begin raise exception using errcode = '57014', message = 'too long'; end $$;
         create trigger refuse before insert on redrive_job
             for each row when (new.redrive = 1) execute function refuse()",
    )
    .await;
    assert_eq!(bad.id, 1);

    assert_eq!(dead::pass(&bench).await, Some(1), "the other one moved");
    let first = "select id from redrive where state = 'running' order by passed_at limit 1";
    assert_eq!(bench.count(first).await, good.id, "it waits behind it");
    while dead::view(&bench, good.id).await.state == "running" {
        let job = worker.claim(1).await;
        worker.complete(&job).await;
        dead::pass(&bench).await;
    }
    let a_second = "update redrive set passed_at = now() - interval '1 second'";
    run(&bench, a_second).await;
    let alone = bench.store.pace_redrives().await;
    assert!(alone.is_err(), "it is said all the same");

    run(&bench, "drop trigger refuse on redrive_job").await;
    assert_eq!(dead::pass(&bench).await, Some(1));
}

#[tokio::test]
async fn a_callback_is_told_without_groups_of_errors_where_they_cannot_be_had_in_time() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let input = json!({ "why": "${ $batch.report.errors }", "bad": "${ $batch.outcomes.failed }" });
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual",
        "callbacks": [{ "when": "finished", "purpose": "brief", "input": input }],
    }));
    let batch = plan(&bench.store, &source).await;
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    assert_eq!(fail_all(&bench, &mut worker).await, 5);
    bench.store.finish().await.expect("finished");
    // Only the groups of errors are read from it here.
    run(
        &bench,
        "alter table anew_range rename to anew_range_kept;
         create function too_long() returns setof anew_range_kept language plpgsql as
             $$ begin raise exception using errcode = '57014', message = 'too long'; end $$;
         create view anew_range as select * from too_long()",
    )
    .await;
    let report = bench.store.report(DEFAULT_TENANT, batch.id).await;
    assert!(
        report.is_err(),
        "the report itself says that it cannot be had"
    );

    tell(&bench).await;

    let came = callbacks(&bench, batch.id).await;
    assert!(came[0].job.is_some(), "{came:?}");
    let told = "select count(*) from job where batch is null and input::jsonb @> '{\"why\": [], \"bad\": 5}'";
    assert_eq!(bench.count(told).await, 1);
}

#[tokio::test]
async fn a_page_of_notices_that_cannot_be_told_stands_before_no_other() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(&bench, "ops", "batch.*, webhook.*", "").await;
    run(
        &bench,
        "insert into notice (tenant, kind, data, at)
             select 1, 'webhook.dead', '{}', now() - interval '1 hour' from generate_series(1, 100);
         create function refuse() returns trigger language plpgsql as
             $$ begin raise exception using errcode = '53200', message = 'out of memory'; end $$;
         create trigger refuse before insert on delivery
             for each row when (new.kind = 'webhook.dead') execute function refuse()",
    )
    .await;
    let batch = plan(&bench.store, &birds()).await;
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    fail_all(&bench, &mut worker).await;
    bench.store.finish().await.expect("finished");

    assert!(bench.store.tell_notices().await.is_err(), "it is said");

    let told = kinds(&bench, "ops").await;
    assert!(told.iter().any(|kind| kind == "batch.finished"), "{told:?}");
}

#[tokio::test]
async fn a_batch_whose_rules_cannot_be_read_ends_no_other_forecast() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let bad = plan(&bench.store, &birds()).await;
    let good = plan(&bench.store, &birds()).await;
    bench.store.release().await.expect("released");
    assert_eq!(bad.id, 1);
    run(
        &bench,
        "update batch set rules = '{\"rate\": \"often\"}' where id = 1",
    )
    .await;

    let looked = bench.store.forecast_batches().await;

    assert!(looked.is_err(), "it is said");
    let said = bench.store.forecast(DEFAULT_TENANT, good.id).await;
    assert!(said.expect("read").is_some());
}
