//! Claiming meets a cancel, another claim, the loss of its own answer, and the death of its worker.

use chrono::{TimeDelta, Utc};
use uuid::Uuid;
use windlass_engine::store::{Cancelled, Ending, NewEntry};
use windlass_workflows::machine::turn::End;

use super::common::{LEASE_TIME, ending};
use super::stage::{
    BEFORE_FIRST_OUTCOME, BEFORE_OUTCOME, BEFORE_READY, BEFORE_REST, Stage, census, ended, ids,
    sorted, start,
};

#[tokio::test]
async fn i04a_a_cancel_that_waited_for_a_split_finds_its_job_in_the_rest() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let first = stage.bench.count("select first_id from ready").await;
    let gate = stage.bench.database.hold(BEFORE_REST).await;
    let claiming = start(async move { worker.claim(3).await });
    stage.blocked(1).await;
    let cancels: Vec<_> = [first + 7, first + 1]
        .into_iter()
        .map(|job| {
            let store = stage.bench.store.clone();
            start(async move { store.cancel(1, job, "mia", "").await })
        })
        .collect();
    stage.blocked(3).await;

    gate.release().await;

    assert_eq!(ended(claiming).await.len(), 3);
    let mut answers = Vec::new();
    for cancel in cancels {
        answers.push(ended(cancel).await.expect("cancelled"));
    }
    assert_eq!(answers, [Cancelled::Ended, Cancelled::Asked]);
    let expected = census([
        ("cancelled", 1),
        ("lease", 2),
        ("lease stopped", 1),
        ("ready 0 0", 6),
    ]);
    assert_eq!(stage.census().await, expected);
}

#[tokio::test]
async fn i04b_a_claim_skips_the_extent_that_a_cancel_cuts() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let middle = stage.bench.count("select first_id + 4 from ready").await;
    let gate = stage.bench.database.hold(BEFORE_OUTCOME).await;
    let store = stage.bench.store.clone();
    let cancelling = start(async move { store.cancel(1, middle, "mia", "").await });
    stage.blocked(1).await;

    assert!(
        worker.claim(10).await.is_empty(),
        "a short claim is not an empty queue"
    );

    gate.release().await;
    assert_eq!(ended(cancelling).await.expect("ended"), Cancelled::Ended);
    let claimed = worker.claim(10).await;
    assert!(claimed.len() == 9 && claimed.iter().all(|job| job.id != middle));
    assert_eq!(
        stage.census().await,
        census([("cancelled", 1), ("lease", 9)])
    );
}

#[tokio::test]
async fn i05a_a_second_claim_skips_the_extent_that_is_split() {
    let stage = Stage::with_jobs(10).await;
    let (mut one, mut two) = (stage.bench.worker().await, stage.bench.worker().await);
    let gate = stage.bench.database.hold(BEFORE_REST).await;
    let claiming = start(async move { one.claim(3).await });
    stage.blocked(1).await;

    assert!(two.claim(10).await.is_empty());

    gate.release().await;
    let first = ended(claiming).await;
    let rest = two.claim(10).await;
    assert_eq!((first.len(), rest.len()), (3, 7));
    assert!(ids(&first).iter().all(|id| !ids(&rest).contains(id)));
    assert_eq!(stage.census().await, census([("lease", 10)]));
}

#[tokio::test]
async fn i05b_a_second_claim_takes_what_lies_behind_the_split_extent() {
    let stage = Stage::with_jobs(10).await;
    // A claim of three looks at three extents, and locks them.
    for _ in 0..3 {
        stage.bench.submit(5).await;
    }
    let (mut one, mut two) = (stage.bench.worker().await, stage.bench.worker().await);
    let gate = stage.bench.database.hold(BEFORE_REST).await;
    let claiming = start(async move { one.claim(3).await });
    stage.blocked(1).await;

    let behind = two.claim(4).await;
    let last = two.claim(4).await;

    gate.release().await;
    let first = ended(claiming).await;
    assert_eq!((first.len(), behind.len(), last.len()), (3, 4, 1));
    assert_eq!(
        stage.census().await,
        census([("lease", 8), ("ready 0 0", 17)])
    );
}

/// A claim of jobs at their first and at their second try has a lease for each kind.
async fn mixed(stage: &Stage) -> (Vec<NewEntry>, super::common::TestWorker) {
    let mut worker = stage.bench.worker().await;
    let at = Utc::now() - TimeDelta::seconds(1);
    let again =
        |job: &windlass_engine::store::Claimed| ending(job, Ending::Machine(End::Retry { at }));
    let first = worker.claim(3).await;
    worker
        .record(&first.iter().map(again).collect::<Vec<_>>())
        .await;
    stage.bench.store.wake(None).await.expect("woken");
    let all = worker.claim(6).await;
    let of = |attempt| all.iter().filter(|job| job.attempt == attempt).count();
    assert_eq!((all.len(), of(0), of(1)), (6, 3, 3));
    assert_eq!(stage.bench.count("select count(*) from lease").await, 2);
    (all.iter().map(again).collect(), worker)
}

/// One flush with both kinds meets one with a single job of one kind: each retry counts from its own try.
async fn mixed_attempts(single_first: bool) {
    let stage = Stage::with_jobs(6).await;
    let (entries, worker) = mixed(&stage).await;
    let (single, both): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .enumerate()
        .partition(|(place, _)| *place == 5);
    let strip = |part: Vec<(usize, NewEntry)>| part.into_iter().map(|(_, new)| new).collect();
    let (single, both): (Vec<NewEntry>, Vec<NewEntry>) = (strip(single), strip(both));
    let (first, second) = if single_first {
        (single, both)
    } else {
        (both, single)
    };
    let gate = stage
        .bench
        .database
        .hold(
            "insert into later (first_id, last_id, lane, eff, run_at)
             select id, id, lane, now(), now() from job",
        )
        .await;
    let (mut worker, mut other) = (worker, stage.bench.worker().await);
    let one = start(async move { worker.record(&first).await });
    stage.blocked(1).await;
    let two = start(async move { other.record(&second).await });
    stage.blocked(2).await;

    gate.release().await;

    assert!(ended(one).await.refused.is_empty());
    assert!(ended(two).await.refused.is_empty());
    assert_eq!(
        stage.census().await,
        census([("later 1 0", 3), ("later 2 0", 3)])
    );
}

#[tokio::test]
async fn i06a_attempts_of_a_mixed_claim_count_on_their_own() {
    mixed_attempts(true).await;
}

#[tokio::test]
async fn i06b_attempts_of_a_mixed_claim_count_on_their_own_in_the_other_order() {
    mixed_attempts(false).await;
}

#[tokio::test]
async fn i07a_a_claim_whose_answer_was_lost_is_asked_for() {
    let stage = Stage::with_jobs(10).await;
    let worker = stage.bench.worker().await;
    let (claim, id, mut hot) = (Uuid::now_v7(), worker.id, worker.hot);
    let want = stage.want(claim, 3);
    let gate = stage.bench.database.hold(BEFORE_REST).await;
    let claiming = start(async move { hot.exchange(id, &[], Some(&want)).await });
    stage.blocked(1).await;
    claiming.abort();
    assert!(
        claiming
            .await
            .expect_err("its connection is gone")
            .is_cancelled()
    );
    let mut again = stage.hot().await;
    let too_soon = again.of_claim(claim).await.expect("answered");
    assert!(too_soon.is_empty(), "it is still on its way");

    gate.release().await;
    stage.until(1, "select count(*) from lease").await;

    assert_eq!(again.of_claim(claim).await.expect("answered").len(), 3);
    assert_eq!(
        stage.census().await,
        census([("lease", 3), ("ready 0 0", 7)])
    );
}

/// Asked for while it was still on its way, the claim is sent again: one of the two happens.
#[tokio::test]
async fn i07b_a_claim_that_is_sent_twice_happens_once() {
    let stage = Stage::with_jobs(10).await;
    // A claim of three looks at three extents, and locks them.
    for _ in 0..3 {
        stage.bench.submit(10).await;
    }
    let worker = stage.bench.worker().await;
    let (claim, id, mut hot) = (Uuid::now_v7(), worker.id, worker.hot);
    let want = stage.want(claim, 3);
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let claiming = start(async move { hot.exchange(id, &[], Some(&want)).await });
    stage.blocked(1).await;
    let mut again = stage.hot().await;
    assert!(again.of_claim(claim).await.expect("answered").is_empty());
    let want = stage.want(claim, 3);
    let repeating = start(async move {
        let answer = again.exchange(id, &[], Some(&want)).await;
        (again, answer)
    });
    stage.blocked(2).await;

    gate.release().await;

    let first = ended(claiming).await;
    let (mut again, second) = ended(repeating).await;
    let states = [&first, &second].map(|answer| {
        let refusal = answer.as_ref().err();
        refusal.and_then(windlass_engine::Error::sql_state)
    });
    assert_eq!(
        states.iter().flatten().collect::<Vec<_>>(),
        ["23505"],
        "one of them meets the other's lease"
    );
    assert_eq!(again.of_claim(claim).await.expect("answered").len(), 3);
    assert_eq!(
        stage.census().await,
        census([("lease", 3), ("ready 0 0", 37)])
    );
}

/// The heartbeat does not list a claim whose answer was lost: it goes back, unless it is being settled.
#[tokio::test]
async fn i07c_an_unlisted_claim_that_is_being_settled_is_known() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    stage
        .run("update lease set claimed_at = now() - interval '1 minute'")
        .await;
    let gate = stage.bench.database.hold(BEFORE_FIRST_OUTCOME).await;
    let (id, mut hot, mut beat) = (worker.id, worker.hot, worker.beat);
    let entries: Vec<_> = jobs[..4].iter().map(super::common::completed).collect();
    let settling = start(async move { hot.exchange(id, &entries, None).await });
    stage.blocked(1).await;

    let skipped = beat.give_back_unlisted(id, &[], LEASE_TIME).await;
    gate.release().await;
    let settled = ended(settling).await.expect("settled");
    let given = beat.give_back_unlisted(id, &[], LEASE_TIME).await;

    assert_eq!(
        (skipped.expect("looked"), given.expect("given back")),
        (0, 1)
    );
    assert!(settled.refused.is_empty());
    assert_eq!(
        stage.census().await,
        census([("completed", 4), ("ready 0 0", 6)])
    );
}

#[tokio::test]
async fn i07d_a_flush_that_waited_while_its_claim_was_given_back_records_nothing() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(10).await;
    let all = ids(&jobs);
    stage
        .run("update lease set claimed_at = now() - interval '1 minute'")
        .await;
    let gate = stage.bench.database.hold(BEFORE_READY).await;
    let (id, mut hot, mut beat) = (worker.id, worker.hot, worker.beat);
    let giving = start(async move { beat.give_back_unlisted(id, &[], LEASE_TIME).await });
    stage.blocked(1).await;
    let entries: Vec<_> = jobs.iter().map(super::common::completed).collect();
    let settling = start(async move { hot.exchange(id, &entries, None).await });
    stage.blocked(2).await;

    gate.release().await;

    assert_eq!(ended(giving).await.expect("given back"), 1);
    assert_eq!(sorted(ended(settling).await.expect("sent").refused), all);
    assert_eq!(stage.census().await, census([("ready 0 0", 10)]));
}

#[tokio::test]
async fn i09a_a_worker_that_was_marked_dead_claims_nothing() {
    let stage = Stage::with_jobs(10).await;
    let mut worker = stage.bench.worker().await;
    stage.bench.silence(&worker).await;

    assert!(worker.claim(10).await.is_empty());

    assert_eq!(stage.census().await, census([("ready 0 0", 10)]));
}

/// The mark commits while the claim is on its way: the claim stands until the next look at the dead.
#[tokio::test]
async fn i09b_a_claim_that_its_workers_death_overtook_is_taken_back() {
    let stage = Stage::with_jobs(10).await;
    let worker = stage.bench.worker().await;
    let gate = stage.bench.database.hold(BEFORE_REST).await;
    let (id, mut hot) = (worker.id, worker.hot);
    let want = stage.want(Uuid::now_v7(), 3);
    let claiming = start(async move {
        let answer = hot.exchange(id, &[], Some(&want)).await;
        (hot, answer)
    });
    stage.blocked(1).await;
    stage
        .run("update worker set seen = now() - interval '1 hour', dead_at = now()")
        .await;
    let too_soon = stage.bench.store.expire(LEASE_TIME).await.expect("looked");
    assert_eq!(too_soon.leases, 0);

    gate.release().await;
    let (mut hot, claimed) = ended(claiming).await;
    let claimed = claimed.expect("claimed").claimed;
    assert_eq!(claimed.len(), 3);
    let expired = stage.bench.store.expire(LEASE_TIME).await.expect("expired");

    assert_eq!((expired.leases, expired.jobs), (1, 3));
    let entries: Vec<_> = claimed.iter().map(super::common::completed).collect();
    let late = hot.exchange(id, &entries, None).await.expect("sent");
    assert_eq!(sorted(late.refused), ids(&claimed));
    assert_eq!(
        stage.census().await,
        census([("ready 0 0", 7), ("ready 0 1", 3)])
    );
}
