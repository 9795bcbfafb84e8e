//! Two of the sample templates, as their authors wrote them but for the addresses: started by their own schedule, and
//! executed.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{TimeDelta, Utc};
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use windlass_engine::Error;
use windlass_engine::protocol::Occurrence;
use windlass_engine::testing::application;
use windlass_workers::secret::Secrets;

use crate::abilities::site::Site;

/// What was asked of the service: method, path.
type Asked = Arc<Mutex<Vec<String>>>;

/// A service that books, plans two shards, and cannot sweep the second one.
async fn service() -> (String, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let base = format!("http://{}", listener.local_addr().expect("bound"));
    let asked = Asked::default();
    let router = Router::new().fallback(answer).with_state(asked.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (base, asked)
}

async fn answer(State(asked): State<Asked>, method: Method, uri: Uri) -> Response {
    let line = format!("{method} {}", uri.path());
    asked.lock().expect("no panic in it").push(line.clone());
    let json = [(header::CONTENT_TYPE, "application/json")];
    match line.as_str() {
        "POST /v1/retention/plan" => (json, r#"{"shards":[{"id":1},{"id":2}]}"#).into_response(),
        "DELETE /v1/shards/2/expired" => StatusCode::FORBIDDEN.into_response(),
        _ => (json, r#"{"booking":"b-1"}"#).into_response(),
    }
}

/// A sample, with another address.
fn sample(name: &str, address: &str, base: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflows/tests/samples");
    let text = std::fs::read_to_string(folder.join(name)).expect("a file");
    assert!(text.contains(address));
    text.replace(address, base)
}

async fn tell(site: &Site, kind: &str, id: &str, order: &str) {
    let data = format!(r#"{{"orderId":"{order}"}}"#);
    let event = Occurrence {
        kind: kind.to_owned(),
        id: id.to_owned(),
        source: "/shop".to_owned(),
        subject: None,
        data: Some(RawValue::from_string(data).expect("JSON")),
        at: Utc::now(),
    };
    site.store.tell(1, vec![event]).await.expect("told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_shipped_once_it_is_paid_and_packed() {
    let (site, (base, asked)) = (Site::new().await, service().await);
    let template = sample(
        "11-order-sync.yaml",
        "https://carrier.internal.example",
        &base,
    );
    site.store
        .publish_source(1, &template)
        .await
        .expect("published");
    site.work(Secrets::new());

    tell(&site, "com.example.orders.packed.v1", "e1", "o-1").await;
    tell(&site, "com.example.orders.paid.v1", "e2", "o-2").await;
    tell(&site, "com.example.orders.paid.v1", "e3", "o-1").await;
    let job = site.first_job().await;
    site.result(job, "completed").await;

    assert_eq!(
        *asked.lock().expect("no panic in it"),
        ["POST /v1/bookings"]
    );
    let shipped = "select count(*) from event_new where kind = 'com.example.orders.shipped.v1'
                   union all
                   select count(*) from event where kind = 'com.example.orders.shipped.v1' and subject = 'o-1'
                   order by 1 desc limit 1";
    assert_eq!(site.crowd.count(shipped).await, 1);
    let view = site
        .store
        .schedule(1, "orders/ship-when-paid-and-packed")
        .await
        .expect("it");
    assert_eq!(
        (view.gathering, view.lost),
        (1, 0),
        "the other order is not packed"
    );
    assert_eq!(site.crowd.count("select count(*) from job").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_runs_on_sunday_in_its_zone() {
    let (site, (base, asked)) = (Site::new().await, service().await);
    site.store.enter_development().await.expect("development");
    let text = sample(
        "12-weekly-retention.yaml",
        "https://archive.internal.example",
        &base,
    );
    let without = site.store.publish_source(1, &text).await;
    match without {
        Err(Error::Invalid { problems }) => {
            let codes: Vec<_> = problems.iter().map(|problem| &*problem.code).collect();
            assert_eq!(codes, ["unknown_reference"]);
        }
        other => panic!("{other:?}"),
    }
    // Its Sundays are closed, and nothing says that it would not run then.
    let calendar = "windlass: v1\nkind: Calendar\nname: company-holidays\n";
    let applied = site.store.apply(application(&[calendar])).await;
    applied.expect("applied");
    let template = text
        // The test does not wait two minutes for the last try.
        .replace("delay: { minutes: 1 }", "delay: PT0.05S");
    let published = site.store.publish_source(1, &template).await;
    published.expect("published");
    site.work(Secrets::new().with("archive-key", "guarded-token"));

    let now = site.store.clock().await.expect("the clock").now;
    let moved = site.store.set_clock(now + TimeDelta::days(7)).await;
    moved.expect("moved");
    let job = site.first_job().await;
    site.result(job, "completed").await;

    let asked = asked.lock().expect("no panic in it").clone();
    assert_eq!(
        asked[..2],
        ["POST /v1/retention/plan", "DELETE /v1/shards/1/expired"]
    );
    assert_eq!(
        asked.len(),
        5,
        "the second shard was tried three times: {asked:?}"
    );
    let sunday_at_three = "select count(*) from slot
        where state in ('fired', 'late') and extract(dow from at at time zone 'Europe/Berlin') = 0
          and extract(hour from at at time zone 'Europe/Berlin') = 3";
    assert_eq!(site.crowd.count(sunday_at_three).await, 1);
    tokio::time::timeout(Duration::from_secs(30), async {
        while site
            .crowd
            .count("select count(*) from event where kind like '%retention.incomplete.v1'")
            .await
            == 0
        {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("what could not be swept was told");
}
