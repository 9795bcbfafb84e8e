//! A claim whose answer was lost to the flush behind it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use windlass_engine::store::hook::{self, Hook, Moment, Point};
use windlass_engine::store::{Beat, Cancelled, Incarnation, LaneKey, NewRequest, Submitted};
use windlass_engine::testing::TestDatabase;
use windlass_workflows::machine::turn::{Outcome, OutcomeKind};

use super::*;

/// Somebody's lock stands in the way of the full form, once.
struct InTheWay(AtomicBool);

impl Hook for InTheWay {
    fn at<'a>(&'a self, point: Point<'a>) -> BoxFuture<'a, hook::Answer> {
        let is_it = (point.moment, point.statement) == (Moment::Before, "lease/exchange");
        let is_locked = is_it && self.0.swap(false, Ordering::SeqCst);
        Box::pin(async move {
            match is_locked {
                true => Err(hook::refused("55P03")),
                false => Ok(()),
            }
        })
    }
}

fn completed(job: &Claimed) -> Vec<Outgoing> {
    let outcome = Outcome {
        kind: OutcomeKind::Completed,
        code: None,
        fingerprint: None,
        result: None,
    };
    let ending = Ending::Machine(End::Outcome(outcome));
    vec![Outgoing {
        new: NewEntry::leaving(job.id, job.lease, ending, false),
        ack: None,
    }]
}

#[tokio::test]
async fn a_claim_that_went_before_a_lock_that_did_not_come_is_kept() {
    let database = TestDatabase::new().await;
    let (store, options) = (database.store().await, database.options("test worker"));
    let lane = LaneKey::of_template(1, "test.noop", "", 0);
    let lane = store.lane(&lane).await.expect("a lane");
    let request = NewRequest {
        lane,
        template_version: 1,
        input: "{}".into(),
        ..NewRequest::default()
    };
    let answers = store.submit(1, "test", &vec![request; 3]).await;
    assert!(matches!(
        answers.expect("stored")[..],
        [Submitted::Created { .. }, ..]
    ));
    let worker = Incarnation {
        id: Uuid::new_v4(),
        ..Incarnation::default()
    };
    let mut beat = Beat::connect(&options).await.expect("a connection");
    beat.enter(&worker).await.expect("entered");
    let want = || Want {
        claim: Uuid::now_v7(),
        lanes: vec![(lane, 1)],
        limited: false,
        named: false,
    };
    let mut link = Link::new(options, true);
    let first = link
        .exchange(worker.id, Vec::new(), Some(&want()))
        .await
        .claimed;
    // A connection's first turn is in the full form.
    let second = link
        .exchange(worker.id, completed(&first[0]), Some(&want()))
        .await
        .claimed;
    let stopped = store.cancel(1, second[0].id, "mia", "").await;
    assert_eq!(stopped.expect("asked"), Cancelled::Asked);
    let lock = Arc::new(InTheWay(AtomicBool::new(true)));
    let _installed = hook::install(database.url(), lock.clone());

    let answer = link
        .exchange(worker.id, completed(&second[0]), Some(&want()))
        .await;

    assert!(!lock.0.load(Ordering::SeqCst), "it stood in the way");
    assert_eq!(
        answer.claimed.len(),
        1,
        "it is in hand, not unknown for a lease time"
    );
    assert_eq!(answer.refused.len(), 1, "it was stopped");
}
