//! What a job publishes of itself, heard by whoever listens.

use windlass_workers::secret::Secrets;

use crate::abilities::site::Site;

const TOLD: &str = ", metadata: { windlass: { lifecycle: task } }";
const QUIET: &str = "do: [ { done: { set: { n: 1 } } } ]\n";
/// Begins when a job of `order` has completed.
const FOLLOWS: &str = "schedule: { on: { one: { with: { type: io.serverlessworkflow.workflow.completed.v1, source: /test/order/1.0.0 } } } }
do: [ { keep: { set: { of: '${ .[0].subject }' } } } ]
";

/// Publishes it with all that a release can do.
async fn publish(site: &Site, name: &str, metadata: &str, rest: &str) {
    let text = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: {name}, version: '1.0.0'{metadata} }}\n{rest}"
    );
    let published = site.store.publish_source(1, &text).await;
    published.expect("published");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_completes_starts_one_of_another_template() {
    let site = Site::new().await;
    publish(&site, "follow", "", FOLLOWS).await;
    publish(&site, "order", TOLD, QUIET).await;
    site.publish("silent", "", QUIET).await;
    site.work(Secrets::new());
    let silent = site.submit("silent", "{}").await;
    site.result(silent, "completed").await;

    let order = site.submit("order", "{}").await;
    site.result(order, "completed").await;

    let follower = site.next_job(order).await;
    let result = site.result(follower, "completed").await;
    assert_eq!(result, format!(r#"{{"of":"j_{order}"}}"#));
    let told = "select count(distinct uid) from event where data like '%/test/order/1.0.0%' and kind like 'io.serverless%'";
    assert_eq!(
        site.crowd.count(told).await,
        5,
        "the job began and ended, its task was made, began and ended"
    );
}
