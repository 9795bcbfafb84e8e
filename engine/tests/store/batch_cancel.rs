//! Cancelling a batch: in every state, what has not begun ends at once and the rest is asked.

use crate::common::recipe::{BIRDS, apply, create, flock, plan, recipe, with_birds};
use crate::common::{Bench, TestWorker, ending, journal, outcome};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use windlass_engine::protocol::{Planned, Source};
use windlass_engine::store::{
    BatchView, Cancelled, Claimed, DEFAULT_TENANT, Ending, NewEntry, NewPause, doctor,
};
use windlass_engine::vocabulary::{PauseMode, PauseScope};
use windlass_workflows::machine::turn::{End, OutcomeKind};

async fn bench(csv: &str) -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, csv).await;
    bench
}

fn windowed(window: u64) -> Source {
    recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "individual", "release": { "window": window } }),
    )
}

async fn cancel(bench: &Bench, batch: i64) -> Cancelled {
    let store = &bench.store;
    store
        .cancel_batch(DEFAULT_TENANT, batch, "mia", "wrong file")
        .await
        .expect("cancelled")
}

async fn view(bench: &Bench, batch: i64) -> BatchView {
    let view = bench.store.batch(DEFAULT_TENANT, batch).await;
    view.expect("its view")
}

async fn worker(bench: &Bench, batch: &BatchView) -> TestWorker {
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    worker
}

fn rests(job: &Claimed) -> NewEntry {
    NewEntry {
        ending: Some(Ending::Rest {
            due: Some(Utc::now() + TimeDelta::hours(1)),
        }),
        ..journal(job, 1)
    }
}

/// The worker ends what it was asked to end.
fn obeyed(job: &Claimed) -> NewEntry {
    let end = End::Outcome(outcome(OutcomeKind::Cancelled, None));
    NewEntry {
        obeys: true,
        ..ending(job, Ending::Machine(end))
    }
}

const CANCELLED: &str =
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'cancelled'";

#[tokio::test]
async fn a_planned_batch_ends_with_all_its_jobs_in_the_totals() {
    let bench = bench(&flock(2_500, 7)).await;
    let batch = plan(&bench.store, &windowed(10)).await;

    assert_eq!(cancel(&bench, batch.id).await, Cancelled::Asked);

    assert_eq!(bench.count("select count(*) from held").await, 0);
    assert_eq!(bench.count(CANCELLED).await, 2_500);
    assert!(bench.count("select count(*) from outcome").await <= 4);
    assert_eq!(bench.store.release().await.expect("nothing"), 0);
    let meanwhile = view(&bench, batch.id).await;
    assert!(meanwhile.cancelling_at.is_some() && meanwhile.finished_at.is_none());
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    let ended = view(&bench, batch.id).await;
    assert_eq!(
        (ended.state.as_str(), ended.reason.as_deref()),
        ("cancelled", Some("cancelled by mia: wrong file"))
    );
    assert_eq!(ended.progress.now["cancelled"], 2_500);
    assert_eq!(cancel(&bench, batch.id).await, Cancelled::Ended);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_batch_that_is_being_planned_ends_at_once_outside_the_totals() {
    let bench = bench(BIRDS).await;
    let batch = plan(&bench.store, &windowed(10)).await;
    sqlx::query("update batch set state = 'planning', sealed = false, expected = 0")
        .execute(&bench.pool)
        .await
        .expect("as if its planner were at work");

    assert_eq!(cancel(&bench, batch.id).await, Cancelled::Ended);

    let ended = view(&bench, batch.id).await;
    assert_eq!(
        (ended.state.as_str(), ended.progress.settled),
        ("cancelled", 0)
    );
    assert_eq!(
        bench
            .count("select sum(last_id - first_id + 1)::int8 from outcome where code = 'plan_cancelled'")
            .await,
        5
    );
    bench.assert_held_once().await;
    assert_eq!(bench.store.plan().await.expect("none"), Planned::Idle);
}

#[tokio::test]
async fn leased_resting_and_parked_jobs_are_asked_one_way_or_the_other() {
    let bench = bench(&flock(8, 2)).await;
    let batch = plan(&bench.store, &windowed(6)).await;
    bench.store.release().await.expect("released");
    let mut worker = worker(&bench, &batch).await;
    let claimed = worker.claim(4).await;
    let parked = Ending::Machine(End::Park {
        reason: "look".into(),
    });
    worker
        .record(&[rests(&claimed[0]), ending(&claimed[1], parked)])
        .await;

    assert_eq!(cancel(&bench, batch.id).await, Cancelled::Asked);

    // Two planned, two ready and the parked one have ended; two run, one has its order and is due.
    assert_eq!(bench.count(CANCELLED).await, 5);
    assert_eq!(bench.count("select count(*) from wait").await, 0);
    assert_eq!(
        bench
            .count("select count(*) from ready where journaled")
            .await,
        1
    );
    assert_eq!(
        bench
            .count("select count(*) from intent where verb = 'cancel'")
            .await,
        2
    );
    assert!(bench.store.finish().await.expect("not yet").is_empty());
    assert_eq!(view(&bench, batch.id).await.state, "running");
    assert!(!bench.store.ask_cancelled(None).await.expect("all asked"));

    worker
        .record(&[obeyed(&claimed[2]), obeyed(&claimed[3])])
        .await;
    let ordered = worker.claim(1).await;
    worker.record(&[obeyed(&ordered[0])]).await;
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    let ended = view(&bench, batch.id).await;
    assert_eq!(
        (
            ended.state.as_str(),
            ended.progress.now["cancelled"],
            ended.progress.now["parked"]
        ),
        ("cancelled", 8, 0)
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn what_a_dead_caller_did_not_ask_the_duty_asks() {
    let bench = bench(BIRDS).await;
    let batch = plan(&bench.store, &windowed(5)).await;
    bench.store.release().await.expect("released");
    let mut worker = worker(&bench, &batch).await;
    worker.claim(5).await;
    cancel(&bench, batch.id).await;
    sqlx::query(
        "with asked as (update lease set stop = '{}'), meant as (delete from intent), told as (delete from inbox)
         update batch set cancel_cursor = 0",
    )
    .execute(&bench.pool)
    .await
    .expect("as if nobody had been asked");

    let due = bench
        .store
        .duties_due(crate::common::LEASE_TIME)
        .await
        .expect("due");
    assert!(due.duties.iter().any(|name| name == "cancel"), "{due:?}");
    assert!(bench.store.ask_cancelled(None).await.expect("asked"));

    assert_eq!(
        bench
            .count("select sum(upper(r) - lower(r))::int8 from lease, unnest(stop) r")
            .await,
        5
    );
}

/// Its caller died with the word.
async fn marked(bench: &Bench) {
    sqlx::query(
        "update batch set state = 'running', cancelling_at = now(), cancelled_by = 'mia', cancelled_why = ''",
    )
    .execute(&bench.pool)
    .await
    .expect("marked");
}

async fn assert_sound(bench: &Bench) {
    bench.assert_held_once().await;
    let options = doctor::Options {
        repair: true,
        ..doctor::Options::default()
    };
    let report = bench.store.doctor(&options).await.expect("looked");
    assert!(report.is_clean(), "{report:?}");
}

#[tokio::test]
async fn a_batch_does_not_end_before_its_parked_jobs_were_asked() {
    let bench = bench(BIRDS).await;
    let batch = plan(&bench.store, &windowed(5)).await;
    bench.store.release().await.expect("released");
    let mut worker = worker(&bench, &batch).await;
    let claimed = worker.claim(5).await;
    let parked = Ending::Machine(End::Park {
        reason: "look".into(),
    });
    worker.record(&[ending(&claimed[0], parked)]).await;
    worker.complete(&claimed[1..]).await;
    marked(&bench).await;
    sqlx::query("update tally set at = now() - interval '1 day'")
        .execute(&bench.pool)
        .await
        .expect("all have settled long ago");

    assert!(bench.store.finish().await.expect("not yet").is_empty());
    assert_sound(&bench).await;

    assert!(bench.store.ask_cancelled(None).await.expect("asked"));
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    assert_eq!(bench.count("select count(*) from held").await, 0);
    let ended = view(&bench, batch.id).await;
    assert_eq!(
        (ended.state.as_str(), ended.progress.now["cancelled"]),
        ("cancelled", 1)
    );
}

#[tokio::test]
async fn what_is_still_planned_of_a_cancelled_batch_is_ended_and_never_released() {
    let bench = bench(BIRDS).await;
    let batch = plan(&bench.store, &windowed(2)).await;
    bench.store.release().await.expect("released");
    marked(&bench).await;

    assert_sound(&bench).await;
    assert_eq!(bench.store.release().await.expect("nothing"), 0);

    assert!(bench.store.ask_cancelled(None).await.expect("asked"));
    assert_eq!(bench.count(CANCELLED).await, 5);
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    assert_sound(&bench).await;
}

/// Every job a row of its own, as where each has a key of a limit.
const SINGLES: &str = "
with gone as (delete from held where reason = 'planned' returning *)
insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason)
select n, n, lane, eff, run_at, priority, attempt, losses, journaled, reason
from gone cross join lateral generate_series(first_id, last_id) n";

#[tokio::test]
async fn many_rows_end_in_transactions_of_a_thousand() {
    let bench = bench(&flock(2_500, 7)).await;
    let batch = plan(&bench.store, &windowed(10)).await;
    let single = sqlx::query(SINGLES).execute(&bench.pool).await;
    assert_eq!(single.expect("cut").rows_affected(), 2_500);

    assert_eq!(cancel(&bench, batch.id).await, Cancelled::Asked);

    assert_eq!(bench.count(CANCELLED).await, 2_500);
    let largest = "select max(n) from (select count(*) as n from outcome group by xmin::text) one";
    assert_eq!(bench.count(largest).await, 1_000);
    assert_eq!(bench.store.finish().await.expect("finished"), [batch.id]);
    assert_sound(&bench).await;
}

#[tokio::test]
async fn a_pause_ends_and_a_batch_that_is_over_refuses() {
    let bench = bench(BIRDS).await;
    let batch = plan(&bench.store, &windowed(5)).await;
    let pause = NewPause {
        scope: PauseScope::Batch,
        subject: batch.id.to_string(),
        mode: PauseMode::Hold,
        who: "leo".into(),
        why: "lunch".into(),
        until: None,
    };
    bench
        .store
        .pause(DEFAULT_TENANT, pause)
        .await
        .expect("paused");

    cancel(&bench, batch.id).await;
    assert_eq!(bench.count("select count(*) from pause").await, 0);

    let other = create(&bench.store, &windowed(5)).await;
    sqlx::query("update batch set state = 'completed', finished_at = now() where id = $1")
        .bind(other)
        .execute(&bench.pool)
        .await
        .expect("over");
    let over = bench
        .store
        .cancel_batch(DEFAULT_TENANT, other, "mia", "")
        .await;
    assert_eq!(over.expect_err("it is over").code(), "illegal_state");
    let unknown = bench
        .store
        .cancel_batch(DEFAULT_TENANT, 4_711, "mia", "")
        .await;
    assert_eq!(unknown.expect_err("unknown").code(), "not_found");
}

#[tokio::test]
async fn a_newer_slot_cancels_what_runs_of_its_configuration() {
    let bench = bench(BIRDS).await;
    bench.store.enter_development().await.expect("development");
    let job = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
        selection: { category: birds }\nstrategy: individual\n\
        schedule: { interval: 1h, zone: UTC, overlap: cancel_running, catch_up: latest }\n";
    apply(&bench.store, &[job], "").await;
    let running = plan(&bench.store, &Source::Named("briefs".to_owned())).await;
    bench.store.release().await.expect("released");
    let later = Utc::now() + TimeDelta::hours(2);
    bench.store.set_clock(later).await.expect("moved");

    let fired = bench.store.fire().await.expect("a pass");

    assert!(fired.batches.is_empty());
    assert_eq!(bench.store.finish().await.expect("finished"), [running.id]);
    let ended = view(&bench, running.id).await;
    let why = "cancelled by schedule briefs: a newer slot of its schedule is due";
    assert_eq!(
        (ended.state.as_str(), ended.reason.as_deref()),
        ("cancelled", Some(why))
    );
    assert_eq!(bench.store.fire().await.expect("a pass").batches.len(), 1);
}
