//! Partitions that are made and dropped. What they change is no row, so each play begins with putting
//! the tables back.

use std::time::Duration;

use windlass_engine::Error;

use crate::stage::{Stage, Story};

pub const MONTH: Duration = Duration::from_secs(30 * 86_400);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("make a partition", |stage| Box::pin(make(stage)))
            .after(|stage| Box::pin(all_but_one(stage)))
            .expects(&[
                ("select count(*) from pg_inherits where inhrelid = to_regclass('journal_p3')", 1),
                ("select count(*) from journal where job = 48000000", 0),
            ]),
        Story::new("drop a range", |stage| Box::pin(drop(stage)))
            .after(|stage| Box::pin(old(stage)))
            // Whoever could not read it all looks again in an hour.
            .meanwhile("update id_range set looked_at = now() - interval '2 hours'")
            .expects(&[
                ("select count(*) from job", 0),
                ("select count(*) from request", 0),
                ("select count(*) from id_range where is_swept", 1),
                (
                    "select count(*) from pg_class where relname in ('job_p0', 'outcome_p0', 'journal_p0', 'head_p0')",
                    0,
                ),
            ]),
    ]
}

async fn all_but_one(stage: &Stage) -> Result<(), Error> {
    stage
        .bench
        .store
        .make_partitions()
        .await
        .map(std::mem::drop)
}

async fn make(stage: &Stage) -> Result<(), Error> {
    if !stage.again {
        stage.run("drop table if exists journal_p3").await;
    }
    stage.store.make_partitions().await.map(std::mem::drop)
}

/// Six jobs ended long ago; ids are in the next range.
async fn old(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(6).await;
    stage
        .run(
            "with gone as (delete from ready returning *)
             insert into outcome (first_id, last_id, tenant, lane, kind, at)
             select first_id, last_id, 1, lane, 'completed', now() - interval '40 days' from gone;
             insert into request (job, tenant) select id, 1 from job on conflict do nothing;
             select setval('job_block', 16001)",
        )
        .await;
    stage
        .bench
        .store
        .make_partitions()
        .await
        .map(std::mem::drop)
}

async fn drop(stage: &Stage) -> Result<(), Error> {
    if !stage.again {
        stage
            .run(
                "do $$
                 declare part record;
                 begin
                     for part in select * from (values ('job', 'id'), ('outcome', 'first_id'), ('journal', 'job'), ('head', 'job')) p (name, key)
                     loop
                         continue when to_regclass(part.name || '_p0') is not null;
                         execute format('create table %I (like %I including all)', part.name || '_p0', part.name);
                         execute format('with moved as (delete from %I where %I < 16000000 returning *) insert into %I select * from moved',
                                        part.name || '_kept', part.key, part.name || '_p0');
                         execute format('alter table %I attach partition %I for values from (0) to (16000000)',
                                        part.name, part.name || '_p0');
                     end loop;
                 end $$",
            )
            .await;
    }
    stage.store.drop_partitions(MONTH).await?;
    stage.store.sweep_dropped().await.map(std::mem::drop)
}
