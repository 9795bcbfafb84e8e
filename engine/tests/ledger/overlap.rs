//! The vectors of overlap: `hourly at minute 0`, where the batch of nine runs until half past twelve.

use windlass_engine::protocol::Planned;
use windlass_engine::store::{DEFAULT_TENANT, NewPause};
use windlass_engine::vocabulary::{PauseMode, PauseScope};

use crate::kit::{Case, of_batches};
use crate::{Scene, at};

/// Hourly under a rule of overlap, at nine, where the slot of nine has fired; the batch that it made.
async fn at_nine(overlap: &str, extras: &str) -> (Scene, i64) {
    let scene = Scene::daily(", enabled: false").await;
    scene.clock("21 08:30").await;
    let rule = format!("schedule: {{ cron: '0 * * * *', overlap: {overlap} }}\n{extras}");
    scene.document("individual", &rule).await;
    scene.clock("21 09:00").await;
    let fired = scene.bench.store.fire().await.expect("a pass").batches;
    assert_eq!(scene.word(at("21 09:00")).await, "fired");
    (scene, fired[0])
}

/// The batch of nine has a job under way, which no cancel ends at once.
async fn runs(scene: &Scene, batch: i64) {
    let store = &scene.bench.store;
    let sealed = store.plan().await.expect("planned");
    assert_eq!(sealed, Planned::Sealed(batch));
    store.release().await.expect("released");
    let view = store.batch(DEFAULT_TENANT, batch).await.expect("it");
    let mut worker = scene.bench.worker().await;
    worker.lane = view.lane.expect("a lane");
    assert_eq!(worker.claim(1).await.len(), 1);
}

async fn over(scene: &Scene, batch: i64, state: &str) {
    let over = "update batch set state = $2, finished_at = now() where id = $1";
    let over = sqlx::query(over).bind(batch).bind(state);
    over.execute(&scene.bench.pool).await.expect("over");
}

/// A pass; the slots that started, and the batches that they made.
async fn pass(scene: &Scene, now: &str) -> Vec<i64> {
    scene.clock(now).await;
    let fired = scene.bench.store.fire().await.expect("a pass").batches;
    let again = scene.bench.store.fire().await.expect("a pass").batches;
    assert!(again.is_empty(), "one pass does it");
    fired
}

/// The day until thirteen, and when each slot started.
async fn day(scene: &Scene, nine: i64) -> Vec<(i64, &'static str)> {
    let mut started = Vec::new();
    for now in ["21 10:00", "21 11:00", "21 12:00", "21 12:30", "21 13:00"] {
        if now == "21 12:30" {
            over(scene, nine, "completed").await;
        }
        let made = pass(scene, now).await.into_iter();
        started.extend(made.map(|batch| (batch, &now[3..])));
    }
    started
}

/// When the batch of a slot was made, if it was.
async fn made_at(scene: &Scene, hour: &str, started: &[(i64, &'static str)]) -> Option<String> {
    let slot = scene.slot(at(&format!("21 {hour}:00"))).await?;
    let mut made = started.iter();
    let made = made.find(|(batch, _)| Some(*batch) == slot.batch)?;
    Some(made.1.to_owned())
}

/// What a slot says: its word, and of one that is late when it started.
async fn told(scene: &Scene, hour: &str, started: &[(i64, &'static str)]) -> String {
    let word = scene.word(at(&format!("21 {hour}:00"))).await;
    match made_at(scene, hour, started).await {
        Some(now) if word == "late" => format!("late at {now}"),
        _ => word,
    }
}

#[tokio::test]
async fn slots_that_meet_a_running_batch_come_to_what_their_vectors_say() {
    for mut case in of_batches("overlap") {
        let overlap = case.text("overlap");
        if case.says("running", "paused or waiting for approval") {
            any_that_is_not_final(&overlap, &mut case).await;
            continue;
        }
        if overlap == "cancel_running" {
            cancelled_first(&mut case).await;
            continue;
        }
        let (scene, nine) = at_nine(&overlap, "").await;
        runs(&scene, nine).await;
        let started = day(&scene, nine).await;
        for (hour, word) in case.need("expect").as_object().expect("hours") {
            let found = told(&scene, hour, &started).await;
            match word.as_str().expect("a word") {
                "late after it" => after_each_other(&scene, hour, &found).await,
                word => assert_eq!(found, word, "{hour} of {}", case.told()),
            }
        }
    }
}

/// It waits while the one before it runs, and is late when that is over.
async fn after_each_other(scene: &Scene, hour: &str, found: &str) {
    assert!(found.starts_with("planned waiting"), "{hour}: {found}");
    let running = "select max(id) from batch";
    let before = scene.bench.count(running).await;
    over(scene, before, "completed").await;
    let started = scene.bench.store.fire().await.expect("a pass").batches;
    assert_eq!(started.len(), 1);
    let slot = scene.slot(at(&format!("21 {hour}:00"))).await;
    let slot = slot.expect("a row");
    assert_eq!((&*slot.state, slot.batch), ("late", Some(started[0])));
}

/// The slot of ten asks the batch of nine to end, and starts when it is final, not before.
async fn cancelled_first(case: &mut Case) {
    let (scene, nine) = at_nine("cancel_running", "").await;
    runs(&scene, nine).await;

    assert!(pass(&scene, "21 10:00").await.is_empty());
    let store = &scene.bench.store;
    let asked = "select count(*) from batch where cancelling_at is not null";
    assert_eq!(scene.bench.count(asked).await, 1);
    assert!(pass(&scene, "21 10:10").await.is_empty(), "not final yet");
    let view = store.batch(DEFAULT_TENANT, nine).await.expect("it");
    assert_eq!(view.finished_at, None);
    let waiting = scene.word(at("21 10:00")).await;
    assert!(waiting.starts_with("planned waiting"), "{waiting}");
    over(&scene, nine, "cancelled").await;
    assert_eq!(pass(&scene, "21 10:20").await.len(), 1);

    let expect = case.need("expect");
    assert_eq!(expect["10"], "late when the 09:00 batch is final");
    assert_eq!(expect.as_object().map(serde_json::Map::len), Some(1));
    assert_eq!(scene.word(at("21 10:00")).await, "late");
}

/// A batch that a person holds, or that asks one, is not final.
async fn any_that_is_not_final(overlap: &str, case: &mut Case) {
    assert!(case.says("note", "any batch that is not final counts"));
    let expect = case.need("expect");
    assert_eq!(expect, serde_json::json!({ "10": "waits" }));
    for held in ["paused", "waiting for approval"] {
        let rules = match held {
            "paused" => "",
            _ => "approval: { when: always }\n",
        };
        let (scene, nine) = at_nine(overlap, rules).await;
        let store = &scene.bench.store;
        store.plan().await.expect("planned");
        if held == "paused" {
            pause(&scene, nine).await;
        }
        let view = store.batch(DEFAULT_TENANT, nine).await.expect("it");
        assert_eq!(view.asks.is_some(), held != "paused");

        let started = pass(&scene, "21 10:00").await;

        assert!(started.is_empty(), "{held}");
        let word = scene.word(at("21 10:00")).await;
        assert!(word.starts_with("planned waiting"), "{held}: {word}");
    }
}

async fn pause(scene: &Scene, batch: i64) {
    let pause = NewPause {
        scope: PauseScope::Batch,
        mode: PauseMode::Hold,
        subject: batch.to_string(),
        who: "leo".to_owned(),
        why: "lunch".to_owned(),
        until: None,
    };
    let paused = scene.bench.store.pause(DEFAULT_TENANT, pause).await;
    paused.expect("paused");
}
