//! Secrets are sent and nowhere kept, a crash in between or not.

use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use windlass_workers::secret::Secrets;

use crate::abilities::site::Site;

/// The value of the secret, which no row may hold.
const CODEWORD: &str = "opensesame";

const ASKS: &str = r#"
use:
  secrets: [ crm, guardKey ]
  authentications: { guard: { bearer: { use: guardKey } } }
do:
  - one:
      call: does:1.0.0@default
      with: { key: '${ $secrets.crm.key }' }
      export: { as: '{ first: . }' }
  - two:
      call: http
      with:
        method: post
        endpoint: { uri: '${ $workflow.input.base + "/ask" }', authentication: { use: guard } }
        headers: { X-Key: '${ $secrets.crm.key }' }
        query: { k: '${ $secrets.crm.key }' }
        body: { says: '${ "is \($secrets.crm.key)" }' }
        output: response
      output: { as: '{ first: $context.first, second: . }' }
"#;

fn secrets() -> Secrets {
    Secrets::new()
        .with("crm", format!(r#"{{"key":"{CODEWORD}"}}"#))
        .with("guard-key", "guarded-token")
}

/// A service that says back all that it was asked, from its second request on.
struct Echo {
    base: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
    first: Arc<Notify>,
}

impl Echo {
    async fn new(hangs_first: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let echo = Self {
            base,
            asked: Arc::default(),
            first: Arc::default(),
        };
        let state = (echo.asked.clone(), echo.first.clone(), hangs_first);
        let router = Router::new().fallback(answer).with_state(state);
        tokio::spawn(async move { axum::serve(listener, router).await });
        echo
    }

    fn input(&self) -> String {
        format!(r#"{{"base":"{}"}}"#, self.base)
    }
}

type Shared = (Arc<Mutex<Vec<(String, String)>>>, Arc<Notify>, bool);

async fn answer(
    State((asked, first, hangs_first)): State<Shared>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> String {
    let text = |name: &str| {
        let line = headers.get(name).and_then(|line| line.to_str().ok());
        line.unwrap_or_default().to_owned()
    };
    let body = String::from_utf8_lossy(&body).into_owned();
    let said = format!("{uri} {} {} {body}", text("x-key"), text("authorization"));
    let count = {
        let mut asked = asked.lock().expect("no panic in it");
        asked.push((said.clone(), text("idempotency-key")));
        asked.len()
    };
    if count == 1 && hangs_first {
        first.notify_one();
        pending::<()>().await;
    }
    said
}

/// Rows that hold what nobody may keep.
async fn leaks(site: &Site) -> i64 {
    site.crowd
        .count(
            "select (select count(*) from journal where data ~ 'opensesame|guarded-token')
                  + (select count(*) from outcome where result ~ 'opensesame|guarded-token')
                  + (select count(*) from head where position('opensesame'::bytea in state) > 0)",
        )
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_reach_the_outside_and_no_row() {
    let (site, echo) = (Site::new().await, Echo::new(false).await);
    site.publish("asks", "", ASKS).await;
    let job = site.submit("asks", &echo.input()).await;

    site.work(secrets());
    let result = site.result(job, "completed").await;

    assert_eq!(site.called(1).await[0]["key"], CODEWORD);
    let (said, _) = echo.asked.lock().expect("no panic in it")[0].clone();
    let wants = r#"/ask?k=opensesame opensesame Bearer guarded-token {"says":"is opensesame"}"#;
    assert_eq!(said, wants);
    assert!(!result.contains(CODEWORD), "{result}");
    assert!(result.contains(r#""first":{"key":"[secret]"}"#), "{result}");
    assert!(!result.contains("windlass-secret"), "no marker: {result}");
    assert_eq!(leaks(&site).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_worker_was_lost_sends_the_same_again() {
    let (site, echo) = (Site::new().await, Echo::new(true).await);
    site.publish("asks", "", ASKS).await;
    let job = site.submit("asks", &echo.input()).await;
    let lost = site.work(secrets());
    echo.first.notified().await;

    lost.abort();
    site.work(secrets());
    site.result(job, "completed").await;

    let asked = echo.asked.lock().expect("no panic in it").clone();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0], asked[1], "the same text under the same key");
    assert!(asked[0].0.contains(CODEWORD));
    assert_eq!(
        site.called(1).await.len(),
        1,
        "what was recorded stays done"
    );
    assert_eq!(leaks(&site).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_secret_fails_the_step_with_its_code() {
    let (site, echo) = (Site::new().await, Echo::new(false).await);
    site.publish("asks", "", ASKS).await;
    let job = site.submit("asks", &echo.input()).await;

    site.work(Secrets::new());
    let problem = site.result(job, "failed").await;

    assert!(
        problem.contains("secret.missing") && problem.contains("crm.key"),
        "{problem}"
    );
    assert!(
        problem.contains("403") && problem.contains("/do/0/one"),
        "{problem}"
    );
    assert!(echo.asked.lock().expect("no panic in it").is_empty());
}
