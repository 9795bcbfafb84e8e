//! What a step takes of a limit, and the worker that it had better be given to.

use windlass_engine::testing::application;
use windlass_workers::WorkerOptions;
use windlass_workers::secret::Secrets;

use crate::abilities::placed::{asks, explained};
use crate::abilities::site::{Site, eventually};
use crate::abilities::till::{Does, Till, pays};

/// Hangs, in a document that prefers a worker.
const HANGS: &str = "do: [ { ask: { call: 'does:1.0.0@default', with: { hangs: true } } } ]";
const IN_EUROPE: &str = ", metadata: { windlass: { prefers: { region: eu } } }";

fn offering(words: &[&str], slots: usize) -> WorkerOptions {
    WorkerOptions {
        capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
        slots,
        ..WorkerOptions::default()
    }
}

async fn count(site: &Site, sql: &'static str, wanted: i64) {
    eventually(async || {
        let found = site.crowd.count(sql).await;
        let why = format!("{found} instead of {wanted}: {sql}");
        (found == wanted).then_some(()).ok_or(why)
    })
    .await;
}

/// Workers that live.
async fn workers(site: &Site, wanted: i64) {
    let sql = "select count(*) from worker where dead_at is null";
    count(site, sql, wanted).await;
}

/// Jobs in the hands of those in Europe, and of all others.
async fn running(site: &Site, there: i64, elsewhere: i64) {
    let in_europe = "select count(*) from lease join worker on worker.id = lease.worker
        cross join lateral unnest(jobs) as range cross join lateral generate_series(lower(range), upper(range) - 1)
        where worker.dead_at is null and 'region=eu' = any (capabilities)";
    let others = "select count(*) from lease join worker on worker.id = lease.worker
        cross join lateral unnest(jobs) as range cross join lateral generate_series(lower(range), upper(range) - 1)
        where worker.dead_at is null and 'region=eu' <> all (capabilities)";
    count(site, in_europe, there).await;
    count(site, others, elsewhere).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_takes_as_many_units_of_its_limit_as_it_says() {
    let (site, till) = (Site::new().await, Till::new().await);
    let limit = "windlass: v1\nkind: Limit\nname: model\nconcurrency: 5\n";
    let applied = site.store.apply(application(&[limit])).await;
    applied.expect("applied");
    till.does("one", Does::Waits);
    let said = "limits: [ model ], cost: { model: '${ .n }' }";
    site.publish("pays", "", &pays("one", said)).await;
    let input = |n: i32| format!(r#"{{"base":"{}","n":{n}}}"#, till.base);
    let first = site.submit("pays", &input(3)).await;
    site.work(Secrets::new());
    till.called("one", 1).await;

    let (heavy, light) = (
        site.submit("pays", &input(3)).await,
        site.submit("pays", &input(2)).await,
    );
    till.called("one", 2).await;
    let waits = site.child_of(heavy).await;
    eventually(async || {
        let why = explained(&site, waits).await;
        let wanted = "is 5, 5 of it are taken and the job takes 3";
        why.contains(wanted).then_some(()).ok_or(why)
    })
    .await;
    assert_eq!(till.calls("one").len(), 2, "the light one went past it");
    till.opens();

    for job in [first, heavy, light] {
        site.result(job, "completed").await;
    }
    count(&site, "select sum(used)::int8 from limit_use", 0).await;
    assert_eq!(site.store.limit_drift().await.expect("compared"), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_takes_more_than_there_ever_is_fails_and_says_why() {
    let site = Site::new().await;
    let limit = "windlass: v1\nkind: Limit\nname: model\nrate: 5/s\n";
    let applied = site.store.apply(application(&[limit])).await;
    applied.expect("applied");
    let said = "limits: [ model ], cost: { model: '${ .n }' }";
    site.publish("asks", "", &asks("{ n: 1 }", said)).await;
    site.work(Secrets::new());
    for (n, wants) in [
        (
            "6",
            "it takes 6 of the limit `model`, which never has more than 5 starts together",
        ),
        ("0", "`cost` cannot be"),
        ("\"much\"", "`cost` cannot be"),
    ] {
        let job = site.submit("asks", &format!(r#"{{"n":{n}}}"#)).await;

        let problem = site.result(job, "failed").await;

        assert!(problem.contains(wants), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_to_the_worker_that_it_prefers() {
    let site = Site::new().await;
    site.publish("hangs", IN_EUROPE, HANGS).await;
    site.work_with(Secrets::new(), offering(&["region=eu"], 5));
    workers(&site, 1).await;
    site.work_with(Secrets::new(), offering(&[], 5));
    workers(&site, 2).await;

    for _ in 0..3 {
        site.submit("hangs", "{}").await;
    }

    running(&site, 3, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_whose_preferred_worker_has_no_room_goes_to_another_after_a_while() {
    let site = Site::new().await;
    site.publish("hangs", IN_EUROPE, HANGS).await;
    // It lives and takes nothing.
    let busy = "with busy as (insert into worker (id, seen, capabilities)
        values (gen_random_uuid(), now() + interval '1 hour', '{does:1.0.0,region,region=eu}') returning id)
        select count(*) from busy";
    assert_eq!(site.crowd.count(busy).await, 1);
    site.work_with(Secrets::new(), offering(&[], 5));
    workers(&site, 2).await;
    let job = site.submit("hangs", "{}").await;

    let why = explained(&site, job).await;
    assert_eq!(
        why,
        "it waits for a worker with region=eu, until others may take it"
    );
    running(&site, 0, 1).await;
    let patient = "select count(*) from lease join job on lease.jobs @> job.id
        where claimed_at >= created_at + interval '4.9 seconds'";
    assert_eq!(site.crowd.count(patient).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_that_prefers_a_worker_that_is_lost_goes_to_another() {
    let site = Site::new().await;
    site.publish("hangs", IN_EUROPE, HANGS).await;
    let (_, preferred) = site.work_with(Secrets::new(), offering(&["region=eu"], 2));
    workers(&site, 1).await;
    site.work(Secrets::new());
    workers(&site, 2).await;
    site.submit("hangs", "{}").await;
    running(&site, 1, 0).await;

    preferred.abort();

    running(&site, 0, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preference_that_nobody_can_meet_keeps_nothing_waiting() {
    let site = Site::new().await;
    let said = "prefers: { region: '${ .region }', ssd: true }";
    site.publish("asks", "", &asks("{ n: 1 }", said)).await;
    site.work_with(Secrets::new(), offering(&["region=eu"], 5));
    workers(&site, 1).await;
    let job = site.submit("asks", r#"{"region":"eu"}"#).await;

    site.result(job, "completed").await;

    let lanes = "select count(*) from lane where capability = 'does:1.0.0,?region=eu,?ssd'";
    assert_eq!(site.crowd.count(lanes).await, 1);
    let quick = "select count(*) from job join outcome on outcome.first_id = job.id
        where job.parent is not null and outcome.at < job.created_at + interval '5 seconds'";
    assert_eq!(site.crowd.count(quick).await, 1);
}
