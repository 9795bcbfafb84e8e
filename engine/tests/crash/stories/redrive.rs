//! Redrives: stopped work comes back, with its batch, until it is done or its error returns.

use windlass_engine::Error;
use windlass_engine::store::{Claimed, NewEntry, NewRedrive};

use crate::common::dead::{FINGERPRINT, exhausted, failed, wanted};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const AGAIN: u128 = 8;

const BATCH_COMPLETED: (&str, i64) = ("select count(*) from batch where state = 'completed'", 1);
const COMPLETED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'completed'",
    3,
);
const ALL_GOOD: (&str, i64) = (
    "select count(*) from redrive where state = 'completed' and moved = 3",
    1,
);
const NO_JOB_MORE: (&str, i64) = ("select count(*) from job", 3);

pub fn stories() -> Vec<Story> {
    let pass = |name| Story::new(name, |stage| Box::pin(pass(stage)));
    vec![
        Story::new("ask for a redrive", |stage| {
            Box::pin(async { stage.store.redrive(1, &wanted()).await.map(drop) })
        })
        .after(|stage| Box::pin(parked(stage)))
        .expects(&[BATCH_COMPLETED, COMPLETED, ALL_GOOD, NO_JOB_MORE]),
        pass("redrive what is parked")
            .after(|stage| Box::pin(begun(stage)))
            .expects(&[BATCH_COMPLETED, COMPLETED, ALL_GOOD, NO_JOB_MORE]),
        pass("redrive what failed")
            .after(|stage| Box::pin(failed_begun(stage)))
            .expects(&[
                BATCH_COMPLETED,
                COMPLETED,
                ALL_GOOD,
                ("select count(*) from job where redrive_of is not null", 3),
            ]),
        pass("a redrive whose canary did well")
            .after(|stage| Box::pin(canary_done(stage)))
            .expects(&[BATCH_COMPLETED, COMPLETED, ALL_GOOD, NO_JOB_MORE]),
        pass("a redrive that is done")
            .after(|stage| Box::pin(all_done(stage)))
            .expects(&[BATCH_COMPLETED, COMPLETED, ALL_GOOD, NO_JOB_MORE]),
        pass("a redrive whose error returns")
            .after(|stage| Box::pin(error_returned(stage)))
            .expects(&[
                (
                    "select count(*) from redrive where state = 'stopped' and moved = 1",
                    1,
                ),
                ("select count(*) from held where reason = 'parked'", 3),
                (
                    "select count(*) from batch where state = 'completed_with_errors'",
                    1,
                ),
            ]),
        Story::new("cancel a redrive", |stage| Box::pin(cancel(stage)))
            .after(|stage| Box::pin(begun(stage)))
            .expects(&[
                (
                    "select count(*) from redrive where state = 'cancelled' and moved = 0",
                    1,
                ),
                ("select count(*) from held where reason = 'parked'", 3),
            ]),
    ]
}

/// A pass a second after the last one.
async fn pass(stage: &Stage) -> Result<(), Error> {
    stage
        .run("update redrive set passed_at = passed_at - interval '1 second' where state = 'running'")
        .await;
    stage.store.pace_redrives().await.map(drop)
}

async fn cancel(stage: &Stage) -> Result<(), Error> {
    let sql = "select id from redrive";
    let id = sqlx::query_scalar(sql).fetch_one(&stage.bench.pool).await;
    let id = id.expect("a redrive");
    stage.store.cancel_redrive(1, id, "not now").await.map(drop)
}

/// A batch of three jobs that all stopped in one way, and ended with that.
async fn stopped(stage: &Stage, how: fn(&Claimed) -> NewEntry) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    stage.batched().await;
    end(stage, HELD, how).await?;
    let ended = stage.bench.store.finish().await?;
    assert_eq!(ended.len(), 1, "it ended with errors");
    Ok(())
}

/// What a claim holds ends so.
async fn end(stage: &Stage, claim: u128, how: fn(&Claimed) -> NewEntry) -> Result<(), Error> {
    let entries: Vec<NewEntry> = stage.claimed(claim).await?.iter().map(how).collect();
    let mut hot = stage.hot().await?;
    let exchanged = hot.exchange(stage.worker, &entries, None).await?;
    assert_eq!(exchanged.refused, [] as [i64; 0]);
    hot.close().await;
    Ok(())
}

fn stop(job: &Claimed) -> NewEntry {
    exhausted(job, FINGERPRINT)
}

async fn parked(stage: &Stage) -> Result<(), Error> {
    stopped(stage, stop).await
}

async fn begin(stage: &Stage, new: NewRedrive) -> Result<(), Error> {
    stage.bench.store.redrive(1, &new).await.map(drop)
}

async fn begun(stage: &Stage) -> Result<(), Error> {
    parked(stage).await?;
    begin(stage, wanted()).await
}

/// Nothing is parked; the next pass is for what failed.
async fn failed_begun(stage: &Stage) -> Result<(), Error> {
    stopped(stage, failed).await?;
    let failed_too = true;
    begin(
        stage,
        NewRedrive {
            failed_too,
            ..wanted()
        },
    )
    .await?;
    pass(stage).await
}

/// One job went first and ended so.
async fn canary(stage: &Stage, how: fn(&Claimed) -> NewEntry) -> Result<(), Error> {
    parked(stage).await?;
    let canary = 1;
    begin(stage, NewRedrive { canary, ..wanted() }).await?;
    again(stage, how).await
}

async fn canary_done(stage: &Stage) -> Result<(), Error> {
    canary(stage, crate::common::completed).await
}

async fn error_returned(stage: &Stage) -> Result<(), Error> {
    canary(stage, stop).await
}

async fn all_done(stage: &Stage) -> Result<(), Error> {
    begun(stage).await?;
    again(stage, crate::common::completed).await
}

/// A pass; what it let go ends so.
async fn again(stage: &Stage, how: fn(&Claimed) -> NewEntry) -> Result<(), Error> {
    pass(stage).await?;
    let mut hot = stage.hot().await?;
    let want = stage.want(AGAIN, 3);
    hot.exchange(stage.worker, &[], Some(&want)).await?;
    hot.close().await;
    end(stage, AGAIN, how).await
}
