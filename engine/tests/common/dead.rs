//! What the tests of redrives share: jobs that failed or were parked with one fingerprint, and passes of
//! the duty.

use windlass_engine::store::{Claimed, Ending, NewEntry, NewRedrive, RedriveView};
use windlass_workflows::machine::turn::{End, Outcome, OutcomeKind};

use super::{Bench, TestWorker, ending, outcome};

pub const FINGERPRINT: &str = "communication-503-00112233aabb";

pub fn exhausted(job: &Claimed, fingerprint: &str) -> NewEntry {
    let end = End::Exhausted {
        reason: "answered 503".into(),
        code: "communication".into(),
        fingerprint: fingerprint.into(),
    };
    ending(job, Ending::Machine(end))
}

pub fn failed(job: &Claimed) -> NewEntry {
    let end = Outcome {
        code: Some("communication".into()),
        fingerprint: Some(FINGERPRINT.into()),
        ..outcome(OutcomeKind::Failed, Some("{}"))
    };
    ending(job, Ending::Machine(End::Outcome(end)))
}

pub fn wanted() -> NewRedrive {
    NewRedrive {
        fingerprint: Some(FINGERPRINT.into()),
        rate: 1_000,
        who: "mia".into(),
        why: "the mail server is back".into(),
        ..NewRedrive::default()
    }
}

/// So many jobs, all parked with the fingerprint.
pub async fn parked(bench: &Bench, jobs: usize) -> TestWorker {
    bench.submit(jobs).await;
    let mut worker = bench.worker().await;
    let claimed = worker.claim(jobs).await;
    let entries = claimed.iter().map(|job| exhausted(job, FINGERPRINT));
    let entries: Vec<_> = entries.collect();
    assert!(worker.record(&entries).await.refused.is_empty());
    worker
}

/// A pass a second after the last one.
pub async fn pass(bench: &Bench) -> Option<i64> {
    sqlx::query(
        "update redrive set passed_at = now() - interval '1 second' where state = 'running'",
    )
    .execute(&bench.pool)
    .await
    .expect("a second passed");
    bench.store.pace_redrives().await.expect("paced")
}

pub async fn view(bench: &Bench, id: i64) -> RedriveView {
    bench.store.redrive_view(1, id).await.expect("a redrive")
}
