//! How requests prove who sends them, and what of it comes back: nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Response;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::perform::{Performer, StepFailure};
use windlass_workers::secret::Secrets;
use windlass_workflows::document::step::HttpOutput;
use windlass_workflows::machine::command::{Authentication, HttpRequest};
use windlass_workflows::value::Value;

use crate::perform::site::{
    Profiles, Seen, Site, call, context, get, local, performer_with, reply,
};

fn performer(secrets: Secrets) -> Performer {
    performer_with(local(), Profiles::default(), secrets, Catalogue::new())
}

fn json(text: &str) -> Value {
    Value::parse(text).expect("the test's own JSON")
}

fn by(scheme: &str, parameters: &str, secret: Option<&str>) -> Option<Box<Authentication>> {
    Some(Box::new(Authentication {
        scheme: scheme.into(),
        parameters: json(parameters),
        secret: secret.map(Into::into),
    }))
}

async fn sent(performer: &Performer, request: HttpRequest) -> Result<Value, StepFailure> {
    performer.perform(&call(request), &context()).await
}

/// Says back with what it was asked.
fn echo(seen: &Seen) -> Response {
    let line = seen.header("authorization").unwrap_or_default();
    reply(200, "text/plain", format!("you sent {line}"))
}

/// An authority that gives tokens `t1`, `t2` … beside a service that takes only `taken`.
async fn guarded(life: u64, taken: &'static str) -> (Site, Arc<AtomicUsize>) {
    let given = Arc::new(AtomicUsize::new(0));
    let count = given.clone();
    let site = Site::answering(move |seen| {
        if seen.uri.path() == "/oauth2/token" {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let token = format!(r#"{{"access_token":"token-{number}","expires_in":{life}}}"#);
            return reply(200, "application/json", token);
        }
        match seen.header("authorization") == Some(taken) || taken.is_empty() {
            true => reply(200, "application/json", r#"{"fine":true}"#),
            false => reply(401, "text/plain", "no"),
        }
    })
    .await;
    (site, given)
}

fn oauth2(site: &Site, more: &str) -> Option<Box<Authentication>> {
    let authority = site.url("/");
    by(
        "oauth2",
        &format!(
            r#"{{"authority":"{authority}","grant":"client_credentials","client":{{"id":"me","secret":"s&cret"{more}}}"#
        ),
        None,
    )
}

#[tokio::test]
async fn basic_and_bearer_are_sent_inline_and_from_a_secret() {
    let site = Site::answering(|_| reply(200, "text/plain", "")).await;
    let secrets = Secrets::new()
        .with("crm", r#"{"username":"ada","password":"enchantress"}"#)
        .with("key", "opensesame")
        .with("token", r#"{"token":"opensesame"}"#);
    let performer = performer(secrets);
    let ways = [
        by(
            "basic",
            r#"{"username":"ada","password":"enchantress"}"#,
            None,
        ),
        by("basic", "null", Some("crm")),
        by("bearer", r#"{"token":"opensesame"}"#, None),
        by("bearer", "null", Some("key")),
        by("bearer", "null", Some("token")),
    ];

    for authentication in ways {
        let request = HttpRequest {
            authentication,
            ..get(site.url("/"))
        };
        sent(&performer, request).await.expect("200");
    }

    let seen = site.seen();
    let lines: Vec<_> = seen
        .iter()
        .map(|seen| seen.header("authorization"))
        .collect();
    let (basic, bearer) = ("Basic YWRhOmVuY2hhbnRyZXNz", "Bearer opensesame");
    assert_eq!(lines[..2], [Some(basic); 2]);
    assert_eq!(lines[2..], [Some(bearer); 3]);
}

#[tokio::test]
async fn a_service_that_repeats_what_proves_the_sender_tells_nobody() {
    let site = Site::answering(echo).await;
    let performer = performer(Secrets::new().with("key", "opensesame"));
    for output in [HttpOutput::Content, HttpOutput::Raw, HttpOutput::Response] {
        let request = HttpRequest {
            output,
            authentication: by("bearer", "null", Some("key")),
            ..get(site.url("/"))
        };

        let given = sent(&performer, request).await.expect("200").to_json();

        // `you sent Bearer [secret]`, and the same in base64.
        assert!(
            given.contains("you sent Bearer [secret]")
                || given == r#""eW91IHNlbnQgQmVhcmVyIFtzZWNyZXRd""#,
            "{given}"
        );
    }
}

#[tokio::test]
async fn a_missing_or_unfit_secret_fails_before_anything_is_sent() {
    let site = Site::answering(echo).await;
    let performer = performer(Secrets::new().with("text", "no object"));
    for (scheme, secret, wants) in [
        ("bearer", "none", "secret.missing"),
        ("basic", "text", "is no JSON object"),
    ] {
        let request = HttpRequest {
            authentication: by(scheme, "null", Some(secret)),
            ..get(site.url("/"))
        };

        let failure = sent(&performer, request).await.expect_err("not sent");

        let told = format!("{failure:?}");
        assert!(told.contains(wants), "{told}");
        assert!(!told.contains("no object\""), "{told}");
    }
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_token_is_fetched_once_and_used_until_it_expires() {
    let (site, given) = guarded(3_600, "Bearer token-1").await;
    let performer = performer(Secrets::new());
    let request = || HttpRequest {
        authentication: oauth2(&site, r#"},"scopes":["a","b"],"audiences":["c"]"#),
        ..get(site.url("/data"))
    };

    let both = [sent(&performer, request()), sent(&performer, request())];
    for answer in futures::future::join_all(both).await {
        assert_eq!(answer.expect("200").to_json(), r#"{"fine":true}"#);
    }

    assert_eq!(
        given.load(Ordering::SeqCst),
        1,
        "two at once share one fetch"
    );
    let seen = site.seen();
    let asked = seen.iter().find(|seen| seen.uri.path() == "/oauth2/token");
    let body = asked.expect("it was asked").body.clone();
    assert_eq!(
        body,
        "grant_type=client_credentials&scope=a+b&audience=c&client_id=me&client_secret=s%26cret"
    );

    let (site, given) = guarded(0, "").await;
    for _ in 0..2 {
        let request = HttpRequest {
            authentication: oauth2(&site, "}"),
            ..get(site.url("/data"))
        };
        sent(&performer, request).await.expect("200");
    }
    assert_eq!(
        given.load(Ordering::SeqCst),
        2,
        "one without life is used once"
    );
}

#[tokio::test]
async fn a_refused_token_is_fetched_once_anew_and_no_oftener() {
    let performer = performer(Secrets::new());
    for (taken, tokens, fine) in [("Bearer token-2", 2, true), ("Bearer other", 2, false)] {
        let (site, given) = guarded(3_600, taken).await;
        let request = HttpRequest {
            authentication: oauth2(&site, "}"),
            ..get(site.url("/data"))
        };

        let answer = sent(&performer, request).await;

        assert_eq!(answer.is_ok(), fine);
        assert_eq!(given.load(Ordering::SeqCst), tokens);
        let status = answer.err().map(|failure| failure.fault.status);
        assert_eq!(status, (!fine).then_some(401));
    }
}

#[tokio::test]
async fn an_authority_may_be_asked_in_its_own_form_and_its_no_is_final() {
    let site = Site::answering(|seen| match seen.uri.path() {
        "/token" => reply(
            200,
            "application/json",
            r#"{"access_token":"t","expires_in":"60"}"#,
        ),
        "/unwell" => reply(503, "text/plain", "later"),
        _ => reply(
            401,
            "application/json",
            r#"{"error":"invalid_client","of":"s&cret"}"#,
        ),
    })
    .await;
    let performer = performer(Secrets::new());
    let asked = async |more: &str| {
        let request = HttpRequest {
            authentication: oauth2(&site, more),
            ..get(site.url("/token"))
        };
        sent(&performer, request).await
    };

    let basic = r#","authentication":"client_secret_basic"},"endpoints":{"token":"/token"},"request":{"encoding":"application/json"}"#;
    asked(basic).await.expect("200");
    let refused = asked("}").await.expect_err("refused");
    let unwell = asked(r#"},"endpoints":{"token":"/unwell"}"#).await;

    let seen = site.seen();
    // `me:s%26cret`
    assert_eq!(
        seen[0].header("authorization"),
        Some("Basic bWU6cyUyNmNyZXQ=")
    );
    assert_eq!(seen[0].body, r#"{"grant_type":"client_credentials"}"#);
    assert!(refused.fault.kind.ends_with("/authentication"));
    let detail = refused.fault.detail.expect("a detail").to_json();
    assert!(
        detail.contains("authentication.refused") && detail.contains("invalid_client"),
        "{detail}"
    );
    let unwell = unwell.expect_err("unwell");
    assert!(unwell.fault.kind.ends_with("/communication"));
    assert_eq!(unwell.fault.status, 503);
}

#[tokio::test]
async fn an_authority_that_never_answers_ends_with_the_step() {
    let site = Site::silent().await;
    let performer = performer(Secrets::new());
    let request = HttpRequest {
        authentication: oauth2(&site, "}"),
        ..get(site.url("/data"))
    };
    let context = crate::perform::site::context_within(Duration::from_millis(200));

    let failure = performer.perform(&call(request), &context).await;

    assert_eq!(failure.expect_err("no answer").fault.status, 408);
}
