//! What a cancelled job undoes, whoever has it meanwhile.

use windlass_workers::secret::Secrets;

use crate::abilities::site::Site;

/// Two steps that can be undone, and a wait; the undo of the second hangs if the input says so.
const BOOKS: &str = "do:
- trip:
    do:
      - hotel: { call: 'does:1.0.0@default', with: { book: hotel }, metadata: { windlass: { undo: { call: 'does:1.0.0@default', with: { undo: '${ $output.book }' } } } } }
      - flight: { call: 'does:1.0.0@default', with: { book: flight }, metadata: { windlass: { undo: { call: 'does:1.0.0@default', with: { undo: '${ $output.book }', hangs: '${ $workflow.input.hangs }' } } } } }
      - rest: { wait: PT1H }
    metadata: { windlass: { compensate: onCancel } }\n";

/// Books a hotel, which can be undone, then makes the call `second`; undone as `compensate` says.
fn trip(second: &str, compensate: &str) -> String {
    format!(
        "do:
- trip:
    do:
      - hotel: {{ call: 'does:1.0.0@default', with: {{ book: hotel }}, metadata: {{ windlass: {{ undo: {{ call: 'does:1.0.0@default', with: {{ undo: '${{ $output.book }}' }} }} }} }} }}
      - second: {{ call: 'does:1.0.0@default', with: {second} }}
    metadata: {{ windlass: {{ compensate: {compensate} }} }}\n"
    )
}

/// A job of that template under a worker that is in its second step and cancelled meanwhile.
async fn cancelled_in_the_second_step(site: &Site, tasks: &str) -> i64 {
    site.publish("books", "", tasks).await;
    let job = site.submit("books", "{}").await;
    site.work(Secrets::new());
    site.called(2).await;
    cancel(site, job).await;
    job
}

async fn cancel(site: &Site, job: i64) {
    let asked = site.store.cancel(1, job, "mia", "enough").await;
    asked.expect("asked");
}

fn texts(calls: &[serde_json::Value]) -> Vec<&str> {
    let undone = calls.iter().filter_map(|call| call["undo"].as_str());
    undone.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_job_undoes_what_it_did_last_first() {
    let site = Site::new().await;
    site.publish("books", "", BOOKS).await;
    let job = site.submit("books", "{}").await;
    site.work(Secrets::new());
    site.until(job, "waiting").await;

    cancel(&site, job).await;
    let result = site.result(job, "cancelled").await;

    assert!(result.contains("enough"), "{result}");
    assert_eq!(texts(&site.called(4).await), ["flight", "hotel"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn undos_go_on_with_the_next_worker() {
    let site = Site::new().await;
    site.publish("books", "", BOOKS).await;
    let job = site.submit("books", r#"{"hangs":true}"#).await;
    let lost = site.work(Secrets::new());
    site.until(job, "waiting").await;
    cancel(&site, job).await;
    site.called(3).await;

    lost.abort();
    site.work(Secrets::new());

    assert_eq!(texts(&site.called(4).await), ["flight", "flight"]);
    site.store.kill(1, job, "mia", "").await.expect("killed");
    site.until(job, "cancelled").await;
    assert_eq!(site.called(4).await.len(), 4, "a kill undoes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_job_that_is_cancelled_waits_for_its_step_and_undoes_that_too() {
    let site = Site::new().await;
    let tasks = trip("{ hangs: true }", "onFailureOrCancel");
    let job = cancelled_in_the_second_step(&site, &tasks).await;

    site.result(job, "cancelled").await;

    assert_eq!(texts(&site.called(3).await), ["hotel"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_wants_a_person_just_as_it_is_cancelled_undoes_what_it_did() {
    let site = Site::new().await;
    let tasks = trip("{ parks: true }", "onCancel");
    let job = cancelled_in_the_second_step(&site, &tasks).await;

    // Its worker has not heard of it yet, most often; what it records is refused for certain.
    site.gate.notify_one();
    site.result(job, "cancelled").await;

    assert_eq!(texts(&site.called(3).await), ["hotel"]);
}
