//! Recording: an entry lands whole or not at all, and only under its lease.

use crate::common::{Bench, LEASE_TIME, completed, ending, journal, outcome};
use chrono::{TimeDelta, Utc};
use windlass_engine::store::{Ending, NewEntry};
use windlass_workflows::machine::turn::{End, OutcomeKind};

#[tokio::test]
async fn alike_endings_without_results_share_a_row() {
    let bench = Bench::new().await;
    bench.submit(100).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(100).await;
    let entries: Vec<NewEntry> = jobs
        .iter()
        .map(|job| {
            ending(
                job,
                Ending::Machine(End::Outcome(outcome(OutcomeKind::Completed, None))),
            )
        })
        .collect();

    let answer = worker.record(&entries).await;

    assert!(answer.refused.is_empty());
    assert_eq!(bench.count("select count(*) from outcome").await, 1);
    assert_eq!(bench.count("select count(*) from lease").await, 0);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn stale_lease_cannot_record() {
    let bench = Bench::new().await;
    bench.submit(10).await;
    let mut stale = bench.worker().await;
    let lost = stale.claim(10).await;
    bench.silence(&stale).await;
    bench.store.expire(LEASE_TIME).await.expect("expired");
    let mut fresh = bench.worker().await;
    let regained = fresh.claim(10).await;

    let late = stale.complete(&lost).await;
    let fine = fresh.complete(&regained).await;

    assert_eq!(late.refused.len(), 10);
    assert!(fine.refused.is_empty());
    assert!(
        regained
            .iter()
            .all(|job| job.losses == 1 && job.attempt == 0),
        "a loss is no attempt"
    );
    bench.assert_held_once().await;
}

/// Interleaving 12: one lost lease among many refuses only its own entries.
#[tokio::test]
async fn one_lost_lease_among_many_refuses_only_its_own() {
    let bench = Bench::new().await;
    bench.submit(30).await;
    let mut worker = bench.worker().await;
    let first = worker.claim(10).await;
    let second = worker.claim(10).await;
    sqlx::query("delete from lease where claim = $1")
        .bind(first[0].lease.claim)
        .execute(&bench.pool)
        .await
        .expect("lost");
    let both: Vec<_> = first.iter().chain(&second).cloned().collect();

    let answer = worker.complete(&both).await;

    let mut refused = answer.refused;
    refused.sort_unstable();
    assert_eq!(refused, first.iter().map(|job| job.id).collect::<Vec<_>>());
    assert_eq!(
        bench
            .count("select sum(last_id - first_id + 1)::int8 from outcome")
            .await,
        10
    );
}

/// Interleaving 3: two flushes that meet on one lease, neither of which finishes it alone.
#[tokio::test]
async fn two_flushes_of_one_lease_leave_nothing_behind() {
    let bench = Bench::new().await;
    for _ in 0..50 {
        bench.submit(100).await;
        let mut worker = bench.worker().await;
        let mut other = bench.worker().await;
        let jobs = worker.claim(100).await;
        let (left, right) = jobs.split_at(50);

        let (one, two) = tokio::join!(worker.complete(left), other.complete(right));

        assert!(one.refused.is_empty() && two.refused.is_empty());
        assert_eq!(bench.count("select count(*) from lease").await, 0);
    }
    bench.assert_held_once().await;
}

#[tokio::test]
async fn each_journal_has_no_gap_after_a_new_connection() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    let first: Vec<_> = jobs.iter().map(|job| journal(job, 1)).collect();
    worker.record(&first).await;
    let mut again = bench.worker().await;

    let gap = again.record(&[journal(&jobs[0], 3)]).await;
    let next = again.record(&[journal(&jobs[0], 2)]).await;
    let other = again.record(&[journal(&jobs[1], 3)]).await;

    assert_eq!(gap.refused, vec![jobs[0].id]);
    assert!(next.refused.is_empty());
    assert_eq!(
        other.refused,
        vec![jobs[1].id],
        "its neighbour was looked at, it was not"
    );
}

#[tokio::test]
async fn what_was_recorded_is_known_after_a_lost_answer() {
    let bench = Bench::new().await;
    bench.submit(3).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(3).await;
    worker
        .record(&[journal(&jobs[0], 1), completed(&jobs[1])])
        .await;

    let asked = [
        journal(&jobs[0], 1),
        completed(&jobs[1]),
        completed(&jobs[2]),
    ];
    let mut landed = worker.hot.recorded(&asked).await.expect("answered");
    landed.sort_unstable();

    assert_eq!(landed, vec![jobs[0].id, jobs[1].id]);
}

/// Turns that lead to the next step and turns that lead to an outcome land job by job in one flush.
#[tokio::test]
async fn a_stopped_job_takes_no_turn_of_its_neighbours_with_it() {
    let bench = Bench::new().await;
    bench.submit(6).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(6).await;
    let stopped = [jobs[1].id, jobs[4].id];
    for job in stopped {
        sqlx::query("update lease set stop = stop + int8multirange(int8range($1, $1, '[]'))")
            .bind(job)
            .execute(&bench.pool)
            .await
            .expect("stopped");
    }
    let goes_on = jobs[..3].iter().map(|job| journal(job, 1));
    let ends = jobs[3..].iter().map(|job| NewEntry {
        ending: completed(job).ending,
        ..journal(job, 1)
    });
    let entries: Vec<NewEntry> = goes_on.chain(ends).collect();

    let answer = worker.record(&entries).await;

    let mut refused = answer.refused;
    refused.sort_unstable();
    assert_eq!(refused, stopped);
    let with_turn = "select count(*) from journal where job = any ($1)";
    let all: Vec<i64> = jobs.iter().map(|job| job.id).collect();
    assert_eq!(count(&bench, with_turn, &all).await, 4);
    assert_eq!(count(&bench, with_turn, &stopped).await, 0);
    let ended = "select count(*) from outcome where first_id = any ($1)";
    assert_eq!(count(&bench, ended, &[jobs[3].id, jobs[5].id]).await, 2);
    assert_eq!(count(&bench, ended, &all).await, 2);
    bench.assert_held_once().await;
}

async fn count(bench: &Bench, question: &'static str, jobs: &[i64]) -> i64 {
    let counted = sqlx::query_scalar(question)
        .bind(jobs)
        .fetch_one(&bench.pool);
    counted.await.expect("counted")
}

#[tokio::test]
async fn a_job_given_back_spends_no_attempt_and_keeps_its_journal() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    worker.record(&[journal(&jobs[0], 1)]).await;

    let remembering = NewEntry::leaving(jobs[0].id, jobs[0].lease, Ending::Back, true);
    worker
        .record(&[remembering, ending(&jobs[1], Ending::Back)])
        .await;
    let again = worker.claim(2).await;

    assert!(again.iter().all(|job| job.attempt == 0 && job.losses == 0));
    let journaled: Vec<bool> = jobs
        .iter()
        .map(|job| {
            again
                .iter()
                .find(|one| one.id == job.id)
                .expect("claimed again")
                .journaled
        })
        .collect();
    assert_eq!(journaled, vec![true, false]);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_retry_waits_and_counts_an_attempt() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(1).await;
    let at = Utc::now() + TimeDelta::minutes(5);

    worker
        .record(&[ending(&jobs[0], Ending::Machine(End::Retry { at }))])
        .await;
    assert!(worker.claim(1).await.is_empty());
    bench
        .store
        .wake(Some(at + TimeDelta::seconds(1)))
        .await
        .expect("woken");

    assert_eq!(worker.claim(1).await[0].attempt, 1);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_resting_job_is_woken_by_its_timer_with_its_journal() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(1).await;
    let due = Utc::now() + TimeDelta::days(30);
    let rest = NewEntry {
        ending: Some(Ending::Rest { due: Some(due) }),
        ..journal(&jobs[0], 1)
    };

    worker.record(&[rest]).await;
    bench.assert_held_once().await;
    assert_eq!(bench.store.wake(None).await.expect("looked"), 0);
    bench.store.wake(Some(due)).await.expect("woken");

    let woken = worker.claim(1).await;
    assert!(woken[0].journaled);
    assert_eq!(
        bench
            .store
            .load(woken[0].id)
            .await
            .expect("loaded")
            .entries
            .len(),
        1
    );
}
