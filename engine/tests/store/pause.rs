//! Pauses: what they stop, what they show, and how what stood still goes on.

use crate::common::Bench;
use chrono::{TimeDelta, Utc};
use windlass_engine::store::{LaneKey, NewPause, PauseView};
use windlass_engine::vocabulary::{JobState, PauseMode, PauseScope};

pub fn wish(scope: PauseScope, subject: impl ToString) -> NewPause {
    NewPause {
        scope,
        subject: subject.to_string(),
        mode: PauseMode::Hold,
        who: "leo".into(),
        why: "stocktaking".into(),
        until: None,
    }
}

pub async fn pause(bench: &Bench, scope: PauseScope, subject: impl ToString) -> PauseView {
    let paused = bench.store.pause(1, wish(scope, subject)).await;
    paused.expect("paused")
}

async fn ahead(bench: &Bench) -> usize {
    bench.store.lanes_ahead().await.expect("a look").len()
}

pub async fn state(bench: &Bench, job: i64) -> JobState {
    bench.store.job(1, job).await.expect("the job").state
}

pub async fn first(bench: &Bench) -> i64 {
    bench.count("select min(id) from job").await
}

/// The development clock, so that times come without waiting.
pub async fn later(bench: &Bench, seconds: i32) {
    sqlx::query("update cluster set mode = 'development', clock_offset = clock_offset + make_interval(secs => $1)")
        .bind(f64::from(seconds))
        .execute(&bench.pool)
        .await
        .expect("moved");
}

#[tokio::test]
async fn a_lane_is_not_discovered_while_anything_that_covers_it_is_paused() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let subjects = [
        (PauseScope::Queue, "default"),
        (PauseScope::Template, "test.noop"),
        (PauseScope::Tenant, ""),
    ];
    for (scope, subject) in subjects {
        let paused = pause(&bench, scope, subject).await;
        assert_eq!(ahead(&bench).await, 0, "{scope:?}");

        let ended = bench.store.resume(1, paused.id).await.expect("resumed");

        assert_eq!((ended.who.as_str(), ahead(&bench).await), ("leo", 1));
        let again = bench.store.resume(1, paused.id).await;
        assert_eq!(again.expect_err("it is over").code(), "not_found");
    }
    let other = pause(&bench, PauseScope::Queue, "mail").await;
    assert_eq!(ahead(&bench).await, 1);
    let all = bench.store.pauses(1, None, 10).await.expect("listed").items;
    assert_eq!(
        all.iter().map(|pause| pause.id).collect::<Vec<_>>(),
        [other.id]
    );
}

#[tokio::test]
async fn batches_stand_still_with_their_configuration_or_alone() {
    let bench = Bench::new().await;
    let batch: i64 = sqlx::query_scalar(
        "insert into batch (tenant, name, configuration, state, strategy, template_version, document)
         values (1, 'night', 'night', 'running', 'individual', $1, '{}') returning id",
    )
    .bind(bench.version)
    .fetch_one(&bench.pool)
    .await
    .expect("a batch");
    let key = LaneKey::of_template(1, "test.noop", "", batch);
    let lane = bench.store.lane(&key).await.expect("a lane");
    let statement = "update batch set lane = $1";
    sqlx::query(statement)
        .bind(lane)
        .execute(&bench.pool)
        .await
        .expect("set");
    sqlx::query("insert into configuration (tenant, kind, name, revision, document, hash) values (1, 'job_configuration', 'night', 1, '{}', '')")
        .execute(&bench.pool)
        .await
        .expect("a configuration");
    let request = windlass_engine::store::NewRequest {
        lane,
        ..bench.request()
    };
    bench
        .store
        .submit(1, "test", &[request])
        .await
        .expect("submitted");

    for (scope, subject) in [
        (PauseScope::Batch, format!("b_{batch}")),
        (PauseScope::Configuration, "night".into()),
    ] {
        let paused = pause(&bench, scope, subject).await;
        assert_eq!(ahead(&bench).await, 0, "{scope:?}");
        let shown = bench.store.batch(1, batch).await.expect("the batch");
        assert_eq!(shown.state, "paused");
        assert_eq!(shown.reason.as_deref(), Some("by leo: stocktaking"));

        bench.store.resume(1, paused.id).await.expect("resumed");

        assert_eq!(ahead(&bench).await, 1);
        assert_eq!(
            bench.store.batch(1, batch).await.expect("the batch").state,
            "running"
        );
    }
}

#[tokio::test]
async fn a_pause_shows_on_all_that_it_holds_and_lifts_by_itself() {
    let bench = Bench::new().await;
    bench.submit(3).await;
    let job = first(&bench).await;
    let until = Utc::now() + TimeDelta::hours(1);
    let new = NewPause {
        until: Some(until),
        ..wish(PauseScope::Queue, "default")
    };
    bench.store.pause(1, new).await.expect("paused");

    let shown = bench.store.job(1, job).await.expect("the job");
    let held = shown.held.expect("a reason");

    assert_eq!(shown.state, JobState::Paused);
    assert_eq!(
        (held.reason.as_str(), held.who.as_str(), held.why.as_str()),
        ("paused", "leo", "stocktaking")
    );
    assert_eq!(
        shown.due.map(|due| due.timestamp()),
        Some(until.timestamp())
    );
    let in_state = async |state| {
        let filter = windlass_engine::store::JobFilter {
            states: vec![state],
            ..Default::default()
        };
        bench
            .store
            .jobs(1, &filter, None, 10)
            .await
            .expect("listed")
            .items
            .len()
    };
    assert_eq!(
        (
            in_state(JobState::Paused).await,
            in_state(JobState::Ready).await
        ),
        (3, 0)
    );

    later(&bench, 3_601).await;

    assert_eq!(ahead(&bench).await, 1);
    assert_eq!(state(&bench, job).await, JobState::Ready);
    assert_eq!(
        (
            in_state(JobState::Paused).await,
            in_state(JobState::Ready).await
        ),
        (0, 3)
    );
}

#[tokio::test]
async fn a_single_job_stands_still_and_goes_on_at_the_head_of_its_lane() {
    let bench = Bench::new().await;
    bench.submit(10).await;
    let job = first(&bench).await + 4;

    let paused = pause(&bench, PauseScope::Job, format!("j_{job}")).await;

    assert_eq!(state(&bench, job).await, JobState::Paused);
    assert_eq!(bench.count("select count(*) from ready").await, 2);
    bench.assert_held_once().await;
    let mut worker = bench.worker().await;
    assert_eq!(worker.claim(5).await.len(), 5);

    bench.store.resume(1, paused.id).await.expect("resumed");

    bench.assert_held_once().await;
    assert_eq!(worker.claim(1).await[0].id, job);
}

#[tokio::test]
async fn a_pause_can_be_changed_and_is_shown_as_it_is_now() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let job = first(&bench).await;
    let paused = pause(&bench, PauseScope::Job, job).await;

    let again = NewPause {
        who: "mia".into(),
        why: "audit".into(),
        ..wish(PauseScope::Job, job)
    };
    let changed = bench.store.pause(1, again).await.expect("changed");

    assert_eq!((changed.id, changed.since), (paused.id, paused.since));
    let held = bench
        .store
        .job(1, job)
        .await
        .expect("the job")
        .held
        .expect("a reason");
    assert_eq!((held.who.as_str(), held.why.as_str()), ("mia", "audit"));
}

#[tokio::test]
async fn a_future_job_keeps_its_time() {
    let bench = Bench::new().await;
    let start_at = Some(Utc::now() + TimeDelta::hours(2));
    let request = windlass_engine::store::NewRequest {
        start_at,
        ..bench.request()
    };
    bench
        .store
        .submit(1, "test", &[request])
        .await
        .expect("submitted");
    let job = first(&bench).await;
    let paused = pause(&bench, PauseScope::Job, job).await;
    assert_eq!(state(&bench, job).await, JobState::Paused);

    bench.store.resume(1, paused.id).await.expect("resumed");

    assert_eq!(state(&bench, job).await, JobState::Scheduled);
    bench.assert_held_once().await;
}
