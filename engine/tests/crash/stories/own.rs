//! Templates with a schedule of their own: by the clock, after their last job, by events.

use chrono::TimeDelta;
use windlass_engine::Error;

use crate::common::own::{clock_on, end, fire, published, tell, template};
use crate::common::recipe::apply;
use crate::stage::{Stage, Story};

const RATE: &str = "schedule: { every: PT1H }\n";
const ON_PAID: &str = "schedule: { on: { one: { with: { type: order.paid } } } }\n";
const AFTER: &str = "schedule: { after: PT5M }\n";
const BOTH: &str = "schedule:\n  on:\n    all:\n      - with: { type: order.paid }\n        correlate: { order: { from: .data.orderId } }\n      - with: { type: order.packed }\n        correlate: { order: { from: .data.orderId } }\n";
const ONE_AT_MOST: &str = "windlass: v1\nkind: Limit\nname: narrow\nscope: { template: shop.rounds }\n\
    concurrency: 1\noverflow: reject_new\n";
const ONE_JOB: (&str, i64) = ("select count(*) from outcome where kind = 'completed'", 1);
const TWO_JOBS: (&str, i64) = (ONE_JOB.0, 2);
const NOTHING_KEPT: (&str, i64) = ("select count(*) from gathering", 0);

pub fn stories() -> Vec<Story> {
    let mut all = of_rules();
    all.push(
        Story::new("own schedule, what runs makes room", |stage| {
            Box::pin(fired(stage))
        })
        .after(|stage| Box::pin(running(stage)))
        .expects(&[("select count(*) from outcome where kind = 'cancelled'", 1)]),
    );
    all
}

fn of_rules() -> Vec<Story> {
    vec![
        Story::new("own schedule, by the clock", |stage| Box::pin(fired(stage)))
            .after(|stage| Box::pin(due(stage)))
            .expects(&[
                ONE_JOB,
                // A slot stands on the hour: how late the clock comes to it depends on when this runs.
                (
                    "select count(*) from slot where state in ('fired', 'late') and job is not null",
                    1,
                ),
            ]),
        Story::new("own schedule, after the job before", |stage| {
            Box::pin(fired(stage))
        })
        .after(|stage| Box::pin(over(stage)))
        .expects(&[
            ("select count(*) from slot where state = 'planned'", 1),
            ("select count(*) from schedule_job", 0),
        ]),
        Story::new("own schedule, by events", |stage| Box::pin(gathered(stage)))
            .after(|stage| Box::pin(half_filled(stage)))
            .expects(&[
                TWO_JOBS,
                ("select count(*) from gathering", 1),
                ("select count(*) from schedule where lost = 0", 1),
            ]),
        Story::new("own schedule, an event under a full limit", |stage| {
            Box::pin(gathered(stage))
        })
        .after(|stage| Box::pin(narrow(stage)))
        .expects(&[ONE_JOB, ("select count(*) from schedule where lost = 1", 1)]),
        Story::new("own schedule, events in vain", |stage| {
            Box::pin(gathered(stage))
        })
        .after(|stage| Box::pin(in_vain(stage)))
        .expects(&[
            NOTHING_KEPT,
            ("select count(*) from schedule where lost = 1", 1),
        ]),
        Story::new("own schedule, another rule", |stage| {
            Box::pin(another(stage))
        })
        .after(|stage| Box::pin(half_filled(stage)))
        .expects(&[
            NOTHING_KEPT,
            (
                "select count(*) from schedule where event_pos is null and enabled",
                1,
            ),
        ]),
        Story::new("own schedule, ended", |stage| Box::pin(ended(stage)))
            .after(|stage| Box::pin(due(stage)))
            .expects(&[("select count(*) from schedule where enabled", 0)]),
    ]
}

async fn developing(stage: &Stage, rest: &str) -> Result<(), Error> {
    stage.bench.store.enter_development().await?;
    published(&stage.bench, &template("1.0.0", "", rest)).await;
    Ok(())
}

async fn fired(stage: &Stage) -> Result<(), Error> {
    stage.store.fire().await.map(drop)
}

async fn gathered(stage: &Stage) -> Result<(), Error> {
    stage.store.gather().await.map(drop)
}

async fn due(stage: &Stage) -> Result<(), Error> {
    developing(stage, RATE).await?;
    clock_on(&stage.bench, TimeDelta::hours(1)).await;
    Ok(())
}

/// One job is open, and the next slot is due.
async fn running(stage: &Stage) -> Result<(), Error> {
    stage.bench.store.enter_development().await?;
    let extras = "schedule: { overlap: cancelRunning }";
    published(&stage.bench, &template("1.0.0", extras, RATE)).await;
    clock_on(&stage.bench, TimeDelta::hours(1)).await;
    fire(&stage.bench).await;
    clock_on(&stage.bench, TimeDelta::hours(1)).await;
    Ok(())
}

/// The first job of a schedule has ended, and nobody has looked.
async fn over(stage: &Stage) -> Result<(), Error> {
    developing(stage, AFTER).await?;
    let first = fire(&stage.bench).await;
    end(&stage.bench, first[0]).await;
    Ok(())
}

/// One order is half there, and the log has its rest, a whole one, and half of a third.
async fn half_filled(stage: &Stage) -> Result<(), Error> {
    developing(stage, BOTH).await?;
    tell(&stage.bench, "order.paid", "e1", "o1").await;
    stage.bench.store.gather().await?;
    for (id, kind, order) in [
        ("e2", "order.packed", "o1"),
        ("e3", "order.packed", "o2"),
        ("e4", "order.paid", "o2"),
        ("e5", "order.paid", "o3"),
    ] {
        tell(&stage.bench, kind, id, order).await;
    }
    Ok(())
}

async fn narrow(stage: &Stage) -> Result<(), Error> {
    developing(stage, ON_PAID).await?;
    apply(&stage.bench.store, &[ONE_AT_MOST], "").await;
    tell(&stage.bench, "order.paid", "e1", "o1").await;
    tell(&stage.bench, "order.paid", "e2", "o2").await;
    Ok(())
}

async fn in_vain(stage: &Stage) -> Result<(), Error> {
    developing(stage, BOTH).await?;
    tell(&stage.bench, "order.paid", "e1", "o1").await;
    stage.bench.store.gather().await?;
    clock_on(&stage.bench, TimeDelta::days(8)).await;
    Ok(())
}

async fn another(stage: &Stage) -> Result<(), Error> {
    stage
        .store
        .publish_source(1, &template("2.0.0", "", RATE))
        .await
        .map(drop)
}

async fn ended(stage: &Stage) -> Result<(), Error> {
    stage
        .store
        .publish_source(1, &template("2.0.0", "", ""))
        .await
        .map(drop)
}
