//! A batch from its creation to its end.

use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::Source;
use windlass_engine::store::DEFAULT_TENANT;

use crate::common::recipe::{BIRDS, create, new_batch, recipe, with_birds};
use crate::stage::{Stage, Story};

const COMPLETED: (&str, i64) = ("select count(*) from batch where state = 'completed'", 1);
const FIVE_JOBS: (&str, i64) = ("select count(*) from job where batch is not null", 5);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("create a batch", |stage| Box::pin(make(stage)))
            .after(|stage| Box::pin(birds(stage)))
            .expects(&[COMPLETED, FIVE_JOBS]),
        Story::new("plan jobs for each", |stage| Box::pin(plan(stage)))
            .after(|stage| Box::pin(made(stage, "individual")))
            .expects(&[COMPLETED, FIVE_JOBS]),
        Story::new("plan jobs by object", |stage| Box::pin(plan(stage)))
            .after(|stage| Box::pin(made(stage, "object")))
            .expects(&[COMPLETED, ("select count(*) from member", 5)]),
        Story::new("plan one job for all", |stage| Box::pin(plan(stage)))
            .after(|stage| Box::pin(made(stage, "combined")))
            .expects(&[COMPLETED, ("select count(*) from member", 5)]),
        Story::new("a plan that fails", |stage| Box::pin(plan(stage)))
            .after(|stage| Box::pin(faulty(stage)))
            .expects(&[("select count(*) from batch where state = 'failed'", 1)]),
        Story::new("release", |stage| {
            Box::pin(async { stage.store.release().await.map(drop) })
        })
        .after(|stage| Box::pin(planned(stage)))
        .expects(&[COMPLETED, FIVE_JOBS]),
        Story::new("finish", |stage| {
            Box::pin(async { stage.store.finish().await.map(drop) })
        })
        .after(|stage| Box::pin(done(stage)))
        .expects(&[COMPLETED, FIVE_JOBS]),
        Story::new("fold tallies", |stage| {
            Box::pin(async { stage.store.compact_tallies().await.map(drop) })
        })
        .after(|stage| Box::pin(tallied(stage)))
        .expects(&[("select count(*) from tally where kind = 'completed'", 1)]),
    ]
}

fn of_birds(strategy: &str) -> Source {
    recipe(json!({ "selection": { "category": "birds" }, "strategy": strategy }))
}

async fn birds(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    Ok(())
}

/// Its key makes a repeat find the first.
async fn make(stage: &Stage) -> Result<(), Error> {
    let mut new = new_batch(&of_birds("individual"));
    new.idempotency_key = Some("once".into());
    stage.store.create_batch(DEFAULT_TENANT, new).await?;
    Ok(())
}

async fn made(stage: &Stage, strategy: &str) -> Result<(), Error> {
    birds(stage).await?;
    create(&stage.bench.store, &of_birds(strategy)).await;
    Ok(())
}

async fn plan(stage: &Stage) -> Result<(), Error> {
    stage.store.plan().await.map(drop)
}

/// A filter that cannot be told of the second bird.
async fn faulty(stage: &Stage) -> Result<(), Error> {
    birds(stage).await?;
    let filter = "if .cost == 50 then error(\"no\") else true end";
    let selection = json!({ "category": "birds", "filter": format!("${{ {filter} }}") });
    let source = recipe(json!({ "selection": selection, "strategy": "individual" }));
    create(&stage.bench.store, &source).await;
    Ok(())
}

async fn planned(stage: &Stage) -> Result<(), Error> {
    made(stage, "individual").await?;
    stage.bench.store.plan().await.map(drop)
}

/// Every job has ended; the batch has not.
async fn done(stage: &Stage) -> Result<(), Error> {
    planned(stage).await?;
    stage.bench.store.release().await?;
    stage
        .run(
            "with gone as (delete from ready returning *), job_of as (
                 select job.id, job.lane, job.batch from gone join job on job.id between first_id and last_id),
             told as (insert into tally (batch, kind, n) select batch, 'completed', 1 from job_of)
             insert into outcome (first_id, last_id, tenant, lane, batch, kind, attempt, claim)
             select id, id, 1, lane, batch, 'completed', 0, gen_random_uuid() from job_of",
        )
        .await;
    Ok(())
}

/// As many rows of tallies as are worth folding, which cancel each other out.
async fn tallied(stage: &Stage) -> Result<(), Error> {
    done(stage).await?;
    let sql = "insert into tally (batch, kind, n)
               select batch.id, 'completed', case n % 2 when 0 then 1 else -1 end
               from batch, generate_series(1, 100) n";
    stage.run(sql).await;
    Ok(())
}
