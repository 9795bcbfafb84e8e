//! What is told outside, for the tests of notices, callbacks and deliveries.

use serde_json::Value;
use windlass_engine::store::{CallbackView, DEFAULT_TENANT, TakenDelivery, Tried};

use super::Bench;
use super::recipe::apply;

/// A webhook that takes what `events` says.
pub fn webhook(name: &str, events: &str, rest: &str) -> String {
    format!(
        "windlass: v1\nkind: Webhook\nname: {name}\nurl: https://hooks.example\n\
         signing_key: {{ secret: {name}-key }}\nevents: [ {events} ]\n{rest}"
    )
}

pub async fn with_webhook(bench: &Bench, name: &str, events: &str, rest: &str) {
    apply(&bench.store, &[&webhook(name, events, rest)], "").await;
}

/// Everything that is to be told is told.
pub async fn tell(bench: &Bench) {
    while bench.store.tell_notices().await.expect("told").0 {}
}

/// Kind, event and `data` of all deliveries to a webhook, in their order.
pub async fn told(bench: &Bench, webhook: &str) -> Vec<(String, String, Value)> {
    let sql = "select kind, event, body from delivery where webhook = $1 order by id";
    let rows: Vec<(String, String, String)> = sqlx::query_as(sql)
        .bind(webhook)
        .fetch_all(&bench.pool)
        .await
        .expect("the deliveries");
    let read = rows.into_iter().map(|(kind, event, body)| {
        let body: Value = serde_json::from_str(&body).expect("an event");
        assert_eq!(body["type"], kind.as_str());
        (kind, event, body["data"].clone())
    });
    read.collect()
}

/// The kinds alone.
pub async fn kinds(bench: &Bench, webhook: &str) -> Vec<String> {
    let told = told(bench, webhook).await;
    told.into_iter().map(|(kind, ..)| kind).collect()
}

pub async fn callbacks(bench: &Bench, batch: i64) -> Vec<CallbackView> {
    let found = bench.store.callbacks(DEFAULT_TENANT, batch).await;
    found.expect("its callbacks")
}

/// The other side took it.
pub fn welcome() -> Tried {
    Tried {
        took: std::time::Duration::from_millis(12),
        status: Some(204),
        error: None,
        answer: None,
        again_after: None,
        is_gone: false,
    }
}

/// The other side answered 500; it is tried again after so many seconds.
pub fn unwelcome(seconds: Option<u64>) -> Tried {
    Tried {
        status: Some(500),
        error: Some("it answered 500".into()),
        answer: Some("oh no".into()),
        again_after: seconds.map(std::time::Duration::from_secs),
        ..welcome()
    }
}

pub async fn take(bench: &Bench) -> Vec<TakenDelivery> {
    bench.store.take_deliveries(&[], 16).await.expect("taken")
}

/// All that waits is due.
pub async fn hurry(bench: &Bench) {
    sqlx::query("update delivery set due = now() - interval '1 second' where state = 'waiting'")
        .execute(&bench.pool)
        .await
        .expect("hurried");
}
