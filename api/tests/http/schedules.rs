//! Schedules, their slots and the clock that moves them.

use serde_json::{Value, json};

use crate::site::Site;

#[tokio::test]
async fn the_next_slots_stand_on_the_wall_clock() {
    let site = Site::with_fleet().await;

    let schedule = site.get("/v1/schedules/greet-ships").await.ok(200);
    let next = site
        .get("/v1/schedules/greet-ships/next?count=60")
        .await
        .ok(200);

    assert_eq!(schedule["enabled"], true);
    assert_eq!(next["zone"], "Europe/Berlin");
    let items = next["items"].as_array().unwrap();
    assert_eq!(items.len(), 60);
    let local: Vec<&str> = items
        .iter()
        .map(|slot| slot["local"].as_str().unwrap())
        .collect();
    assert!(
        local.iter().all(|local| local.contains("T06:00:00+0")),
        "{local:?}"
    );
    assert_eq!(
        site.get("/v1/schedules").await.ok(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn questions_about_slots_that_have_no_answer_are_refused() {
    let site = Site::with_fleet().await;
    let path = |part: &str| format!("/v1/schedules/greet-ships/{part}");

    site.get(&path("next?count=0"))
        .await
        .problem(400, "malformed");
    site.get(&path("next?count=367"))
        .await
        .problem(400, "malformed");
    site.get(&path("slots?state=tired"))
        .await
        .problem(400, "malformed");
    site.get("/v1/schedules/nobody/slots")
        .await
        .problem(404, "not_found");
    site.get("/v1/schedules/nobody/next")
        .await
        .problem(404, "not_found");
    site.post(&path("trigger"), &json!({}))
        .await
        .problem(422, "invalid");
    site.post(
        &path("trigger"),
        &json!({ "extra": true, "slot": "2026-11-23T05:00:00Z" }),
    )
    .await
    .problem(422, "invalid");
    site.post("/v1/schedules/nobody/trigger", &json!({ "extra": true }))
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_slot_fires_when_the_clock_reaches_it_and_an_extra_batch_leaves_the_ledger_alone() {
    let site = Site::with_fleet().await;
    site.store.enter_development().await.unwrap();

    let before = slots(&site).await;
    let moved = site
        .post("/v1/clock", &json!({ "advance": "7d" }))
        .await
        .ok(200);
    site.store.fire().await.unwrap();
    let after = slots(&site).await;
    let extra = site
        .post(
            "/v1/schedules/greet-ships/trigger",
            &json!({ "extra": true }),
        )
        .await;

    assert_eq!(slots(&site).await.len(), 1);
    assert_eq!(extra.ok(201)["schedule"], Value::Null);
    assert!(extra.header("location").starts_with("/v1/batches/b_"));
    assert_eq!(before.len(), 0);
    assert_eq!(moved["offset_seconds"], 7 * 86_400);
    assert_eq!(after.len(), 1, "{after:?}");
    assert!(after[0]["batch"].as_str().unwrap().starts_with("b_"));
}

#[tokio::test]
async fn many_slots_with_one_verdict_are_one_item() {
    let site = Site::with_fleet().await;
    site.store.enter_development().await.unwrap();
    let twenty_years = json!({ "advance": "8000d" });
    site.post("/v1/clock", &twenty_years).await.ok(200);
    site.store.fire().await.unwrap();

    let page = site.get("/v1/schedules/greet-ships/slots").await.ok(200);

    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{page}");
    assert_eq!(
        (&items[0]["state"], &items[0]["n"]),
        (&json!("late"), &Value::Null)
    );
    assert_eq!(items[1]["reason"], "superseded");
    assert!(items[1]["n"].as_i64().unwrap() > 1_100, "{page}");
    let end = |item: &Value, key: &str| item[key].as_str().unwrap().to_owned();
    assert!(end(&items[1], "until") < end(&items[0], "at"), "{page}");
}

/// The slots that made a batch.
async fn slots(site: &Site) -> Vec<Value> {
    let page = site.get("/v1/schedules/greet-ships/slots").await.ok(200);
    let slots = page["items"].as_array().unwrap().iter();
    slots
        .filter(|slot| slot["batch"].is_string())
        .cloned()
        .collect()
}

#[tokio::test]
async fn the_clock_moves_forward_and_in_development_only() {
    let site = Site::new().await;
    let advance = json!({ "advance": "1h" });

    site.post("/v1/clock", &advance)
        .await
        .problem(409, "illegal_state");
    site.store.enter_development().await.unwrap();
    site.post("/v1/clock", &advance).await.ok(200);

    site.post("/v1/clock", &json!({ "set": "2020-01-01T00:00:00Z" }))
        .await
        .problem(409, "illegal_state");
    site.post("/v1/clock", &json!({}))
        .await
        .problem(422, "invalid");
    site.post("/v1/clock", &json!({ "advance": "soon" }))
        .await
        .problem(422, "invalid");
    assert_eq!(site.get("/v1/clock").await.ok(200)["offset_seconds"], 3_600);
}

#[tokio::test]
async fn slots_of_the_past_are_backfilled_and_taken_back() {
    let site = Site::with_fleet().await;
    let path = "/v1/schedules/greet-ships/backfills";
    let range = |dry_run: bool| json!({ "from": "2026-03-02T00:00:00Z", "to": "2026-04-06T00:00:00Z", "dry_run": dry_run });

    let dry = site.post(path, &range(true)).await.ok(202);
    let nothing = site.get(path).await.ok(200);
    let asked = site.post(path, &range(false)).await.ok(202);
    let waiting = site.get(path).await.ok(200);
    site.post(
        path,
        &json!({ "from": "2026-03-02T00:00:00Z", "to": "2100-01-01T00:00:00Z" }),
    )
    .await
    .problem(422, "invalid");

    assert!(dry["runs"].as_u64().unwrap() > 3, "{dry}");
    assert_eq!(
        (&dry["runs"], &dry["items"]),
        (&asked["runs"], &asked["items"])
    );
    assert_eq!(nothing["items"], json!([]));
    assert_eq!(
        waiting["items"].as_array().unwrap().len() as u64,
        dry["runs"]
    );
}

#[tokio::test]
async fn a_schedule_is_told_in_words_and_goes_on_with_catch_up() {
    let site = Site::with_fleet().await;
    let path = |part: &str| format!("/v1/schedules/greet-ships/{part}");

    let shown = site.get("/v1/schedules/greet-ships").await.ok(200);
    site.post(&path("pause"), &json!({ "reason": "a freeze" }))
        .await
        .ok(202);
    let next = site.get(&path("next?count=3")).await.ok(200);
    site.post(&path("resume"), &json!({ "catch_up": "some" }))
        .await
        .problem(422, "invalid");
    site.post(&path("resume"), &json!({ "catch_up": "latest" }))
        .await
        .ok(202);

    assert!(
        shown["words"]
            .as_str()
            .unwrap()
            .ends_with("at 06:00 Europe/Berlin"),
        "{shown}"
    );
    let paused: Vec<_> = next["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|slot| &slot["paused"])
        .collect();
    assert_eq!(paused, [true, true, true]);
}
