//! Additions: members for a batch that is open, its end once it is closed, and the end of its names.

use std::io::Cursor;

use serde_json::json;
use windlass_engine::protocol::{NewMembers, Upload};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::Format;

use crate::common::recipe::{BIRDS, new_batch, over, with_birds};
use crate::stage::{Stage, Story};

/// One with another key than the plan's, one that is left out.
const ROWS: &str =
    "{\"name\":\"Crow\",\"state\":\"Utah\"}\n{\"name\":\"Gull\",\"state\":\"Utah\"}\n";
const ADDED: &[(&str, i64)] = &[
    ("select count(*) from addition", 1),
    ("select count(*) from job where batch is not null", 2),
    ("select count(*) from left_out", 1),
    (
        "select count(*) from batch where added = 1 and members = 2 and expected = 2 and left_out = 1",
        1,
    ),
];

/// Somebody closes it: else it never ends.
const CLOSED: &str =
    "update batch set closed_at = now(), closed_by = 'mia' where opened and closed_at is null";

pub fn stories() -> Vec<Story> {
    let add = |name, strategy: &'static str| {
        Story::new(name, |stage| Box::pin(add(&stage.store)))
            .after(move |stage| Box::pin(opened(stage, strategy)))
            .meanwhile(CLOSED)
            .expects(ADDED)
    };
    vec![
        Story::new("make an open batch", |stage| Box::pin(make(stage)))
            .after(|stage| Box::pin(birds(stage)))
            .meanwhile(CLOSED)
            .expects(&[("select count(*) from batch where opened", 1)]),
        Story::new("plan an open batch", |stage| {
            Box::pin(async { stage.store.plan().await.map(drop) })
        })
        .after(|stage| Box::pin(made(stage, "individual")))
        .meanwhile(CLOSED)
        .expects(&[("select count(*) from job where batch is not null", 1)]),
        add("add members", "individual"),
        add("add members of objects", "object"),
        Story::new("close an open batch", |stage| Box::pin(close(&stage.store)))
            .after(|stage| Box::pin(opened(stage, "individual")))
            .expects(&[(
                "select count(*) from batch where closed_by = 'mia' and state = 'completed'",
                1,
            )]),
        Story::new("forget names", |stage| {
            Box::pin(async {
                while stage.store.forget_sources().await? > 0 {}
                Ok(())
            })
        })
        .after(|stage| Box::pin(closed(stage)))
        .expects(&[
            ("select count(*) from batch_name", 0),
            ("select count(*) from batch where names_kept", 0),
        ]),
    ]
}

async fn birds(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    Ok(())
}

async fn create(store: &Store, strategy: &str) -> Result<(), Error> {
    let items = json!([ { "name": "Gull", "state": "Ohio" } ]);
    let selection = json!({ "items": items, "key": "name", "object": "state", "rows": { "duplicate": "first" } });
    let mut new = new_batch(&over(selection, strategy));
    new.idempotency_key = Some("once".into());
    store
        .create_open_batch(DEFAULT_TENANT, new, None)
        .await
        .map(drop)
}

async fn make(stage: &Stage) -> Result<(), Error> {
    create(&stage.store, "individual").await
}

async fn made(stage: &Stage, strategy: &str) -> Result<(), Error> {
    birds(stage).await?;
    create(&stage.bench.store, strategy).await
}

async fn opened(stage: &Stage, strategy: &str) -> Result<(), Error> {
    made(stage, strategy).await?;
    stage.bench.store.plan().await.map(drop)
}

async fn closed(stage: &Stage) -> Result<(), Error> {
    opened(stage, "object").await?;
    close(&stage.bench.store).await
}

/// Its key makes a repeat find the first.
async fn add(store: &Store) -> Result<(), Error> {
    let new = NewMembers {
        file: Upload {
            name: "body".into(),
            reader: Box::new(Cursor::new(ROWS.as_bytes().to_vec())),
        },
        format: Format::Ndjson,
        who: "mia".into(),
        idempotency_key: "once".into(),
    };
    store.add_members(DEFAULT_TENANT, 1, new).await.map(drop)
}

async fn close(store: &Store) -> Result<(), Error> {
    store.close_batch(DEFAULT_TENANT, 1, "mia").await
}
