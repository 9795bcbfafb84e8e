//! What is kept of failures, and for how long.

use windlass_engine::Error;

use crate::stage::{Stage, Story};

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("forget failures", |stage| {
            Box::pin(async { stage.store.prune_failures().await.map(drop) })
        })
        .after(|stage| Box::pin(failures(stage)))
        .expects(&[
            ("select count(*) from loss where host = 'young'", 1),
            ("select count(*) from loss", 1),
            ("select count(*) from deferral where why = 'young'", 1),
            ("select count(*) from deferral", 1),
        ]),
    ]
}

async fn failures(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(2).await;
    stage
        .run(
            "insert into loss (first_id, last_id, losses, worker, host, at)
             select id, id, 1, gen_random_uuid(), name, now() - age
             from job, (values ('old', interval '8 days'), ('young', interval '6 days')) told (name, age)
             where id = (select min(id) from job);
             insert into deferral (job, worker, why, until)
             select id, gen_random_uuid(), case n when 1 then 'old' else 'young' end,
                    now() - case n when 1 then interval '2 hours' else interval '1 minute' end
             from (select id, row_number() over (order by id) as n from job) numbered",
        )
        .await;
    Ok(())
}
