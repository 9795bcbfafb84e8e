//! The vectors of the ledger, each played as its name says.

use serde_json::Value;
use windlass_engine::protocol::{Backfill, BackfillSlot, Trigger};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_workflows::calendar::CatchUp;

use crate::{NAME, Scene, at, vectors};

/// `, catch_up: …` as a document has it.
fn catch_up(vector: &Value) -> String {
    match &vector["catch_up"] {
        Value::Null => String::new(),
        said => format!(", catch_up: {said}"),
    }
}

#[tokio::test]
async fn the_ledger_says_what_its_vectors_expect() {
    let vectors = vectors("ledger");
    assert_eq!(vectors.len(), 23);
    for vector in &vectors {
        let name = vector["name"].as_str().expect("a name");
        let scene = Scene::daily(&catch_up(vector)).await;
        let played = down(&scene, name).await
            || paused(&scene, name).await
            || edited(&scene, vector, name).await
            || by_hand(&scene, vector, name).await;
        assert!(played, "nobody plays {name}");
        if !vector["expect"].is_null() {
            scene.matches(vector).await;
        }
    }
}

async fn down(scene: &Scene, name: &str) -> bool {
    match name {
        "down 18th 10:00 to 21st 10:00" | "same" => scene.clock("21 10:00").await,
        "clock jumps forward over the same span" => {
            scene.fire().await;
            scene.clock("21 10:00").await;
        }
        "up again at 21st 09:03" => scene.clock("21 09:03").await,
        // The clock goes on while a test runs: the very instant is judged by `policy/catch_up.rs`.
        "up again at 21st 09:05:00 exactly" => scene.clock("21 09:04").await,
        "clock set back from 21st 09:01 to 08:00 and reaches 09:00 again" => {
            scene.clock("21 09:01").await;
            scene.settle().await;
            scene
                .sql("update cluster set clock_offset = clock_offset - interval '61 minutes'")
                .await;
            scene.settle().await;
            scene.clock("21 09:00").await;
            scene.settle().await;
            assert_eq!(scene.batches().await, 1);
        }
        _ => return false,
    }
    scene.settle().await;
    true
}

async fn paused(scene: &Scene, name: &str) -> bool {
    match name {
        "paused 18th 10:00 until 21st 09:00" => {
            scene.pause(Some("21 09:00")).await;
            scene.clock("21 09:00").await;
        }
        "paused 18th 10:00, resumed 21st 10:00" => {
            scene.pause(None).await;
            scene.clock("21 10:00").await;
            scene.resume().await;
        }
        "paused 18th 10:00, resumed 21st 10:00 with catch-up latest" => {
            scene.pause(None).await;
            scene.clock("21 10:00").await;
            let store = &scene.bench.store;
            let latest = Some(CatchUp::Latest);
            let resumed = store.resume_schedule(DEFAULT_TENANT, NAME, latest).await;
            assert_eq!(resumed.expect("resumed").1, 1);
        }
        "paused and down over the same span" => {
            scene.pause(None).await;
            scene.clock("21 10:00").await;
        }
        _ => return false,
    }
    scene.settle().await;
    true
}

async fn edited(scene: &Scene, vector: &Value, name: &str) -> bool {
    let said = match name {
        "edited to 08:00 at 21st 08:30" => {
            scene.clock("21 08:30").await;
            scene.settle().await;
            scene.apply("08:00", "").await
        }
        "edited to 11:00 at 21st 10:00 after 09:00 fired" => {
            scene.clock("21 09:01").await;
            scene.settle().await;
            scene.clock("21 10:00").await;
            scene.apply("11:00", "").await
        }
        "tolerance edited at 21st 08:30" => {
            scene.clock("21 08:30").await;
            scene.settle().await;
            let nine = "schedule: { daily: { at: '09:00' } }\n";
            let said = scene.document("combined", nine).await;
            // It takes the new revision when it fires.
            let slot = scene.slot(at("21")).await.expect("a slot");
            assert_eq!(slot.state, "planned");
            said
        }
        "deleted at 21st 08:30" => {
            scene.clock("21 08:30").await;
            scene.settle().await;
            let said = scene.document("individual", "").await;
            assert!(scene.slot(at("20")).await.is_some(), "past rows stay");
            assert!(said.contains(&"- no slot on 21 November 2040".to_owned()));
            said
        }
        _ => return false,
    };
    let of_days = said.iter().filter(|line| line.contains(" November "));
    match vector["warn"].as_str() {
        Some(warn) => assert_eq!(of_days.collect::<Vec<_>>(), [&format!("- {warn} 2040")]),
        None if name.starts_with("edited") => {
            let second = "+ 2 slots in place of 1 on 21 November 2040".to_owned();
            assert_eq!(of_days.collect::<Vec<_>>(), [&second]);
        }
        None if name.starts_with("tolerance") => assert_eq!(of_days.count(), 0),
        None => assert!(said.iter().any(|line| line.starts_with('…')), "{said:?}"),
    }
    scene.fire().await;
    true
}

async fn by_hand(scene: &Scene, vector: &Value, name: &str) -> bool {
    let refused = match name {
        "slot 20 missed; trigger slot 20" => {
            scene.apply("09:00", ", catch_up: none").await;
            scene.clock("21 08:00").await;
            scene.settle().await;
            scene.trigger(Trigger::Slot(at("20"))).await
        }
        "slot 20 fired; trigger slot 20" => {
            scene.clock("20 09:01").await;
            scene.settle().await;
            scene.trigger(Trigger::Slot(at("20"))).await
        }
        "trigger slot 20 10:00" => scene.trigger(Trigger::Slot(at("20 10:00"))).await,
        "trigger slot 21 at 21st 08:00" => {
            scene.clock("21 08:00").await;
            scene.settle().await;
            let refused = scene.trigger(Trigger::Slot(at("21"))).await;
            scene.end().await;
            let before = scene.batches().await;
            scene.clock("21 09:01").await;
            scene.settle().await;
            assert_eq!(scene.batches().await, before, "nothing more at nine");
            refused
        }
        "trigger extra at 21st 08:00, over by 08:30" => {
            scene.clock("21 08:00").await;
            scene.settle().await;
            let before = scene.batches().await;
            let refused = scene.trigger(Trigger::Extra).await;
            scene.end().await;
            scene.clock("21 09:01").await;
            scene.settle().await;
            assert_eq!(scene.batches().await - before, 2);
            refused
        }
        "backfill 18 to 21 with 19 fired and 20 skipped" => {
            backfilled(scene).await;
            None
        }
        _ => return false,
    };
    let answer = vector["answer"]
        .as_str()
        .and_then(|answer| answer.split(' ').nth(1));
    assert_eq!(refused.as_deref(), answer, "{name}");
    true
}

/// The 19th fires, the 20th lies in a pause.
async fn backfilled(scene: &Scene) {
    scene.clock("19 09:01").await;
    scene.settle().await;
    scene.pause(None).await;
    scene.clock("20 10:00").await;
    scene.settle().await;
    scene.resume().await;
    scene.clock("21 08:00").await;
    let wanted = |dry_run| Backfill {
        schedule: NAME.to_owned(),
        from: at("18 00:00"),
        to: at("21 00:00"),
        who: "mia".to_owned(),
        dry_run,
    };
    let store = &scene.bench.store;
    let told = store
        .backfill(DEFAULT_TENANT, wanted(true))
        .await
        .expect("told");
    let runs: Vec<bool> = told.iter().map(|slot| slot.runs).collect();
    assert_eq!(runs, [true, false, true]);
    assert_eq!(told[2].was.as_deref(), Some("skipped: paused"));
    assert!(scene.slot(at("18")).await.is_none(), "nothing was done");

    taken_back(scene, wanted(false), &told).await;
    run(scene, wanted(false)).await;
}

/// Asked for and taken back, the ledger says what it said.
async fn taken_back(scene: &Scene, wanted: Backfill, told: &[BackfillSlot]) {
    let store = &scene.bench.store;
    assert_eq!(
        store
            .backfill(DEFAULT_TENANT, wanted.clone())
            .await
            .expect("asked"),
        *told
    );
    assert_eq!(
        store
            .cancel_backfill(DEFAULT_TENANT, NAME)
            .await
            .expect("taken back"),
        2
    );
    assert!(scene.slot(at("18")).await.is_none(), "it had no row");
    let slot = scene.slot(at("20")).await.expect("a row");
    assert_eq!(
        (slot.state.as_str(), slot.reason.as_deref()),
        ("skipped", Some("paused"))
    );
}

/// They start one after another, once.
async fn run(scene: &Scene, wanted: Backfill) {
    let store = &scene.bench.store;
    store
        .backfill(DEFAULT_TENANT, wanted.clone())
        .await
        .expect("asked again");
    scene.fire().await;
    let left = store
        .backfilling(DEFAULT_TENANT, NAME)
        .await
        .expect("a list");
    assert_eq!(left, [(at("20"), "mia".to_owned())], "one after another");
    scene.settle().await;
    let again = store
        .backfill(DEFAULT_TENANT, wanted.clone())
        .await
        .expect("repeated");
    assert!(again.iter().all(|slot| !slot.runs), "what ran stays");
}
