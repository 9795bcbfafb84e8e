//! 13: every idea of the language once: placed steps, texts, messages, approval, signal, undo, map, batch, child.

use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;
use windlass_engine::Error;
use windlass_engine::protocol::{Flight, SIGNAL_TTL, Signal, To, publish};
use windlass_engine::store::{ApprovalFilter, JobFilter, NewDecision};
use windlass_engine::testing::application;
use windlass_workflows::check;
use windlass_workflows::resource::{Resource, Resources};
use windlass_workflows::value::Value;

use crate::samples::world::{Answer, Call, TENANT, World, eventually};

const ENRICH: &str = "item-enrich:1.2.0";
const WRITE: &str = "POST /v1/chat/completions";
/// What the templates of others are.
const OTHERS: [&str; 2] = [
    "
document: { dsl: '1.0.3', namespace: content, name: process-request, version: '2.0.0' }
do: [ { work: { call: 'item-enrich:1.0.0@default', with: { sku: '${ .sku }', of: '${ $runtime.metadata.batch.id }' } } } ]
",
    "
document: { dsl: '1.0.3', namespace: tour, name: other, version: '1.0.0' }
do: [ { work: { call: 'storage-create:1.0.0@default', with: { of: '${ .id }' } } } ]
",
];
const DOCUMENTS: &str = "
{ windlass: v1, kind: Purpose, name: service, template: tour.other }
---
{ windlass: v1, kind: Limit, name: vendor, concurrency: 4 }
---
{ windlass: v1, kind: Limit, name: tenant, concurrency: 4 }
---
{ windlass: v1, kind: Calendar, name: company-holidays, weekend: [ sat, sun ] }
---
{ windlass: v1, kind: Category, name: march-requests, key: sku,
  data: { items: [ { sku: m1 }, { sku: m2 }, { sku: m3 } ] } }
";
/// A function of the team's catalogue, where the sample says that it stands.
const SCORE: (&str, &str) = (
    "https://templates.internal.example/catalog/functions/score/2.0.0/function.yaml",
    "{ call: 'analyse:1.0.0@default', with: { profile: trends, text: '${ .text }' } }",
);
/// Everybody answers; the second item waits for the gate, and the flight is answered so.
fn answers(gate: CancellationToken, flight: u16) -> impl Fn(&Call, usize) -> Answer + Send + Sync {
    move |call, before| match (&*call.what, before) {
        (ENRICH, 1) => Answer::Later(gate.clone(), json!({ "text": "shoes" })),
        (ENRICH, _) => Answer::Is(json!({ "rich": call.input["sku"] })),
        (WRITE, _) => Answer::Is(json!(r#"{"text":"Soft shoes."}"#)),
        ("POST /analyse/reply-intent", _) => Answer::Is(json!({ "intent": "buy" })),
        ("POST /analyse/trends", _) => Answer::Is(json!({ "score": 4 })),
        ("POST /email", _) => Answer::Is(json!({ "messageId": "m-1", "state": "sent" })),
        ("hotel-book:1.0.0", _) => Answer::Is(json!({ "id": "h-1" })),
        ("flight-book:1.0.0", _) if flight != 200 => Answer::Status(flight),
        ("flight-book:1.0.0", _) => {
            Answer::Is(json!({ "items": [ { "sku": "f1" }, { "sku": "f2" } ] }))
        }
        _ => Answer::Is(json!({})),
    }
}

/// Publishes the sample as it stands.
async fn publish_tour(world: &World) {
    let text = world.sample("13-profile-tour.yaml");
    assert_eq!(refusals(world, &text).await, [] as [&str; 0]);
}

/// The codes of what is wrong with a template; it is published when nothing is.
async fn refusals(world: &World, text: &str) -> Vec<String> {
    let mut resources = Resources::default();
    resources.add(SCORE.0, Resource::Read(SCORE.1.into()));
    let catalogue = world.store.catalogue(TENANT).await.expect("a catalogue");
    let tree = check::read(text).expect("YAML");
    match publish::check_tree(&tree, text.to_owned(), &catalogue, &resources) {
        Ok(template) => {
            let published = world.store.publish(TENANT, template).await;
            published.unwrap_or_else(|error: Error| panic!("{error:#?}"));
            Vec::new()
        }
        Err(problems) => problems.into_iter().map(|one| one.code).collect(),
    }
}

/// A tour up to its approval: its context was patched while it waited for its second step.
async fn toured(flight: u16) -> (World, i64) {
    let gate = CancellationToken::new();
    let world = World::new(answers(gate.clone(), flight)).await;
    for other in OTHERS {
        world.publish_text(other).await;
    }
    let applied = world.store.apply(application(&[DOCUMENTS])).await;
    applied.expect("applied");
    publish_tour(&world).await;
    let job = world
        .submit("tour.profile-tour", json!({ "tenant": "acme" }))
        .await;
    world.called(ENRICH, 2).await;
    world.until(job, "waiting").await;
    let known = r#"{"email":"ada@example.com","contactId":"p-1","tenant":"acme"}"#;
    let patch = Flight::Patch {
        with: Value::parse(known).expect("JSON"),
    };
    let preview = world.store.preview_flight(TENANT, job, &patch).await;
    let token = preview.expect("a preview").token;
    let flown = world
        .store
        .fly(TENANT, job, &patch, &token, ("mia", "whom it is about"));
    flown.await.expect("patched");
    gate.cancel();
    (world, job)
}

async fn approve(world: &World) {
    let asked = async || {
        let filter = ApprovalFilter::default();
        let open = world.store.approvals(TENANT, &filter, None, 10).await;
        let open = open.expect("a page").items;
        open.into_iter()
            .next()
            .ok_or_else(|| format!("nobody asks; {:#?}", world.calls()))
    };
    let asked = eventually(asked).await;
    assert_eq!(asked.subject, "Publish the text?");
    let decision = NewDecision {
        decision: "approve".into(),
        by: "maria".into(),
        comment: None,
    };
    let decided = world.store.decide(TENANT, asked.id, decision).await;
    decided.expect("decided");
}

async fn resume(world: &World, job: i64) {
    let signal = Signal {
        to: To::Job(job),
        name: "resume".into(),
        id: "s-1".into(),
        data: None,
        ttl: SIGNAL_TTL,
        at: world.now().await,
    };
    world.store.signal(TENANT, signal).await.expect("signalled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tour_goes_by_every_sight() {
    let (world, job) = toured(200).await;
    approve(&world).await;
    resume(&world, job).await;
    let events = async || match world.store.job(TENANT, job).await.expect("the job").waits {
        waits
            if waits
                .iter()
                .filter(|one| one.kind.as_deref() == Some("event"))
                .count()
                == 2 =>
        {
            Ok(())
        }
        waits => Err(format!("it waits for {waits:?}; {:#?}", world.calls())),
    };
    eventually(events).await;
    for (id, kind) in [
        ("e-1", "com.example.paid.v1"),
        ("e-2", "com.example.packed.v1"),
    ] {
        world.tell(kind, id, json!({})).await;
    }

    let result = world.result(job, "completed").await;

    assert_eq!(result, json!({ "score": 4 }));
    texts(&world);
    effect(&world).await;
    items(&world);
    batch(&world, job).await;
    let other = world.of("storage-create:1.0.0");
    assert_eq!(other.len(), 1, "the child that nobody awaits");
    assert_eq!(other[0].input, json!({ "of": "b_1" }));
    assert!(world.of("hotel-cancel:1.0.0").is_empty());
}

fn texts(world: &World) {
    assert_eq!(world.of(WRITE).len(), 1);
    assert_eq!(world.of("POST /analyse/reply-intent").len(), 1);
    let mails = world.of("POST /email");
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].input["to"], "ada@example.com");
    assert!(mails[0].key.contains("/message-1"), "{}", mails[0].key);
}

/// The mail's effect is taken for good, under the step's key.
async fn effect(world: &World) {
    let taken = "select count(*) from request_key where scope = 'effect' and key like '%/hello' and hash like '%/message-1'";
    assert_eq!(world.crowd.count(taken).await, 1);
}

/// The two steps, the one with a place of its own, and those of the map.
fn items(world: &World) {
    let skus: Vec<Json> = world
        .of(ENRICH)
        .into_iter()
        .map(|call| call.input["sku"].clone())
        .collect();
    assert_eq!(skus[..3], [json!("A1"), json!("A1"), json!("A2")]);
    let mut of_map = skus[3..].to_vec();
    of_map.sort_by_key(Json::to_string);
    assert_eq!(of_map, [json!("f1"), json!("f2")]);
}

async fn batch(world: &World, job: i64) {
    let batch = world.store.batch(TENANT, 1).await.expect("a batch");
    assert_eq!((batch.parent, &*batch.state), (Some(job), "completed"));
    assert_eq!((batch.release_window, batch.planned.jobs), (200, 3));
    let members = world.of("item-enrich:1.0.0");
    let of: Vec<&Json> = members.iter().map(|call| &call.input["of"]).collect();
    assert_eq!(of, ["b_1", "b_1", "b_1"]);
    let filter = JobFilter::default();
    let all = world.store.jobs(TENANT, &filter, None, 100).await;
    let all = all.expect("a page").items;
    let placed = all.iter().filter(|one| one.queue == "enrich").count();
    assert_eq!(placed, 2, "the steps that the queue `enrich` does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flight_that_is_refused_gives_the_hotel_back() {
    let (world, job) = toured(409).await;
    approve(&world).await;
    resume(&world, job).await;

    let result = world.result(job, "failed").await;

    assert_eq!(result["status"], 409, "{result}");
    let given_back = world.of("hotel-cancel:1.0.0");
    assert_eq!(given_back.len(), 1);
    assert_eq!(given_back[0].input, json!({ "booking": "h-1" }));
    let batches = world.crowd.count("select count(*) from batch").await;
    assert_eq!(batches, 0);
}
