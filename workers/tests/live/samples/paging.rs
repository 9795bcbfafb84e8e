//! 09: people are paged one after the other until somebody acknowledges.

use serde_json::json;

use crate::samples::world::{Answer, World};

const ACKNOWLEDGED: &str = "com.example.pager.acknowledged.v1";

async fn incident() -> (World, i64) {
    let world = World::new(|_, _| Answer::Is(json!({}))).await;
    world.publish("09-incident-race.yaml").await;
    let input = json!({ "incidentId": "n-1", "ladder": [ "ada", "leo", "mia" ] });
    let job = world
        .submit("operations.page-until-acknowledged", input)
        .await;
    (world, job)
}

fn paged(world: &World) -> Vec<String> {
    let calls = world.of("POST /page").into_iter();
    let texts = calls.map(|call| call.input["text"].as_str().unwrap_or_default().to_owned());
    texts.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_person_acknowledges_and_nobody_else_is_paged() {
    let (world, job) = incident().await;
    let waited = world.pass(job).await.as_secs();
    world.called("POST /page", 2).await;
    world.until(job, "waiting").await;

    let other = json!({ "incidentId": "n-2", "person": "mia" });
    world.tell(ACKNOWLEDGED, "e-1", other).await;
    let ours = json!({ "incidentId": "n-1", "person": "leo" });
    world.tell(ACKNOWLEDGED, "e-2", ours).await;
    let result = world.result(job, "completed").await;

    assert!((540..=600).contains(&waited), "ten minutes, not {waited} s");
    assert_eq!(result, json!({ "acknowledgedBy": "leo" }));
    assert_eq!(paged(&world), ["ada: n-1", "leo: n-1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_incident_that_nobody_acknowledges_fails_after_the_last_rung() {
    let (world, job) = incident().await;

    for rung in 1..=3 {
        world.called("POST /page", rung).await;
        world.pass(job).await;
    }
    let result = world.result(job, "failed").await;

    assert_eq!(
        (&result["type"], &result["status"]),
        (
            &json!("https://errors.example/operations/unacknowledged"),
            &json!(504)
        )
    );
    assert_eq!(paged(&world), ["ada: n-1", "leo: n-1", "mia: n-1"]);
}
