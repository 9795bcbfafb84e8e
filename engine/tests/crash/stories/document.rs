//! Documents: applied as a set, published alone, loaded as items.

use std::collections::BTreeMap;
use std::io::Cursor;

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::protocol::apply::Application;
use windlass_engine::protocol::load::{ReadSeek, Source};
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::application;
use windlass_workflows::configuration::Format;

use crate::common::recipe::{BIRDS, PURPOSE, TEMPLATE, apply, with_birds};
use crate::stage::{Stage, Story};

const CATEGORY: &str = "windlass: v1\nkind: Category\nname: birds\nkey: name\nobject: state\n\
    schema: { type: object, properties: { cost: { type: integer } } }\ndata: { file: birds.csv }\n";
const HOURLY: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\nschedule: { interval: 6h, zone: UTC }\n";
const DAILY: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\nschedule: { interval: 24h, zone: UTC }\n";
const DAYS: &str = "windlass: v1\nkind: Calendar\nname: days\n";
const NEVER: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\n";

pub fn stories() -> Vec<Story> {
    let mut all = documents();
    all.extend(categories());
    all.push(
        Story::new("move an alias", |stage| Box::pin(name(stage, "1.1.0")))
            .after(|stage| Box::pin(named(stage)))
            .expects(&[("select count(*) from template_alias", 2)]),
    );
    all
}

/// Says what `stable` means.
async fn name(stage: &Stage, version: &str) -> Result<(), Error> {
    let set = stage
        .store
        .set_alias(DEFAULT_TENANT, "mia", "strikes.brief", "stable", version);
    set.await.map(drop)
}

async fn named(stage: &Stage) -> Result<(), Error> {
    set(stage, &[TEMPLATE, &TEMPLATE.replace("1.0.0", "1.1.0")]).await?;
    name(stage, "1.0.0").await
}

fn documents() -> Vec<Story> {
    vec![
        Story::new("apply a set", |stage| {
            Box::pin(set(stage, &[TEMPLATE, PURPOSE, CATEGORY, HOURLY]))
        })
        .expects(&[
            (
                "select count(*) from category_item where removed is null",
                5,
            ),
            ("select count(distinct (kind, name)) from configuration", 3),
            ("select count(*) from schedule where enabled", 1),
        ]),
        Story::new("change a schedule", |stage| Box::pin(set(stage, &[DAILY])))
            .after(|stage| Box::pin(scheduled(stage)))
            .expects(&[(
                "select count(*) from schedule where revision = 2 and enabled",
                1,
            )]),
        Story::new("end a schedule", |stage| Box::pin(set(stage, &[NEVER])))
            .after(|stage| Box::pin(scheduled(stage)))
            .expects(&[("select count(*) from schedule where enabled", 0)]),
        Story::new("edit a calendar", |stage| Box::pin(close(stage)))
            .after(|stage| Box::pin(on_days(stage)))
            .expects(&[
                (
                    "select count(*) from slot where state = 'skipped' and reason = 'closed: storm'",
                    1,
                ),
                ("select count(*) from configuration where kind = 'calendar'", 2),
            ]),
        Story::new("publish", |stage| Box::pin(publish(stage))).expects(&[(
            "select count(*) from template_version where name = 'brief'",
            1,
        )]),
        Story::new("publish with a child of its time", |stage| {
            Box::pin(publish_pinned(stage))
        })
        .after(|stage| Box::pin(publish(stage)))
        .expects(&[(
            "select count(*) from template_version where pins = '{\"strikes.brief\": \"1.0.0\"}'",
            1,
        )]),
        Story::new("load items", |stage| Box::pin(load(stage)))
            .after(|stage| Box::pin(birds(stage)))
            .expects(&[(
                "select count(*) from category_item where removed is null",
                2,
            )]),
    ]
}

fn categories() -> Vec<Story> {
    vec![
        Story::new("load the same items", |stage| Box::pin(load_lines(stage)))
            .after(|stage| Box::pin(loaded(stage)))
            .expects(&[
                (
                    "select count(*) from category_item where removed is null",
                    2,
                ),
                ("select count(*) from category_version where version > 2", 0),
            ]),
        Story::new("delete a category", |stage| Box::pin(delete(stage)))
            .after(|stage| Box::pin(lone(stage)))
            .expects(&[(
                "select count(*) from category where deleted_at is not null",
                1,
            )]),
        Story::new("undelete a category", |stage| {
            Box::pin(async {
                let back = stage.store.undelete_category(DEFAULT_TENANT, "birds");
                back.await.map(drop)
            })
        })
        .after(|stage| {
            Box::pin(async {
                lone(stage).await?;
                delete(stage).await
            })
        })
        .expects(&[("select count(*) from category where deleted_at is null", 1)]),
        Story::new("forget items", |stage| Box::pin(forget(stage)))
            .after(|stage| Box::pin(loaded(stage)))
            .expects(&[
                ("select count(*) from category_item", 2),
                (
                    "select count(*) from category where kept_from = 2 and cleaned = 2",
                    1,
                ),
            ]),
    ]
}

async fn birds(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    Ok(())
}

async fn scheduled(stage: &Stage) -> Result<(), Error> {
    birds(stage).await?;
    apply(&stage.bench.store, &[HOURLY], "").await;
    Ok(())
}

/// A slot a day, and all days are open.
async fn on_days(stage: &Stage) -> Result<(), Error> {
    birds(stage).await?;
    let days = format!("{DAYS}weekend: []\n");
    let daily = DAILY.replace("zone: UTC", "zone: UTC, calendar: days, closed_day: skip");
    apply(&stage.bench.store, &[&days, &daily], "").await;
    Ok(())
}

/// Nothing starts for the next days.
async fn close(stage: &Stage) -> Result<(), Error> {
    let days = (0..4).map(|days| (Utc::now() + TimeDelta::days(days)).format("%Y-%m-%d"));
    let closed: String = days.map(|day| format!("  {day}: storm\n")).collect();
    set(stage, &[&format!("{DAYS}weekend: []\nclosed:\n{closed}")]).await
}

/// Applies documents.
pub async fn set(stage: &Stage, texts: &[&str]) -> Result<(), Error> {
    let reader: Box<dyn ReadSeek> = Box::new(Cursor::new(BIRDS.as_bytes().to_vec()));
    let application = Application {
        files: BTreeMap::from([("birds".to_owned(), reader)]),
        ..application(texts)
    };
    stage.store.apply(application).await.map(drop)
}

async fn publish(stage: &Stage) -> Result<(), Error> {
    let published = stage.store.publish_source(DEFAULT_TENANT, TEMPLATE).await;
    published.map(drop)
}

async fn publish_pinned(stage: &Stage) -> Result<(), Error> {
    let text = "document: { dsl: '1.0.3', namespace: strikes, name: pins, version: '1.0.0' }
do:
  - start:
      run: { workflow: { namespace: strikes, name: brief, version: latest } }
      metadata: { windlass: { pin: publish } }
";
    let published = stage.store.publish_source(DEFAULT_TENANT, text).await;
    published.map(drop)
}

async fn loaded(stage: &Stage) -> Result<(), Error> {
    birds(stage).await?;
    load(stage).await
}

/// The rows of [`load`] as lines.
async fn load_lines(stage: &Stage) -> Result<(), Error> {
    let text = "{\"name\":\"Tern\",\"state\":\"Ohio\",\"cost\":5}\n\
        {\"name\":\"Kite\",\"state\":\"Utah\",\"cost\":6}\n";
    let source = Source::File {
        name: "birds.ndjson".to_owned(),
        format: Format::Ndjson,
        reader: Box::new(Cursor::new(text.as_bytes().to_vec())),
    };
    let loaded = stage
        .store
        .load_items(DEFAULT_TENANT, "mia", "birds", source);
    loaded.await.map(drop)
}

/// A category that nothing selects from.
async fn lone(stage: &Stage) -> Result<(), Error> {
    set(stage, &[CATEGORY]).await
}

async fn delete(stage: &Stage) -> Result<(), Error> {
    let deleted = stage
        .store
        .delete_category(DEFAULT_TENANT, "birds", "mia")
        .await;
    match deleted {
        // Told twice, it is deleted all the same.
        Err(error) if error.code() == "category_deleted" => Ok(()),
        deleted => deleted,
    }
}

async fn forget(stage: &Stage) -> Result<(), Error> {
    let then = Some(Utc::now() + TimeDelta::days(30));
    while stage.store.forget_items(then).await? > 0 {}
    Ok(())
}

async fn load(stage: &Stage) -> Result<(), Error> {
    let text = "name,state,cost\nTern,Ohio,5\nKite,Utah,6\n";
    let source = Source::File {
        name: "birds.csv".to_owned(),
        format: Format::Csv,
        reader: Box::new(Cursor::new(text.as_bytes().to_vec())),
    };
    let loaded = stage
        .store
        .load_items(DEFAULT_TENANT, "mia", "birds", source);
    loaded.await.map(drop)
}
