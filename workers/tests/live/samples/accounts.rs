//! 03: a new user is set up as far as the plan goes; what was made is undone when a part fails.

use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;

use crate::samples::world::{Answer, Call, TENANT, World, eventually};

const CREATED: &str = "com.example.accounts.user.created.v1";
const READY: &str = "com.example.accounts.user.ready.v1";
const DAY: u64 = 24 * 60 * 60;

/// Users have this plan; a user's storage and identity are as the test says.
fn plan(plan: &'static str, features: Json) -> impl Fn(&Call, usize) -> Answer + Send + Sync {
    move |call, _| match &*call.what {
        "user-eligibility:1.0.0" => Answer::Is(json!({ "plan": plan, "features": features })),
        "storage-create:1.0.0" => Answer::Is(json!({ "bucket": "b-9", "size": 1 })),
        _ => Answer::Is(json!({})),
    }
}

/// A user was created; the job that sets it up.
async fn created(script: impl Fn(&Call, usize) -> Answer + Send + Sync + 'static) -> (World, i64) {
    let world = World::new(script).await;
    world.publish("03-new-user-setup.yaml").await;
    world.tell(CREATED, "e-1", json!({ "userId": "u-1" })).await;
    let job = world.job_of("accounts.new-user-setup").await;
    (world, job)
}

fn made(world: &World) -> Vec<String> {
    let names = world.names().into_iter();
    let mut made: Vec<String> = names.filter(|name| name.contains("-create")).collect();
    made.sort();
    made
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_gets_what_the_plan_has_and_a_message_a_day_later() {
    let (world, job) = created(plan("team", json!(["storage"]))).await;

    let rested = world.pass(job).await;
    let result = world.result(job, "completed").await;

    let rested = rested.as_secs();
    assert!((DAY - 60..=DAY).contains(&rested), "a day, not {rested} s");
    assert_eq!(result, json!({ "result": "ready", "plan": "team" }));
    assert_eq!(
        made(&world),
        ["storage-create:1.0.0", "workspace-create:1.0.0"]
    );
    assert_eq!(
        world.of("user-eligibility:1.0.0")[0].input,
        json!({ "userId": "u-1" })
    );
    let ready = world.told(READY, 1).await;
    assert_eq!(
        (&ready[0]["subject"], &ready[0]["data"]),
        (&json!("u-1"), &json!({ "plan": "team" }))
    );
    let sent = world.of("POST /email");
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].input,
        json!({ "to": { "userId": "u-1" }, "template": "first-steps" })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_gets_less_and_who_has_no_plan_gets_nothing() {
    let (trial, first) = created(plan("trial", Json::Null)).await;
    let (none, second) = created(plan("none", Json::Null)).await;

    trial.pass(first).await;
    trial.result(first, "completed").await;
    let declined = none.result(second, "completed").await;

    assert_eq!(
        trial.names(),
        [
            "user-eligibility:1.0.0",
            "workspace-trial:1.0.0",
            "POST /email"
        ]
    );
    assert_eq!(
        declined,
        json!({ "result": "not-eligible", "plan": "none" })
    );
    assert_eq!(none.names(), ["user-eligibility:1.0.0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_made_is_undone_last_first_when_the_storage_fails() {
    // Each branch ends when the test has seen the end of the one before.
    let gates: Arc<[CancellationToken; 2]> = Arc::default();
    let answers = plan("enterprise", json!(["storage"]));
    let script = {
        let gates = gates.clone();
        move |call: &Call, before: usize| match &*call.what {
            "identity-create:1.0.0" => Answer::Later(gates[0].clone(), Json::Null),
            "storage-create:1.0.0" => Answer::Fails(gates[1].clone(), 507),
            _ => answers(call, before),
        }
    };
    let (world, job) = created(script).await;
    world.called("storage-create:1.0.0", 1).await;
    world.called("identity-create:1.0.0", 1).await;

    ended(&world, job, 2).await;
    gates[0].cancel();
    ended(&world, job, 3).await;
    gates[1].cancel();
    let result = world.result(job, "failed").await;

    assert_eq!(result["status"], 507, "{result}");
    let names = world.names();
    let undone: Vec<_> = names
        .iter()
        .filter(|name| name.contains("-delete"))
        .collect();
    assert_eq!(undone, ["identity-delete:1.0.0", "workspace-delete:1.0.0"]);
    assert_eq!(
        world.of("workspace-delete:1.0.0")[0].input,
        json!({ "userId": "u-1" })
    );
    assert!(world.of("POST /email").is_empty());
}

/// Waits until so many ends of steps are recorded.
async fn ended(world: &World, job: i64, steps: usize) {
    let there = async || {
        let page = world.store.journal(TENANT, job, 0, 100).await.expect("it");
        let ends = page.items.iter().filter(|entry| entry.kind == "succeeded");
        let ends = ends.count();
        let said = || format!("{ends} steps have ended");
        (ends >= steps).then_some(()).ok_or_else(said)
    };
    eventually(there).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_cannot_be_made_waits_for_a_person() {
    let answers = plan("enterprise", Json::Null);
    let script = move |call: &Call, before: usize| match &*call.what {
        "identity-create:1.0.0" => Answer::Status(500),
        _ => answers(call, before),
    };
    let (world, job) = created(script).await;

    world.until(job, "parked").await;

    assert_eq!(
        made(&world),
        ["identity-create:1.0.0", "workspace-create:1.0.0"]
    );
    let deleted = world
        .names()
        .into_iter()
        .any(|name| name.contains("-delete"));
    assert!(!deleted, "nothing is undone while a person may help");
}
