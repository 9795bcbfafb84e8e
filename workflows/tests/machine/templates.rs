//! The templates that ship as examples, each driven to its end.

use windlass_workflows::machine::JobFacts;
use windlass_workflows::machine::turn::OutcomeKind;

use crate::batches::batch;
use crate::rig::{Rig, communication, drive, drive_as, facts, json};

#[test]
fn hello_waits_and_gives_thanks() {
    let rig = drive(
        include_str!("../../../examples/templates/hello.yaml"),
        r#"{"name":"Ada"}"#,
        |rig| {
            rig.start();
            assert_eq!(rig.due_in(), 3.0);
            rig.fire();
        },
    );
    assert_eq!(rig.output(), r#"{"message":"Hello, Ada"}"#);
}

const STRIKE: &str = r#"{"Origin State":"Texas","Phase of flight":"Climb","Wildlife Size":"Large","Cost Total $":0}"#;

#[test]
fn a_strike_is_classified_after_a_retry() {
    let template = include_str!("../../../examples/templates/classify-strike.yaml");
    let facts = JobFacts {
        batch: Some(batch(None)),
        ..facts(STRIKE)
    };
    let rig = drive_as(template, facts, |rig| {
        rig.start();
        assert_eq!(
            rig.given(),
            format!("{{\"profile\":\"strike-risk\",\"rows\":[{STRIKE}]}}")
        );
        assert_eq!(rig.due_in(), 30.0);
        rig.refuse(communication(503));
        assert_eq!(rig.due_in(), 2.0);
        rig.fire();
        rig.answer(r#"{"risk":"low","score":0.10,"reasons":[],"more":1}"#);
    });
    assert_eq!(
        rig.output(),
        r#"{"key":"k1","state":"Texas","risk":"low","score":0.10,"reasons":[]}"#
    );
}

#[test]
fn a_strike_that_lacks_what_it_must_have_fails_at_once() {
    let rig = drive(
        include_str!("../../../examples/templates/classify-strike.yaml"),
        "{}",
        Rig::start,
    );
    assert_eq!(rig.ended().code.as_deref(), Some("validation"));
}

#[test]
fn a_brief_takes_its_figures_from_the_analysis() {
    let template = include_str!("../../../examples/templates/state-brief.yaml");
    let rig = drive(
        template,
        r#"{"object":"Ohio","count":1,"keys":["a"],"items":[{"n":1}]}"#,
        |rig| {
            rig.start();
            assert_eq!(
                rig.given(),
                r#"{"profile":"strike-statistics","rows":[{"n":1}]}"#
            );
            rig.answer(r#"{"incidents":1,"cost_total":12.50}"#);
            let prompt = json(&rig.given());
            let prompt = prompt
                .get("prompt")
                .and_then(|prompt| prompt.as_str())
                .unwrap_or_default();
            assert_eq!(
                prompt,
                r#"A brief for Ohio, from these figures only: {"incidents":1,"cost_total":12.50}"#
            );
            rig.answer(r#"{"text":"Little happened."}"#);
        },
    );
    assert_eq!(
        rig.output(),
        r#"{"state":"Ohio","incidents":1,"cost":12.50,"brief":"Little happened."}"#
    );
}

#[test]
fn the_national_report_adds_its_chunks() {
    let template = include_str!("../../../examples/templates/national-report.yaml");
    let rig = drive(
        template,
        r#"{"count":3,"chunks":2,"period":"2025"}"#,
        |rig| {
            rig.start();
            assert_eq!(rig.chunks().1, [1, 2]);
            rig.chunk(2, Ok(r#"{"incidents":1,"cost_total":5}"#));
            rig.chunk(1, Ok(r#"{"incidents":2,"cost_total":7}"#));
            rig.answer(r#"{"text":"All well."}"#);
        },
    );
    assert_eq!(
        rig.output(),
        r#"{"figures":{"incidents":3,"cost":12},"report":"All well."}"#
    );
}

#[test]
fn a_service_is_checked_path_by_path() {
    let template = include_str!("../../../examples/templates/check-service.yaml");
    let input = r#"{"base":"http://x.example/"}"#;
    let classified = concat!(
        r#"{"profile":"strike-risk","rows":[{"Origin State":"Texas","Phase of flight":"Climb","#,
        r#""Wildlife Size":"Large","Cost Total $":0}]}"#
    );
    let healthy = drive(template, input, |rig| {
        rig.start();
        assert_eq!(
            (rig.request().url.as_str(), rig.due_in()),
            ("http://x.example/healthz", 5.0)
        );
        rig.answer(r#"{"statusCode":200}"#);
        assert_eq!(rig.request().url, "http://x.example/counts");
        rig.refuse(communication(503));
        assert_eq!(rig.due_in(), 0.5);
        rig.fire();
        rig.answer(r#"{"statusCode":204}"#);
        assert_eq!(rig.given(), classified);
        rig.answer(r#"{"risk":"high"}"#);
        assert_eq!(rig.due_in(), 0.1);
        rig.fire();
    });
    let output = json(&healthy.output());
    assert_eq!(
        output.get("healthy").and_then(|healthy| healthy.as_bool()),
        Some(true)
    );
    assert_eq!(
        output
            .pointer("/checked/1")
            .map(ToString::to_string)
            .as_deref(),
        Some(r#"{"path":"/counts","position":1,"status":204}"#)
    );
    let broken = drive(
        template,
        r#"{"base":"http://x.example","paths":["/a"]}"#,
        |rig| {
            rig.start();
            for _ in 0..3 {
                rig.refuse(communication(500));
                rig.fire();
            }
            rig.refuse(communication(500));
            rig.answer(r#"{"risk":"high"}"#);
            rig.fire();
        },
    );
    assert_eq!(
        broken
            .error()
            .get("detail")
            .and_then(|detail| detail.as_str()),
        Some("not healthy: /a")
    );
}

#[test]
fn a_shipment_that_is_cancelled_is_taken_back() {
    let rig = drive(
        include_str!("../../../examples/templates/ship-order.yaml"),
        r#"{"shop":"https://shop.example","carrier":"https://carrier.example","order":"o1"}"#,
        |rig| {
            rig.start();
            rig.answer(r#"{"id":"r7"}"#);
            let label = rig.request();
            let proof = label.authentication.expect("a policy");
            assert_eq!(proof.scheme, "oauth2");
            let client = proof.parameters.pointer("/client/secret");
            let marker = client
                .and_then(|secret| secret.as_str())
                .unwrap_or_default();
            assert!(marker.contains(":carrier.secret}"), "{marker}");
            rig.answer(r#"{"id":"l9"}"#);
            assert_eq!(rig.due_in(), 12.0 * 3600.0);
            rig.cancel();
            assert_eq!(rig.request().url, "https://carrier.example/labels/l9");
            rig.answer("null");
            assert_eq!(rig.request().url, "https://shop.example/reservations/r7");
            rig.answer("null");
        },
    );
    rig.result(OutcomeKind::Cancelled);
}
