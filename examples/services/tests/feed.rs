//! The feed of incidents and the receiver of deliveries.

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use windlass_sample_services::router;

use crate::common::send;

async fn page(router: &Router, query: &str) -> (StatusCode, Value) {
    let request = Request::get(format!("/incidents{query}"));
    let (status, text) = send(router, request.body(Body::empty()).expect("a request")).await;
    (status, serde_json::from_str(&text).expect("JSON"))
}

#[tokio::test]
async fn every_report_stands_on_one_page() {
    let router = router();
    let (mut query, mut found, mut sizes) = (String::new(), Vec::new(), Vec::new());
    loop {
        let (status, page) = page(&router, &query).await;
        assert_eq!(status, StatusCode::OK);
        let reports = page["data"].as_array().expect("a list");
        sizes.push(reports.len());
        found.extend(reports.iter().map(|one| one["incident_id"].to_string()));
        match page["meta"]["next"].as_str() {
            Some(next) => query = format!("?since=2002-07-01&after={next}"),
            None => break,
        }
    }

    assert_eq!(sizes, [10, 10, 5]);
    found.dedup();
    assert_eq!(found.len(), 25);
    let (status, _) = page(&router, "?after=nobody").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_delivery_is_taken_and_all_else_refused() {
    let router = router();
    let post = |headers: &[&str]| {
        let request = headers
            .iter()
            .fold(Request::post("/hooks/operations"), |request, name| {
                request.header(*name, "x")
            });
        request.body(Body::from("{}")).expect("a request")
    };

    let signed = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    assert_eq!(send(&router, post(&signed)).await.0, StatusCode::NO_CONTENT);
    let (status, text) = send(&router, post(&signed[..2])).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text.contains("webhook-signature"), "{text}");
}
