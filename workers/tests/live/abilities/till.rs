//! A service outside that counts what it is asked to do, and does it once however it is asked.

use std::collections::HashMap;
use std::future::pending;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::abilities::site::eventually;

/// What the till does with a payment, by the part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    Answers,
    /// Takes the money and never says so.
    Hangs,
    /// Says so when it is told to.
    Waits,
    /// Takes nothing.
    Refuses(u16),
}

#[derive(Default)]
struct Book {
    opens: watch::Sender<bool>,
    /// Idempotency keys of all calls, by path.
    calls: HashMap<String, Vec<String>>,
    does: HashMap<String, Does>,
}

/// The service.
#[derive(Clone)]
pub struct Till {
    pub base: String,
    book: Arc<Mutex<Book>>,
}

type Shared = Arc<Mutex<Book>>;
/// A status, and JSON.
type Said = (StatusCode, [(HeaderName, &'static str); 1], String);

fn said(status: StatusCode, text: String) -> Said {
    (status, [(CONTENT_TYPE, "application/json")], text)
}

impl Till {
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let book = Shared::default();
        let router = Router::new()
            .route("/pay/{what}", post(pay))
            .route("/found", get(found))
            .with_state(book.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, book }
    }

    pub fn input(&self) -> String {
        format!(r#"{{"base":"{}"}}"#, self.base)
    }

    /// From now on, payments of this path are treated so.
    pub fn does(&self, what: &str, does: Does) {
        let mut book = self.book.lock().expect("no panic in it");
        book.does.insert(format!("/pay/{what}"), does);
    }

    /// Those that wait are answered.
    pub fn opens(&self) {
        let book = self.book.lock().expect("no panic in it");
        book.opens.send_replace(true);
    }

    /// The idempotency keys of the payments that were asked for.
    pub fn calls(&self, what: &str) -> Vec<String> {
        let book = self.book.lock().expect("no panic in it");
        let calls = book.calls.get(&format!("/pay/{what}"));
        calls.cloned().unwrap_or_default()
    }

    /// Waits until a payment was asked for so often.
    pub async fn called(&self, what: &str, times: usize) -> Vec<String> {
        eventually(async || {
            let calls = self.calls(what);
            let why = format!("{} calls of {what}", calls.len());
            (calls.len() >= times).then_some(calls).ok_or(why)
        })
        .await
    }
}

async fn pay(State(book): State<Shared>, uri: Uri, headers: HeaderMap) -> Said {
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok());
    let (does, receipt, mut opens) = {
        let mut book = book.lock().expect("no panic in it");
        let does = book.does.get(uri.path()).copied();
        let calls = book.calls.entry(uri.path().to_owned()).or_default();
        calls.push(key.unwrap_or_default().to_owned());
        let receipt = calls.len();
        let opens = book.opens.subscribe();
        (does.unwrap_or(Does::Answers), receipt, opens)
    };
    match does {
        Does::Answers => said(StatusCode::OK, format!(r#"{{"receipt":{receipt}}}"#)),
        Does::Hangs => pending().await,
        Does::Waits => {
            let opened = opens.wait_for(|is_open| *is_open).await;
            opened.expect("the till is open");
            said(StatusCode::OK, format!(r#"{{"receipt":{receipt}}}"#))
        }
        Does::Refuses(status) => {
            let status = StatusCode::from_u16(status).expect("a status");
            said(status, r#"{"why":"as the test says"}"#.to_owned())
        }
    }
}

/// Whether a payment was made: what a verification asks.
async fn found(State(book): State<Shared>, Query(asked): Query<HashMap<String, String>>) -> Said {
    let path = format!("/pay/{}", asked["what"]);
    let book = book.lock().expect("no panic in it");
    let done = book.calls.get(&path).is_some_and(|calls| !calls.is_empty());
    let text = format!(r#"{{"done":{done},"output":{{"receipt":"found"}}}}"#);
    said(StatusCode::OK, text)
}

/// One payment of that name, with this said of it.
pub fn pays(what: &str, said: &str) -> String {
    format!(
        "
use:
  functions:
    find:
      call: http
      with: {{ method: get, endpoint: {{ uri: '${{ .input.base + \"/found\" }}' }}, query: {{ what: '{what}' }} }}
do:
- pay:
    call: http
    with: {{ method: post, endpoint: {{ uri: '${{ $workflow.input.base + \"/pay/{what}\" }}' }} }}
    metadata: {{ windlass: {{ {said} }} }}
"
    )
}
