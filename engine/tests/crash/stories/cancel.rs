//! Cancelling in every holder, and the wishes that stay.

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::store::{Ending, NewEntry};

use crate::common::journal;
use crate::stage::{Stage, Story};

const CANCELLED: (&str, i64) = ("select count(*) from outcome where kind = 'cancelled'", 1);
const KILLED: (&str, i64) = ("select count(*) from outcome where code = 'killed'", 1);

pub fn stories() -> Vec<Story> {
    let cancel = |name| Story::new(name, |stage| Box::pin(cancel(stage))).expects(&[CANCELLED]);
    vec![
        cancel("cancel in an extent").after(|stage| Box::pin(ready(stage))),
        cancel("cancel what rests").after(|stage| Box::pin(resting(stage))),
        cancel("cancel under a lease")
            .after(|stage| Box::pin(leased(stage)))
            .expects(&[CANCELLED]),
        Story::new("kill what rests", |stage| Box::pin(kill(stage)))
            .after(|stage| Box::pin(resting(stage)))
            .expects(&[CANCELLED, KILLED]),
        cancel("cancel what changes hands too fast")
            .after(|stage| Box::pin(in_between(stage)))
            .meanwhile("insert into ready select * from in_between")
            .expects(&[CANCELLED]),
        Story::new("come back to a wish", |stage| Box::pin(fulfil(stage)))
            .after(|stage| Box::pin(wished(stage)))
            .expects(&[CANCELLED]),
        Story::new("end what lost its worker", |stage| {
            Box::pin(async { stage.store.end_cancelling().await.map(drop) })
        })
        .after(|stage| Box::pin(orphaned(stage)))
        .expects(&[CANCELLED]),
    ]
}

/// Repeated after it was done, it is refused: the job has ended.
async fn cancel(stage: &Stage) -> Result<(), Error> {
    let job = stage.job(1).await;
    match stage.store.cancel(1, job, "mia", "not needed").await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

/// As a cancel.
async fn kill(stage: &Stage) -> Result<(), Error> {
    let job = stage.job(1).await;
    match stage.store.kill(1, job, "mia", "it hangs").await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

async fn ready(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(3).await;
    Ok(())
}

async fn leased(stage: &Stage) -> Result<(), Error> {
    stage.claim(7, 3).await;
    Ok(())
}

async fn resting(stage: &Stage) -> Result<(), Error> {
    stage.claim(7, 3).await;
    let entries: Vec<NewEntry> = stage
        .claimed(7)
        .await?
        .iter()
        .map(|job| NewEntry {
            ending: Some(Ending::Rest {
                due: Some(Utc::now() + TimeDelta::hours(1)),
            }),
            ..journal(job, 1)
        })
        .collect();
    let mut hot = stage.hot().await?;
    stage.exchange(&mut hot, &entries, None).await?;
    Ok(())
}

/// Whenever the job is looked for, somebody has just taken it and not put it back yet.
async fn in_between(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(3).await;
    stage
        .run("create table in_between as table ready; delete from ready")
        .await;
    Ok(())
}

/// A job changed hands too often; the wish is a row.
async fn wished(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(3).await;
    stage
        .run(
            "insert into intent (job, verb, who, why, at)
             select id, 'cancel', 'mia', 'not needed', now() - interval '1 minute' from job order by id limit 1",
        )
        .await;
    Ok(())
}

async fn fulfil(stage: &Stage) -> Result<(), Error> {
    stage.store.fulfil_cancels().await.map(drop)
}

/// Cancelled under a lease whose worker died.
async fn orphaned(stage: &Stage) -> Result<(), Error> {
    stage.claim(7, 3).await;
    let job = stage.job(1).await;
    stage
        .bench
        .store
        .cancel(1, job, "mia", "not needed")
        .await?;
    stage.run("update worker set dead_at = now()").await;
    stage
        .bench
        .store
        .expire(std::time::Duration::from_secs(30))
        .await?;
    Ok(())
}
