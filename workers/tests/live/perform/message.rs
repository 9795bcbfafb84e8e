//! `message`: what each kind of channel is sent, what becomes of its answer, and what is refused before anything
//! is sent.

use apalis::prelude::{BoxDynError, task_fn};
use axum::http::Method;
use chrono::DateTime;
use serde_json::{Value as Json, json};
use windlass_workers::catalogue::Catalogue;
use windlass_workers::perform::{Performer, StepFailure};
use windlass_workers::secret::Secrets;
use windlass_workflows::configuration::{Channel, Connection, Content, SourceFile, read};
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::command::Call;
use windlass_workflows::value::Value;

use crate::perform::site::{Profiles, Seen, Site, context, local, performer_with, reply};

const WEBHOOK: &str = "
protocol: webhook
url: 'URL/messages'
auth: { bearer: { secret: token } }
messages:
  first: { subject: 'Hello, {person.name}', text: 'You have {count} reports, {to}.', html: '<p>{person.name}</p>' }
";
const BARE: &str = "
protocol: webhook
url: 'URL/messages'
";
const CHAT: &str = "
protocol: chat
url: { secret: room }
messages: { call: { text: 'Please call {person.name}, {to}.' } }
";
const HANDLER: &str = "
protocol: handler
handler: 'pager:1.0.0'
";

/// The channel `desk`, as an applied document says.
fn channel(document: &str) -> Channel {
    let text = format!("windlass: v1\nkind: Connection\nname: desk\ntype: channel{document}");
    let file = SourceFile {
        name: "desk.yaml",
        text: &text,
    };
    let read = read(&[file], DateTime::UNIX_EPOCH).unwrap_or_else(|wrong| panic!("{wrong:#?}"));
    match read.into_iter().next().expect("one").content {
        Content::Connection(Connection::Channel(channel)) => channel,
        other => panic!("{other:?}"),
    }
}

fn performer(document: &str, site: &Site, catalogue: Catalogue) -> Performer {
    let document = document.replace("URL", site.url("").trim_end_matches('/'));
    let profiles = Profiles {
        channels: vec![channel(&document)],
        ..Profiles::default()
    };
    let secrets = Secrets::new().with("token", "very-secret");
    let secrets = secrets.with("room", site.url("/rooms/guarded"));
    performer_with(local(), profiles, secrets, catalogue)
}

async fn send(performer: &Performer, input: Json) -> Result<Json, StepFailure> {
    let function = FunctionName {
        name: "message".to_owned(),
        version: "1.0.0".to_owned(),
    };
    let input = Value::parse(&input.to_string()).expect("JSON");
    let call = Call::Function { function, input };
    let answer = performer.perform(&call, &context()).await;
    answer.map(|output| serde_json::from_str(&output.to_json()).expect("JSON"))
}

fn first(values: Json) -> Json {
    json!({ "channel": "desk", "to": "ada", "template": "first", "thread": "t-1", "values": values })
}

fn body(seen: &Seen) -> Json {
    serde_json::from_slice(&seen.body).expect("JSON")
}

fn taken() -> axum::response::Response {
    reply(
        200,
        "application/json",
        r#"{"messageId":"m-7","state":"deferred"}"#,
    )
}

#[tokio::test]
async fn a_webhook_is_sent_all_of_a_message_and_says_what_became_of_it() {
    let site = Site::answering(|_| taken()).await;
    let performer = performer(WEBHOOK, &site, Catalogue::new());

    let values = json!({ "person": { "name": "A & B" }, "count": 3 });
    let output = send(&performer, first(values.clone())).await.expect("sent");

    assert_eq!(output, json!({ "messageId": "m-7", "state": "deferred" }));
    let seen = &site.seen()[0];
    assert_eq!(
        (&seen.method, seen.uri.path()),
        (&Method::POST, "/messages")
    );
    assert_eq!(seen.header("authorization"), Some("Bearer very-secret"));
    assert_eq!(seen.header("idempotency-key"), Some(context().key.as_str()));
    let told = json!({
        "to": "ada", "template": "first", "thread": "t-1", "values": values,
        "subject": "Hello, A & B", "text": "You have 3 reports, ada.", "html": "<p>A &#38; B</p>",
    });
    assert_eq!(body(seen), told);
}

#[tokio::test]
async fn a_webhook_without_texts_leaves_them_to_the_other_side() {
    let site = Site::answering(|_| reply(202, "text/plain", "ok")).await;
    let performer = performer(BARE, &site, Catalogue::new());

    let input = json!({ "channel": "desk", "to": { "userId": "u-1" }, "template": "tips" });
    let output = send(&performer, input).await.expect("sent");

    assert_eq!(
        output,
        json!({ "messageId": context().key, "state": "sent" })
    );
    let told = json!({ "to": { "userId": "u-1" }, "template": "tips" });
    assert_eq!(body(&site.seen()[0]), told);
}

#[tokio::test]
async fn a_chat_is_sent_a_text_alone_at_an_address_that_never_shows() {
    let answer = |seen: &Seen| reply(410, "text/plain", format!("no room {}", seen.uri));
    let (open, gone) = (
        Site::answering(|_| reply(200, "text/plain", "ok")).await,
        Site::answering(answer).await,
    );
    let input = json!({ "channel": "desk", "to": "leo", "template": "call",
        "values": { "person": { "name": "Ada" } } });

    let sent = send(&performer(CHAT, &open, Catalogue::new()), input.clone()).await;
    let refused = send(&performer(CHAT, &gone, Catalogue::new()), input).await;

    assert_eq!(sent.expect("sent")["state"], "sent");
    assert_eq!(
        body(&open.seen()[0]),
        json!({ "text": "Please call Ada, leo." })
    );
    assert_eq!(open.seen()[0].uri.path(), "/rooms/guarded");
    let failure = refused.expect_err("refused");
    assert_eq!(
        (failure.fault.status, failure.fault.code()),
        (410, "communication")
    );
    let told = format!("{failure:?}");
    assert!(
        !told.contains("guarded") && told.contains("no room [secret]"),
        "{told}"
    );
}

#[tokio::test]
async fn a_handler_is_a_channel() {
    let site = Site::answering(|_| taken()).await;
    let pager = async |input: Json| {
        let state = match input["to"] == "nobody" {
            true => "suppressed",
            false => "sent",
        };
        Ok::<_, BoxDynError>(json!({ "messageId": input["template"], "state": state }))
    };
    let catalogue = Catalogue::new().with::<Json, _>("pager", "1.0.0", task_fn(pager));
    let here = performer(HANDLER, &site, catalogue);
    let elsewhere = performer(HANDLER, &site, Catalogue::new());
    let input = json!({ "channel": "desk", "to": "nobody", "template": "page" });

    let output = send(&here, input.clone()).await;
    let failure = send(&elsewhere, input).await.expect_err("not here");

    assert_eq!(
        output,
        Ok(json!({ "messageId": "page", "state": "suppressed" }))
    );
    assert_eq!(failure.verdict, windlass_workers::perform::Verdict::NotMine);
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn what_is_not_complete_is_refused_before_anything_is_sent() {
    let site = Site::answering(|_| taken()).await;
    let performer = performer(WEBHOOK, &site, Catalogue::new());
    let other = |part: &str| {
        let mut input = first(json!({}));
        input[part] = json!("other");
        input
    };

    let mut seen = Vec::new();
    for input in [
        first(json!({ "count": null })),
        other("channel"),
        other("template"),
    ] {
        let failure = send(&performer, input).await.expect_err("refused");
        let code = failure
            .fault
            .detail
            .as_ref()
            .and_then(|detail| detail.get("code"));
        let code = code.and_then(Value::as_str).unwrap_or_default().to_owned();
        seen.push((
            failure.fault.code().to_owned(),
            code,
            failure.title().to_owned(),
        ));
    }

    let told: Vec<_> = seen
        .iter()
        .map(|(a, b, c)| (a.as_str(), b.as_str(), c.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (
                "validation",
                "",
                "message `first` of channel `desk` has no value for: count, person.name"
            ),
            (
                "configuration",
                "connection.unknown_channel",
                "there is no channel `other`"
            ),
            (
                "configuration",
                "connection.unknown_message",
                "channel `desk` has no message `other`"
            ),
        ]
    );
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn a_channel_that_asks_for_a_rest_is_an_error_with_its_wait() {
    let site = Site::answering(|_| {
        let mut answer = reply(429, "text/plain", "very-secret is slow");
        answer.headers_mut().insert("retry-after", 7.into());
        answer
    })
    .await;
    let performer = performer(BARE, &site, Catalogue::new());
    let input = json!({ "channel": "desk", "to": "ada", "template": "tips" });

    let failure = send(&performer, input).await.expect_err("refused");

    assert_eq!(failure.fault.status, 429);
    assert_eq!(failure.again_after, Some(std::time::Duration::from_secs(7)));
}
