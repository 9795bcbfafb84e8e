//! Kill, and the grace of a cancel: a job ends although nobody obeys, and late results change nothing.

mod common;

use std::time::Duration;

use chrono::Utc;
use common::{Bench, completed, ending, journal};
use windlass_engine::store::{Cancelled, Claimed, Ending, NewEntry};
use windlass_workflows::machine::turn::End;

async fn kill(bench: &Bench, job: i64) -> Result<Cancelled, windlass_engine::Error> {
    bench.store.kill(1, job, "mia", "it hangs").await
}

async fn assert_killed(bench: &Bench, job: i64) {
    let (kind, code, result): (String, String, String) =
        sqlx::query_as("select kind, code, result from outcome where first_id = $1")
            .bind(job)
            .fetch_one(&bench.pool)
            .await
            .expect("an outcome");
    assert_eq!((kind.as_str(), code.as_str()), ("cancelled", "killed"));
    assert!(
        result.contains("it hangs") && result.contains("mia"),
        "{result}"
    );
    bench.assert_held_once().await;
}

async fn cancel(bench: &Bench, job: i64) {
    let asked = bench.store.cancel(1, job, "mia", "enough").await;
    asked.expect("asked");
}

async fn a_minute_passes(bench: &Bench) {
    sqlx::query("update intent set at = now() - interval '1 minute'")
        .execute(&bench.pool)
        .await
        .expect("updated");
}

async fn one_leased(bench: &Bench) -> (common::TestWorker, Vec<Claimed>) {
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    (worker, jobs)
}

#[tokio::test]
async fn a_leased_job_is_cut_at_once_and_its_late_result_is_refused() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;

    assert_eq!(
        kill(&bench, jobs[0].id).await.expect("killed"),
        Cancelled::Ended
    );

    assert_killed(&bench, jobs[0].id).await;
    let late = worker.complete(&jobs).await;
    assert_eq!(late.refused, vec![jobs[0].id]);
    assert_eq!(bench.count("select count(*) from lease").await, 0);
    assert_killed(&bench, jobs[0].id).await;
}

#[tokio::test]
async fn a_job_with_a_journal_is_killed_in_its_lease_at_rest_and_in_line() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    let rest = NewEntry {
        ending: Some(Ending::Rest { due: None }),
        ..journal(&jobs[0], 1)
    };
    let back = NewEntry {
        ending: Some(Ending::Back),
        ..journal(&jobs[1], 1)
    };
    worker.record(&[rest, back]).await;
    let (other, leased) = one_leased(&bench).await;
    let journaled = leased
        .iter()
        .find(|job| job.journaled)
        .expect("the one given back");

    for job in [jobs[0].id, journaled.id] {
        assert_eq!(kill(&bench, job).await.expect("killed"), Cancelled::Ended);
        assert_killed(&bench, job).await;
    }
    drop(other);
}

#[tokio::test]
async fn a_ready_job_with_a_journal_is_killed_without_its_machine() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    worker
        .record(&[NewEntry {
            ending: Some(Ending::Back),
            ..journal(&jobs[0], 1)
        }])
        .await;

    assert_eq!(
        kill(&bench, jobs[0].id).await.expect("killed"),
        Cancelled::Ended
    );

    assert_killed(&bench, jobs[0].id).await;
    assert_eq!(bench.count("select count(*) from inbox").await, 0);
}

#[tokio::test]
async fn an_ended_job_cannot_be_killed() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    worker.complete(&jobs).await;

    let refused = kill(&bench, jobs[0].id).await.expect_err("it is final");

    assert_eq!(refused.code(), "illegal_state");
    assert_eq!(
        kill(&bench, 42).await.expect_err("unknown").code(),
        "not_found"
    );
}

#[tokio::test]
async fn kill_and_settle_race_to_one_outcome() {
    let bench = Bench::new().await;
    let mut worker = bench.worker().await;
    for _ in 0..10 {
        bench.submit(1).await;
        let jobs = worker.claim(1).await;
        let entries = [completed(&jobs[0])];

        let (settled, killed) = tokio::join!(worker.record(&entries), kill(&bench, jobs[0].id));

        match killed {
            Ok(_) => assert_eq!(settled.refused, vec![jobs[0].id]),
            Err(error) => assert_eq!(error.code(), "illegal_state"),
        }
        bench.assert_held_once().await;
    }
}

#[tokio::test]
async fn children_end_before_their_parent() {
    let bench = Bench::new().await;
    bench.submit(3).await;
    let parent = bench.count("select min(id) from job").await;
    for (child, of) in [(parent + 1, parent), (parent + 2, parent + 1)] {
        sqlx::query("update job set parent = $2 where id = $1")
            .bind(child)
            .bind(of)
            .execute(&bench.pool)
            .await
            .expect("a child");
    }

    kill(&bench, parent).await.expect("killed");

    let order: Vec<i64> = sqlx::query_scalar("select first_id from outcome order by at")
        .fetch_all(&bench.pool)
        .await
        .expect("outcomes");
    assert_eq!(order, vec![parent + 2, parent + 1, parent]);
}

/// A worker that does not obey within the grace loses the job; the job ends cancelled.
#[tokio::test]
async fn a_job_whose_worker_does_not_obey_is_cut_after_the_grace() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    cancel(&bench, jobs[0].id).await;

    let early = bench.store.cut_disobedient(Duration::from_secs(30)).await;
    assert_eq!(early.expect("looked"), 0, "the grace is not over");
    a_minute_passes(&bench).await;
    let cut = bench.store.cut_disobedient(Duration::from_secs(30)).await;
    bench.store.end_cancelling().await.expect("ended");

    assert_eq!(cut.expect("cut"), 1);
    let result: String =
        sqlx::query_scalar("select result from outcome where kind = 'cancelled' and first_id = $1")
            .bind(jobs[0].id)
            .fetch_one(&bench.pool)
            .await
            .expect("it says who and why");
    assert!(
        result.contains("mia") && result.contains("enough"),
        "{result}"
    );
    let late = worker.complete(&jobs).await;
    assert_eq!(late.refused, vec![jobs[0].id]);
    for left in [
        "select count(*) from inbox",
        "select count(*) from intent",
        "select count(*) from lease",
    ] {
        assert_eq!(bench.count(left).await, 0, "{left}");
    }
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_cut_job_with_a_journal_is_ended_by_its_machine() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    worker.record(&[journal(&jobs[0], 1)]).await;
    cancel(&bench, jobs[0].id).await;
    a_minute_passes(&bench).await;

    bench
        .store
        .cut_disobedient(Duration::from_secs(30))
        .await
        .expect("cut");
    bench.store.end_cancelling().await.expect("woken");

    let mut next = bench.worker().await;
    let again = next.claim(1).await;
    assert!(again[0].id == jobs[0].id && again[0].journaled);
    let order = bench.store.order_of(again[0].id, again[0].lease).await;
    assert!(
        order
            .expect("read")
            .flatten()
            .expect("an order")
            .contains("enough")
    );
}

/// What a machine undoes takes as long as it takes: its job is in no haste to be cut.
#[tokio::test]
async fn a_job_whose_worker_obeys_is_not_cut() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    cancel(&bench, jobs[0].id).await;
    let obeying = NewEntry {
        obeys: true,
        ..journal(&jobs[0], 1)
    };
    let landed = worker.record(&[obeying]).await;
    assert!(landed.refused.is_empty(), "it obeys");
    a_minute_passes(&bench).await;

    let cut = bench.store.cut_disobedient(Duration::from_secs(30)).await;

    assert_eq!(cut.expect("looked"), 0);
    bench.assert_held_once().await;
}

/// A job that its worker cannot do is put off with the reason, and no attempt is spent.
#[tokio::test]
async fn a_deferred_job_waits_unspent_and_says_why() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    let until = Utc::now() + chrono::TimeDelta::seconds(10);
    let why = "not_mine: no handler `a:1.0.0` on this worker".to_owned();

    worker
        .record(&[ending(&jobs[0], Ending::Defer { until, why })])
        .await;

    let view = bench.store.job(1, jobs[0].id).await.expect("a job");
    assert_eq!((view.attempt, view.losses), (0, 0));
    let reasons = bench
        .store
        .explain(1, jobs[0].id, Duration::from_secs(60))
        .await;
    let reasons = reasons.expect("explained");
    assert_eq!(reasons[0].code, "deferred");
    assert!(
        reasons[0].text.contains("no handler `a:1.0.0`"),
        "{:?}",
        reasons[0]
    );
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_job_parked_after_its_retries_keeps_its_fingerprint() {
    let bench = Bench::new().await;
    let (mut worker, jobs) = one_leased(&bench).await;
    let end = End::Exhausted {
        reason: "the mail server is away".into(),
        code: "communication".into(),
        fingerprint: "communication-503-0011".into(),
    };

    worker
        .record(&[ending(&jobs[0], Ending::Machine(end))])
        .await;

    let kept: (String, String) = sqlx::query_as("select code, fingerprint from held")
        .fetch_one(&bench.pool)
        .await
        .expect("parked");
    assert_eq!(
        kept,
        ("communication".into(), "communication-503-0011".into())
    );
}
