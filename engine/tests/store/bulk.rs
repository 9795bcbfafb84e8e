//! Changes of many jobs: what a preview counts and shows, what a start is refused for, and what becomes of each
//! job while keepers race, workers run some of them, and people change their minds.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::protocol::{BulkChange, BulkFilter, Flight, NewBulk};
use windlass_engine::vocabulary::JobState;
use windlass_workflows::value::Value;

use crate::common::Bench;
use crate::common::bulk::{
    PASSES_MAX, begin, numbered, of_template, pass, ready_to_start, to_its_end,
};
use crate::common::flying::{RESTS, publish_as, resting};

fn patch() -> BulkChange {
    let with = Value::parse(r#"{"k":1}"#).expect("JSON");
    BulkChange::Fly(Flight::Patch { with })
}

fn migrate(to: &str) -> BulkChange {
    BulkChange::Fly(Flight::Migrate {
        to: to.into(),
        steps: [].into(),
    })
}

async fn codes(bench: &Bench, id: i64) -> Vec<(i64, String)> {
    let page = bench.store.bulk_refused(1, id, None, 100).await;
    let rows = page.expect("a page").items.into_iter();
    rows.map(|row| (row.job, row.code)).collect()
}

fn code(error: &Error) -> &'static str {
    error.code()
}

#[tokio::test]
async fn a_preview_counts_what_fits_and_shows_some_of_it() {
    let bench = Bench::new().await;
    let jobs = resting(&bench, 25).await;
    bench.submit(3).await;

    let preview = bench.store.preview_bulk(1, &of_template(), &patch()).await;
    let preview = preview.expect("a preview");
    let all = bench
        .store
        .preview_bulk(1, &of_template(), &BulkChange::Cancel)
        .await;

    assert_eq!(preview.count, 25, "what has not begun does not fit");
    let shown: Vec<i64> = preview.sample.iter().map(|one| one.job).collect();
    assert_eq!((shown.len(), shown[0], shown[9]), (10, jobs[0], jobs[24]));
    assert_eq!(preview.verdicts, [("changes".to_owned(), 10)].into());
    let first = preview.sample[0].preview.as_ref().expect("a preview");
    assert_eq!(first.context, ["- : {}", "+ /k: 1"]);
    assert_eq!(all.expect("a preview").count, 28);
    assert_eq!(bench.count("select count(*) from bulk").await, 0);
}

#[tokio::test]
async fn a_preview_of_a_version_a_lane_and_an_error_counts_those_alone() {
    let bench = Bench::new().await;
    resting(&bench, 3).await;
    let count = async |filter: BulkFilter| {
        let preview = bench.store.preview_bulk(1, &filter, &patch()).await;
        preview.map(|preview| preview.count)
    };
    let of = |template: &str| BulkFilter {
        template: Some(template.into()),
        ..BulkFilter::default()
    };
    publish_as(&bench, "1.1.0", RESTS).await;

    assert_eq!(count(of("test.noop@1.0.0")).await.expect("a count"), 3);
    assert_eq!(count(of("test.noop@1.1.0")).await.expect("a count"), 0);
    let lane = |lane: &str| BulkFilter {
        lane: Some(lane.into()),
        ..of_template()
    };
    assert_eq!(count(lane("test.noop")).await.expect("a count"), 3);
    assert_eq!(count(lane("other")).await.expect("a count"), 0);
    let failed = BulkFilter {
        fingerprint: Some("x".into()),
        ..of_template()
    };
    assert_eq!(count(failed).await.expect("a count"), 0);
    assert_eq!(
        count(of("test.nothing")).await.as_ref().map_err(code),
        Err("not_found")
    );
    let running = BulkFilter {
        states: vec![JobState::Running],
        ..of_template()
    };
    assert_eq!(
        count(running).await.as_ref().map_err(code),
        Err("filter_not_indexed")
    );
}

#[tokio::test]
async fn what_was_shown_is_changed_and_its_timeline_says_by_whom() {
    let bench = Bench::new().await;
    let jobs = resting(&bench, 5).await;

    let begun = begin(&bench, of_template(), patch()).await;
    bench.submit(2).await;
    let ended = to_its_end(&bench, begun.id).await;

    assert_eq!(
        (ended.state.as_str(), ended.done, ended.refused),
        ("done", 5, 0)
    );
    let page = bench.store.journal(1, jobs[0], 0, 10).await;
    let entries = page.expect("a journal").items;
    let said = entries.iter().find(|entry| entry.kind == "patched");
    let said = format!("{:?}", said.expect("an entry"));
    assert!(said.contains("mia") && said.contains(&format!("wrong limit (c_{})", begun.id)));
    bench.assert_held_once().await;
}

#[tokio::test]
async fn a_set_that_has_drifted_is_refused_unless_a_little_drift_is_accepted() {
    let bench = Bench::new().await;
    resting(&bench, 40).await;
    let new = ready_to_start(&bench, of_template(), patch()).await;
    sqlx::query("update wait set due = now() where n = 0 and job = (select min(job) from wait)")
        .execute(&bench.pool)
        .await
        .expect("one is due");
    bench.store.wake(None).await.expect("woken");

    let strict = bench.store.start_bulk(1, new.clone()).await;
    let other = NewBulk {
        change: BulkChange::Cancel,
        ..new.clone()
    };
    let other = bench.store.start_bulk(1, other).await;
    let lax = NewBulk {
        accept_drift: true,
        ..new.clone()
    };
    let lax = bench.store.start_bulk(1, lax).await.expect("begun");
    let again = bench.store.start_bulk(1, new).await.expect("the same");

    assert_eq!(strict.as_ref().map_err(code), Err("moved_on"));
    assert_eq!(other.as_ref().map_err(code), Err("preview_required"));
    assert_eq!(lax.total, 39);
    assert_eq!(again.id, lax.id, "a repeat answers with the first");
}

/// Both read the same pages and change the same jobs: each job's own transaction decides.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_keepers_that_race_change_each_job_once() {
    let bench = Bench::new().await;
    resting(&bench, 150).await;
    let begun = begin(&bench, of_template(), patch()).await;
    let keeper = async || {
        for _ in 0..PASSES_MAX {
            pass(&bench).await;
            let view = bench.store.bulk(1, begun.id).await.expect("a change");
            if view.finished_at.is_some() {
                return;
            }
        }
        panic!("it does not end");
    };

    tokio::join!(keeper(), keeper(), keeper());

    let view = bench.store.bulk(1, begun.id).await.expect("a change");
    assert_eq!((view.done, view.refused), (150, 0));
    let patched = "select count(*) from journal where kind = 'patched'";
    assert_eq!(bench.count(patched).await, 150);
    bench.assert_held_once().await;
}

#[tokio::test]
async fn each_refusal_is_kept_with_its_reason() {
    let bench = Bench::new().await;
    let jobs = resting(&bench, 4).await;
    publish_as(&bench, "1.1.0", RESTS).await;
    publish_as(&bench, "2.0.0", "- other: { set: {} }\n").await;
    let cancelled = bench.store.cancel(1, jobs[1], "mia", "enough").await;
    cancelled.expect("asked");
    let filter = numbered(&jobs);

    let moved = begin(&bench, numbered(&jobs[..1]), migrate("1.1.0")).await;
    to_its_end(&bench, moved.id).await;
    let again = begin(&bench, filter.clone(), migrate("1.1.0")).await;
    let again = to_its_end(&bench, again.id).await;
    let gone = begin(&bench, numbered(&jobs[2..]), migrate("2.0.0")).await;
    let gone = to_its_end(&bench, gone.id).await;

    assert_eq!(
        codes(&bench, again.id).await[0],
        (jobs[0], "flight.here".into())
    );
    assert_eq!((again.done, again.refused), (3, 1));
    let removed = "flight.removed".to_owned();
    assert_eq!(
        codes(&bench, gone.id).await,
        [(jobs[2], removed.clone()), (jobs[3], removed)]
    );
    assert_eq!((gone.done, gone.refused), (0, 2));
}

#[tokio::test]
async fn a_job_that_stands_elsewhere_by_its_turn_is_left_alone() {
    let bench = Bench::new().await;
    let jobs = resting(&bench, 2).await;
    let begun = begin(&bench, of_template(), patch()).await;
    sqlx::raw_sql(
        "with gone as (delete from wait where n = 0 and job = (select min(job) from wait) returning *)
         insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason)
         select job, job, lane, coalesce(eff, now()), now(), priority, attempt, losses, true, 'cancelling' from gone",
    )
    .execute(&bench.pool)
    .await
    .expect("somebody cancels one");

    let ended = to_its_end(&bench, begun.id).await;

    assert_eq!((ended.done, ended.refused), (1, 1));
    assert_eq!(codes(&bench, begun.id).await[0].0, jobs[0]);
}

#[tokio::test]
async fn what_a_worker_runs_is_asked_again_and_at_last_refused() {
    let bench = Bench::new().await;
    let jobs = resting(&bench, 3).await;
    let begun = begin(&bench, of_template(), patch()).await;
    bench
        .store
        .wake(Some(Utc::now() + TimeDelta::days(1)))
        .await
        .expect("woken");
    let mut worker = bench.worker().await;
    assert_eq!(worker.claim(3).await.len(), 3);

    pass(&bench).await;
    let off = bench.store.bulk(1, begun.id).await.expect("a change");
    let ended = to_its_end(&bench, begun.id).await;

    assert_eq!(
        (off.state.as_str(), off.done, off.put_off),
        ("running", 0, 3)
    );
    assert_eq!((ended.done, ended.refused), (0, 3));
    let running = |job: &i64| (*job, "job_running".to_owned());
    assert_eq!(
        codes(&bench, begun.id).await,
        jobs.iter().map(running).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn a_cancel_in_the_middle_leaves_the_rest_as_it_is() {
    let bench = Bench::new().await;
    resting(&bench, 30).await;
    let new = NewBulk {
        rate: 8,
        ..ready_to_start(&bench, of_template(), patch()).await
    };
    let begun = bench.store.start_bulk(1, new).await.expect("begun");

    let changed = pass(&bench).await.expect("a pass");
    let paused = bench.store.pause_bulk(1, begun.id, true).await;
    assert_eq!(paused.expect("it pauses").state, "paused");
    assert_eq!(
        pass(&bench).await,
        None,
        "nobody passes over what is paused"
    );
    let ended = bench
        .store
        .cancel_bulk(1, begun.id)
        .await
        .expect("cancelled");
    let again = bench
        .store
        .cancel_bulk(1, begun.id)
        .await
        .expect("harmless");
    let resumed = bench.store.pause_bulk(1, begun.id, false).await;

    assert!((8..30).contains(&changed), "{changed}");
    assert_eq!((ended.state.as_str(), ended.done), ("cancelled", changed));
    assert_eq!(again, ended);
    assert_eq!(resumed.as_ref().map_err(code), Err("illegal_state"));
    let patched = "select count(*) from journal where kind = 'patched'";
    assert_eq!(bench.count(patched).await, changed);
    assert_eq!(bench.count("select count(*) from bulk_page").await, 0);
}

#[tokio::test]
async fn jobs_that_have_not_begun_are_cancelled_wherever_they_stand() {
    let bench = Bench::new().await;
    bench.submit(250).await;

    let begun = begin(&bench, of_template(), BulkChange::Cancel).await;
    let ended = to_its_end(&bench, begun.id).await;

    assert_eq!((begun.total, ended.done, ended.refused), (250, 250, 0));
    let sql = "select sum(last_id - first_id + 1)::int8 from outcome where kind = 'cancelled'";
    assert_eq!(bench.count(sql).await, 250);
}

#[tokio::test]
async fn jobs_stand_still_and_go_on_together() {
    let bench = Bench::new().await;
    resting(&bench, 3).await;
    let held = "select count(*) from held where reason = 'paused'";

    let paused = begin(&bench, of_template(), BulkChange::Pause).await;
    let paused = to_its_end(&bench, paused.id).await;
    let still = bench.count(held).await;
    let resumed = begin(&bench, of_template(), BulkChange::Resume).await;
    let resumed = to_its_end(&bench, resumed.id).await;

    assert_eq!((paused.done, still), (3, 3));
    assert_eq!((resumed.done, bench.count(held).await), (3, 0));
}

#[tokio::test]
async fn the_pause_of_a_job_that_runs_still_is_lifted_before_it_is_held() {
    let bench = Bench::new().await;
    bench.submit(1).await;
    let job = bench.worker().await.claim(1).await.remove(0).id;
    let paused = begin(&bench, numbered(&[job]), BulkChange::Pause).await;
    to_its_end(&bench, paused.id).await;
    let pauses = "select count(*) from pause where job is not null";
    assert_eq!(bench.count(pauses).await, 1);

    let resumed = begin(&bench, numbered(&[job]), BulkChange::Resume).await;
    let resumed = to_its_end(&bench, resumed.id).await;

    assert_eq!((resumed.done, bench.count(pauses).await), (1, 0));
}

#[tokio::test]
async fn what_ended_a_quarter_ago_is_forgotten() {
    let bench = Bench::new().await;
    resting(&bench, 1).await;
    let begun = begin(&bench, of_template(), patch()).await;
    to_its_end(&bench, begun.id).await;
    let kept = Duration::from_secs(90 * 86_400);

    assert_eq!(bench.store.forget_bulks(kept).await.expect("tidied"), 0);
    sqlx::query("update bulk set finished_at = now() - interval '91 days'")
        .execute(&bench.pool)
        .await
        .expect("long ago");
    assert_eq!(bench.store.forget_bulks(kept).await.expect("tidied"), 1);
}
