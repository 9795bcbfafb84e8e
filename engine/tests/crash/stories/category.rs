//! Categories after their documents: loads that are merged, and indexes that are made, filled and dropped.

use std::io::Cursor;

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::protocol::load::{LISTED_MAX, Source, Terms};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_workflows::configuration::{Format, Invalid, Mode};

use super::document::set;
use crate::stage::{Stage, Story};

const PLAIN: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\n\
    schema: { type: object, properties: { cost: { type: integer } } }\ndata: { file: birds.csv }\n";
const INDEXED: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\nindexes: [ state, cost ]\n\
    schema: { type: object, properties: { cost: { type: integer } } }\ndata: { file: birds.csv }\n";

const ITEMS: &str = "select count(*) from category_item where removed is null";
const MARKS: &str = "select count(*) from category_mark";
const LEFT_OUT: &str =
    "select count(*) from category_version where version = 2 and items = 2 and left_out = 2";
const INDEXES: &str = "select count(*) from category_index where is_whole and not is_dropped";

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("load items that are indexed", |stage| {
            Box::pin(set(stage, &[INDEXED]))
        })
        .expects(&[(ITEMS, 5), (MARKS, 10), (INDEXES, 2)]),
        Story::new("index items that are there", |stage| {
            Box::pin(async {
                set(stage, &[INDEXED]).await?;
                keep(stage).await
            })
        })
        .after(|stage| Box::pin(set(stage, &[PLAIN])))
        .expects(&[(ITEMS, 5), (MARKS, 10), (INDEXES, 2)]),
        Story::new("drop an index", |stage| {
            Box::pin(async {
                set(stage, &[PLAIN]).await?;
                keep(stage).await
            })
        })
        .after(|stage| Box::pin(set(stage, &[INDEXED])))
        .expects(&[
            (ITEMS, 5),
            (MARKS, 0),
            ("select count(*) from category_index", 0),
        ]),
        Story::new("merge items", |stage| Box::pin(merge(stage)))
            .after(|stage| Box::pin(set(stage, &[INDEXED])))
            .expects(&[
                (ITEMS, 6),
                (MARKS, 14),
                (
                    "select count(*) from category_version where version = 2 and added = 1 and changed = 1 and items = 6",
                    1,
                ),
                ("select max(n) from category_item", 6),
            ]),
        Story::new("load without rows that are none", |stage| {
            Box::pin(load_leaving_out(stage))
        })
        .after(|stage| Box::pin(set(stage, &[INDEXED])))
        .expects(&[
            (ITEMS, 2),
            (LEFT_OUT, 1),
            ("select max(n) from category_item where added = 2", 2),
        ]),
        Story::new("forget items that are indexed", |stage| {
            Box::pin(forget(stage))
        })
        .after(|stage| {
            Box::pin(async {
                set(stage, &[INDEXED]).await?;
                merge(stage).await
            })
        })
        .expects(&[(ITEMS, 6), (MARKS, 12)]),
    ]
}

async fn keep(stage: &Stage) -> Result<(), Error> {
    while stage.store.keep_indexes().await? > 0 {}
    Ok(())
}

/// One item that changes, one that is new and one that says the same.
async fn merge(stage: &Stage) -> Result<(), Error> {
    let text = "name,state,cost\nGull,Utah,5\nTern,Ohio,5\nCrow,Utah,50\n";
    load(stage, text, Some(Mode::Merge), None).await
}

/// Two items, and two rows that are none.
async fn load_leaving_out(stage: &Stage) -> Result<(), Error> {
    let text = "name,state,cost\nGull,Utah,5\nTern,Ohio,much\n,Ohio,1\nKite,Ohio,5\n";
    load(stage, text, None, Some(Invalid::LeaveOut)).await
}

async fn load(
    stage: &Stage,
    text: &'static str,
    mode: Option<Mode>,
    invalid: Option<Invalid>,
) -> Result<(), Error> {
    let source = Source::File {
        name: "some.csv".to_owned(),
        format: Format::Csv,
        reader: Box::new(Cursor::new(text.as_bytes().to_vec())),
    };
    let terms = Terms {
        tenant: DEFAULT_TENANT,
        who: "mia",
        mode,
        invalid,
        listed_max: LISTED_MAX,
    };
    stage.store.load_on(terms, "birds", source).await.map(drop)
}

async fn forget(stage: &Stage) -> Result<(), Error> {
    let then = Some(Utc::now() + TimeDelta::days(30));
    while stage.store.forget_items(then).await? > 0 {}
    Ok(())
}
