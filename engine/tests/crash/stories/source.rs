//! Members from elsewhere: a file beside a batch, what is left out of it, and the end of its rows.

use std::io::Cursor;
use std::time::Duration;

use serde_json::json;
use windlass_engine::protocol::{OutsideRow, Source, Upload};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::{Error, Store};
use windlass_workflows::value::Value;

use crate::common::recipe::{BIRDS, apply, create, new_batch, recipe, with_birds};
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
        Story::new("read a source outside", |stage| Box::pin(draw(stage)))
            .after(|stage| Box::pin(asked(stage)))
            .expects(&[
                COMPLETED,
                THREE_JOBS,
                ("select count(*) from left_out", 1),
                (
                    "select count(*) from batch where source_claim is null and gathered",
                    1,
                ),
            ]),
        Story::new("read a source outside that breaks off", |stage| {
            Box::pin(broken(stage))
        })
        .after(|stage| Box::pin(asked(stage)))
        .expects(&[
            ("select count(*) from batch where state = 'failed'", 1),
            ("select count(*) from job where batch is not null", 0),
        ]),
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

/// A batch over a service, of which nobody here asks more than the name.
async fn asked(stage: &Stage) -> Result<(), Error> {
    birds(stage).await?;
    let connection =
        "windlass: v1\nkind: Connection\nname: feed\ntype: http\nbase_url: http://feed.example\n";
    apply(&stage.bench.store, &[connection], "").await;
    let http = json!({ "connection": "feed", "path": "/", "items": ".", "key": "id" });
    let selection = json!({ "http": http, "rows": { "duplicate": "first" } });
    let source = recipe(json!({ "selection": selection, "strategy": "individual" }));
    create(&stage.bench.store, &source).await;
    Ok(())
}

fn rows(ids: &[i64]) -> Vec<OutsideRow> {
    let rows = ids.iter().map(|id| Ok(Value::from(json!({ "id": id }))));
    rows.collect()
}

/// Reads on from where it was: two blocks, then the end; no lease is waited for.
async fn draw(stage: &Stage) -> Result<(), Error> {
    if stage.again {
        // Here faults follow each other so fast that they would count as a source that does not get on.
        stage.run("update batch set source_tries = 0").await;
    }
    read_on(&stage.store).await?;
    plan(stage).await
}

/// What any keeper does with a source that nobody reads; how many it read.
pub async fn read_on(store: &Store) -> Result<i64, Error> {
    let mut read = 0;
    while let Some(mut drawing) = store.take_source(Duration::ZERO).await? {
        if drawing.n == 0 {
            let cursor = Some(Value::from("second"));
            store.keep_rows(&mut drawing, rows(&[1, 2]), cursor).await?;
        }
        store.hold_source(drawing.right()).await?;
        if drawing.n == 2 {
            let cursor = Some(Value::from("over"));
            store.keep_rows(&mut drawing, rows(&[2, 3]), cursor).await?;
        }
        store.end_source(drawing).await?;
        read += 1;
    }
    Ok(read)
}

/// A reader that never gets a cursor begins anew, until that was tried often enough.
async fn broken(stage: &Stage) -> Result<(), Error> {
    if stage.again {
        stage.run("update batch set source_until = null").await;
    }
    while let Some(mut drawing) = stage.store.take_source(Duration::ZERO).await? {
        let store = &stage.store;
        store.keep_rows(&mut drawing, rows(&[1]), None).await?;
        store.break_off_source(&drawing, "it broke").await?;
        sqlx::query("update batch set source_until = null")
            .execute(&stage.bench.pool)
            .await?;
    }
    Ok(())
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

async fn plan_on(store: &Store) -> Result<(), Error> {
    store.plan().await.map(drop)
}
