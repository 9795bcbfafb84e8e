//! Where, how urgently and how long work runs: as its template says.

use std::time::Duration;

use windlass_engine::testing::application;
use windlass_workers::WorkerOptions;
use windlass_workers::secret::Secrets;

use crate::abilities::site::Site;

const WAITS: &str = "do: [ { rest: { wait: PT1H } } ]";
const LIMIT: &str = "windlass: v1\nkind: Limit\nname: crm\nconcurrency: 1\nkey: '${ .crm }'\n";

/// Starts a child with this said of it.
fn starts(said: &str) -> String {
    format!(
        "do:
- start:
    run: {{ workflow: {{ namespace: test, name: waits, version: '1.0.0' }} }}
    metadata: {{ windlass: {{ {said} }} }}\n"
    )
}

async fn site_with_limit() -> Site {
    let site = Site::new().await;
    let limit = application(&[LIMIT]);
    site.store.apply(limit).await.expect("applied");
    site.publish("waits", "", WAITS).await;
    site
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_is_born_where_its_parent_says() {
    let site = site_with_limit().await;
    let said =
        "queue: '${ .queue }', priority: high, limits: [ '${ \"crm:\\(.crm)\" }' ], startBy: PT1H";
    site.publish("starts", "", &starts(said)).await;
    let parent = site
        .submit("starts", r#"{"queue":"slow","crm":"acme"}"#)
        .await;
    site.work(Secrets::new());

    let child = site.child_of(parent).await;

    let view = site.until(child, "waiting").await;
    assert_eq!(view.queue, "slow");
    let keyed = site
        .crowd
        .count("select count(*) from lane where queue = 'slow' and limit_keys = array['crm:acme']")
        .await;
    assert_eq!(keyed, 1);
    let urgent = site
        .crowd
        .count("select count(*) from wait where priority = 600 and n = 0")
        .await;
    assert_eq!(urgent, 1);
    let bounded = site
        .crowd
        .count("select count(*) from job where parent is not null and expires_at > now() + interval '50 minutes'")
        .await;
    assert_eq!(bounded, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_nobody_starts_in_time_expires_and_its_parent_is_told() {
    let site = Site::new().await;
    // No worker offers this handler.
    let other = "do: [ { ask: { call: 'other:1.0.0@default' } } ]";
    site.publish("waits", "", other).await;
    site.publish("starts", "", &starts("startBy: PT0.2S")).await;
    let parent = site.submit("starts", "{}").await;

    site.work(Secrets::new());
    let problem = site.result(parent, "failed").await;

    assert!(
        problem.contains("timeout") && problem.contains("was not started in time"),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_is_not_there_or_a_word_that_does_not_fit_fails_the_start() {
    let site = site_with_limit().await;
    for (name, said) in [
        ("unlimited", "limits: [ other ]"),
        ("unheard", "priority: '${ \"soon\" }'"),
    ] {
        site.publish(name, "", &starts(said)).await;
    }
    site.work(Secrets::new());
    for (name, wants) in [
        ("unlimited", "there is no limit `other`"),
        ("unheard", "`priority` cannot be"),
    ] {
        let parent = site.submit(name, "{}").await;

        let problem = site.result(parent, "failed").await;

        assert!(problem.contains(wants), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_runs_longer_than_it_may_is_stopped_and_can_be_caught() {
    let site = Site::new().await;
    let tasks = "do:
- attempt:
    try:
      - hang: { call: 'does:1.0.0@default', with: { hangs: true }, metadata: { windlass: { runTime: PT0.1S } } }
    catch:
      errors: { with: { status: 408 } }
      do: [ { note: { set: { late: '${ $error.title }' } } } ]\n";
    site.publish("hangs", "", tasks).await;
    let job = site.submit("hangs", "{}").await;

    site.work(Secrets::new());

    let result = site.result(job, "completed").await;
    assert!(result.contains("runTime"), "{result}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_counts_from_the_submission_on() {
    let site = Site::new().await;
    let metadata = |length: &str| format!(", metadata: {{ windlass: {{ deadline: {length} }} }}");
    let hangs = "do: [ { hang: { call: 'does:1.0.0@default', with: { hangs: true } } } ]";
    site.publish("late", &metadata("PT0S"), hangs).await;
    site.publish("soon", &metadata("PT2S"), WAITS).await;
    let late = site.submit("late", "{}").await;
    let soon = site.submit("soon", "{}").await;

    site.work(Secrets::new());

    let problem = site.result(late, "failed").await;
    assert!(problem.contains("deadline"), "{problem}");
    assert!(
        site.calls.lock().expect("no panic in it").is_empty(),
        "nothing began"
    );
    let problem = site.result(soon, "failed").await;
    assert!(problem.contains("408"), "{problem}");
}

/// A worker that has what templates ask for.
fn offering(words: &[&str]) -> WorkerOptions {
    WorkerOptions {
        capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
        ..WorkerOptions::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_waits_for_a_worker_that_has_what_it_needs() {
    let site = Site::new().await;
    let step = "do: [ { ask: { call: 'does:1.0.0@default', with: { n: 1 }, metadata: { windlass: { needs: { gpu: true } } } } } ]";
    let region = ", metadata: { windlass: { needs: { region: eu } } }";
    site.publish("heavy", region, step).await;
    let job = site.submit("heavy", "{}").await;
    site.work(Secrets::new());
    site.work_with(Secrets::new(), offering(&["gpu"]));
    let plain = "do: [ { ask: { call: 'does:1.0.0@default', with: { n: 2 } } } ]";
    site.publish("light", "", plain).await;
    let light = site.submit("light", "{}").await;
    site.result(light, "completed").await;

    let why = site.store.explain(1, job, Duration::from_secs(30)).await;
    let why = format!("{:?}", why.expect("reasons"));
    assert!(
        why.contains("no living worker offers `does:1.0.0,gpu,region=eu`"),
        "{why}"
    );
    assert_eq!(site.view(job).await.state.as_str(), "ready");
    site.work_with(Secrets::new(), offering(&["gpu", "region", "region=eu"]));

    site.result(job, "completed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_is_given_to_a_worker_that_its_parent_asks_for() {
    let site = Site::new().await;
    site.publish("waits", "", WAITS).await;
    site.publish("starts", "", &starts("needs: { gpu: '${ .gpu }' }"))
        .await;
    let parent = site.submit("starts", r#"{"gpu":"a100"}"#).await;
    site.work(Secrets::new());

    let child = site.child_of(parent).await;
    assert_eq!(site.view(child).await.state.as_str(), "ready");
    let lanes = "select count(*) from lane where capability = 'gpu=a100'";
    assert_eq!(site.crowd.count(lanes).await, 1);
    site.work_with(Secrets::new(), offering(&["gpu", "gpu=a100"]));

    site.until(child, "waiting").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pinned_child_is_that_of_the_publication() {
    let site = site_with_limit().await;
    let pins = starts("pin: publish").replace("'1.0.0'", "latest");
    site.publish("pins", "", &pins).await;
    site.publish_as("waits", "1.1.0", "", WAITS).await;
    let parent = site.submit("pins", "{}").await;
    site.work(Secrets::new());

    let child = site.child_of(parent).await;

    let view = site.until(child, "waiting").await;
    assert_eq!(view.template, "test.waits@1.0.0");
}
