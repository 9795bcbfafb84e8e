//! Pauses of jobs that run, rest or come back.

use std::time::Duration;

use crate::common::{Bench, TestWorker, ending, journal};
use crate::pause::{first, later, pause, state, wish};
use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::store::{Cancelled, Ending, NewEntry, NewPause, PauseView};
use windlass_engine::vocabulary::{JobState, PauseScope};
use windlass_workflows::machine::turn::End;

/// One leased job, paused while it ran.
async fn paused_while_running(
    bench: &Bench,
) -> (TestWorker, windlass_engine::store::Claimed, PauseView) {
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    let paused = pause(bench, PauseScope::Job, job.id).await;
    assert_eq!(state(bench, job.id).await, JobState::Running);
    (worker, job, paused)
}

#[tokio::test]
async fn a_running_job_stands_still_at_its_next_end() {
    let due = Utc::now() + TimeDelta::hours(1);
    let ends = [
        (Ending::Back, JobState::Ready),
        (Ending::Machine(End::Retry { at: due }), JobState::Scheduled),
        (Ending::Rest { due: Some(due) }, JobState::Ready),
    ];
    for (end, afterwards) in ends {
        let bench = Bench::new().await;
        let (mut worker, job, paused) = paused_while_running(&bench).await;
        let entry = match end {
            Ending::Rest { .. } => NewEntry {
                ending: Some(end.clone()),
                ..journal(&job, 1)
            },
            _ => ending(&job, end.clone()),
        };

        let recorded = worker.record(&[entry]).await;

        assert!(recorded.refused.is_empty(), "{end:?}");
        assert_eq!(state(&bench, job.id).await, JobState::Paused, "{end:?}");
        bench.assert_held_once().await;
        bench.store.resume(1, paused.id).await.expect("resumed");
        assert_eq!(state(&bench, job.id).await, afterwards, "{end:?}");
        bench.assert_held_once().await;
    }
}

#[tokio::test]
async fn a_running_job_that_ends_has_its_outcome_and_no_pause_is_left() {
    let bench = Bench::new().await;
    let (mut worker, job, _) = paused_while_running(&bench).await;

    worker.complete(std::slice::from_ref(&job)).await;
    bench.store.keep_pauses().await.expect("a pass");

    assert_eq!(state(&bench, job.id).await, JobState::Completed);
    assert_eq!(bench.count("select count(*) from pause").await, 0);
}

#[tokio::test]
async fn a_job_that_comes_back_from_a_dead_worker_is_held_by_the_next_pass() {
    let bench = Bench::new().await;
    let (worker, job, _) = paused_while_running(&bench).await;
    bench.silence(&worker).await;
    bench
        .store
        .expire(crate::common::LEASE_TIME)
        .await
        .expect("expired");
    assert_eq!(state(&bench, job.id).await, JobState::Ready);

    assert_eq!(bench.store.keep_pauses().await.expect("a pass"), 1);

    assert_eq!(state(&bench, job.id).await, JobState::Paused);
    assert_eq!(bench.store.job(1, job.id).await.expect("the job").losses, 1);
}

#[tokio::test]
async fn a_resting_job_stands_still_and_looks_at_its_timers_again() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let mut worker = bench.worker().await;
    let job = worker.claim(1).await.remove(0);
    let rest = Ending::Rest {
        due: Some(Utc::now() + TimeDelta::hours(1)),
    };
    worker
        .record(&[NewEntry {
            ending: Some(rest),
            ..journal(&job, 1)
        }])
        .await;
    let until = Utc::now() + TimeDelta::minutes(5);

    let new = NewPause {
        until: Some(until),
        ..wish(PauseScope::Job, job.id)
    };
    bench.store.pause(1, new).await.expect("paused");
    assert_eq!(state(&bench, job.id).await, JobState::Paused);
    assert_eq!(bench.store.keep_pauses().await.expect("a pass"), 0);
    later(&bench, 301).await;
    assert_eq!(bench.store.keep_pauses().await.expect("a pass"), 1);

    let woken = worker.claim(1).await;
    assert!(woken[0].journaled);
    assert_eq!(bench.count("select count(*) from pause").await, 0);
}

#[tokio::test]
async fn a_cancel_is_stronger_than_a_pause() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let job = first(&bench).await;
    pause(&bench, PauseScope::Job, job).await;

    let cancelled = bench.store.cancel(1, job, "mia", "").await;

    assert_eq!(cancelled.expect("cancelled"), Cancelled::Ended);
    assert_eq!(bench.count("select count(*) from pause").await, 0);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn what_cannot_stand_still_is_refused() {
    let bench = Bench::new().await;
    bench.submit(2).await;
    let mut worker = bench.worker().await;
    let jobs = worker.claim(2).await;
    worker.complete(&jobs[..1]).await;
    let park = Ending::Machine(End::Park {
        reason: "odd".into(),
    });
    worker.record(&[ending(&jobs[1], park)]).await;
    let refused = async |scope, subject: String| -> Error {
        bench
            .store
            .pause(1, wish(scope, subject))
            .await
            .expect_err("refused")
    };

    assert_eq!(
        refused(PauseScope::Job, jobs[0].id.to_string())
            .await
            .code(),
        "illegal_state"
    );
    assert_eq!(
        refused(PauseScope::Job, jobs[1].id.to_string())
            .await
            .code(),
        "illegal_state"
    );
    for (scope, subject) in [
        (PauseScope::Job, "j_42"),
        (PauseScope::Job, "soon"),
        (PauseScope::Batch, "b_42"),
        (PauseScope::Template, "test.nothing"),
        (PauseScope::Purpose, "nothing"),
        (PauseScope::Configuration, "nothing"),
    ] {
        assert_eq!(
            refused(scope, subject.into()).await.code(),
            "not_found",
            "{subject}"
        );
    }
    assert_eq!(bench.count("select count(*) from pause").await, 0);
}

/// A flush that read the pause and a resume at the same moment: the job must not stand still for ever.
#[tokio::test]
async fn a_resume_that_meets_a_flush_leaves_no_job_behind() {
    let bench = Bench::new().await;
    let (mut worker, job, paused) = paused_while_running(&bench).await;
    let flush = bench.database.hold("select from pause for key share").await;
    let store = bench.store.clone();

    let resume = tokio::spawn(async move { store.resume(1, paused.id).await });
    let waits = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    while bench.count(waits).await == 0 {
        assert!(!resume.is_finished(), "it waits for the flush");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    worker.record(&[ending(&job, Ending::Back)]).await;
    assert_eq!(bench.count("select count(*) from held").await, 1);
    flush.release().await;
    resume.await.expect("no panic").expect("resumed");

    assert_eq!(state(&bench, job.id).await, JobState::Ready);
    bench.assert_held_once().await;
}
