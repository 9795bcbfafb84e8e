//! Tolerance: a batch of which too much fails stops, fails or says so, and a person lets it go on knowingly.

use crate::common::dead::{FINGERPRINT, exhausted, failed};
use crate::common::recipe::{flock, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker, ending, journal, outcome};
use futures::future::join_all;
use serde_json::json;
use windlass_engine::protocol::NewRestart;
use windlass_engine::store::{
    BatchRulesView, BatchView, Claimed, DEFAULT_TENANT, Ending, NewEntry, doctor,
};
use windlass_engine::{Error, Store};
use windlass_workflows::machine::turn::{End, OutcomeKind};
use windlass_workflows::value::Value;

/// A batch of so many birds with a tolerance, of which `window` are released.
async fn released(
    bench: &Bench,
    birds: usize,
    window: usize,
    tolerance: serde_json::Value,
) -> (BatchView, TestWorker) {
    with_birds(&bench.store, &flock(birds, 7)).await;
    let batch = plan(
        &bench.store,
        &recipe(json!({
            "selection": { "category": "birds" }, "strategy": "individual",
            "release": { "window": window }, "tolerance": tolerance,
        })),
    )
    .await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    (batch, worker)
}

async fn view(bench: &Bench, batch: i64) -> BatchView {
    let found = bench.store.batch(DEFAULT_TENANT, batch).await;
    found.expect("its view")
}

async fn rules(bench: &Bench, batch: i64) -> BatchRulesView {
    let found = bench.store.batch_rules(DEFAULT_TENANT, batch).await;
    found.expect("its rules")
}

async fn finish(bench: &Bench) -> Vec<i64> {
    bench.store.finish().await.expect("judged")
}

async fn fail(worker: &mut TestWorker, jobs: &[Claimed]) {
    let entries: Vec<_> = jobs.iter().map(failed).collect();
    assert!(worker.record(&entries).await.refused.is_empty());
}

async fn resume(bench: &Bench, batch: i64, accept: bool) -> Result<(), Error> {
    let resumed = bench
        .store
        .resume_batch(DEFAULT_TENANT, batch, accept)
        .await;
    resumed.map(drop)
}

async fn edit(bench: &Bench, batch: i64, patch: serde_json::Value) {
    let store = &bench.store;
    let patch = Value::from(patch);
    let edited = store.edit_batch(DEFAULT_TENANT, batch, &patch);
    edited.await.expect("edited");
}

fn code(answer: Result<(), Error>) -> &'static str {
    match answer {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("a conflict expected, {other:?} found"),
    }
}

async fn assert_sound(bench: &Bench) {
    bench.assert_held_once().await;
    let report = bench.store.doctor(&doctor::Options::default()).await;
    let report = report.expect("looked");
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn too_much_that_failed_stops_a_batch_and_no_job_that_was_not_leased_begins() {
    let bench = Bench::new().await;
    let tolerance = json!({ "max_failed": 2 });
    let (batch, mut worker) = released(&bench, 20, 10, tolerance).await;
    let jobs = worker.claim(6).await;
    fail(&mut worker, &jobs[..2]).await;
    assert!(finish(&bench).await.is_empty());
    assert_eq!(rules(&bench, batch.id).await.tripped, None, "two are borne");

    let parked = exhausted(&jobs[2], FINGERPRINT);
    worker.record(&[parked]).await;
    finish(&bench).await;

    let seen = view(&bench, batch.id).await;
    assert_eq!(seen.state, "paused");
    let said = seen.reason.expect("a reason");
    assert!(said.starts_with("tolerance_tripped: 3 jobs"), "{said}");
    assert!(worker.claim(5).await.is_empty(), "nothing more is claimed");
    assert_eq!(bench.store.release().await.expect("halted"), 0);
    // What was under a lease goes on, and is all that may still fail.
    fail(&mut worker, &jobs[3..]).await;
    finish(&bench).await;
    assert_eq!(view(&bench, batch.id).await.progress.settled, 6);
    assert_sound(&bench).await;
}

#[tokio::test]
async fn a_tripped_batch_goes_on_when_more_is_borne_or_what_failed_is_accepted() {
    let bench = Bench::new().await;
    let tolerance = json!({ "max_failed": 1 });
    let (batch, mut worker) = released(&bench, 20, 20, tolerance).await;
    let jobs = worker.claim(9).await;
    fail(&mut worker, &jobs[..2]).await;
    finish(&bench).await;

    assert_eq!(
        code(resume(&bench, batch.id, false).await),
        "tolerance_tripped"
    );
    edit(
        &bench,
        batch.id,
        json!({ "tolerance": { "max_failed": 3 } }),
    )
    .await;
    resume(&bench, batch.id, false)
        .await
        .expect("more is borne");
    finish(&bench).await;
    assert_eq!(view(&bench, batch.id).await.state, "running");

    fail(&mut worker, &jobs[2..4]).await;
    finish(&bench).await;
    assert_eq!(view(&bench, batch.id).await.state, "paused");
    resume(&bench, batch.id, true).await.expect("accepted");
    let seen = rules(&bench, batch.id).await;
    assert_eq!((seen.accepted, seen.tripped), (4, None));
    // Three more are borne, the fourth is not.
    fail(&mut worker, &jobs[4..7]).await;
    finish(&bench).await;
    assert_eq!(view(&bench, batch.id).await.state, "running");
    fail(&mut worker, &jobs[7..8]).await;
    finish(&bench).await;
    assert_eq!(view(&bench, batch.id).await.state, "paused");
}

#[tokio::test]
async fn a_persons_pause_and_a_halt_stand_beside_each_other() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, 5, 5, json!({ "max_failed": 0 })).await;
    let jobs = worker.claim(2).await;
    let pause = windlass_engine::store::NewPause {
        scope: windlass_engine::vocabulary::PauseScope::Batch,
        subject: batch.id.to_string(),
        mode: windlass_engine::vocabulary::PauseMode::Hold,
        who: "leo".into(),
        why: "lunch".into(),
        until: None,
    };
    let pause = bench.store.pause(DEFAULT_TENANT, pause).await;
    fail(&mut worker, &jobs[..1]).await;
    finish(&bench).await;

    let by_hand = pause.expect("paused").id;
    let resumed = bench.store.resume(DEFAULT_TENANT, by_hand).await;
    resumed.expect("the lunch is over");
    assert!(worker.claim(5).await.is_empty(), "its halt holds it");
    resume(&bench, batch.id, true).await.expect("accepted");
    assert_eq!(worker.claim(5).await.len(), 3);
}

#[tokio::test]
async fn a_batch_that_is_to_fail_cancels_what_has_not_begun_and_ends_failed_once() {
    let bench = Bench::new().await;
    let tolerance = json!({ "max_failed": 1, "action": "fail" });
    let (batch, mut worker) = released(&bench, 20, 10, tolerance).await;
    let jobs = worker.claim(4).await;
    fail(&mut worker, &jobs[..2]).await;
    assert!(finish(&bench).await.is_empty(), "two are under a lease");

    let seen = view(&bench, batch.id).await;
    assert_eq!(
        (seen.progress.now["cancelled"], seen.progress.open),
        (16, 2)
    );
    worker.complete(&jobs[2..]).await;
    let keepers: Vec<Store> = join_all((0..4).map(|_| bench.database.store())).await;
    let passes = join_all(keepers.iter().map(Store::finish)).await;

    let ended: Vec<i64> = passes
        .into_iter()
        .flat_map(|pass| pass.expect("finished"))
        .collect();
    assert_eq!(ended, [batch.id]);
    let seen = view(&bench, batch.id).await;
    assert_eq!(seen.state, "failed");
    assert!(seen.reason.is_some_and(|why| why.contains("2 jobs")));
    assert_sound(&bench).await;
}

#[tokio::test]
async fn a_failed_batch_restarts_in_part_and_does_not_fail_for_what_was_left() {
    let bench = Bench::new().await;
    let tolerance = json!({ "max_failed": 1, "action": "fail" });
    let (batch, mut worker) = released(&bench, 6, 6, tolerance).await;
    let jobs = worker.claim(6).await;
    fail(&mut worker, &jobs[..4]).await;
    worker.complete(&jobs[4..]).await;
    assert_eq!(finish(&bench).await, [batch.id]);
    assert_eq!(view(&bench, batch.id).await.state, "failed");

    let one = NewRestart {
        members: Some(vec!["b00000".into()]),
        who: "mia".into(),
        ..NewRestart::default()
    };
    let begun = bench.store.restart_batch(DEFAULT_TENANT, batch.id, one);
    begun.await.expect("begun");
    finish(&bench).await;
    while bench.store.pace_restarts().await.expect("paced").is_some() {}
    finish(&bench).await;
    assert_eq!(bench.store.release().await.expect("released"), 1);
    assert_eq!(rules(&bench, batch.id).await.accepted, 3);
    let again = worker.claim(1).await;
    worker.complete(&again).await;

    assert_eq!(finish(&bench).await, [batch.id]);
    assert_eq!(view(&bench, batch.id).await.state, "completed_with_errors");
}

#[tokio::test]
async fn a_small_batch_is_judged_at_its_end_and_a_pause_comes_too_late_then() {
    let bench = Bench::new().await;
    let tolerance = json!({ "max_failed_ratio": "10%" });
    let (batch, mut worker) = released(&bench, 8, 8, tolerance).await;
    let jobs = worker.claim(8).await;
    fail(&mut worker, &jobs[..2]).await;
    assert!(finish(&bench).await.is_empty());
    assert_eq!(
        view(&bench, batch.id).await.state,
        "running",
        "few are judged"
    );
    worker.complete(&jobs[2..]).await;

    assert_eq!(finish(&bench).await, [batch.id]);
    let seen = view(&bench, batch.id).await;
    assert_eq!(seen.state, "completed_with_errors");
    assert!(
        seen.reason
            .is_some_and(|why| why.contains("2 of 8 jobs went wrong, 25%"))
    );
    assert_eq!(bench.count("select count(*) from pause").await, 0);
}

#[tokio::test]
async fn what_only_says_so_goes_on_and_a_batch_within_its_tolerance_ends_as_ever() {
    let bench = Bench::new().await;
    let tolerance = json!({ "max_failed": 0, "action": "continue" });
    let (batch, mut worker) = released(&bench, 4, 4, tolerance).await;
    let jobs = worker.claim(4).await;
    fail(&mut worker, &jobs[..1]).await;
    finish(&bench).await;
    let tripped = rules(&bench, batch.id).await.tripped;
    assert_eq!(tripped.as_deref(), Some("continue"));
    assert_eq!(view(&bench, batch.id).await.state, "running");
    worker.complete(&jobs[1..]).await;
    assert_eq!(finish(&bench).await, [batch.id]);
    assert_eq!(view(&bench, batch.id).await.state, "completed_with_errors");

    let good = plan(
        &bench.store,
        &recipe(json!({
            "selection": { "category": "birds" }, "strategy": "individual", "tolerance": { "max_failed": 0 },
        })),
    )
    .await;
    bench.store.release().await.expect("released");
    worker.lane = good.lane.expect("a lane");
    let jobs = worker.claim(4).await;
    worker.complete(&jobs).await;
    assert_eq!(finish(&bench).await, [good.id]);
    assert_eq!(view(&bench, good.id).await.state, "completed");
}

#[tokio::test]
async fn a_cancel_is_stronger_than_a_halt() {
    let bench = Bench::new().await;
    let (batch, mut worker) = released(&bench, 6, 6, json!({ "max_failed": 0 })).await;
    let jobs = worker.claim(2).await;
    fail(&mut worker, &jobs).await;
    finish(&bench).await;
    assert_eq!(view(&bench, batch.id).await.state, "paused");

    let store = &bench.store;
    let cancelled = store.cancel_batch(DEFAULT_TENANT, batch.id, "mia", "enough");
    cancelled.await.expect("cancelled");
    assert_eq!(finish(&bench).await, [batch.id]);
    assert_eq!(view(&bench, batch.id).await.state, "cancelled");
    assert_eq!(bench.count("select count(*) from pause").await, 0);
}

#[tokio::test]
async fn what_was_restarted_and_not_let_go_is_asked_to_end_when_too_much_fails() {
    let bench = Bench::new().await;
    let tolerance = json!({ "max_failed": 1, "action": "fail" });
    let (batch, mut worker) = released(&bench, 6, 6, tolerance).await;
    let jobs = worker.claim(6).await;
    let begun = NewEntry {
        ending: exhausted(&jobs[0], FINGERPRINT).ending,
        ..journal(&jobs[0], 1)
    };
    worker.record(&[begun]).await;
    let new = NewRestart {
        who: "mia".into(),
        ..NewRestart::default()
    };
    let begun = bench.store.restart_batch(DEFAULT_TENANT, batch.id, new);
    begun.await.expect("begun");
    while bench.store.pace_restarts().await.expect("paced").is_some() {}
    let planned = "select count(*) from held where reason = 'planned' and journaled";
    assert_eq!(bench.count(planned).await, 1);

    fail(&mut worker, &jobs[1..3]).await;
    assert!(finish(&bench).await.is_empty());

    assert_eq!(bench.count(planned).await, 0);
    worker.complete(&jobs[3..]).await;
    let asked = worker.claim(6).await;
    assert_eq!(
        asked.len(),
        1,
        "its machine ends it, and undoes what it did"
    );
    assert_eq!(asked[0].id, jobs[0].id);
    let ordered = "select count(*) from inbox where kind = 'order'";
    assert_eq!(bench.count(ordered).await, 1);
    let end = End::Outcome(outcome(OutcomeKind::Cancelled, None));
    let obeyed = NewEntry {
        obeys: true,
        ..ending(&asked[0], Ending::Machine(end))
    };
    worker.record(&[obeyed]).await;
    assert_eq!(finish(&bench).await, [batch.id]);
    let seen = view(&bench, batch.id).await;
    assert_eq!(
        (seen.state.as_str(), seen.progress.now["cancelled"]),
        ("failed", 1)
    );
    assert_sound(&bench).await;
}
