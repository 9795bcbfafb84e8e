//! Members from elsewhere: a file beside a batch, what is left out of it, and the end of its rows.

use std::io::Cursor;

use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{Source, Upload};
use windlass_engine::store::DEFAULT_TENANT;

use crate::common::recipe::{BIRDS, create, new_batch, recipe, with_birds};
use crate::stage::{Stage, Story};

const COMPLETED: (&str, i64) = ("select count(*) from batch where state = 'completed'", 1);
const THREE_JOBS: (&str, i64) = ("select count(*) from job where batch is not null", 3);
/// Five rows, one without a key and one whose key stands twice.
const ROWS: &str = "name,state\nGull,Ohio\n,Ohio\nCrow,Utah\nGull,Utah\nOwl,Iowa\n";

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("make a batch of a file", |stage| Box::pin(make(stage)))
            .after(|stage| Box::pin(birds(stage)))
            .expects(&[
                COMPLETED,
                THREE_JOBS,
                ("select count(*) from left_out", 2),
                ("select count(*) from batch where left_out = 2", 1),
            ]),
        Story::new("refuse keys that stand twice", |stage| {
            Box::pin(refused(stage))
        })
        .after(|stage| Box::pin(birds(stage)))
        .expects(&[
            ("select count(*) from batch", 0),
            ("select count(*) from source_row", 0),
        ]),
        Story::new("plan over a file", |stage| Box::pin(plan(stage)))
            .after(|stage| Box::pin(made(stage, "individual")))
            .expects(&[COMPLETED, THREE_JOBS]),
        Story::new("plan over a file by object", |stage| Box::pin(plan(stage)))
            .after(|stage| Box::pin(made(stage, "object")))
            .expects(&[COMPLETED, ("select count(*) from member", 3)]),
        Story::new("plan without some items", |stage| Box::pin(plan(stage)))
            .after(|stage| Box::pin(items(stage)))
            .expects(&[COMPLETED, ("select count(*) from left_out", 2)]),
        Story::new("forget a file", |stage| {
            Box::pin(async {
                while stage.store.forget_sources().await? > 0 {}
                Ok(())
            })
        })
        .after(|stage| Box::pin(planned(stage)))
        .expects(&[
            COMPLETED,
            ("select count(*) from source_row", 0),
            ("select count(*) from batch where staged", 0),
        ]),
    ]
}

async fn birds(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    Ok(())
}

fn of_file(strategy: &str, duplicate: &str) -> Source {
    recipe(json!({
        "selection": { "file": "birds.csv", "key": "name", "object": "state",
            "rows": { "invalid": "leave_out", "duplicate": duplicate } },
        "strategy": strategy,
    }))
}

fn file() -> Option<Upload> {
    Some(Upload {
        name: "birds.csv".to_owned(),
        reader: Box::new(Cursor::new(ROWS.as_bytes().to_vec())),
    })
}

/// Its key makes a repeat find the first.
async fn make(stage: &Stage) -> Result<(), Error> {
    let mut new = new_batch(&of_file("individual", "first"));
    new.idempotency_key = Some("once".into());
    let made = stage.store.create_batch_of(DEFAULT_TENANT, new, file());
    made.await.map(drop)
}

async fn refused(stage: &Stage) -> Result<(), Error> {
    let new = new_batch(&of_file("individual", "refuse"));
    let made = stage.store.create_batch_of(DEFAULT_TENANT, new, file());
    match made.await {
        Err(Error::Invalid { problems }) if problems[0].code == "duplicate_keys" => Ok(()),
        Ok(_) => panic!("a key stands twice"),
        Err(error) => Err(error),
    }
}

async fn made(stage: &Stage, strategy: &str) -> Result<(), Error> {
    birds(stage).await?;
    let new = new_batch(&of_file(strategy, "last"));
    let made = stage
        .bench
        .store
        .create_batch_of(DEFAULT_TENANT, new, file());
    made.await.map(drop)
}

async fn planned(stage: &Stage) -> Result<(), Error> {
    made(stage, "individual").await?;
    plan_on(&stage.bench.store).await
}

async fn items(stage: &Stage) -> Result<(), Error> {
    birds(stage).await?;
    let items = json!([ { "id": 1 }, {}, { "id": 2 }, { "id": 1 } ]);
    let rows = json!({ "invalid": "leave_out", "duplicate": "last" });
    let selection = json!({ "items": items, "key": "id", "rows": rows });
    let source = recipe(json!({ "selection": selection, "strategy": "individual" }));
    create(&stage.bench.store, &source).await;
    Ok(())
}

async fn plan(stage: &Stage) -> Result<(), Error> {
    plan_on(&stage.store).await
}

async fn plan_on(store: &windlass_engine::Store) -> Result<(), Error> {
    store.plan().await.map(drop)
}
