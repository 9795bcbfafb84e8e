//! Jobs that read contexts, and the end of what was noted about it.

use std::time::Duration;

use windlass_engine::Error;
use windlass_engine::store::Expected;

use crate::common::contexts::whole;
use crate::stage::{Stage, Story};

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("read a context in a job", |stage| Box::pin(read(stage)))
            .after(|stage| Box::pin(made(stage)))
            .expects(&[(
                "select count(*) from context_reference where what = 'read'",
                1,
            )]),
        Story::new("forget who touched contexts long ago", |stage| {
            let day = Duration::from_secs(86_400);
            Box::pin(async move { stage.store.forget_references(day).await.map(drop) })
        })
        .after(|stage| Box::pin(read_long_ago(stage)))
        .expects(&[("select count(*) from context_reference", 0)]),
    ]
}

async fn made(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(1).await;
    let change = whole(Expected::Absent, r#"{"a":1}"#);
    let store = &stage.bench.store;
    store.change_context(1, "k", change, "mia").await.map(drop)
}

/// As the first of all jobs.
async fn read(stage: &Stage) -> Result<(), Error> {
    let job = stage.bench.count("select min(id) from job").await;
    stage.store.read_context(1, "k", job).await.map(drop)
}

async fn read_long_ago(stage: &Stage) -> Result<(), Error> {
    made(stage).await?;
    let job = stage.bench.count("select min(id) from job").await;
    stage.bench.store.read_context(1, "k", job).await?;
    stage
        .run("update context_reference set at = now() - interval '1 year'")
        .await;
    Ok(())
}
