//! Schedules that fire, by the clock and by hand, and the clock that moves.

use chrono::TimeDelta;
use windlass_engine::Error;
use windlass_engine::protocol::Trigger;
use windlass_engine::store::DEFAULT_TENANT;

use crate::common::recipe::{BIRDS, apply, with_birds};
use crate::stage::{Stage, Story};

const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\nschedule: { interval: 12h, zone: UTC }\n";

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("fire", |stage| {
            Box::pin(async { stage.store.fire().await.map(drop) })
        })
        .after(|stage| Box::pin(due(stage)))
        .expects(&[("select count(*) from batch where state = 'completed'", 1)]),
        Story::new("miss", |stage| {
            Box::pin(async { stage.store.fire().await.map(drop) })
        })
        .after(|stage| Box::pin(unfollowable(stage)))
        .expects(&[(
            "select count(*) from slot where state = 'planned' and fire_at <= now()",
            0,
        )]),
        Story::new("run a slot by hand", |stage| Box::pin(by_hand(stage)))
            .after(|stage| Box::pin(scheduled(stage)))
            .expects(&[("select count(*) from slot where state = 'manual'", 1)]),
        Story::new("move the clock", |stage| Box::pin(move_clock(stage))).expects(&[(
            "select count(*) from cluster where clock_offset > interval '1 day'",
            1,
        )]),
    ]
}

async fn scheduled(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    apply(&stage.bench.store, &[JOB], "").await;
    stage.bench.store.fire().await.map(drop)
}

async fn due(stage: &Stage) -> Result<(), Error> {
    stage.bench.store.enter_development().await?;
    scheduled(stage).await?;
    let clock = stage.bench.store.clock().await?;
    let ahead = clock.now + TimeDelta::hours(13);
    stage.bench.store.set_clock(ahead).await.map(drop)
}

/// The template of the purpose is gone from under the schedule.
async fn unfollowable(stage: &Stage) -> Result<(), Error> {
    due(stage).await?;
    stage
        .run("update configuration set document = '{}' where kind = 'purpose'")
        .await;
    Ok(())
}

/// Repeated after it was done, it is refused: the slot has run.
async fn by_hand(stage: &Stage) -> Result<(), Error> {
    let sql = "select min(at) from slot where state = 'planned' or state = 'manual'";
    let at = sqlx::query_scalar(sql)
        .fetch_one(&stage.bench.pool)
        .await
        .expect("a slot");
    let run = stage
        .store
        .trigger(DEFAULT_TENANT, "briefs", Trigger::Slot(at), "mia");
    match run.await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

async fn move_clock(stage: &Stage) -> Result<(), Error> {
    stage.store.enter_development().await?;
    let now = chrono::Utc::now() + TimeDelta::days(2);
    match stage.store.set_clock(now).await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}
