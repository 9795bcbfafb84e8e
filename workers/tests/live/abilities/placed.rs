//! Calls that say where they are made: by a job of their own, whose end is the step's.

use std::time::Duration;

use windlass_engine::testing::application;
use windlass_workers::WorkerOptions;
use windlass_workers::secret::Secrets;

use crate::abilities::site::{Site, eventually};
use crate::abilities::till::{Does, Till, pays};

/// One call of the handler, with this said of it.
pub fn asks(with: &str, said: &str) -> String {
    format!(
        "do: [ {{ ask: {{ call: 'does:1.0.0@default', with: {with}, metadata: {{ windlass: {{ {said} }} }} }} }} ]"
    )
}

fn offering(words: &[&str]) -> WorkerOptions {
    WorkerOptions {
        capabilities: words.iter().map(|word| (*word).to_owned()).collect(),
        ..WorkerOptions::default()
    }
}

/// Why a job does not run.
pub async fn explained(site: &Site, job: i64) -> String {
    let why = site.store.explain(1, job, Duration::from_secs(30)).await;
    let texts = why.expect("reasons").into_iter().map(|one| one.text);
    texts.collect::<Vec<_>>().join("; ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_goes_to_the_queue_and_the_worker_that_it_asks_for() {
    let site = Site::new().await;
    let said = "queue: '${ .queue }', needs: { gpu: '${ .gpu }' }";
    site.publish("asks", "", &asks("{ n: '${ .n }' }", said))
        .await;
    let input = r#"{"queue":"slow","gpu":true,"n":3}"#;
    let job = site.submit("asks", input).await;
    site.work(Secrets::new());

    let step = site.child_of(job).await;
    site.until(job, "waiting").await;
    let view = site.view(step).await;
    assert_eq!(view.queue, "slow");
    assert_eq!(view.template, "test.asks/do-0-ask@1.0.0");
    assert_eq!(
        explained(&site, job).await,
        format!("its step is done by the job j_{step}, which is ready in the queue `slow`")
    );
    let why = explained(&site, step).await;
    assert!(
        why.contains("no living worker offers `does:1.0.0,gpu`"),
        "{why}"
    );
    let bare = "select count(*) from lane where capability = ''";
    assert_eq!(
        site.crowd.count(bare).await,
        1,
        "the job itself needs nothing"
    );
    site.work_with(Secrets::new(), offering(&["gpu"]));

    assert_eq!(site.result(job, "completed").await, r#"{"n":3}"#);
    assert_eq!(site.called(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_output_and_an_error_are_those_of_a_call_of_the_job_itself() {
    let site = Site::new().await;
    let secret = Secrets::new();
    for (name, said) in [("inline", "heartbeat: PT30S"), ("placed", "queue: slow")] {
        let gives = format!("{name}-gives");
        let fails = format!("{name}-fails");
        site.publish(&gives, "", &asks("{ n: '${ .n }' }", said))
            .await;
        site.publish(&fails, "", &asks("{ fails: true }", said))
            .await;
    }
    site.work(secret);

    let mut results = Vec::new();
    for (kind, end) in [("gives", "completed"), ("fails", "failed")] {
        for name in ["inline", "placed"] {
            let job = site.submit(&format!("{name}-{kind}"), r#"{"n":7}"#).await;
            results.push(site.result(job, end).await);
        }
    }

    assert_eq!(results[0], results[1]);
    assert_eq!(results[2], results[3]);
    assert!(results[3].contains("/do/0/ask"), "{}", results[3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_counts_the_steps_of_all_jobs() {
    let (site, till) = (Site::new().await, Till::new().await);
    let limit = "windlass: v1\nkind: Limit\nname: crm\nconcurrency: 1\nkey: '${ .crm }'\n";
    let applied = site.store.apply(application(&[limit])).await;
    applied.expect("applied");
    till.does("one", Does::Waits);
    site.publish("pays", "", &pays("one", "limits: [ 'crm:acme' ]"))
        .await;
    let first = site.submit("pays", &till.input()).await;
    site.work(Secrets::new());
    till.called("one", 1).await;

    let second = site.submit("pays", &till.input()).await;
    let waits = site.child_of(second).await;
    eventually(async || {
        let why = explained(&site, waits).await;
        why.contains("crm").then_some(()).ok_or(why)
    })
    .await;
    assert_eq!(till.calls("one").len(), 1);
    assert_eq!(site.view(second).await.state.as_str(), "waiting");
    till.opens();

    site.result(first, "completed").await;
    site.result(second, "completed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgent_step_stands_before_one_that_came_earlier() {
    let site = Site::new().await;
    let said = "priority: '${ .priority }', needs: { gpu: true }";
    let tasks = asks("{ n: '${ .priority }' }", said);
    site.publish("asks", "", &tasks).await;
    site.work(Secrets::new());
    for priority in ["bulk", "urgent"] {
        let input = format!(r#"{{"priority":"{priority}"}}"#);
        let job = site.submit("asks", &input).await;
        site.child_of(job).await;
        site.until(job, "waiting").await;
    }

    let before = "select count(*) from ready urgent join ready bulk on urgent.eff < bulk.eff
        where urgent.priority = 3600 and bulk.priority = -3600";
    assert_eq!(site.crowd.count(before).await, 1);
    site.work_with(Secrets::new(), offering(&["gpu"]));
    site.called(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_nobody_starts_in_time_is_an_error_that_can_be_caught() {
    let site = Site::new().await;
    let tasks = "do:
- attempt:
    try:
      - ask: { call: 'other:1.0.0@default', metadata: { windlass: { startBy: PT0.2S } } }
    catch:
      errors: { with: { type: https://serverlessworkflow.io/spec/1.0.0/errors/timeout, status: 408 } }
      do: [ { note: { set: { late: '${ $error.title }' } } } ]\n";
    site.publish("late", "", tasks).await;
    let job = site.submit("late", "{}").await;

    // No worker offers that handler; the job itself needs none.
    site.work(Secrets::new());

    let result = site.result(job, "completed").await;
    assert!(result.contains("was not started in time"), "{result}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_that_runs_longer_than_it_may_is_stopped_where_it_runs() {
    let site = Site::new().await;
    site.publish(
        "hangs",
        "",
        &asks("{ hangs: true }", "queue: slow, runTime: PT0.1S"),
    )
    .await;
    let job = site.submit("hangs", "{}").await;

    site.work(Secrets::new());

    let problem = site.result(job, "failed").await;
    assert!(
        problem.contains("runTime") && problem.contains("408"),
        "{problem}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_is_another_job_that_asks_under_the_same_key() {
    let (site, till) = (Site::new().await, Till::new().await);
    let tasks = "do:
- attempt:
    try:
      - pay:
          call: http
          with: { method: post, endpoint: { uri: '${ $workflow.input.base + \"/pay/again\" }' } }
          metadata: { windlass: { queue: slow, effect: { key: '${ \"again\" }', onUnknown: redo } } }
    catch: { retry: { delay: PT0.1S, limit: { attempt: { count: 50 } } } }\n";
    site.publish("again", "", tasks).await;
    till.does("again", Does::Refuses(503));
    let job = site.submit("again", &till.input()).await;
    site.work(Secrets::new());
    till.called("again", 2).await;

    till.does("again", Does::Answers);

    site.result(job, "completed").await;
    let keys = till.calls("again");
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(
        keys[0].contains(&format!("j{job}-")),
        "the key of its own step"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cancels_a_job_cancels_its_step() {
    let site = Site::new().await;
    site.publish("hangs", "", &asks("{ hangs: true }", "queue: slow"))
        .await;
    let job = site.submit("hangs", "{}").await;
    site.work(Secrets::new());
    site.called(1).await;
    let step = site.child_of(job).await;
    site.until(job, "waiting").await;

    let cancelled = site.store.cancel(1, job, "mia", "enough").await;
    cancelled.expect("asked");

    site.result(job, "cancelled").await;
    site.result(step, "cancelled").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_whose_worker_was_lost_asks_again_under_the_same_key() {
    let (site, till) = (Site::new().await, Till::new().await);
    site.publish("pays", "", &pays("lost", "queue: slow")).await;
    till.does("lost", Does::Hangs);
    let job = site.submit("pays", &till.input()).await;
    let lost = site.work(Secrets::new());
    till.called("lost", 1).await;
    site.until(job, "waiting").await;
    till.does("lost", Does::Answers);

    lost.abort();
    site.work(Secrets::new());

    assert_eq!(site.result(job, "completed").await, r#"{"receipt":2}"#);
    let keys = till.calls("lost");
    assert_eq!(keys[0], keys[1]);
    let steps = "select count(*) from job where parent is not null";
    assert_eq!(site.crowd.count(steps).await, 1, "it is the same job");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_none_fails_the_step() {
    let site = Site::new().await;
    for (name, said) in [
        ("unheard", "priority: '${ \"soon\" }'"),
        ("unlimited", "limits: [ other ]"),
    ] {
        site.publish(name, "", &asks("{ n: 1 }", said)).await;
    }
    site.work(Secrets::new());
    for (name, wants) in [
        ("unheard", "`priority` cannot be"),
        ("unlimited", "there is no limit `other`"),
    ] {
        let job = site.submit(name, "{}").await;

        let problem = site.result(job, "failed").await;

        assert!(problem.contains(wants), "{problem}");
    }
}
