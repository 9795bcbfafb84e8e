//! What happens after a crash although nobody asks: workers are found dead, duties make their passes,
//! and another worker takes the work, until there is nothing left to do.

use chrono::{TimeDelta, Utc};
use uuid::Uuid;
use windlass_engine::protocol::Planned;
use windlass_engine::store::doctor::{Check, Options};
use windlass_engine::store::{Claimed, Ending, NewEntry, Want};
use windlass_workflows::machine::turn::{End, OutcomeKind};

use crate::common::{LEASE_TIME, TestWorker, ending, outcome};
use crate::stage::{Stage, incarnation};
use crate::stories::partition::MONTH;
use crate::stories::source::read_on;

/// Passes of all duties in a row; four are enough where nothing is wrong.
const PASSES_MAX: usize = 12;
/// Every redrive may have its next pass.
const A_MINUTE_LATER: &str =
    "update redrive set passed_at = passed_at - interval '1 minute' where state = 'running'";
/// Jobs that the other worker claims at once.
const QUOTA: usize = 100;

/// Everything of the story is dead; what it left comes to its end.
pub async fn settle(stage: &Stage) {
    stage
        .run(
            "update worker set seen = now() - interval '1 hour', dead_at = coalesce(dead_at, now());
             update intent set at = at - interval '1 hour';
             update batch set ask_until = ask_until - interval '10 days' where asking;
             update batch set source_until = null where source_until is not null;
             update redrive set passed_at = passed_at - interval '1 minute' where state = 'running'",
        )
        .await;
    let mut worker = stage.other.lock().await;
    let id = Uuid::new_v4();
    let entered = worker.beat.enter(&incarnation(id)).await;
    entered.expect("entered");
    worker.id = id;
    look_over(stage).await;
    let store = &stage.bench.store;
    store.fulfil_cancels().await.expect("fulfilled");
    // Nothing is ready once the worker is through: a pass that moves nothing then is the last one.
    for _ in 0..PASSES_MAX {
        drain(stage, &mut worker).await;
        if pass(stage).await == 0 {
            break;
        }
    }
    store.compact_tallies().await.expect("folded");
    store.prune_failures().await.expect("pruned");
    store.tidy_approvals().await.expect("tidied");
}

/// The checks that were ever made are made again.
async fn look_over(stage: &Stage) {
    let names: Vec<String> = sqlx::query_scalar("select name from doctor_check")
        .fetch_all(&stage.bench.pool)
        .await
        .expect("the checks");
    if names.is_empty() {
        return;
    }
    let only = Check::ALL
        .into_iter()
        .filter(|check| names.iter().any(|name| name == check.name()));
    let options = Options {
        only: only.collect(),
        repair: true,
        ..Options::default()
    };
    stage
        .bench
        .store
        .doctor(&options)
        .await
        .expect("looked over");
}

/// One pass of every duty; how much it moved.
async fn pass(stage: &Stage) -> i64 {
    let store = &stage.bench.store;
    let far = Utc::now() + TimeDelta::days(36_500);
    let expired = store.expire(LEASE_TIME).await.expect("expired");
    let mut moved = expired.leases + store.expire_jobs(Some(far)).await.expect("ended");
    moved += store.wake(Some(far)).await.expect("woken");
    moved += store.cut_disobedient(LEASE_TIME).await.expect("cut");
    moved += i64::try_from(store.end_unapproved().await.expect("ended")).unwrap_or(1);
    moved += i64::from(store.ask_cancelled(None).await.expect("asked"));
    moved += store.end_cancelling().await.expect("ended");
    moved += i64::try_from(store.fulfil_cancels().await.expect("fulfilled")).unwrap_or(1);
    moved += store.keep_pauses().await.expect("kept");
    moved += i64::try_from(store.keep_indexes().await.expect("kept")).unwrap_or(1);
    moved += redriven(stage).await;
    moved += changed(stage).await;
    moved += mail(stage).await;
    moved += read_on(store).await.expect("read");
    while store.plan().await.expect("planned") != Planned::Idle {
        moved += 1;
    }
    moved += i64::try_from(store.release().await.expect("released")).unwrap_or(1);
    moved += i64::try_from(store.finish().await.expect("finished").len()).unwrap_or(1);
    moved += i64::from(store.tell_notices().await.expect("told").0);
    let kept = store.keep_breakers(Some(far)).await.expect("kept");
    let made = store.make_partitions().await.expect("made");
    let dropped = store.drop_partitions(MONTH).await.expect("dropped");
    moved += i64::try_from(made.made).unwrap_or(1) + i64::from(dropped.is_some());
    moved += store.sweep_dropped().await.expect("swept");
    moved += kept.probes
        + i64::try_from(kept.opened.len() + kept.refused.len() + kept.closed.len()).unwrap_or(1);
    moved
}

/// What is told arrives, and whoever still rests for something is signalled; how much it moved.
async fn mail(stage: &Stage) -> i64 {
    let store = &stage.bench.store;
    let mut moved = store.pass_mail().await.expect("passed");
    let woken = sqlx::query(
        "update wait set due = now() - interval '1 minute' where n = 0 and due is null",
    )
    .execute(&stage.bench.pool)
    .await;
    moved += i64::try_from(woken.expect("woken").rows_affected()).unwrap_or(1);
    store.forget_heard().await.expect("forgotten");
    moved
}

/// A pass of a restart and of a redrive, and a minute until the next one; whether there was one, and how many jobs it
/// let go.
async fn redriven(stage: &Stage) -> i64 {
    let restarted = stage.bench.store.pace_restarts().await.expect("paced");
    let paced = stage.bench.store.pace_redrives().await.expect("paced");
    let Some(moved) = restarted.or(paced) else {
        return 0;
    };
    stage.run(A_MINUTE_LATER).await;
    moved + 1
}

/// A pass of a change of many jobs, whose keeper is dead; whether there was one, and how many it changed.
async fn changed(stage: &Stage) -> i64 {
    let sql = "update bulk set passed_at = passed_at - interval '1 minute', busy_until = null where state = 'running';
        update bulk_page set due = now()";
    stage.run(sql).await;
    let moved = stage.bench.store.pace_bulks().await.expect("paced");
    moved.map_or(0, |moved| moved + 1)
}

/// Claims and ends what is ready.
async fn drain(stage: &Stage, worker: &mut TestWorker) {
    let lanes = stage.bench.store.lanes_ahead().await.expect("lanes");
    for lane in lanes {
        loop {
            let want = Want {
                claim: Uuid::now_v7(),
                lanes: vec![(lane.id, QUOTA)],
                limited: lane.is_limited(),
                named: false,
            };
            let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
            let claimed = exchanged.expect("claimed").claimed;
            if claimed.is_empty() {
                break;
            }
            let mut entries = Vec::new();
            for job in &claimed {
                entries.push(last(stage, job).await);
            }
            let exchanged = worker.record(&entries).await;
            assert_eq!(exchanged.refused, [] as [i64; 0], "a fresh claim is good");
        }
    }
}

/// The end of a job: as somebody ordered, else well.
async fn last(stage: &Stage, job: &Claimed) -> NewEntry {
    let order = stage.bench.store.order_of(job.id, job.lease).await;
    let kind = match order.expect("asked").expect("leased") {
        Some(_) => OutcomeKind::Cancelled,
        None => OutcomeKind::Completed,
    };
    NewEntry {
        obeys: true,
        ..ending(
            job,
            Ending::Machine(End::Outcome(outcome(kind, Some("{}")))),
        )
    }
}
