//! Pauses of many jobs and of one, in every holder, their ends, and a cancel that is stronger.

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::store::{Ending, NewEntry, NewPause};
use windlass_engine::vocabulary::{PauseMode, PauseScope};

use crate::common::journal;
use crate::stage::{Stage, Story};

const TIME_IS_OVER: &str =
    "update pause set until = now() - interval '1 minute', why = 'over' where until is null";
const STILL: (&str, i64) = ("select count(*) from held where reason = 'paused'", 1);
const NO_PAUSE: (&str, i64) = ("select count(*) from pause", 0);
const TWO_COMPLETED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'completed'",
    2,
);
const THREE_COMPLETED: (&str, i64) = (TWO_COMPLETED.0, 3);
const CANCELLED: (&str, i64) = ("select count(*) from outcome where kind = 'cancelled'", 1);

pub fn stories() -> Vec<Story> {
    let one = |name| {
        Story::new(name, |stage| Box::pin(pause_one(stage))).expects(&[STILL, TWO_COMPLETED])
    };
    let cancel = |name| {
        Story::new(name, |stage| Box::pin(cancel(stage))).expects(&[
            CANCELLED,
            NO_PAUSE,
            TWO_COMPLETED,
        ])
    };
    vec![
        Story::new("pause a queue", |stage| Box::pin(pause_queue(stage)))
            .after(|stage| Box::pin(ready(stage)))
            .meanwhile(TIME_IS_OVER)
            .expects(&[
                THREE_COMPLETED,
                ("select count(*) from pause where who = 'leo'", 1),
            ]),
        Story::new("go on with a queue", |stage| Box::pin(resume(stage)))
            .after(|stage| Box::pin(paused_queue(stage)))
            .meanwhile(TIME_IS_OVER)
            .expects(&[
                THREE_COMPLETED,
                ("select count(*) from pause where why = 'over'", 0),
            ]),
        one("pause in an extent").after(|stage| Box::pin(ready(stage))),
        one("pause before its time").after(|stage| Box::pin(later(stage))),
        one("pause what rests").after(|stage| Box::pin(resting(stage))),
        one("pause under a lease").after(|stage| Box::pin(leased(stage))),
        Story::new("go on with a job", |stage| Box::pin(resume(stage)))
            .after(|stage| Box::pin(paused_one(stage)))
            .meanwhile(TIME_IS_OVER)
            .expects(&[THREE_COMPLETED, NO_PAUSE]),
        Story::new("keep pauses", |stage| {
            Box::pin(async { stage.store.keep_pauses().await.map(drop) })
        })
        .after(|stage| Box::pin(to_keep(stage)))
        .expects(&[STILL, TWO_COMPLETED, ("select count(*) from pause", 1)]),
        cancel("cancel what is paused").after(|stage| Box::pin(paused_one(stage))),
        cancel("cancel what was paused at rest").after(|stage| Box::pin(paused_at_rest(stage))),
    ]
}

fn wish(scope: PauseScope, subject: String) -> NewPause {
    NewPause {
        scope,
        subject,
        mode: PauseMode::Hold,
        who: "leo".to_owned(),
        why: "stocktaking".to_owned(),
        until: None,
    }
}

async fn pause_queue(stage: &Stage) -> Result<(), Error> {
    let wish = wish(PauseScope::Queue, "default".to_owned());
    stage.store.pause(1, wish).await.map(drop)
}

async fn pause_one(stage: &Stage) -> Result<(), Error> {
    let wish = wish(PauseScope::Job, stage.job(1).await.to_string());
    stage.store.pause(1, wish).await.map(drop)
}

/// Repeated after it was done, there is no pause any more.
async fn resume(stage: &Stage) -> Result<(), Error> {
    match stage.store.resume(1, pause_id(stage).await).await {
        Err(Error::NotFound { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

/// The pause of the beginning.
async fn pause_id(stage: &Stage) -> i64 {
    let sql = "select id from kept.pause";
    let id = sqlx::query_scalar(sql).fetch_one(&stage.bench.pool).await;
    id.expect("a pause")
}

/// Repeated after it was done, it is refused: the job has ended.
async fn cancel(stage: &Stage) -> Result<(), Error> {
    let job = stage.job(1).await;
    match stage.store.cancel(1, job, "mia", "not needed").await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

async fn ready(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(3).await;
    Ok(())
}

async fn later(stage: &Stage) -> Result<(), Error> {
    ready(stage).await?;
    let sql = "with gone as (delete from ready returning *)
               insert into later (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
               select first_id, last_id, lane, eff, now() + interval '1 hour', priority, attempt, losses, journaled from gone";
    stage.run(sql).await;
    Ok(())
}

async fn leased(stage: &Stage) -> Result<(), Error> {
    stage.claim(7, 3).await;
    Ok(())
}

async fn resting(stage: &Stage) -> Result<(), Error> {
    leased(stage).await?;
    let due = Some(Utc::now() + TimeDelta::hours(1));
    let claimed = stage.claimed(7).await?;
    let rest = |job| NewEntry {
        ending: Some(Ending::Rest { due }),
        ..journal(job, 1)
    };
    let entries: Vec<NewEntry> = claimed.iter().map(rest).collect();
    let mut hot = stage.hot().await?;
    stage.exchange(&mut hot, &entries, None).await?;
    Ok(())
}

async fn paused_queue(stage: &Stage) -> Result<(), Error> {
    ready(stage).await?;
    pause_queue(stage).await
}

async fn paused_one(stage: &Stage) -> Result<(), Error> {
    ready(stage).await?;
    pause_one(stage).await
}

async fn paused_at_rest(stage: &Stage) -> Result<(), Error> {
    resting(stage).await?;
    pause_one(stage).await
}

/// Of three paused jobs one stands still, the time of one is over, and one came back from a dead worker
/// and was finished by another; a queue's pause ended long ago.
async fn to_keep(stage: &Stage) -> Result<(), Error> {
    paused_queue(stage).await?;
    stage
        .run(
            "update pause set until = now() - interval '2 days' where job is null;
             insert into pause (tenant, scope, subject, job, until)
             select 1, 'job', id::text, id, case n when 1 then now() - interval '1 minute' end
             from (select id, row_number() over (order by id) as n from job) numbered;
             with gone as (delete from ready returning *),
             ended as (
                 insert into outcome (first_id, last_id, tenant, lane, kind, attempt, claim)
                 select last_id, last_id, 1, lane, 'completed', 0, gen_random_uuid() from gone),
             back as (
                 insert into ready (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled)
                 select first_id + 1, first_id + 1, lane, eff, run_at, priority, attempt, losses, journaled from gone)
             insert into held (first_id, last_id, lane, eff, run_at, priority, attempt, losses, journaled, reason)
             select first_id, first_id, lane, eff, run_at, priority, attempt, losses, journaled, 'paused' from gone",
        )
        .await;
    Ok(())
}
