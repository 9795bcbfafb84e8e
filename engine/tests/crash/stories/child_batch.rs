//! Batches that jobs make: opened in a turn, told of, cancelled with their parents.

use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{ChildBatch, ChildTerms};
use windlass_engine::store::{
    Cause, CauseKind, Claimed, DEFAULT_TENANT, NewEntry, OnClose, Post, Tolerated,
};
use windlass_workflows::value::Value;

use crate::common::journal;
use crate::common::mail::{resting, with_post};
use crate::common::recipe::{BIRDS, with_birds};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const ONE: (&str, i64) = ("select count(*) from batch", 1);
const OVER: (&str, i64) = ("select count(*) from child_batch where not over", 0);
const READ: (&str, i64) = ("select count(*) from inbox", 0);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("open a batch", |stage| Box::pin(opens(stage, true)))
            .after(|stage| Box::pin(parent(stage)))
            .expects(&[ONE, OVER, READ]),
        Story::new("open a batch and go on", |stage| {
            Box::pin(opens(stage, false))
        })
        .after(|stage| Box::pin(parent(stage)))
        .expects(&[ONE, OVER, READ]),
        Story::new("tell of a batch", |stage| Box::pin(tell(stage)))
            .after(|stage| Box::pin(failed(stage)))
            .expects(&[ONE, OVER, READ]),
        Story::new("close a batch", |stage| Box::pin(close(stage)))
            .after(|stage| Box::pin(running(stage)))
            .expects(&[
                ONE,
                OVER,
                ("select count(*) from batch where state = 'cancelled'", 1),
            ]),
        Story::new("end the batch of a killed job", |stage| {
            Box::pin(async { stage.store.close_child_batches().await.map(drop) })
        })
        .after(|stage| Box::pin(killed(stage)))
        .expects(&[
            ONE,
            OVER,
            ("select count(*) from batch where state = 'cancelled'", 1),
        ]),
        Story::new("forget the batch of a killed job", |stage| {
            Box::pin(async { stage.store.close_child_batches().await.map(drop) })
        })
        .after(|stage| Box::pin(killed_beside(stage)))
        .expects(&[
            ONE,
            OVER,
            ("select count(*) from batch where state = 'cancelled'", 0),
        ]),
    ]
}

async fn parent(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    stage.claim(HELD, 1).await;
    Ok(())
}

/// A turn that makes a batch of one bird, or of none.
async fn opening(
    stage: &Stage,
    job: &Claimed,
    is_awaited: bool,
    on_close: OnClose,
    filter: &str,
) -> Result<NewEntry, Error> {
    let with =
        json!({ "purpose": "brief", "selection": { "category": "birds", "filter": filter } });
    let new = ChildBatch {
        activity: 1,
        with: &Value::from(with),
        configuration: "briefs".into(),
        name: "briefs".into(),
        terms: ChildTerms::default(),
        is_awaited,
        on_close,
        tolerated: Tolerated::Count(0),
    };
    let batch = stage.store.child_batch(DEFAULT_TENANT, new).await?;
    let post = Post {
        batches: vec![batch],
        ..Post::default()
    };
    Ok(with_post(journal(job, 1), post))
}

async fn opens(stage: &Stage, is_awaited: bool) -> Result<(), Error> {
    let job = stage.claimed(HELD).await?.remove(0);
    let turn = opening(stage, &job, is_awaited, OnClose::Cancel, ".cost < 6").await?;
    stage.write(turn).await
}

/// The parent still runs, and its batch is to be planned.
async fn running(stage: &Stage) -> Result<(), Error> {
    parent(stage).await?;
    opens(stage, true).await
}

async fn rests(stage: &Stage, job: &Claimed) -> Result<(), Error> {
    let cause = Cause {
        kind: CauseKind::Batch,
        name: String::new(),
        key: "1".into(),
    };
    stage.write(resting(job, 2, vec![cause])).await
}

/// The parent rests, and its batch selects nothing.
async fn failed(stage: &Stage) -> Result<(), Error> {
    parent(stage).await?;
    let job = stage.claimed(HELD).await?.remove(0);
    let turn = opening(stage, &job, true, OnClose::Cancel, "false").await?;
    stage.write(turn).await?;
    rests(stage, &job).await?;
    stage.bench.store.plan().await.map(drop)
}

async fn tell(stage: &Stage) -> Result<(), Error> {
    stage.store.tell_of_batches().await.map(drop)
}

async fn close(stage: &Stage) -> Result<(), Error> {
    let job = stage.claimed(HELD).await?.remove(0);
    let post = Post {
        closed_groups: vec![1],
        ..Post::default()
    };
    stage.write(with_post(journal(&job, 2), post)).await
}

/// The parent rested for a batch whose jobs are let go, and was killed.
async fn killed(stage: &Stage) -> Result<(), Error> {
    running(stage).await?;
    let job = stage.claimed(HELD).await?.remove(0);
    ends(stage, &job).await
}

/// The same of a batch that goes on alone.
async fn killed_beside(stage: &Stage) -> Result<(), Error> {
    parent(stage).await?;
    let job = stage.claimed(HELD).await?.remove(0);
    let turn = opening(stage, &job, true, OnClose::Abandon, ".cost < 6").await?;
    stage.write(turn).await?;
    ends(stage, &job).await
}

async fn ends(stage: &Stage, job: &Claimed) -> Result<(), Error> {
    rests(stage, job).await?;
    stage.bench.store.plan().await?;
    stage.bench.store.release().await?;
    let killed = stage.bench.store.kill(DEFAULT_TENANT, job.id, "mia", "");
    killed.await.map(drop)
}
