//! `generate`: fallback order, the answer's schema, and the key that never shows.

use std::time::Duration;

use axum::response::Response;
use windlass_workers::breaker::BreakerOptions;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::{GenerateProfile, Price, Provider, SecretName, Setting};
use windlass_workers::perform::{Performer, PerformerOptions};
use windlass_workers::secret::Secrets;
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::command::Call;
use windlass_workflows::value::Value;

use crate::perform::site::{Profiles, Seen, Site, context, local, performer_with, reply};

const KEY: &str = "sk-very-secret";

fn completion(text: &str) -> Response {
    let usage = serde_json::json!({ "prompt_tokens": 1000, "completion_tokens": 500 });
    let choices =
        serde_json::json!([{ "index": 0, "message": { "role": "assistant", "content": text } }]);
    let body = serde_json::json!({ "model": "served", "choices": choices, "usage": usage });
    reply(200, "application/json", body.to_string())
}

fn provider(name: &str, site: &Site) -> Provider {
    Provider {
        name: name.to_owned(),
        base_url: Setting::Plain(site.url("/v1")),
        api_key: Some(SecretName {
            name: "key".to_owned(),
            optional: false,
        }),
        model: Setting::Plain("small".to_owned()),
        timeout: Some(Duration::from_secs(60)),
        price: Some(Price {
            input_per_million: 2.0,
            output_per_million: 4.0,
            currency: "USD".to_owned(),
        }),
    }
}

fn asking(options: PerformerOptions, providers: Vec<Provider>) -> Performer {
    let system = Some("Be brief.".to_owned());
    let profile = GenerateProfile {
        providers,
        system,
        max_tokens: Some(600),
        temperature: Some(0.0),
    };
    let profiles = Profiles {
        generate: [("brief", profile)].into(),
        ..Profiles::default()
    };
    performer_with(
        options,
        profiles,
        Secrets::new().with("key", KEY),
        Catalogue::new(),
    )
}

fn ask(input: &str) -> Call {
    let function = FunctionName {
        name: "generate".to_owned(),
        version: "1.0.0".to_owned(),
    };
    Call::Function {
        function,
        input: Value::parse(input).expect("the test's own JSON"),
    }
}

const PLAIN: &str = r#"{"profile":"brief","prompt":"Figures: 1"}"#;
const TYPED: &str = r#"{"profile":"brief","prompt":"?","answer":{"type":"object","required":["n"],
    "properties":{"n":{"type":"integer"}}}}"#;

#[tokio::test]
async fn the_first_provider_answers_and_the_spare_is_not_asked() {
    let (main, spare) = (
        Site::answering(|_| completion("A brief.")).await,
        Site::answering(|_| completion("no")).await,
    );
    let performer = asking(
        local(),
        vec![provider("main", &main), provider("spare", &spare)],
    );

    let output = performer
        .perform(&ask(PLAIN), &context())
        .await
        .expect("a text");

    let seen = &main.seen()[0];
    let sent: serde_json::Value = serde_json::from_slice(&seen.body).expect("JSON");
    assert_eq!(seen.uri.path(), "/v1/chat/completions");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-very-secret"));
    assert_eq!(seen.header("idempotency-key"), Some("7-nonce-/do/0/ask-1"));
    assert_eq!(
        (&sent["model"], &sent["max_tokens"]),
        (&"small".into(), &600.into())
    );
    assert_eq!(sent["messages"][0]["content"], "Be brief.");
    assert_eq!(sent["messages"][1]["content"], "Figures: 1");
    assert_eq!(
        output.to_json(),
        r#"{"text":"A brief.","model":"served","provider":"main","usage":{"input_tokens":1000,"output_tokens":500},"cost":{"amount":0.004,"currency":"USD"}}"#
    );
    assert!(spare.seen().is_empty());
}

#[tokio::test]
async fn an_unwell_provider_is_passed_over() {
    let spare = Site::answering(|_| completion("from the spare")).await;
    for status in [429, 500, 503] {
        let main = Site::answering(move |_| reply(status, "text/plain", "")).await;
        let performer = asking(
            local(),
            vec![provider("main", &main), provider("spare", &spare)],
        );

        let output = performer
            .perform(&ask(PLAIN), &context())
            .await
            .expect("a text");

        assert_eq!(
            output.get("provider").and_then(Value::as_str),
            Some("spare"),
            "{status}"
        );
        assert_eq!(main.seen().len(), 1);
    }
}

#[tokio::test]
async fn an_open_breaker_passes_to_the_spare_without_asking() {
    let main = Site::answering(|_| reply(500, "text/plain", "")).await;
    let spare = Site::answering(|_| completion("fine")).await;
    let breaker = BreakerOptions {
        window_calls: 2,
        ..BreakerOptions::default()
    };
    let options = PerformerOptions { breaker, ..local() };
    let performer = asking(
        options,
        vec![provider("main", &main), provider("spare", &spare)],
    );
    for _ in 0..5 {
        performer
            .perform(&ask(PLAIN), &context())
            .await
            .expect("a text");
    }

    assert_eq!((main.seen().len(), spare.seen().len()), (3, 5));
}

#[tokio::test]
async fn a_silent_provider_is_passed_over() {
    let main = Site::silent().await;
    let spare = Site::silent().await;
    let soon = |provider: Provider| Provider {
        timeout: Some(Duration::from_millis(50)),
        ..provider
    };
    let performer = asking(
        local(),
        vec![
            soon(provider("main", &main)),
            soon(provider("spare", &spare)),
        ],
    );

    let failure = performer
        .perform(&ask(PLAIN), &context())
        .await
        .expect_err("nobody answers");

    assert_eq!(
        (failure.fault.code(), failure.fault.status),
        ("timeout", 408)
    );
    assert!(
        failure.title().contains("main: ") && failure.title().contains("spare: "),
        "{}",
        failure.title()
    );
}

#[tokio::test]
async fn a_refusal_of_the_callers_own_ends_the_step_and_hides_the_key() {
    let main = Site::answering(|seen: &Seen| {
        let key = seen.header("authorization").unwrap_or_default().to_owned();
        reply(401, "text/plain", format!("wrong key: {key}"))
    })
    .await;
    let spare = Site::answering(|_| completion("no")).await;
    let performer = asking(
        local(),
        vec![provider("main", &main), provider("spare", &spare)],
    );

    let failure = performer
        .perform(&ask(PLAIN), &context())
        .await
        .expect_err("401");

    assert_eq!(
        (failure.fault.code(), failure.fault.status),
        ("communication", 401)
    );
    assert!(!format!("{failure:?}").contains(KEY), "{failure:?}");
    assert!(spare.seen().is_empty());
}

#[tokio::test]
async fn what_is_no_reply_hides_the_key_too() {
    let told = format!(r#"{{"choices":"{KEY}"}}"#);
    let site = Site::answering(move |_| reply(200, "application/json", told.clone())).await;
    let performer = asking(local(), vec![provider("first", &site)]);

    let failed = performer.perform(&ask(PLAIN), &context()).await;

    let failure = failed.expect_err("no chat completion");
    assert_eq!(failure.fault.status, 502);
    let title = failure.title();
    assert!(title.contains(r#"string "[secret]""#), "{title}");
    let detail = failure.fault.detail.as_ref().map(Value::to_json);
    let body = r#"{"body":"{\"choices\":\"[secret]\"}"}"#;
    assert_eq!(detail.as_deref(), Some(body));
}

#[tokio::test]
async fn an_answer_that_fits_its_schema_is_given_and_another_is_a_bad_gateway() {
    let texts = [r#"{"n": 3}"#, r#"{"n": "three"}"#, "Three."];
    let mut outcomes = Vec::new();
    for text in texts {
        let site = Site::answering(move |_| completion(text)).await;
        let performer = asking(local(), vec![provider("main", &site)]);
        outcomes.push(performer.perform(&ask(TYPED), &context()).await);
    }

    let fits = outcomes.remove(0).expect("it fits");
    assert_eq!(fits.pointer("/answer/n").and_then(Value::as_i64), Some(3));
    for outcome in outcomes {
        let failure = outcome.expect_err("it does not fit");
        assert_eq!(
            (failure.fault.code(), failure.fault.status),
            ("communication", 502)
        );
    }
}

#[tokio::test]
async fn what_else_the_step_gives_is_written_from() {
    let site = Site::answering(|_| completion("done")).await;
    let performer = asking(local(), vec![provider("main", &site)]);
    let ask = ask(r#"{"profile":"brief","prompt":"Shorter!","draft":{"n":1},"feedback":null}"#);

    performer.perform(&ask, &context()).await.expect("a text");

    let body: serde_json::Value = serde_json::from_slice(&site.seen()[0].body).expect("JSON");
    let said: Vec<_> = body["messages"].as_array().into_iter().flatten().collect();
    let said: Vec<_> = said.iter().map(|one| one["content"].as_str()).collect();
    assert_eq!(
        said,
        [
            Some("Be brief."),
            Some(r#"{"draft":{"n":1}}"#),
            Some("Shorter!")
        ]
    );
}

#[tokio::test]
async fn wrong_input_is_refused_before_anyone_is_asked() {
    let site = Site::answering(|_| completion("no")).await;
    let performer = asking(local(), vec![provider("main", &site)]);
    for input in [
        r#"{"prompt":"?"}"#,
        r#"{"profile":"brief"}"#,
        r#"{"profile":"brief"}"#,
        r#"{"profile":"brief","prompt":null,"draft":null}"#,
        r#"{"profile":"brief","prompt":7}"#,
        r#"{"profile":"brief","prompt":"?","answer":{"type":"nothing"}}"#,
    ] {
        let failure = performer
            .perform(&ask(input), &context())
            .await
            .expect_err("refused");
        assert_eq!(failure.fault.code(), "validation", "{input}");
    }
    let mut locked = provider("main", &site);
    locked.api_key = Some(SecretName {
        name: "absent".to_owned(),
        optional: false,
    });
    let missing = asking(local(), vec![locked])
        .perform(&ask(PLAIN), &context())
        .await
        .expect_err("no key");

    assert_eq!(missing.title(), "there is no secret `absent`");
    assert!(site.seen().is_empty());
}
