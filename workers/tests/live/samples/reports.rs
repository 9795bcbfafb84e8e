//! 04: analyses side by side, one of which may be missing; a text; publication.

use serde_json::{Value as Json, json};

use crate::samples::time::is_about;
use crate::samples::world::{Answer, Call, World};

const PUBLISH: &str = "PUT /v1/reports/r-7";
const PUBLISHED: &str = "com.example.reports.published.v1";

fn well(call: &Call) -> Answer {
    match &*call.what {
        "POST /v1/chat/completions" => Answer::Is(json!("All is well.")),
        PUBLISH => Answer::Is(json!({ "url": "https://reports.example/r-7" })),
        other => Answer::Is(json!({ "of": other })),
    }
}

/// A report, where the calls that `fails` names are refused.
async fn report(fails: &'static str, more: Json) -> (World, i64) {
    let script = move |call: &Call, _: usize| match call.what == fails {
        true => Answer::Status(400),
        false => well(call),
    };
    let world = World::new(script).await;
    world.publish("04-report-generation.yaml").await;
    let mut input = json!({
        "reportId": "r-7", "subject": "sales", "period": { "from": "2026-01-01", "to": "2026-02-01" },
    });
    let members = input.as_object_mut().expect("an object");
    members.extend(more.as_object().cloned().unwrap_or_default());
    let job = world.submit("reports.generate-report", input).await;
    (world, job)
}

/// What the text was written from.
fn analyses(world: &World) -> Json {
    let asked = world.of("POST /v1/chat/completions");
    let text = asked[0].input["messages"][0]["content"].as_str();
    let material: Json = serde_json::from_str(text.expect("a text")).expect("JSON");
    material["analyses"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_written_from_all_analyses_published_and_announced() {
    let (world, job) = report("", json!({})).await;

    let result = world.result(job, "completed").await;

    let published = json!({ "reportId": "r-7", "url": "https://reports.example/r-7" });
    assert_eq!(result, published);
    let of = |name: &str| json!({ "of": format!("POST /analyse/{name}") });
    assert_eq!(
        analyses(&world),
        json!({ "trends": of("trends"), "anomalies": of("anomalies"), "forecast": of("forecast") })
    );
    let put = world.of(PUBLISH);
    assert_eq!(
        (put.len(), &put[0].input["text"]),
        (1, &json!("All is well."))
    );
    let told = world.told(PUBLISHED, 1).await;
    assert_eq!(
        (&told[0]["subject"], &told[0]["data"]),
        (&json!("r-7"), &published)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forecast_that_fails_or_is_not_wanted_is_left_out() {
    let (broken, first) = report("POST /analyse/forecast", json!({})).await;
    let (unwanted, second) = report("", json!({ "withForecast": false })).await;

    broken.result(first, "completed").await;
    unwanted.result(second, "completed").await;

    for world in [&broken, &unwanted] {
        assert_eq!(analyses(world)["forecast"], json!({ "available": false }));
    }
    assert_eq!(broken.of("POST /analyse/forecast").len(), 1);
    assert!(unwanted.of("POST /analyse/forecast").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_without_its_trends_is_tried_three_times_more_and_not_written() {
    let (world, job) = report("POST /analyse/trends", json!({})).await;

    // The first wait is short enough for the worker to stay with it.
    for (tries, wait) in [(2, 6), (3, 12)] {
        world.called("POST /analyse/trends", tries).await;
        assert!(is_about(world.pass(job).await, wait));
    }
    let result = world.result(job, "failed").await;

    assert_eq!(result["status"], 400, "{result}");
    assert_eq!(world.of("POST /analyse/trends").len(), 4);
    assert!(world.of(PUBLISH).is_empty());
}
