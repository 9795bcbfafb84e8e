//! What every answer has, and what every error is.

use axum::http::Method;
use serde_json::json;
use windlass_engine::Store;
use windlass_engine::testing::{TestCluster, TestDatabase};

use crate::site::Site;

#[tokio::test]
async fn every_answer_has_an_id_and_security_headers() {
    let site = Site::new().await;

    for path in ["/livez", "/v1/jobs", "/v1/nothing"] {
        let answer = site
            .send(Method::GET, path, &[("x-request-id", "mine")], "")
            .await;
        assert_eq!(answer.header("x-request-id"), "mine", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("default-src 'none'"),
            "{path}"
        );
    }
    assert_ne!(site.get("/livez").await.header("x-request-id"), "");
}

#[tokio::test]
async fn errors_of_every_layer_are_problem_documents() {
    let site = Site::new().await;
    let large = format!("\"{}\"", "x".repeat(1 << 20));

    let path = site.get("/v1/nothing").await.problem(404, "unknown_path");
    let method = site.send(Method::DELETE, "/v1/jobs", &[], "").await;
    let body = site.typed("/v1/clock", "application/json", &large).await;
    let media = site.typed("/v1/clock", "text/plain", "{}").await;
    let query = site
        .get("/v1/templates?page=2")
        .await
        .problem(400, "malformed");

    assert_eq!(path["instance"], "/v1/nothing");
    method.problem(405, "method_not_allowed");
    assert_eq!(method.header("allow"), "GET,HEAD");
    body.problem(413, "body_too_large");
    media.problem(415, "media_type_unsupported");
    assert_eq!(query["problems"][0]["pointer"], "/page");
}

#[tokio::test]
async fn a_body_at_its_limit_is_read_and_one_byte_more_is_not() {
    let site = Site::new().await;
    let of = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));

    let sent = async |bytes| {
        site.typed("/v1/clock", "application/json", &of(bytes))
            .await
    };

    sent(1 << 20).await.problem(422, "invalid");
    sent((1 << 20) + 1).await.problem(413, "body_too_large");
}

#[tokio::test]
async fn a_database_that_is_away_is_said_with_a_time_to_come_again() {
    let database = TestDatabase::new().await;
    let pool = database.pool().await;
    let store = Store::new(pool.clone());
    let site = Site::over(store).await;
    pool.close().await;

    let jobs = site.get("/v1/jobs").await;
    let ready = site.get("/readyz").await;
    let alive = site.get("/livez").await;

    let problem = jobs.problem(503, "database_unavailable");
    assert!(problem["retry_after"].is_u64());
    assert_ne!(jobs.header("retry-after"), "");
    ready.problem(503, "database_unavailable");
    assert_eq!(alive.text, "ok");
}

#[tokio::test]
async fn readiness_names_the_settings_that_would_lose_work() {
    let site = Site::new().await;

    let answer = site.get("/readyz").await;

    // The shared test server runs without fsync, which is exactly what must be noticed.
    let problem = answer.problem(503, "not_ready");
    let text = problem["problems"].to_string();
    assert!(text.contains("readiness.fsync"), "{text}");
    assert!(
        !text.contains("readiness.schema") && !text.contains("readiness.database"),
        "{text}"
    );
}

#[tokio::test]
async fn metrics_version_workers_and_queues_are_served() {
    let site =
        Site::with(|state| state.with_metrics(|| "windlass_jobs_total 7\n".to_owned())).await;

    assert_eq!(site.get("/metrics").await.text, "windlass_jobs_total 7\n");
    assert!(
        site.get("/v1/version").await.ok(200)["schema_version"]
            .as_i64()
            .unwrap()
            >= 3
    );
    assert_eq!(
        site.get("/v1/workers").await.ok(200),
        json!({ "items": [] })
    );
    site.get("/v1/queues").await.ok(200);
    site.get("/v1/workers/w_1").await.problem(400, "malformed");
    site.get("/v1/workers/w_0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn the_doctor_looks_when_asked_and_keeps_what_it_found() {
    let site = Site::new().await;
    let never = site.get("/v1/doctor").await.ok(200);
    let wrong = json!({ "only": ["nothing"] });
    let only = json!({ "only": ["places", "limits"], "repair": true });

    let unknown = site.post("/v1/doctor/runs", &wrong).await;
    let run = site.post("/v1/doctor/runs", &only).await.ok(200);
    let kept = site.get("/v1/doctor").await.ok(200);

    assert_eq!(never["checks"], json!([]));
    unknown.problem(422, "invalid");
    assert_eq!(
        (&run["is_clean"], &run["is_whole"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(run["checks"][0]["name"], "limits");
    assert_eq!(kept, run);
    let repairs = site.get("/v1/doctor/repairs").await.ok(200);
    assert_eq!(repairs, json!({ "items": [] }));
}

#[tokio::test]
async fn streams_are_bounded() {
    let site = Site::with(|state| state.with_streams_max(0)).await;
    site.apply_fleet("").await.ok(200);
    let id = site.batch("k").await;

    let path = format!("/v1/batches/{id}/progress");
    let answer = site
        .send(Method::GET, &path, &[("accept", "text/event-stream")], "")
        .await;

    answer.problem(503, "too_many_streams");
    site.get(&path).await.ok(200);
}

#[tokio::test]
async fn a_durable_server_with_our_schema_is_ready() {
    let cluster = TestCluster::durable().await;
    let site = Site::over(Store::new(cluster.pool().await)).await;

    let reply = site.get("/readyz").await.ok(200);

    assert_eq!(reply["is_ready"], true);
    let checks = reply["checks"].as_array().unwrap();
    let names: Vec<&str> = checks
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "database",
            "schema",
            "fsync",
            "full_page_writes",
            "synchronous_commit"
        ]
    );
}

#[tokio::test]
async fn a_read_that_would_say_the_same_is_answered_by_304() {
    let site = Site::with_fleet().await;
    let path = "/v1/purposes/greet";
    let conditional = async |tag: &str| {
        let headers = [("if-none-match", tag)];
        site.send(Method::GET, path, &headers, "").await
    };

    let first = site.get(path).await;
    let same = conditional(first.header("etag")).await;
    let other = conditional("\"other\"").await;

    assert!(first.header("etag").starts_with('"'));
    assert_eq!((same.status.as_u16(), same.text.as_str()), (304, ""));
    assert_eq!(same.header("etag"), first.header("etag"));
    assert_eq!(other.ok(200), first.json());
    assert_eq!(site.get("/v1/nothing").await.header("etag"), "");
}

#[tokio::test]
async fn a_wait_without_news_is_answered_by_304() {
    let site = Site::with_fleet().await;
    let id = site.batch("k").await;
    let first = site.get(&format!("/v1/batches/{id}")).await;

    let headers = [("if-none-match", first.header("etag"))];
    let path = format!("/v1/batches/{id}?wait=50ms");
    let waited = site.send(Method::GET, &path, &headers, "").await;

    assert_eq!(waited.status.as_u16(), 304, "{}", waited.text);
}
