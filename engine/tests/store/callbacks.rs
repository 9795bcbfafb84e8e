//! Callbacks of batches: each comes once, with the fact, as one job of a purpose or one event of a webhook.

use crate::common::recipe::{BIRDS, apply, create, plan, recipe, refused, with_birds};
use crate::common::told::{callbacks, kinds, tell, told, with_webhook};
use crate::common::{Bench, TestWorker, completed};
use serde_json::{Value, json};
use windlass_engine::protocol::{NewRestart, Source};
use windlass_engine::store::{BatchView, Claimed, DEFAULT_TENANT, NewEntry};
use windlass_engine::testing::application;

use crate::common::dead::failed;

fn calling(callbacks: Value) -> Source {
    recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual", "callbacks": callbacks
    }))
}

/// A batch of five birds, released, and a worker for it.
async fn released(bench: &Bench, source: &Source) -> (BatchView, TestWorker) {
    let batch = plan(&bench.store, source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    (batch, worker)
}

/// So many of its jobs fail, the rest that was claimed completes.
async fn end(worker: &mut TestWorker, jobs: &[Claimed], bad: usize) {
    let (bad, good) = jobs.split_at(bad);
    let bad = bad.iter().map(failed);
    let entries: Vec<NewEntry> = bad.chain(good.iter().map(completed)).collect();
    let id = worker.id;
    worker
        .hot
        .exchange(id, &entries, None)
        .await
        .expect("ended");
}

async fn finished(bench: &Bench, source: &Source, bad: usize) -> i64 {
    let (batch, mut worker) = released(bench, source).await;
    let jobs = worker.claim(10).await;
    end(&mut worker, &jobs, bad).await;
    bench.store.finish().await.expect("finished");
    tell(bench).await;
    batch.id
}

async fn inputs(bench: &Bench) -> Vec<Value> {
    let sql = "select input from job where batch is null order by id";
    let rows: Vec<String> = sqlx::query_scalar(sql)
        .fetch_all(&bench.pool)
        .await
        .expect("the jobs");
    let read = rows
        .iter()
        .map(|row| serde_json::from_str(row).expect("JSON"));
    read.collect()
}

#[tokio::test]
async fn a_purpose_gets_one_job_with_what_it_wants_to_know() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let input = json!({ "batch": "${ $batch.id }", "bad": "${ $batch.outcomes.failed }",
        "members": "${ $batch.report.members }" });
    let source = calling(json!([{ "when": "finished", "purpose": "brief", "input": input }]));

    let batch = finished(&bench, &source, 2).await;
    tell(&bench).await;

    let wanted = json!({ "language": "en", "batch": format!("b_{batch}"), "bad": 2, "members": 5 });
    assert_eq!(inputs(&bench).await, [wanted]);
    let came = &callbacks(&bench, batch).await[0];
    assert_eq!((came.kind.as_str(), came.generation), ("finished", 1));
    assert!(came.job.is_some() && came.problem.is_none(), "{came:?}");
}

#[tokio::test]
async fn a_job_is_made_once_whoever_dies_between_fact_and_submission() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let source = calling(json!([{ "when": "finished", "purpose": "brief" }]));
    let batch = finished(&bench, &source, 0).await;

    // The job was made, and its maker died before it could say so.
    let forgot = "update callback set job = null";
    sqlx::query(forgot)
        .execute(&bench.pool)
        .await
        .expect("forgot");
    tell(&bench).await;

    assert_eq!(inputs(&bench).await.len(), 1);
    assert!(callbacks(&bench, batch).await[0].job.is_some());
}

#[tokio::test]
async fn many_who_tell_at_once_make_one_job_and_one_event() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(&bench, "ops", "callback.*", "").await;
    let source = calling(json!([{ "when": "finished", "purpose": "brief" }]));
    let (_, mut worker) = released(&bench, &source).await;
    let jobs = worker.claim(10).await;
    end(&mut worker, &jobs, 0).await;
    bench.store.finish().await.expect("finished");

    let tellers = (0..8).map(|_| bench.store.tell_notices());
    for told in futures::future::join_all(tellers).await {
        told.expect("told");
    }
    tell(&bench).await;

    assert_eq!(inputs(&bench).await.len(), 1);
    assert_eq!(kinds(&bench, "ops").await, ["callback.finished"]);
}

#[tokio::test]
async fn a_first_failure_and_a_threshold_come_once_and_a_good_batch_has_neither() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(&bench, "ops", "webhook.disabled", "").await;
    let source = calling(json!([
        { "when": "first_failure", "webhook": "ops" },
        { "when": "threshold", "failed": 3, "webhook": "ops" },
        { "when": "threshold", "failed": "90%", "webhook": "ops" },
    ]));

    finished(&bench, &source, 0).await;
    assert!(kinds(&bench, "ops").await.is_empty());
    assert_eq!(bench.count("select count(*) from callback_watch").await, 0);

    let (batch, mut worker) = released(&bench, &source).await;
    let jobs = worker.claim(10).await;
    end(&mut worker, &jobs[..1], 1).await;
    tell(&bench).await;
    assert_eq!(kinds(&bench, "ops").await, ["callback.first_failure"]);

    end(&mut worker, &jobs[1..], 2).await;
    tell(&bench).await;
    bench.store.finish().await.expect("finished");
    tell(&bench).await;

    let wanted = ["callback.first_failure", "callback.threshold"];
    assert_eq!(kinds(&bench, "ops").await, wanted);
    let (_, _, data) = &told(&bench, "ops").await[1];
    assert_eq!(
        (&data["id"], &data["failed"]),
        (&json!(format!("b_{}", batch.id)), &json!(3))
    );
}

#[tokio::test]
async fn a_restarted_batch_finishes_once_a_generation() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(&bench, "ops", "batch.*", "").await;
    let source = calling(json!([
        { "when": "first_failure", "webhook": "ops" },
        { "when": "finished", "webhook": "ops" },
    ]));
    let batch = finished(&bench, &source, 2).await;

    let new = NewRestart {
        who: "mia".into(),
        ..NewRestart::default()
    };
    bench
        .store
        .restart_batch(DEFAULT_TENANT, batch, new)
        .await
        .expect("restarted");
    while bench.store.pace_restarts().await.expect("paced").is_some() {}
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    let view = bench.store.batch(DEFAULT_TENANT, batch).await.expect("it");
    worker.lane = view.lane.expect("a lane");
    let jobs = worker.claim(10).await;
    assert_eq!(jobs.len(), 2);
    end(&mut worker, &jobs, 1).await;
    bench.store.finish().await.expect("finished");
    bench.store.finish().await.expect("finished");
    tell(&bench).await;

    let told = told(&bench, "ops").await;
    let ends = told.iter().filter(|(kind, ..)| kind == "batch.finished");
    let ends: Vec<_> = ends
        .map(|(_, id, data)| (id, &data["generation"], &data["outcomes"]["failed"]))
        .collect();
    assert_eq!(ends.len(), 2);
    assert_eq!((ends[0].1, ends[1].1), (&json!(1), &json!(2)));
    assert_eq!((ends[0].2, ends[1].2), (&json!(2), &json!(1)));
    assert_ne!(ends[0].0, ends[1].0);
    let came = callbacks(&bench, batch).await;
    let mut came: Vec<_> = came
        .iter()
        .map(|one| (one.kind.as_str(), one.generation))
        .collect();
    came.sort_unstable();
    assert_eq!(
        came,
        [("finished", 1), ("finished", 2), ("first_failure", 0)]
    );
}

#[tokio::test]
async fn a_plan_that_failed_and_a_batch_that_was_cancelled_have_finished_too() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(&bench, "ops", "batch.finished", "").await;

    let input = json!({ "x": "${ .name.x }" });
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual", "input": input
    }));
    crate::common::recipe::plan_failing(&bench.store, &source).await;
    let batch = create(&bench.store, &calling(json!([]))).await;
    let cancelled = bench.store.cancel_batch(DEFAULT_TENANT, batch, "mia", "no");
    cancelled.await.expect("cancelled");
    tell(&bench).await;

    let told = told(&bench, "ops").await;
    let states: Vec<_> = told
        .iter()
        .map(|(.., data)| data["state"].as_str())
        .collect();
    assert_eq!(states, [Some("failed"), Some("cancelled")]);
}

#[tokio::test]
async fn what_cannot_be_carried_out_says_why_and_stops_nothing() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let source = calling(json!([
        { "when": "finished", "purpose": "brief", "input": { "x": "${ $batch.id.x }" } },
        { "when": "finished", "purpose": "nobody" },
        { "when": "finished", "webhook": "nobody" },
    ]));

    let batch = finished(&bench, &source, 0).await;

    let came = callbacks(&bench, batch).await;
    assert!(
        came[0]
            .problem
            .as_ref()
            .is_some_and(|why| why.contains("/callbacks/0/input/x")),
        "{came:?}"
    );
    assert!(
        came[1]
            .problem
            .as_ref()
            .is_some_and(|why| why.contains("nobody")),
        "{came:?}"
    );
    assert!(
        came[2]
            .problem
            .as_ref()
            .is_some_and(|why| why.contains("nobody")),
        "{came:?}"
    );
    assert!(inputs(&bench).await.is_empty());
}

#[tokio::test]
async fn a_batch_that_may_be_late_is_told_once() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(&bench, "ops", "batch.at_risk", "").await;
    let source = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual", "deadline": "1s",
        "callbacks": [{ "when": "at_risk", "webhook": "ops" }]
    }));
    let (batch, _worker) = released(&bench, &source).await;
    let over = "update forecast set deadline = now() - interval '1 minute'";
    sqlx::query(over).execute(&bench.pool).await.expect("over");

    for _ in 0..2 {
        bench.store.forecast_batches().await.expect("looked");
        tell(&bench).await;
        let minute = "update forecast set seen_at = seen_at - interval '2 minutes'";
        sqlx::query(minute)
            .execute(&bench.pool)
            .await
            .expect("passed");
    }

    assert_eq!(
        kinds(&bench, "ops").await,
        ["batch.at_risk", "callback.at_risk"]
    );
    let (.., data) = &told(&bench, "ops").await[0];
    assert_eq!(
        (&data["light"], &data["id"]),
        (&json!("missed"), &json!(format!("b_{}", batch.id)))
    );
}

#[tokio::test]
async fn a_filter_and_patterns_choose_and_a_named_webhook_is_told_all_the_same() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    with_webhook(
        &bench,
        "other",
        "batch.finished",
        "filter: .data.state == \"failed\"\n",
    )
    .await;
    with_webhook(&bench, "off", "batch.finished", "enabled: false\n").await;
    with_webhook(&bench, "named", "slot.missed", "filter: 'false'\n").await;
    let source =
        calling(json!([{ "when": "finished", "webhook": "named", "input": { "room": 7 } }]));

    finished(&bench, &source, 0).await;

    assert!(kinds(&bench, "other").await.is_empty() && kinds(&bench, "off").await.is_empty());
    let named = told(&bench, "named").await;
    assert_eq!(named.len(), 1);
    assert_eq!(named[0].2["input"], json!({ "room": 7 }));
}

#[tokio::test]
async fn documents_name_webhooks_and_purposes_that_exist() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let job = |callback: &str| {
        format!(
            "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
             selection: {{ category: birds }}\nstrategy: individual\ncallbacks: [ {callback} ]\n"
        )
    };

    for (callback, code, pointer) in [
        (
            "{ when: finished, webhook: ops }",
            "unknown_reference",
            "/callbacks/0/webhook",
        ),
        (
            "{ when: finished, purpose: nobody }",
            "unknown_reference",
            "/callbacks/0/purpose",
        ),
    ] {
        let applied = bench.store.apply(application(&[&job(callback)])).await;
        let problem = refused(applied);
        assert_eq!((&*problem.code, &*problem.pointer), (code, pointer));
    }
    with_webhook(&bench, "ops", "batch.finished", "").await;
    apply(
        &bench.store,
        &[&job("{ when: finished, webhook: ops }")],
        "",
    )
    .await;
}
