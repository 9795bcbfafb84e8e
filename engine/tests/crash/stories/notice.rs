//! What is told outside: notices, callbacks, deliveries, and the webhooks themselves.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::store::{DEFAULT_TENANT, NewDelivery};
use windlass_engine::testing::application;

use crate::common::recipe::{BIRDS, apply, create, new_batch, recipe, with_birds};
use crate::common::told::{webhook, welcome};
use crate::stage::{Stage, Story};

const ALL_TOLD: (&str, i64) = ("select count(*) from notice where told_at is null", 0);
const ONE_DELIVERY: (&str, i64) = ("select count(*) from delivery", 1);
const ONE_WEBHOOK: (&str, i64) = ("select count(*) from webhook", 1);

pub fn stories() -> Vec<Story> {
    let tell = |name| {
        Story::new(name, |stage| {
            Box::pin(async { stage.store.tell_notices().await.map(drop) })
        })
    };
    vec![
        tell("tell what happened")
            .after(|stage| Box::pin(over(stage)))
            .expects(&[
                ALL_TOLD,
                ("select count(*) from callback", 2),
                ("select count(*) from callback where job is not null", 1),
                ("select count(*) from job where batch is null", 1),
                ("select count(*) from delivery", 2),
                ("select count(*) from callback_watch", 0),
            ]),
        tell("tell that a slot is behind")
            .after(|stage| Box::pin(behind(stage)))
            .expects(&[
                ALL_TOLD,
                (
                    "select count(*) from slot where not_started_at is not null",
                    1,
                ),
                ONE_DELIVERY,
            ]),
        Story::new("create a batch with callbacks", |stage| {
            Box::pin(make(stage))
        })
        .after(|stage| Box::pin(known(stage)))
        .expects(&[("select count(*) from callback where kind = 'finished'", 2)]),
        Story::new("apply a webhook", |stage| Box::pin(applied(stage))).expects(&[ONE_WEBHOOK]),
        Story::new("ask for a delivery", |stage| Box::pin(ask(stage)))
            .after(|stage| Box::pin(known(stage)))
            .expects(&[ONE_DELIVERY]),
        Story::new("deliver", |stage| Box::pin(deliver(stage)))
            .after(|stage| Box::pin(asked(stage)))
            .expects(&[ONE_DELIVERY]),
        Story::new("deliver once more", |stage| Box::pin(again(stage)))
            .after(|stage| Box::pin(asked(stage)))
            .expects(&[("select count(*) from delivery where asked", 1)]),
        Story::new("delete a webhook", |stage| Box::pin(delete(stage)))
            .after(|stage| Box::pin(asked(stage)))
            .expects(&[("select count(*) from webhook", 0)]),
        Story::new("forget what was told", |stage| Box::pin(forget(stage)))
            .after(|stage| Box::pin(old(stage)))
            .expects(&[(
                "select (select count(*) from notice) + (select count(*) from delivery)",
                0,
            )]),
    ]
}

fn calling() -> windlass_engine::protocol::Source {
    recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual",
        "callbacks": [
            { "when": "first_failure", "webhook": "ops" },
            { "when": "finished", "purpose": "brief" },
            { "when": "finished", "webhook": "ops" },
        ]
    }))
}

async fn known(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    let text = webhook("ops", "batch.finished, slot.not_started", "");
    apply(&stage.bench.store, &[&text], "").await;
    Ok(())
}

/// A batch has ended, and nobody was told.
async fn over(stage: &Stage) -> Result<(), Error> {
    known(stage).await?;
    let store = &stage.bench.store;
    let batch = create(store, &calling()).await;
    store.plan().await?;
    store.cancel_batch(DEFAULT_TENANT, batch, "mia", "").await?;
    store.finish().await.map(drop)
}

async fn behind(stage: &Stage) -> Result<(), Error> {
    known(stage).await?;
    let store = &stage.bench.store;
    store.enter_development().await?;
    let job = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
        selection: { category: birds }\nstrategy: individual\n\
        schedule: { interval: 12h, alerts: { not_started_by: 15m } }\n";
    apply(store, &[job], "").await;
    let ahead = store.clock().await?.now + TimeDelta::minutes(735);
    store.set_clock(ahead).await?;
    stage
        .run("delete from slot where start_by > now() + interval '13 hours'")
        .await;
    Ok(())
}

/// Its key makes a repeat find the first.
async fn make(stage: &Stage) -> Result<(), Error> {
    let mut new = new_batch(&calling());
    new.idempotency_key = Some("once".into());
    let made = stage.store.create_batch(DEFAULT_TENANT, new).await;
    made.map(drop)
}

async fn applied(stage: &Stage) -> Result<(), Error> {
    let text = webhook("ops", "batch.finished", "");
    stage.store.apply(application(&[&text])).await.map(drop)
}

async fn ask(stage: &Stage) -> Result<(), Error> {
    let new = NewDelivery {
        webhook: "ops".into(),
        event: "evt_1".into(),
        kind: "webhook.test".into(),
        body: "{}".into(),
    };
    let asked = stage.store.ask_delivery(DEFAULT_TENANT, new).await;
    asked.map(drop)
}

async fn asked(stage: &Stage) -> Result<(), Error> {
    known(stage).await?;
    stage
        .run(
            "insert into delivery (tenant, webhook, event, kind, body, due)
             values (1, 'ops', 'evt_1', 'webhook.test', '{}', now() - interval '1 minute')",
        )
        .await;
    Ok(())
}

/// What was taken and not recorded is due again after a minute.
async fn deliver(stage: &Stage) -> Result<(), Error> {
    stage
        .run("update delivery set due = now() - interval '1 minute' where state = 'waiting'")
        .await;
    for taken in stage.store.take_deliveries(&[], 16).await? {
        stage.store.record_delivery(&taken, &welcome()).await?;
    }
    Ok(())
}

async fn again(stage: &Stage) -> Result<(), Error> {
    let id = sqlx::query_scalar("select id from delivery")
        .fetch_one(&stage.bench.pool)
        .await
        .expect("a delivery");
    stage.store.redeliver(DEFAULT_TENANT, id).await
}

/// Repeated after it was done, it is refused: there is none.
async fn delete(stage: &Stage) -> Result<(), Error> {
    match stage.store.delete_webhook(DEFAULT_TENANT, "ops").await {
        Err(Error::NotFound { .. }) if stage.again => Ok(()),
        answer => answer,
    }
}

async fn old(stage: &Stage) -> Result<(), Error> {
    asked(stage).await?;
    stage
        .run(
            "update delivery set state = 'delivered', ended_at = now() - interval '1 hour';
             insert into notice (tenant, kind, told_at) values (1, 'slot.missed', now() - interval '1 hour')",
        )
        .await;
    Ok(())
}

async fn forget(stage: &Stage) -> Result<(), Error> {
    stage.store.forget_notices(Duration::from_mins(1)).await?;
    let gone = stage.store.forget_deliveries(Duration::from_mins(1)).await;
    gone.map(drop)
}
