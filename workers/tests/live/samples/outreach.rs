//! 02: one conversation: stages, replies, bounces and silence.

use std::time::Duration;

use serde_json::{Value as Json, json};
use windlass_engine::testing::application;

use crate::samples::world::{Answer, Call, World};

const REPLY: &str = "com.example.outreach.reply.received.v1";
const BOUNCE: &str = "com.example.outreach.message.bounced.v1";
const ESCALATED: &str = "com.example.outreach.escalated.v1";
const MAIL: &str = "POST /email";
const PLAIN: &str = "
document: { dsl: '1.0.3', namespace: outreach, name: plain, version: '1.0.0' }
do: [ { done: { set: { done: true } } } ]
";
const PURPOSE: &str = "windlass: v1\nkind: Purpose\nname: marketing\ntemplate: outreach.plain\n";

/// Mail that is taken, and replies that mean this.
async fn contacted(intent: &'static str) -> (World, i64) {
    let script = move |call: &Call, before: usize| match &*call.what {
        MAIL => Answer::Is(json!({ "messageId": format!("m-{before}"), "state": "sent" })),
        "POST /analyse/reply-intent" => Answer::Is(json!({ "intent": intent })),
        _ => Answer::Is(json!({})),
    };
    let world = World::new(script).await;
    // The purpose that the template serves, with the template that its own requests would get.
    world.publish_text(PLAIN).await;
    let applied = world.store.apply(application(&[PURPOSE])).await;
    applied.expect("applied");
    world.publish("02-outreach-campaign.yaml").await;
    let input = json!({
        "campaignId": "c-1",
        "contact": { "id": "p-1", "email": "ada@example.com", "owner": "leo" },
        "stages": [
            { "template": "first", "replyWithin": "P2D" },
            { "template": "reminder", "replyWithin": "P5D" },
        ],
    });
    let job = world.submit("outreach.contact-campaign", input).await;
    (world, job)
}

/// The contact does something, in answer to a campaign.
async fn does(world: &World, kind: &str, campaign: &str) {
    let data = json!({ "campaignId": campaign, "contactId": "p-1", "text": "about it" });
    world.tell(kind, campaign, data).await;
}

fn finished(outcome: &str, intent: Json, stages: u8) -> Json {
    json!({ "contactId": "p-1", "outcome": outcome, "intent": intent, "stagesSent": stages })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_to_the_reminder_is_understood_and_handed_over() {
    let (world, job) = contacted("interested").await;
    let rested = world.pass(job).await;
    world.called(MAIL, 2).await;
    world.until(job, "waiting").await;

    does(&world, REPLY, "another").await;
    does(&world, REPLY, "c-1").await;
    let result = world.result(job, "completed").await;

    assert_eq!(world.until(job, "completed").await.purpose, "marketing");
    let days = Duration::from_secs(2 * 24 * 60 * 60);
    assert!(
        rested <= days && rested > days - Duration::from_secs(60),
        "{rested:?}"
    );
    assert_eq!(result, finished(REPLY, json!("interested"), 2));
    let mails: Vec<Json> = world.of(MAIL).into_iter().map(|mail| mail.input).collect();
    assert_eq!(
        mails[0],
        json!({
            "to": "ada@example.com", "template": "first", "thread": "c-1/p-1", "values": { "turns": [] },
        })
    );
    let silence = json!([ { "out": "m-0", "stage": 0 }, { "in": "silence" } ]);
    assert_eq!(
        (&mails[1]["template"], &mails[1]["values"]["turns"]),
        (&json!("reminder"), &silence)
    );
    assert_eq!(
        world.of("POST /analyse/reply-intent")[0].input,
        json!({ "text": "about it" })
    );
    let told = world.told(ESCALATED, 1).await;
    let data = json!({ "owner": "leo", "stage": 1, "intent": "interested" });
    assert_eq!((told.len(), &told[0]["data"]), (1, &data));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_opts_out_is_left_alone() {
    let (world, job) = contacted("opt-out").await;
    world.until(job, "waiting").await;

    does(&world, REPLY, "c-1").await;
    let result = world.result(job, "completed").await;

    assert_eq!(result, finished(REPLY, json!("opt-out"), 1));
    let suppressed = world.of("crm-suppress:1.0.0");
    assert_eq!(
        suppressed[0].input,
        json!({ "contactId": "p-1", "reason": "opt-out" })
    );
    assert_eq!((suppressed.len(), world.of(MAIL).len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_bounces_is_marked() {
    let (world, job) = contacted("").await;
    world.until(job, "waiting").await;

    does(&world, BOUNCE, "c-1").await;
    let result = world.result(job, "completed").await;

    assert_eq!(result, finished(BOUNCE, Json::Null, 1));
    let marked = world.of("crm-unreachable:1.0.0");
    assert_eq!(
        (marked.len(), &marked[0].input["evidence"]["contactId"]),
        (1, &json!("p-1"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_answers_is_handed_over_after_the_last_stage() {
    let (world, job) = contacted("").await;

    world.pass(job).await;
    world.called(MAIL, 2).await;
    world.pass(job).await;
    let result = world.result(job, "completed").await;

    assert_eq!(result, finished("silence", Json::Null, 2));
    assert_eq!(world.told(ESCALATED, 1).await[0]["data"]["owner"], "leo");
    assert_eq!(world.names(), [MAIL, MAIL]);
}
