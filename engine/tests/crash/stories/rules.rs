//! The rules of a batch: releases by a spread canary, halts, edits, and a tolerance that stops or fails it.

use serde_json::json;
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::store::{DEFAULT_TENANT, NewEntry, Want};
use windlass_workflows::value::Value;

use crate::common::dead::failed;
use crate::common::recipe::{BIRDS, create, recipe, with_birds};
use crate::stage::{Stage, Story};

const HALTED: (&str, i64) = ("select count(*) from pause where scope = 'halt'", 1);
const COMPLETED: (&str, i64) = ("select count(*) from batch where state = 'completed'", 1);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("release a spread canary", |stage| Box::pin(release(stage)))
            .after(|stage| Box::pin(planned(stage, spread())))
            .expects(&[COMPLETED]),
        Story::new("halt a batch whose canary failed", |stage| {
            Box::pin(release(stage))
        })
        .after(|stage| Box::pin(bad_canary(stage)))
        .expects(&[HALTED]),
        Story::new("let a halted batch go on", |stage| Box::pin(go_on(stage)))
            .after(|stage| Box::pin(halted(stage)))
            .expects(&[(
                "select count(*) from batch where state = 'completed_with_errors'",
                1,
            )]),
        Story::new("edit a batch", |stage| Box::pin(edit(stage)))
            .after(|stage| Box::pin(planned(stage, spread())))
            .expects(&[
                COMPLETED,
                (
                    "select count(*) from forecast where deadline is not null",
                    1,
                ),
                ("select release_window from batch", 3),
                ("select count(*) from lane where own_weight = 2.5", 1),
            ]),
        Story::new("stop a batch of which too much failed", |stage| {
            Box::pin(judge(stage))
        })
        .after(|stage| Box::pin(too_bad(stage, "pause")))
        .expects(&[
            HALTED,
            ("select count(*) from batch where tripped = 'pause'", 1),
        ]),
        Story::new("fail a batch of which too much failed", |stage| {
            Box::pin(judge(stage))
        })
        .after(|stage| Box::pin(too_bad(stage, "fail")))
        .expects(&[("select count(*) from batch where state = 'failed'", 1)]),
        Story::new("end a batch of which not too much failed", |stage| {
            Box::pin(judge(stage))
        })
        .after(|stage| Box::pin(not_too_bad(stage)))
        .expects(&[(
            "select count(*) from batch where state = 'completed_with_errors'",
            1,
        )]),
    ]
}

fn spread() -> serde_json::Value {
    json!({ "canary": { "items": 2, "pick": "spread" } })
}

async fn planned(stage: &Stage, keys: serde_json::Value) -> Result<(), Error> {
    let store = &stage.bench.store;
    with_birds(store, BIRDS).await;
    let mut all = json!({ "selection": { "category": "birds" }, "strategy": "individual" });
    let keys = keys.as_object().cloned().unwrap_or_default();
    all.as_object_mut().expect("a map").extend(keys);
    create(store, &recipe(all)).await;
    store.plan().await.map(drop)
}

async fn release(stage: &Stage) -> Result<(), Error> {
    stage.store.release().await.map(drop)
}

async fn judge(stage: &Stage) -> Result<(), Error> {
    stage.store.finish().await.map(drop)
}

/// So many of what was released fail.
async fn fail(stage: &Stage, jobs: usize) -> Result<(), Error> {
    let batch = stage.bench.store.batch(DEFAULT_TENANT, 1).await?;
    let mut worker = stage.bench.worker().await;
    let want = Want {
        claim: Uuid::now_v7(),
        lanes: vec![(batch.lane.unwrap_or_default(), jobs)],
        limited: false,
        named: false,
    };
    let claimed = worker.hot.exchange(worker.id, &[], Some(&want)).await?;
    let entries: Vec<NewEntry> = claimed.claimed.iter().map(failed).collect();
    worker.hot.exchange(worker.id, &entries, None).await?;
    Ok(())
}

async fn bad_canary(stage: &Stage) -> Result<(), Error> {
    planned(stage, spread()).await?;
    stage.bench.store.release().await?;
    fail(stage, 2).await
}

async fn halted(stage: &Stage) -> Result<(), Error> {
    bad_canary(stage).await?;
    stage.bench.store.release().await.map(drop)
}

/// Asked again, it goes on already.
async fn go_on(stage: &Stage) -> Result<(), Error> {
    match stage.store.resume_batch(DEFAULT_TENANT, 1, true).await {
        Err(Error::NotFound { .. }) if stage.again => Ok(()),
        other => other.map(drop),
    }
}

async fn edit(stage: &Stage) -> Result<(), Error> {
    let patch =
        Value::from(json!({ "window": 3, "deadline": "4h", "canary": null, "weight": 2.5 }));
    let edited = stage.store.edit_batch(DEFAULT_TENANT, 1, &patch).await;
    edited.map(drop)
}

async fn too_bad(stage: &Stage, action: &str) -> Result<(), Error> {
    let tolerance = json!({ "max_failed": 1, "action": action });
    planned(stage, json!({ "tolerance": tolerance })).await?;
    stage.bench.store.release().await?;
    fail(stage, 2).await
}

async fn not_too_bad(stage: &Stage) -> Result<(), Error> {
    planned(stage, json!({ "tolerance": { "max_failed": 5 } })).await?;
    stage.bench.store.release().await?;
    fail(stage, 5).await
}
