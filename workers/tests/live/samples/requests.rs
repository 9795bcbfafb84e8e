//! 01: a text is drafted, judged, drafted again, and stored.

use std::io::Cursor;

use serde_json::{Value as Json, json};
use windlass_engine::protocol::load::Source;
use windlass_engine::store::{ContextChange, Expected};
use windlass_engine::testing::application;
use windlass_workflows::configuration::Format;
use windlass_workflows::value::Value;

use crate::samples::world::{Answer, Call, TENANT, World};

const GUIDES: &str = "windlass: v1\nkind: Category\nname: guides\nkey: name\n";
/// For everything that comes through the queue, and so slow that a test sees what was taken.
const TOKENS: &str =
    "windlass: v1\nkind: Limit\nname: tokens\nrate: 1/d\nburst: 20000\nscope: { queue: models }\n";
const ROWS: &str = "name,guidance,rubric\nhowto,Be brief.,clear\n";

const DRAFT: &str = "POST /v1/chat/completions";
const REVIEW: &str = "POST /analyse/content-review";
const STORE: &str = "PUT /v1/requests/r-1";

/// A writer that drafts by number, and a review that gives these scores, the last one again and again.
fn judged(scores: &'static [f64]) -> impl Fn(&Call, usize) -> Answer + Send + Sync {
    move |call, before| match &*call.what {
        DRAFT => Answer::Is(json!(format!("draft {before}"))),
        REVIEW => {
            let score = scores[before.min(scores.len() - 1)];
            Answer::Is(json!({ "score": score, "comments": format!("comment {before}") }))
        }
        _ => Answer::Is(json!({})),
    }
}

async fn world(scores: &'static [f64]) -> (World, i64) {
    world_of(judged(scores)).await
}

async fn world_of(script: impl Fn(&Call, usize) -> Answer + Send + Sync + 'static) -> (World, i64) {
    let world = World::new(script).await;
    let applied = world.store.apply(application(&[GUIDES, TOKENS])).await;
    applied.expect("applied");
    let source = Source::File {
        name: "guides.csv".to_owned(),
        format: Format::Csv,
        reader: Box::new(Cursor::new(ROWS.as_bytes().to_vec())),
    };
    let loaded = world
        .store
        .load_items(TENANT, "mia", "guides", source)
        .await;
    loaded.expect("loaded");
    let change = ContextChange {
        expected: Expected::Anything,
        document: Value::parse(r#"{"tone":"dry"}"#).expect("JSON"),
        merges: false,
        subject: None,
        ttl: None,
    };
    let put = world.store.change_context(TENANT, "r-1", change, "mia");
    put.await.expect("stored");
    world.publish("01-process-request.yaml").await;
    let input = json!({ "requestId": "r-1", "categoryId": "guides/howto", "prompt": "Say hello." });
    let job = world.submit("content.process-request", input).await;
    (world, job)
}

/// What the writer was told to write from: the first message of the user.
fn material(draft: &Call) -> Json {
    let text = draft.input["messages"][0]["content"].as_str();
    serde_json::from_str(text.expect("a text")).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_revised_once_and_stored() {
    let (world, job) = world(&[0.5, 0.9]).await;

    let result = world.result(job, "completed").await;

    let stored = json!({ "requestId": "r-1", "text": "draft 1", "score": 0.9, "revisions": 1 });
    assert_eq!(result, stored);
    assert_eq!(world.names(), [DRAFT, REVIEW, DRAFT, REVIEW, STORE]);
    let drafts = world.of(DRAFT);
    let first = material(&drafts[0]);
    assert_eq!(
        (&first["guidance"], &first["language"], &first["feedback"]),
        (&json!("Be brief."), &json!("en"), &Json::Null)
    );
    assert_eq!(first["background"]["document"], json!({ "tone": "dry" }));
    assert_eq!(material(&drafts[1])["feedback"], "comment 0");
    assert_eq!(drafts[0].input["messages"][1]["content"], "Say hello.");
    assert_ne!(drafts[0].key, drafts[1].key, "they are two effects");
    let uses = world.store.limit_uses(TENANT, "tokens", None, 10).await;
    let left = uses.expect("counters").items[0].tokens;
    let left = left.expect("a rate");
    assert!(
        (11_998.0..11_999.0).contains(&left),
        "a draft takes 4,000, a review one: {left}"
    );
    assert_eq!(
        world.of(REVIEW)[1].input,
        json!({ "text": "draft 1", "rubric": "clear" })
    );
    let put = &world.of(STORE)[0];
    assert_eq!(
        (&put.input, &put.key),
        (&stored, &format!("j_{job}/respond"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_satisfies_is_refused_and_not_stored() {
    let (world, job) = world(&[0.5]).await;

    let result = world.result(job, "failed").await;

    assert_eq!(
        (&result["type"], &result["status"], &result["detail"]),
        (
            &json!("https://errors.example/content/not-accepted"),
            &json!(422),
            &json!("score 0.5 after 2 revision(s)")
        )
    );
    assert_eq!(world.of(DRAFT).len(), 3);
    assert!(world.of(STORE).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_review_that_is_away_for_a_moment_is_asked_again() {
    let script = judged(&[0.9]);
    let (world, job) = world_of(move |call, before| match (&*call.what, before) {
        (REVIEW, 0) => Answer::Status(503),
        _ => script(call, before),
    })
    .await;

    let result = world.result(job, "completed").await;

    assert_eq!(
        (&result["text"], &result["revisions"]),
        (&json!("draft 0"), &json!(0))
    );
    let reviews = world.of(REVIEW);
    assert_eq!(reviews.len(), 2);
    assert_eq!(reviews[0].key, reviews[1].key, "it is one visit");
    assert_eq!(world.of(DRAFT).len(), 1);
}
