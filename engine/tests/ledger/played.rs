//! The vectors of the ledger, each played as its name says.

use chrono::{DateTime, Utc};
use windlass_engine::protocol::{Backfill, BackfillSlot, Trigger};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_workflows::calendar::CatchUp;

use crate::kit::{Case, of_batches};
use crate::{NAME, Scene, at};

/// `, catch_up: …` as a document has it.
fn catch_up(case: &mut Case) -> String {
    let said = case.take("catch_up");
    said.map_or_else(String::new, |said| format!(", catch_up: {said}"))
}

#[tokio::test]
async fn the_ledger_says_what_its_vectors_expect() {
    for mut case in of_batches("ledger") {
        let name = case.text("name");
        let scene = Scene::daily(&catch_up(&mut case)).await;
        let played = down(&scene, &name).await
            || paused(&scene, &name).await
            || edited(&scene, &name, &mut case).await
            || by_hand(&scene, &name, &mut case).await;
        assert!(played, "nobody plays {name}");
        if case.has("expect") {
            scene.matches(&mut case).await;
        }
        if let Some(batches) = case.take("batches") {
            assert_eq!(batches, scene.batches().await, "{name}");
        }
        if case.says("order", "oldest first") {
            let sql = "select slot_at from batch order by id";
            let starts: Vec<DateTime<Utc>> = scene.instants(sql).await;
            assert_eq!(starts, [at("19"), at("20"), at("21")]);
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

async fn edited(scene: &Scene, name: &str, case: &mut Case) -> bool {
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
            assert!(of_days(&said).is_empty(), "{said:?}");
            scene.matches(case).await;
            new_revision_fires(scene, case).await;
            return true;
        }
        "deleted at 21st 08:30" => {
            scene.clock("20 09:01").await;
            scene.settle().await;
            scene.clock("21 08:30").await;
            let said = scene.document("individual", "").await;
            assert!(case.says("note", "past rows stay"));
            assert_eq!(scene.word(at("20")).await, "fired");
            assert!(said.contains(&"- no slot on 21 November 2040".to_owned()));
            said
        }
        _ => return false,
    };
    match case.take("warn") {
        Some(warn) => assert_eq!(
            of_days(&said),
            [format!("- {} 2040", warn.as_str().unwrap())]
        ),
        None if name.starts_with("edited") => {
            let second = "+ 2 slots in place of 1 on 21 November 2040";
            assert_eq!(of_days(&said), [second]);
        }
        None => assert!(said.iter().any(|line| line.starts_with('…')), "{said:?}"),
    }
    scene.fire().await;
    true
}

/// What a diff says of days.
fn of_days(said: &[String]) -> Vec<String> {
    let of_days = said.iter().filter(|line| line.contains(" November "));
    of_days.cloned().collect()
}

/// What the slot makes has the strategy that was applied last.
async fn new_revision_fires(scene: &Scene, case: &mut Case) {
    let note = "the batch takes the new revision when it fires";
    assert!(case.says("note", note));
    scene.clock("21 09:01").await;
    scene.settle().await;
    let made = "select count(*) from batch where slot_at = '2040-11-21T09:00Z' \
                and strategy = 'combined' and revision = 2";
    assert_eq!(scene.bench.count(made).await, 1);
}

async fn by_hand(scene: &Scene, name: &str, case: &mut Case) -> bool {
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
            assert!(case.says("note", "nothing more at 09:00"));
            assert_eq!(scene.batches().await, before);
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
            assert_eq!(case.need("batches"), scene.batches().await - before);
            refused
        }
        "backfill 18 to 21 with 19 fired and 20 skipped" => {
            let note = "until does not count; 18 lies before start";
            assert!(case.says("note", note));
            backfilled(scene).await;
            assert_eq!(
                scene.word(at("21")).await,
                "planned",
                "until does not count"
            );
            None
        }
        _ => return false,
    };
    let answer = case.take("answer");
    assert_eq!(refused, answer.map(|answer| code_of(&answer)), "{name}");
    true
}

/// The code of an answer: one that the documents of the caller cause is 422, one that the state causes 409.
fn code_of(answer: &serde_json::Value) -> String {
    let answer = answer.as_str().expect("status and code");
    let (status, code) = answer.split_once(' ').expect("status and code");
    let expected = match code {
        "not_a_slot" => "422",
        _ => "409",
    };
    assert_eq!(status, expected, "{code}");
    code.to_owned()
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
