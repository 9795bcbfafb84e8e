//! Wounds, and a doctor who is struck while healing them. A keeper makes the same checks later, as it makes
//! all that were ever made: what is left is whole in the end.

use serde_json::json;
use windlass_engine::Error;
use windlass_engine::store::doctor::{Check, Options};

use crate::common::recipe::{BIRDS, plan, recipe, with_birds};
use crate::stage::{Stage, Story};

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("doctor: places", |stage| {
            Box::pin(heal(stage, &[Check::Places]))
        })
        .after(|stage| Box::pin(torn(stage)))
        .expects(&[
            ("select count(*) from held where code = 'job_nowhere'", 6),
            ("select sum(last_id - first_id + 1)::int8 from outcome", 11),
        ]),
        Story::new("doctor: leases, rests, pauses, ids", |stage| {
            let checks = &[Check::Ids, Check::Leases, Check::Waits, Check::Pauses];
            Box::pin(heal(stage, checks))
        })
        .after(|stage| Box::pin(stuck(stage)))
        .expects(&[
            ("select least(last_value, 6) from job_block", 6),
            ("select sum(last_id - first_id + 1)::int8 from outcome", 12),
        ]),
        Story::new("doctor: journals and orphans", |stage| {
            Box::pin(heal(stage, &[Check::Journals, Check::Orphans]))
        })
        .after(|stage| Box::pin(strewn(stage)))
        .expects(&[("select count(*) from inbox", 0)]),
        Story::new("doctor: batches", |stage| {
            let checks = &[Check::Tallies, Check::Batches, Check::Plans];
            Box::pin(heal(stage, checks))
        })
        .after(|stage| Box::pin(miscounted(stage)))
        .expects(&[("select count(*) from batch where state = 'completed'", 2)]),
    ]
}

async fn heal(stage: &Stage, checks: &[Check]) -> Result<(), Error> {
    let options = Options {
        only: checks.to_vec(),
        repair: true,
        ..Options::default()
    };
    stage.store.doctor(&options).await.map(drop)
}

/// Six jobs stand nowhere; of six in one extent and of six in a lease one has ended long ago.
async fn torn(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(6).await;
    stage.run("delete from ready").await;
    stage.claim(7, 6).await;
    stage.bench.submit(5).await;
    stage
        .run(
            "insert into outcome (first_id, last_id, tenant, lane, kind)
             select first_id + 1, first_id + 1, 1, lane, 'completed' from ready
             union all
             select lower(jobs), lower(jobs), 1, lane, 'completed' from lease;
             insert into doctor_repair (at, code, rows, who) values (now() - interval '1 year', 'job_nowhere', 1, 'mia');
             insert into doctor_check (name) values ('places')",
        )
        .await;
    Ok(())
}

/// Stops that nobody can obey, a lease of nothing, a rest without an end, a pause that nobody made, and a
/// sequence that was set back.
async fn stuck(stage: &Stage) -> Result<(), Error> {
    stage.run("select setval('job_block', 6)").await;
    stage.claim(7, 6).await;
    stage.bench.submit(6).await;
    stage
        .run(
            "update lease set stop = '{[5,6)}';
             insert into lease select gen_random_uuid(), 1, worker, lane, eff, 0, 0, 0, false, '{}' from lease;
             with gone as (delete from ready returning *),
             paused as (
                 insert into held (first_id, last_id, lane, eff, run_at, reason)
                 select id, id, lane, eff, now(), 'paused'
                 from gone, generate_series(first_id, last_id - 3) id),
             later as (
                 insert into held (first_id, last_id, lane, eff, run_at, reason)
                 select last_id - 2, last_id - 2, lane, eff, now() + interval '1 hour', 'paused' from gone)
             insert into wait (job, n, lane, eff, priority, attempt, losses)
             select id, 0, lane, eff, 0, 0, 0 from gone, generate_series(last_id - 1, last_id) id;
             insert into wait (job, n, lane, kind, key) select id, 1, lane, 'signal', 'k' from job order by id limit 1;
             select setval('job_block', 1);
             insert into doctor_check (name) values ('ids'), ('leases'), ('waits'), ('pauses')",
        )
        .await;
    Ok(())
}

/// Heads of turns that never were, and mail for nobody.
async fn strewn(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(6).await;
    stage
        .run(
            "insert into head (job, seq, fold, state) select id, 9, 1, '' from job;
             insert into inbox (job, kind, data) values (7000500, 'order', '{}');
             insert into intent (job, verb, who, why) values (7000500, 'cancel', 'mia', '');
             insert into expiry (job, at) values (7000500, now());
             insert into doctor_check (name) values ('journals'), ('orphans')",
        )
        .await;
    Ok(())
}

/// A batch that ended too early, and one that expects and counts wrongly and forgot to release.
async fn miscounted(stage: &Stage) -> Result<(), Error> {
    let store = &stage.bench.store;
    with_birds(store, BIRDS).await;
    let birds = json!({ "selection": { "category": "birds" }, "strategy": "individual" });
    plan(store, &recipe(birds.clone())).await;
    store.release().await?;
    plan(store, &recipe(birds)).await;
    stage
        .run(
            "update batch set state = 'completed', finished_at = now() where state = 'running';
             update batch set state = 'running', expected = expected + 1 where state = 'planned';
             insert into tally (batch, kind, n) select id, 'completed', 2 from batch where state = 'running';
             insert into doctor_check (name) values ('tallies'), ('batches'), ('plans')",
        )
        .await;
    Ok(())
}
