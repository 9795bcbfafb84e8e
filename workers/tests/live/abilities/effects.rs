//! Steps with an effect: who has it, what becomes of it when a worker is lost around the call, and what is known
//! when one drains.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use windlass_workers::WorkerOptions;
use windlass_workers::secret::Secrets;

use crate::abilities::site::{Site, eventually};
use crate::abilities::till::{self, Does, Till};

const RULES: [&str; 4] = ["redo", "assumeDone", "verify", "park"];

/// What stands before a payment that goes by this rule: `/pay/<what>`, under the key `<what>`.
fn pays(what: &str, rule: &str) -> String {
    let verify = match rule {
        "verify" => ", verify: find",
        _ => "",
    };
    let effect = format!("effect: {{ key: '${{ \"{what}\" }}', onUnknown: {rule}{verify} }}");
    till::pays(what, &effect)
}

/// A site with a till, and a job for each rule.
async fn site_with_jobs() -> (Site, Till, Vec<i64>) {
    let (site, till) = (Site::new().await, Till::new().await);
    let mut jobs = Vec::new();
    for rule in RULES {
        let name = rule.to_lowercase();
        site.publish(&name, "", &pays(rule, rule)).await;
        jobs.push(site.submit(&name, &till.input()).await);
    }
    (site, till, jobs)
}

fn options(slots: usize) -> WorkerOptions {
    WorkerOptions {
        slots,
        grace: Duration::from_millis(200),
        ..WorkerOptions::default()
    }
}

/// One slot, which this job takes for good.
async fn occupied(site: &Site) -> (i64, CancellationToken, JoinHandle<()>) {
    let hangs = "do: [ { hang: { call: 'does:1.0.0@default', with: { hangs: true } } } ]";
    site.publish("hangs", "", hangs).await;
    let hanging = site.submit("hangs", "{}").await;
    let (stop, worker) = site.work_with(Secrets::new(), options(1));
    site.called(1).await;
    (hanging, stop, worker)
}

/// What hung with a worker that is gone hangs with no other: only then, for a worker that hears of it has a slot again.
async fn given_up(site: &Site, hanging: i64) {
    let cancelled = site.store.cancel(1, hanging, "mia", "").await;
    cancelled.expect("it ends");
}

/// Effects that a durable turn has taken.
const HELD: &str = "select count(*) from request_key where scope = 'effect'";

/// What each rule makes of a call of which nobody knows whether it was made; `made` says whether it was.
async fn judge(site: &Site, till: &Till, jobs: &[i64], made: bool) {
    for (rule, job) in RULES.into_iter().zip(jobs) {
        let made = usize::from(made);
        let (calls, result) = match rule {
            "redo" => (made + 1, site.result(*job, "completed").await),
            "assumeDone" => (made, site.result(*job, "completed").await),
            "verify" => (1, site.result(*job, "completed").await),
            _ => (made, site.result(*job, "parked").await),
        };
        let keys = till.calls(rule);
        assert_eq!(keys.len(), calls, "{rule}: {result}");
        assert!(keys.iter().all(|key| key == &keys[0]), "{rule}: {keys:?}");
        let wants = match (rule, made) {
            ("redo", _) => format!(r#"{{"receipt":{calls}}}"#),
            ("verify", 1) => r#"{"receipt":"found"}"#.to_owned(),
            ("verify", _) => r#"{"receipt":1}"#.to_owned(),
            ("assumeDone", _) => "null".to_owned(),
            _ => String::new(),
        };
        assert_eq!(result, wants, "{rule}");
    }
    let parked = jobs[3];
    let why = site.store.explain(1, parked, Duration::from_secs(30)).await;
    let why = format!("{:?}", why.expect("reasons"));
    assert!(
        why.contains("it is not known whether the step happened"),
        "{why}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_lost_before_the_call_leaves_it_to_the_rule() {
    let site = Site::new().await;
    let till = Till::new().await;
    let (hanging, _, lost) = occupied(&site).await;
    let mut jobs = Vec::new();
    for rule in RULES {
        let name = rule.to_lowercase();
        site.publish(&name, "", &pays(rule, rule)).await;
        jobs.push(site.submit(&name, &till.input()).await);
    }
    counted(&site, HELD, |held| held == 4).await;

    lost.abort();
    given_up(&site, hanging).await;
    site.work(Secrets::new());

    judge(&site, &till, &jobs, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_lost_during_the_call_leaves_it_to_the_rule() {
    let (site, till, jobs) = site_with_jobs().await;
    RULES.iter().for_each(|rule| till.does(rule, Does::Hangs));
    let lost = site.work(Secrets::new());
    for rule in RULES {
        till.called(rule, 1).await;
    }
    RULES.iter().for_each(|rule| till.does(rule, Does::Answers));

    lost.abort();
    site.work(Secrets::new());

    judge(&site, &till, &jobs, true).await;
}

/// Sessions of workers that wait for a lock.
const WAITING: &str = "select count(*) from pg_stat_activity
    where datname = current_database() and application_name like 'test worker%' and wait_event_type = 'Lock'";
const ENDED: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and application_name like 'test worker%'";

/// Looks until the number is that.
async fn counted(site: &Site, sql: &'static str, fits: impl Fn(i64) -> bool) {
    eventually(async || {
        let count = site.crowd.count(sql).await;
        fits(count).then_some(()).ok_or(format!("{count}: {sql}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_lost_after_the_answer_and_before_its_flush_leaves_it_to_the_rule() {
    let (site, till, jobs) = site_with_jobs().await;
    RULES.iter().for_each(|rule| till.does(rule, Does::Waits));
    let lost = site.work(Secrets::new());
    for rule in RULES {
        till.called(rule, 1).await;
    }
    let locks = site.crowd.hold("select from lease for update").await;
    till.opens();
    counted(&site, WAITING, |waiting| waiting > 0).await;

    lost.abort();
    let _ = lost.await;
    counted(&site, ENDED, |sessions| sessions == 0).await;
    locks.release().await;
    site.work(Secrets::new());

    judge(&site, &till, &jobs, true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_a_draining_worker_never_began_is_not_unknown() {
    let (site, till) = (Site::new().await, Till::new().await);
    let (hanging, stop, drained) = occupied(&site).await;
    site.publish("parks", "", &pays("parks", "park")).await;
    let job = site.submit("parks", &till.input()).await;
    counted(&site, HELD, |held| held == 1).await;

    stop.cancel();
    drained.await.expect("drained");
    assert_eq!(till.calls("parks").len(), 0);
    given_up(&site, hanging).await;
    site.work(Secrets::new());

    assert_eq!(site.result(job, "completed").await, r#"{"receipt":1}"#);
    let unknown = "select count(*) from journal where kind = 'unknown'";
    assert_eq!(site.crowd.count(unknown).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_effect_that_a_draining_worker_cut_short_is_unknown() {
    let (site, till) = (Site::new().await, Till::new().await);
    site.publish("parks", "", &pays("parks", "park")).await;
    till.does("parks", Does::Hangs);
    let job = site.submit("parks", &till.input()).await;
    let (stop, drained) = site.work_with(Secrets::new(), options(8));
    till.called("parks", 1).await;

    stop.cancel();
    drained.await.expect("drained");
    site.work(Secrets::new());

    site.until(job, "parked").await;
    assert_eq!(till.calls("parks").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_jobs_with_one_key_one_has_the_effect_and_the_other_hears_of_it() {
    let (site, till) = (Site::new().await, Till::new().await);
    site.publish("pays", "", &pays("once", "park")).await;
    let first = site.submit("pays", &till.input()).await;
    site.work(Secrets::new());
    site.until(first, "completed").await;
    let second = site.submit("pays", &till.input()).await;

    let problem = site.result(second, "failed").await;

    assert!(
        problem.contains("409") && problem.contains("belongs to another job"),
        "{problem}"
    );
    assert!(
        problem.contains(&format!(r#""holder":"j_{first}""#)),
        "{problem}"
    );
    // At once, whoever is first.
    site.publish("again", "", &pays("race", "park")).await;
    for _ in 0..2 {
        site.submit("again", &till.input()).await;
    }
    let ends = "select count(*) from outcome where first_id > 0";
    counted(&site, ends, |ended| ended == 4).await;
    assert_eq!(till.calls("once").len(), 1);
    assert_eq!(till.calls("race").len(), 1);
}

/// Two visits of one step, under these keys; what goes wrong is told.
fn loops(key: &str) -> String {
    format!(
        "do:
- all:
    for: {{ each: n, in: '${{ [1, 2] }}' }}
    do:
    - pay:
        call: http
        with: {{ method: post, endpoint: {{ uri: '${{ $workflow.input.base + \"/pay/loop\" }}' }} }}
        metadata: {{ windlass: {{ effect: {{ key: '${{ {key} }}', onUnknown: park }} }} }}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_visits_of_a_step_have_two_effects_or_one_is_refused() {
    let (site, till) = (Site::new().await, Till::new().await);
    site.publish("two", "", &loops(r#""two-\($n)""#)).await;
    site.publish("one", "", &loops(r#""one""#)).await;
    let two = site.submit("two", &till.input()).await;
    site.work(Secrets::new());
    assert_eq!(site.result(two, "completed").await, r#"{"receipt":2}"#);
    let keys = till.calls("loop");
    assert_ne!(keys[0], keys[1], "each visit has its idempotency key");

    let one = site.submit("one", &till.input()).await;
    let problem = site.result(one, "failed").await;

    assert!(problem.contains("another step of this job"), "{problem}");
    assert_eq!(till.calls("loop").len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_keeps_the_effect_and_its_key_and_a_refusal_frees_it() {
    let (site, till) = (Site::new().await, Till::new().await);
    let tries = "do:
- attempt:
    try:
      - pay:
          call: http
          with: { method: post, endpoint: { uri: '${ $workflow.input.base + \"/pay/shaky\" }' } }
          metadata: { windlass: { effect: { key: '${ \"shaky\" }', onUnknown: park } } }
    catch: { retry: { delay: PT0.05S, limit: { attempt: { count: 200 } } } }\n";
    site.publish("tries", "", tries).await;
    site.publish("pays", "", &pays("strict", "park")).await;
    till.does("shaky", Does::Refuses(503));
    till.does("strict", Does::Refuses(422));
    let tried = site.submit("tries", &till.input()).await;
    let refused = site.submit("pays", &till.input()).await;
    site.work(Secrets::new());
    till.called("shaky", 2).await;
    till.does("shaky", Does::Answers);
    site.result(tried, "completed").await;
    let problem = site.result(refused, "failed").await;
    assert!(problem.contains("422"), "{problem}");

    // Nothing was paid: another job may try.
    till.does("strict", Does::Answers);
    let again = site.submit("pays", &till.input()).await;
    site.result(again, "completed").await;

    let keys = till.calls("shaky");
    assert!(keys.iter().all(|key| key == &keys[0]), "{keys:?}");
    let keys = till.calls("strict");
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
}
