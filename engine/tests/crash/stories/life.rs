//! Workers that enter, beat, drain and leave, and what is done about those that do not.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::store::{Incarnation, NewRequest};

use crate::stage::{Stage, Story};

/// So short that whoever is silent in the beginning is dead, on a server however young.
const LEASE_TIME: Duration = Duration::from_millis(1);
const COMPLETED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'completed'",
    6,
);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("enter, beat, drain, leave", |stage| Box::pin(live(stage))).expects(&[(
            "select least(count(*), 1) from worker where dead_at is not null and draining",
            1,
        )]),
        Story::new("give back what is not known", |stage| {
            Box::pin(give_back(stage))
        })
        .after(|stage| Box::pin(held(stage)))
        .expects(&[COMPLETED]),
        Story::new("announce handlers", |stage| Box::pin(announce(stage)))
            .expects(&[("select count(*) from handler where name = 'greet'", 1)]),
        Story::new("follow a promotion", |stage| {
            Box::pin(async { stage.store.follow_server().await.map(drop) })
        })
        .after(|stage| Box::pin(elsewhere(stage)))
        .expects(&[("select count(*) from cluster where timeline = 1", 1)]),
        Story::new("expire", |stage| Box::pin(expire(stage)))
            .after(|stage| Box::pin(silent(stage)))
            .expects(&[COMPLETED]),
        Story::new("wake", |stage| Box::pin(wake(stage)))
            .after(|stage| Box::pin(asleep(stage)))
            .expects(&[COMPLETED]),
        Story::new("end what nobody started", |stage| {
            Box::pin(async { stage.store.expire_jobs(None).await.map(drop) })
        })
        .after(|stage| Box::pin(overdue(stage)))
        .expects(&[
            ("select count(*) from outcome where kind = 'expired'", 2),
            COMPLETED,
        ]),
    ]
}

/// The cluster was on another server, and had given out ids.
async fn elsewhere(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(1).await;
    stage
        .run("update cluster set timeline = 7, system_identifier = 7")
        .await;
    Ok(())
}

async fn live(stage: &Stage) -> Result<(), Error> {
    let mut beat = stage.beat().await?;
    // A worker that does not know whether it entered is a new one.
    let id = Uuid::new_v4();
    beat.enter(&Incarnation {
        id,
        ..Incarnation::default()
    })
    .await?;
    beat.renew(id).await?;
    beat.drain(id).await?;
    beat.leave(id).await
}

async fn announce(stage: &Stage) -> Result<(), Error> {
    stage.store.announce(1, &["greet:1.0.0".to_owned()]).await
}

async fn held(stage: &Stage) -> Result<(), Error> {
    stage.claim(7, 6).await;
    Ok(())
}

async fn give_back(stage: &Stage) -> Result<(), Error> {
    let mut beat = stage.beat().await?;
    beat.give_back_unlisted(stage.worker, &[], Duration::ZERO)
        .await?;
    Ok(())
}

async fn silent(stage: &Stage) -> Result<(), Error> {
    stage.claim(7, 6).await;
    stage
        .run("update worker set seen = now() - interval '1 hour'")
        .await;
    Ok(())
}

async fn expire(stage: &Stage) -> Result<(), Error> {
    stage.store.expire(LEASE_TIME).await.map(drop)
}

/// Three jobs later, three that rest; their time has come.
async fn asleep(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(6).await;
    stage
        .run(
            "with gone as (delete from ready returning *)
             insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
             select first_id, first_id + 2, lane, eff, run_at, priority, attempt, losses, journaled from gone;
             insert into wait (job, n, lane, eff, priority, attempt, losses, due)
             select job.id, 0, later.lane, later.eff, later.priority, 0, 0, now()
             from job join later on job.id > later.last_id",
        )
        .await;
    Ok(())
}

/// Eight jobs; the time of the third and of the last, which is later, has passed.
async fn overdue(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(7).await;
    let late = NewRequest {
        start_at: Some(Utc::now() + TimeDelta::hours(1)),
        ..stage.bench.request()
    };
    stage.bench.store.submit(1, "mia", &[late]).await?;
    stage
        .run(
            "insert into expiry (job, at)
             select id, now() - interval '1 minute'
             from (select id, row_number() over (order by id) as n from job) numbered
             where n in (3, 8)",
        )
        .await;
    Ok(())
}

async fn wake(stage: &Stage) -> Result<(), Error> {
    stage.store.wake(None).await.map(drop)
}
