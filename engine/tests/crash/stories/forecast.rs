//! Forecasts: what is noted of open batches, and forgotten of those that are over.

use serde_json::json;
use windlass_engine::Error;
use windlass_engine::store::{Claimed, DEFAULT_TENANT, NewEntry};

use crate::common::completed;
use crate::common::recipe::{BIRDS, new_batch, recipe, with_birds};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const COMPLETED: (&str, i64) = ("select count(*) from batch where state = 'completed'", 1);
const SAID: (&str, i64) = ("select count(*) from forecast", 1);

pub fn stories() -> Vec<Story> {
    let look = |name| {
        Story::new(name, |stage| {
            Box::pin(async { stage.store.forecast_batches().await.map(drop) })
        })
        .expects(&[COMPLETED, SAID])
    };
    vec![
        look("say when a batch will be done").after(|stage| Box::pin(lifted(stage))),
        look("forget the paces of a batch")
            .after(|stage| Box::pin(over(stage)))
            .expects(&[
                COMPLETED,
                ("select count(*) from forecast where over and lift = 1", 1),
                ("select count(*) from lane where weight <> 1", 0),
            ]),
        Story::new("create a batch with a deadline", |stage| {
            Box::pin(make(stage))
        })
        .after(|stage| Box::pin(birds(stage)))
        .expects(&[COMPLETED, SAID]),
    ]
}

/// It had three times its share, and needs it no more.
async fn lifted(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    stage.batched().await;
    stage
        .run("insert into forecast (batch, lift) select id, 3 from batch")
        .await;
    stage
        .run("update lane set weight = 3 where batch <> 0")
        .await;
    Ok(())
}

async fn over(stage: &Stage) -> Result<(), Error> {
    lifted(stage).await?;
    let jobs: Vec<Claimed> = stage.claimed(HELD).await?;
    let entries: Vec<NewEntry> = jobs.iter().map(completed).collect();
    let mut hot = stage.hot().await?;
    hot.exchange(stage.worker, &entries, None).await?;
    hot.close().await;
    stage.bench.store.finish().await?;
    stage
        .run("insert into pace (batch, at, active_seconds, settled) select id, now(), 1, 3 from batch")
        .await;
    Ok(())
}

async fn birds(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    Ok(())
}

/// Its key makes a repeat find the first.
async fn make(stage: &Stage) -> Result<(), Error> {
    let source = recipe(
        json!({ "selection": { "category": "birds" }, "strategy": "individual", "deadline": "4h" }),
    );
    let mut new = new_batch(&source);
    new.idempotency_key = Some("once".into());
    stage
        .store
        .create_batch(DEFAULT_TENANT, new)
        .await
        .map(drop)
}
