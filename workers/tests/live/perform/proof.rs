//! `auth` of connections: what a service sees of it, that nothing of it comes back, and what is sent without a secret.

use axum::response::Response;
use chrono::DateTime;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::{AnalyseProfile, References};
use windlass_workers::perform::{Performer, PerformerOptions, StepFailure};
use windlass_workers::secret::Secrets;
use windlass_workflows::configuration::{Connection, Content, SourceFile, read};
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::command::Call;
use windlass_workflows::value::Value;

use crate::perform::site::{Profiles, Seen, Site, context, local, performer_with, reply};

const ANALYSE: &str = "type: analyse\nbase_url: URL\nprofiles: { risk: { path: /risk } }";
const CHANNEL: &str = "type: channel\nprotocol: webhook\nurl: URL";

const BASIC: &str =
    "{ basic: { username: { env: WHO, default: ada }, password: { secret: word } } }";
const HEADER: &str = "{ header: { name: X-Api-Key, value: { secret: word } } }";
const BEARER: &str = "{ bearer: { secret: word } }";

/// A connection of a type with this `auth`.
fn connection(document: &str, auth: &str, site: &Site) -> Connection {
    let url = site.url("");
    let document = document.replace("URL", &format!("'{url}'"));
    let text = format!("windlass: v1\nkind: Connection\nname: desk\nauth: {auth}\n{document}\n");
    let file = SourceFile {
        name: "desk.yaml",
        text: &text,
    };
    let read = read(&[file], DateTime::UNIX_EPOCH).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    match read.into_iter().next().expect("one").content {
        Content::Connection(connection) => connection,
        other => panic!("{other:?}"),
    }
}

/// Calls the connection, as a step of its type does.
async fn call(connection: Connection, secrets: Secrets) -> Result<Value, StepFailure> {
    let (mut profiles, name) = (
        Profiles::default(),
        match &connection {
            Connection::Analyse(_) => "analyse",
            _ => "message",
        },
    );
    match connection {
        Connection::Analyse(one) => {
            let profile = AnalyseProfile::of(&one, "risk").expect("a profile");
            profiles.analyse.insert("risk", profile);
        }
        Connection::Channel(one) => profiles.channels.push(one),
        other => panic!("{other:?}"),
    }
    let environment = [("WHO".to_owned(), "mia".to_owned())].into();
    let options = PerformerOptions {
        references: References { environment },
        ..local()
    };
    let performer: Performer = performer_with(options, profiles, secrets, Catalogue::new());
    let input = r#"{ "profile": "risk", "channel": "desk", "to": "ada", "template": "first" }"#;
    let call = Call::Function {
        function: FunctionName {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
        },
        input: Value::parse(input).expect("JSON"),
    };
    performer.perform(&call, &context()).await
}

fn secrets() -> Secrets {
    Secrets::new().with("word", "open-sesame")
}

/// Repeats what it was sent.
fn indiscreet(seen: &Seen, status: u16) -> Response {
    let sent = ["authorization", "x-api-key"];
    let sent = sent.map(|name| seen.header(name).unwrap_or("nothing").to_owned());
    let said = format!("I saw {}", sent.join(" and "));
    reply(status, "application/json", said)
}

#[tokio::test]
async fn a_service_sees_the_proof_that_its_connection_names() {
    // `mia:open-sesame`, for the environment goes before the default.
    let basic = "Basic bWlhOm9wZW4tc2VzYW1l";
    for document in [ANALYSE, CHANNEL] {
        for (auth, authorization, key) in [
            (BEARER, Some("Bearer open-sesame"), None),
            (BASIC, Some(basic), None),
            (HEADER, None, Some("open-sesame")),
        ] {
            let site = Site::answering(|_| reply(200, "application/json", "{}")).await;

            let called = call(connection(document, auth, &site), secrets()).await;

            called.unwrap_or_else(|failure| panic!("{auth}: {}", failure.title()));
            let seen = &site.seen()[0];
            assert_eq!(seen.header("authorization"), authorization, "{auth}");
            assert_eq!(seen.header("x-api-key"), key, "{auth}");
            assert_eq!(seen.header("content-type"), Some("application/json"));
        }
    }
}

#[tokio::test]
async fn what_a_service_repeats_of_it_is_masked() {
    // A channel that takes a message may say so in any form.
    for (document, status) in [(ANALYSE, 400), (CHANNEL, 400), (ANALYSE, 200)] {
        for (auth, told) in [
            (BEARER, "I saw Bearer [secret] and nothing"),
            (BASIC, "I saw Basic [secret] and nothing"),
            (HEADER, "I saw nothing and [secret]"),
        ] {
            let site = Site::answering(move |seen| indiscreet(seen, status)).await;

            let refused = call(connection(document, auth, &site), secrets()).await;

            let failure = refused.expect_err(auth);
            let detail = failure.fault.detail.as_ref().map(Value::to_json);
            let body = format!(r#"{{"body":"{told}"}}"#);
            assert_eq!(detail.as_deref(), Some(&*body), "{status} {auth}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_read_or_is_cut_off_repeats_nothing_of_it() {
    let secret = r#"open"sesame"#;
    let escaped = serde_json::json!({ "saw": secret }).to_string();
    // The excerpt of a fault ends in the middle of it.
    let cut = "x".repeat(2 * 1024 - 4) + secret;
    for (status, body, told) in [
        (200, format!("I saw {secret}"), "I saw [secret]"),
        (200, escaped.clone() + "!", r#"{"saw":"[secret]"}!"#),
        (200, cut.clone(), "xxxx"),
        (400, escaped, r#"{"saw":"[secret]"}"#),
        (400, cut, "xxxx"),
    ] {
        let site = Site::answering(move |_| reply(status, "application/json", body.clone())).await;
        let secrets = Secrets::new().with("word", secret);

        let failed = call(connection(ANALYSE, HEADER, &site), secrets).await;

        let fault = failed.expect_err(told).fault;
        let body = fault.detail.as_ref().and_then(|detail| detail.get("body"));
        let body = body.and_then(Value::as_str).expect("what came back");
        assert!(body.contains(told), "{body}");
        assert!(!body.contains("open"), "{body}");
    }
}

#[tokio::test]
async fn why_an_answer_cannot_be_read_quotes_nothing_of_it() {
    let twice = r#"{"open-sesame":1,"open-sesame":2}"#;
    let site = Site::answering(move |_| reply(200, "application/json", twice)).await;

    let failed = call(connection(ANALYSE, BEARER, &site), secrets()).await;

    let title = failed.expect_err("a key stands twice").title().to_owned();
    assert!(
        title.contains(r#"the key "[secret]" stands twice"#),
        "{title}"
    );
}

#[tokio::test]
async fn a_result_is_given_as_the_service_gave_it() {
    let site = Site::answering(|_| reply(200, "application/json", r#"{"saw":"open-sesame"}"#));
    let site = site.await;

    let given = call(connection(ANALYSE, BEARER, &site), secrets()).await;

    let given = given.unwrap_or_else(|failure| panic!("{}", failure.title()));
    assert_eq!(given.to_json(), r#"{"saw":"open-sesame"}"#);
}

#[tokio::test]
async fn an_absent_secret_stops_the_call_unless_it_may_be_absent() {
    for auth in [BEARER, BASIC, HEADER] {
        let site = Site::answering(|_| reply(200, "application/json", "{}")).await;
        let optional = auth.replace("secret: word", "secret: word, optional: true");

        let stopped = call(connection(ANALYSE, auth, &site), Secrets::new()).await;
        let sent = call(connection(ANALYSE, &optional, &site), Secrets::new()).await;

        assert_eq!(
            stopped.expect_err("no secret").fault.code(),
            "configuration"
        );
        sent.unwrap_or_else(|failure| panic!("{auth}: {}", failure.title()));
        let seen = site.seen();
        assert_eq!(seen.len(), 1, "{auth}");
        let names = ["authorization", "x-api-key"];
        assert!(
            names.iter().all(|name| seen[0].header(name).is_none()),
            "{auth}"
        );
    }
}
