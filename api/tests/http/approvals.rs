//! Approvals: listed, shown, decided once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use windlass_engine::testing::TestDatabase;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::NoConnections;
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workers::{Worker, WorkerOptions};

use crate::site::Site;

const PATIENCE: Duration = Duration::from_secs(60);
const ASKS: &str = "
document: { dsl: '1.0.3', namespace: examples, name: asks, version: '1.0.0' }
do:
  - ask: { call: 'approval:1.0.0@default', with: { subject: 'Go?', assignees: [ maria ] } }
";

/// A worker, until the token is cancelled.
async fn work(site: &Site, database: &TestDatabase) -> CancellationToken {
    let performer = Performer::new(
        PerformerOptions::default(),
        Arc::new(NoConnections),
        Secrets::new(),
        Catalogue::new(),
    );
    let performer = performer.expect("a performer");
    let connect = database.options("test worker");
    let options = WorkerOptions::default();
    let worker = Worker::new(site.store.clone(), connect, performer, options);
    let stop = CancellationToken::new();
    tokio::spawn(worker.run(stop.clone()));
    stop
}

/// What waits for maria, once something does.
async fn asked(site: &Site) -> Value {
    let since = Instant::now();
    loop {
        let list = site.get("/v1/approvals?assignee=maria").await.ok(200);
        if let Some(found) = list["items"].get(0) {
            return found.clone();
        }
        assert!(since.elapsed() < PATIENCE, "nobody asks");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_approval_is_listed_shown_and_decided_once() {
    let database = TestDatabase::new().await;
    let site = Site::over(database.store().await).await;
    let files = json!({ "files": [{ "name": "asks.yaml", "text": ASKS }] });
    site.post("/v1/apply", &files).await.ok(200);
    let stop = work(&site, &database).await;
    let body = json!({ "template": "examples.asks", "input": {} });
    site.post("/v1/requests", &body).await.ok(201);
    let open = asked(&site).await;
    let id = open["id"].as_str().expect("an id").to_owned();
    let path = format!("/v1/approvals/{id}");
    assert_eq!(site.get(&path).await.ok(200), open);
    assert_eq!(open["state"], "open");
    let others = site.get("/v1/approvals?assignee=leo").await.ok(200);
    assert_eq!(others["items"], json!([]));

    let decision = format!("{path}/decision");
    let wrong = json!({ "decision": "maybe" });
    site.post(&decision, &wrong).await.problem(422, "invalid");
    let first = json!({ "decision": "refuse", "by": "maria", "comment": "not yet" });
    let decided = site.post(&decision, &first).await.ok(200);
    assert_eq!(
        (&decided["state"], &decided["by"], &decided["comment"]),
        (&json!("decided"), &json!("maria"), &json!("not yet"))
    );
    let second = json!({ "decision": "approve", "by": "leo" });
    let problem = site.post(&decision, &second).await;
    let problem = problem.problem(409, "approval_decided");
    let detail = problem["detail"].as_str().expect("a text");
    assert!(detail.contains("`refuse` by maria"), "{detail}");
    let ended = site.get("/v1/approvals?state=ended").await.ok(200);
    assert_eq!(ended["items"][0]["id"], id.as_str());
    stop.cancel();
}

#[tokio::test]
async fn what_no_index_finds_and_what_is_not_there_is_refused() {
    let site = Site::new().await;

    let both = "/v1/approvals?state=ended&assignee=maria";
    site.get(both).await.problem(422, "invalid");
    let unknown = site.get("/v1/approvals?state=late").await;
    unknown.problem(400, "malformed");
    let missing = site.get("/v1/approvals/a_7").await;
    missing.problem(404, "not_found");
    let decision = json!({ "decision": "approve" });
    let missing = site.post("/v1/approvals/a_7/decision", &decision).await;
    missing.problem(404, "not_found");
}
