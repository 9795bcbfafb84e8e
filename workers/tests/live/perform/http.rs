//! `call: http` and `analyse`: what is sent, what comes of every kind of answer.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use windlass_workers::breaker::BreakerOptions;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::{AnalyseProfile, References, Setting};
use windlass_workers::perform::{PerformerOptions, StepContext, StepFailure, Verdict};
use windlass_workers::secret::Secrets;
use windlass_workflows::document::step::{FunctionName, HttpOutput};
use windlass_workflows::machine::command::{Call, HttpRequest};
use windlass_workflows::value::Value;

use crate::perform::site::{
    Profiles, Site, call, context, get, local, performer, performer_with, reply,
};

fn json(text: &str) -> Value {
    Value::parse(text).expect("the test's own JSON")
}

async fn failure_of(options: PerformerOptions, request: HttpRequest) -> StepFailure {
    performer(options)
        .perform(&call(request), &context())
        .await
        .expect_err("no success")
}

#[tokio::test]
async fn success_gives_decoded_json_and_keeps_numbers_as_written() {
    let site =
        Site::answering(|_| reply(200, "application/json", r#"{"b":1.10,"a":[true]}"#)).await;

    let output = performer(local())
        .perform(&call(get(site.url("/x?y=1"))), &context())
        .await
        .expect("200");

    assert_eq!(output.to_json(), r#"{"b":1.10,"a":[true]}"#);
    assert_eq!(site.seen()[0].uri, "/x?y=1");
}

#[tokio::test]
async fn text_raw_and_response_outputs_have_their_shapes() {
    let site = Site::answering(|_| reply(200, "text/plain", "hello")).await;
    let performer = performer(local());
    let mut outputs = Vec::new();
    for output in [HttpOutput::Content, HttpOutput::Raw, HttpOutput::Response] {
        let request = HttpRequest {
            output,
            ..get(site.url("/"))
        };
        outputs.push(
            performer
                .perform(&call(request), &context())
                .await
                .expect("200"),
        );
    }

    assert_eq!(outputs[0].as_str(), Some("hello"));
    assert_eq!(outputs[1].as_str(), Some("aGVsbG8="));
    assert_eq!(
        outputs[2].pointer("/statusCode").and_then(Value::as_i64),
        Some(200)
    );
    assert_eq!(
        outputs[2].pointer("/content").and_then(Value::as_str),
        Some("hello")
    );
    assert_eq!(
        outputs[2]
            .pointer("/headers/content-type")
            .and_then(Value::as_str),
        Some("text/plain")
    );
    assert_eq!(
        outputs[2]
            .pointer("/request/method")
            .and_then(Value::as_str),
        Some("GET")
    );
}

#[tokio::test]
async fn body_headers_and_query_are_sent_as_the_template_says() {
    let site = Site::answering(|_| reply(204, "text/plain", "")).await;
    let request = HttpRequest {
        method: "POST".to_owned(),
        headers: vec![("X-Colour".to_owned(), "blue".to_owned())],
        query: vec![("q".to_owned(), "a b&c".to_owned())],
        body: Some(json(r#"{"n":1.0}"#)),
        ..get(site.url("/in?x=1"))
    };

    let output = performer(local())
        .perform(&call(request), &context())
        .await
        .expect("204");

    let seen = &site.seen()[0];
    assert!(output.is_null());
    assert_eq!(
        (seen.method.as_str(), &*seen.body),
        ("POST", r#"{"n":1.0}"#.as_bytes())
    );
    assert_eq!(seen.uri, "/in?x=1&q=a+b%26c");
    assert_eq!(seen.header("x-colour"), Some("blue"));
    assert_eq!(seen.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn idempotency_key_is_sent_and_the_same_for_every_try() {
    let site = Site::answering(|_| reply(200, "text/plain", "")).await;
    let performer = performer(local());
    for attempt in 0..3 {
        let context = StepContext {
            attempt,
            ..context()
        };
        performer
            .perform(&call(get(site.url("/"))), &context)
            .await
            .expect("200");
    }

    let keys: Vec<_> = site
        .seen()
        .iter()
        .map(|seen| seen.header("idempotency-key").map(str::to_owned))
        .collect();
    assert_eq!(keys, vec![Some("7-nonce-/do/0/ask-1".to_owned()); 3]);
}

#[tokio::test]
async fn not_found_is_a_communication_fault_with_status_title_and_excerpt() {
    let site = Site::answering(|_| reply(404, "text/plain", "x".repeat(100_000))).await;

    let failure = failure_of(local(), get(site.url("/"))).await;

    let detail = failure
        .fault
        .detail
        .as_ref()
        .and_then(|detail| detail.get("body"))
        .and_then(Value::as_str);
    assert_eq!(
        (failure.fault.code(), failure.fault.status, failure.verdict),
        ("communication", 404, Verdict::Failed)
    );
    assert_eq!(failure.title(), "Not Found");
    assert_eq!(detail.map(str::len), Some(2048));
}

#[tokio::test]
async fn retry_after_is_handed_on() {
    let site = Site::answering(|_| {
        let mut response = reply(503, "text/plain", "busy");
        response
            .headers_mut()
            .insert("retry-after", "7".parse().expect("text"));
        response
    })
    .await;

    let failure = failure_of(local(), get(site.url("/"))).await;

    assert_eq!(
        (failure.fault.status, failure.again_after),
        (503, Some(Duration::from_secs(7)))
    );
}

#[tokio::test]
async fn redirects_are_not_followed_and_count_as_success_only_where_asked() {
    let site = Site::answering(|_| {
        let response = Response::builder()
            .status(302)
            .header("location", "http://169.254.169.254/");
        response.body("moved".into()).expect("well formed")
    })
    .await;

    let failure = failure_of(local(), get(site.url("/"))).await;
    let allowed = HttpRequest {
        redirect: true,
        output: HttpOutput::Response,
        ..get(site.url("/"))
    };
    let output = performer(local())
        .perform(&call(allowed), &context())
        .await
        .expect("302 is welcome");

    assert_eq!(
        (failure.fault.code(), failure.fault.status),
        ("communication", 302)
    );
    assert_eq!(
        output.pointer("/statusCode").and_then(Value::as_i64),
        Some(302)
    );
    assert_eq!(site.seen().len(), 2);
}

#[tokio::test]
async fn a_closed_port_is_a_communication_fault() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    drop(listener);

    let failure = failure_of(local(), get(url)).await;

    assert_eq!(
        (failure.fault.code(), failure.fault.status),
        ("communication", 500)
    );
}

#[tokio::test]
async fn a_failing_hosts_breaker_opens_and_others_stay_closed() {
    let bad = Site::answering(|_| reply(500, "text/plain", "")).await;
    let good = Site::answering(|_| reply(200, "text/plain", "fine")).await;
    let breaker = BreakerOptions {
        window_calls: 4,
        ..BreakerOptions::default()
    };
    let performer = performer(PerformerOptions { breaker, ..local() });
    let mut last = None;
    for _ in 0..10 {
        last = performer
            .perform(&call(get(bad.url("/"))), &context())
            .await
            .err();
    }

    let held = last.expect("held back");
    let fine = performer
        .perform(&call(get(good.url("/"))), &context())
        .await;

    assert_eq!(
        bad.seen().len(),
        5,
        "the window and the call that opened it"
    );
    assert_eq!(
        (held.fault.code(), held.fault.status),
        ("communication", 503)
    );
    assert!(held.title().starts_with("circuit open"), "{}", held.title());
    assert!(held.again_after.is_some_and(|wait| wait <= breaker.open));
    assert_eq!(fine.expect("another host").as_str(), Some("fine"));
}

#[tokio::test]
async fn analyse_posts_the_input_without_its_profile() {
    let site = Site::answering(|_| reply(200, "application/json", r#"{"risk":"low"}"#)).await;
    let profile = AnalyseProfile {
        base_url: Setting::Environment {
            name: "ANALYSIS_URL".to_owned(),
            default: None,
        },
        proof: None,
        path: "/analyse/risk".to_owned(),
        timeout: None,
    };
    let environment = [("ANALYSIS_URL".to_owned(), site.url("/"))].into();
    let options = PerformerOptions {
        references: References { environment },
        ..local()
    };
    let profiles = Profiles {
        analyse: [("strike-risk", profile)].into(),
        ..Profiles::default()
    };
    let secrets = Secrets::new().with("token", "t0ken");
    let performer = performer_with(options, profiles, secrets, Catalogue::new());
    let function = FunctionName {
        name: "analyse".to_owned(),
        version: "1.0.0".to_owned(),
    };
    let ask = |input: &str| Call::Function {
        function: function.clone(),
        input: json(input),
    };

    let output = performer
        .perform(
            &ask(r#"{"profile":"strike-risk","rows":[{"a":1.50}]}"#),
            &context(),
        )
        .await;
    let unknown = performer
        .perform(&ask(r#"{"profile":"none","rows":[]}"#), &context())
        .await;

    let seen = site.seen();
    assert_eq!(output.expect("200").to_json(), r#"{"risk":"low"}"#);
    assert_eq!((seen.len(), seen[0].uri.path()), (1, "/analyse/risk"));
    assert_eq!(&*seen[0].body, br#"{"rows":[{"a":1.50}]}"#);
    assert_eq!(
        seen[0].header("idempotency-key"),
        Some("7-nonce-/do/0/ask-1")
    );
    assert_eq!(
        unknown.expect_err("no such profile").fault.code(),
        "configuration"
    );
}

#[tokio::test]
async fn one_performer_serves_many_steps_at_once() {
    let site = Arc::new(
        Site::answering(|seen| reply(200, "text/plain", seen.uri.path().to_owned())).await,
    );
    let performer = performer(local());
    let calls = (0..50).map(|number| {
        let (performer, request) = (
            performer.clone(),
            call(get(site.url(&format!("/{number}")))),
        );
        async move { performer.perform(&request, &context()).await.expect("200") }
    });

    let outputs = futures::future::join_all(calls).await;

    let expected: Vec<_> = (0..50)
        .map(|number| Value::from(format!("/{number}")))
        .collect();
    assert_eq!(outputs, expected);
}
