//! Restarts: what failed or parked in a batch runs again inside of it, page by page.

use windlass_engine::Error;
use windlass_engine::protocol::NewRestart;
use windlass_engine::store::{Claimed, NewEntry};

use crate::common::dead::{FINGERPRINT, exhausted, failed};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;

const COMPLETED: &[(&str, i64)] = &[
    (
        "select count(*) from batch where state = 'completed' and generation = 2",
        1,
    ),
    (
        "select count(*) from redrive where state = 'completed' and moved = 3",
        1,
    ),
];

pub fn stories() -> Vec<Story> {
    let pass = |name| {
        Story::new(name, |stage| {
            Box::pin(async { stage.store.pace_restarts().await.map(drop) })
        })
        .expects(COMPLETED)
    };
    vec![
        Story::new("ask for a restart", |stage| Box::pin(ask(stage)))
            .after(|stage| Box::pin(ended(stage, stop)))
            .expects(COMPLETED),
        Story::new("ask for a restart of a batch that runs", |stage| {
            Box::pin(ask(stage))
        })
        .after(|stage| Box::pin(runs(stage)))
        .expects(&[
            (
                "select count(*) from batch where state = 'completed' and generation = 2",
                1,
            ),
            (
                "select count(*) from redrive where state = 'completed' and moved = 2",
                1,
            ),
        ]),
        Story::new("ask for a restart under a key", |stage| {
            Box::pin(keyed(stage))
        })
        .after(|stage| Box::pin(ended(stage, stop)))
        .expects(COMPLETED)
        .expects(&[(
            "select count(*) from redrive where idempotency_key = 'a'",
            1,
        )]),
        pass("restart what parked").after(|stage| Box::pin(begun(stage, stop, 0))),
        pass("restart what failed").after(|stage| Box::pin(begun(stage, failed, 1))),
        pass("a restart that is done").after(|stage| Box::pin(begun(stage, failed, 2))),
    ]
}

fn stop(job: &Claimed) -> NewEntry {
    exhausted(job, FINGERPRINT)
}

/// Asked again, it is under way, or nothing is left for it.
async fn ask(stage: &Stage) -> Result<(), Error> {
    match begin(stage).await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        other => other,
    }
}

async fn begin(stage: &Stage) -> Result<(), Error> {
    let id = stage.bench.count("select id from batch").await;
    let begun = stage.store.restart_batch(1, id, NewRestart::default());
    begun.await.map(drop)
}

/// Asked again, it is the same restart.
async fn keyed(stage: &Stage) -> Result<(), Error> {
    let id = stage.bench.count("select id from batch").await;
    let new = NewRestart {
        idempotency_key: Some("a".to_owned()),
        ..NewRestart::default()
    };
    let begun = stage.store.restart_batch(1, id, new);
    begun.await.map(drop)
}

/// A batch of three jobs of which so many stopped in one way.
async fn stopped(stage: &Stage, how: fn(&Claimed) -> NewEntry, jobs: usize) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    stage.batched().await;
    stage
        .run("insert into batch_range (batch, first_id, last_id) select batch, min(id), max(id) from job group by batch")
        .await;
    let claimed = stage.claimed(HELD).await?;
    let entries: Vec<NewEntry> = claimed[..jobs].iter().map(how).collect();
    let mut hot = stage.hot().await?;
    let exchanged = hot.exchange(stage.worker, &entries, None).await?;
    assert_eq!(exchanged.refused, [] as [i64; 0]);
    hot.close().await;
    Ok(())
}

/// One job is open.
async fn runs(stage: &Stage) -> Result<(), Error> {
    stopped(stage, failed, 2).await
}

/// A batch of three jobs that all stopped in one way, and ended with that.
async fn ended(stage: &Stage, how: fn(&Claimed) -> NewEntry) -> Result<(), Error> {
    stopped(stage, how, 3).await?;
    let ended = stage.bench.store.finish().await?;
    assert_eq!(ended.len(), 1, "it ended with errors");
    Ok(())
}

async fn begun(stage: &Stage, how: fn(&Claimed) -> NewEntry, passes: usize) -> Result<(), Error> {
    ended(stage, how).await?;
    begin(stage).await?;
    for _ in 0..passes {
        stage.bench.store.pace_restarts().await?;
    }
    Ok(())
}
