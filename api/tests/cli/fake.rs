//! A server that answers as it is told, for what the real one says too seldom.

use std::collections::HashMap;

use axum::extract::Query;
use axum::http::StatusCode;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Listens until it is dropped.
pub struct Fake {
    address: String,
    task: JoinHandle<()>,
}

impl Fake {
    /// Answers everything alike.
    pub async fn answering(status: StatusCode, body: Value) -> Self {
        Self::serving(Router::new().fallback(async move || (status, Json(body.clone())))).await
    }

    /// A list of `count` jobs, one a page.
    pub async fn pages(count: u32) -> Self {
        let page = async move |Query(query): Query<HashMap<String, String>>| {
            let number: u32 = query
                .get("cursor")
                .map_or(1, |cursor| cursor.parse().expect("one of ours"));
            let next = (number < count).then(|| (number + 1).to_string());
            Json(json!({"items": [{"id": format!("j_{number}")}], "next_cursor": next}))
        };
        Self::serving(Router::new().fallback(page)).await
    }

    /// Answers a stream of rows: the one without a template is wrong.
    pub async fn rows() -> Self {
        let answer = async move |body: String| {
            let rows = body.lines().enumerate();
            let lines: Vec<String> = rows
                .map(|(place, line)| {
                    let is_sound = line.contains("template");
                    let status = if is_sound { "created" } else { "invalid" };
                    json!({"row": place + 1, "status": status}).to_string() + "\n"
                })
                .collect();
            lines.concat()
        };
        Self::serving(Router::new().fallback(answer)).await
    }

    async fn serving(router: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serving");
        });
        Self { address, task }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}
