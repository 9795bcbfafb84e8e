//! Schedules that fire, by the clock and by hand, and the clock that moves.

use chrono::TimeDelta;
use windlass_engine::protocol::{Backfill, Hand, Trigger};
use windlass_engine::store::{DEFAULT_TENANT, NewPause};
use windlass_engine::vocabulary::{PauseMode, PauseScope};
use windlass_engine::{Error, Store};

use crate::common::recipe::{BIRDS, apply, with_birds};
use crate::stage::{Stage, Story};

const JOB: &str = "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
    selection: { category: birds }\nstrategy: individual\nschedule: { interval: 12h, zone: UTC }\n";

pub fn stories() -> Vec<Story> {
    let mut stories = vec![
        Story::new("fire", |stage| {
            Box::pin(async { stage.store.fire().await.map(drop) })
        })
        .after(|stage| Box::pin(due(stage)))
        .expects(&[("select count(*) from batch where state = 'completed'", 1)]),
        Story::new("miss", |stage| {
            Box::pin(async { stage.store.fire().await.map(drop) })
        })
        .after(|stage| Box::pin(unfollowable(stage)))
        .expects(&[(
            "select count(*) from slot where state = 'planned' and fire_at <= now()",
            0,
        )]),
        Story::new("plan by new zone data", |stage| {
            Box::pin(async { stage.store.fire().await.map(drop) })
        })
        .after(|stage| Box::pin(of_old_zones(stage)))
        .expects(&[("select count(*) from schedule where zone_data = '2001a'", 0)]),
        Story::new("run a slot by hand", |stage| Box::pin(by_hand(stage)))
            .after(|stage| Box::pin(scheduled(stage)))
            .expects(&[("select count(*) from slot where state = 'manual'", 1)]),
        Story::new("run beside the slots under a key", |stage| {
            Box::pin(beside(stage))
        })
        .after(|stage| Box::pin(scheduled(stage)))
        .expects(&[
            ("select count(*) from schedule_key", 1),
            ("select count(*) from batch where created_by = 'mia'", 1),
        ]),
        Story::new("let a paused schedule go", |stage| Box::pin(let_go(stage)))
            .after(|stage| Box::pin(stopped(stage)))
            .expects(&[("select count(*) from batch where schedule = 'briefs'", 1)]),
        Story::new("backfill", |stage| Box::pin(backfill(stage)))
            .after(|stage| Box::pin(scheduled(stage)))
            .expects(&[("select count(*) from slot where asked_by = 'mia'", 2)]),
        Story::new("take a backfill back", |stage| Box::pin(take_back(stage)))
            .after(|stage| Box::pin(backfilling(stage)))
            .expects(&[("select count(*) from slot where asked_by is not null", 0)]),
        Story::new("move the clock", |stage| Box::pin(move_clock(stage))).expects(&[(
            "select count(*) from cluster where clock_offset > interval '1 day'",
            1,
        )]),
    ];
    stories.extend(many());
    stories
}

/// Of rows that stand for many slots.
fn many() -> Vec<Story> {
    vec![
        Story::new("miss many slots", |stage| {
            Box::pin(async { stage.store.fire().await.map(drop) })
        })
        .after(|stage| Box::pin(long_away(stage)))
        .expects(&[(
            "select count(*) from slot where until is not null and n > 1100",
            1,
        )]),
        Story::new("run one of many missed slots by hand", |stage| {
            Box::pin(one_of_many(stage))
        })
        .after(|stage| Box::pin(missed_many(stage)))
        .expects(&[
            ("select count(*) from slot where state = 'manual'", 1),
            ("select count(*) from slot where until is not null", 2),
        ]),
    ]
}

async fn scheduled(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    apply(&stage.bench.store, &[JOB], "").await;
    stage.bench.store.fire().await.map(drop)
}

/// Its slots were planned by what was known of zones long ago.
async fn of_old_zones(stage: &Stage) -> Result<(), Error> {
    scheduled(stage).await?;
    stage.run("update schedule set zone_data = '2001a'").await;
    Ok(())
}

async fn due(stage: &Stage) -> Result<(), Error> {
    stage.bench.store.enter_development().await?;
    scheduled(stage).await?;
    let clock = stage.bench.store.clock().await?;
    let ahead = clock.now + TimeDelta::hours(13);
    stage.bench.store.set_clock(ahead).await.map(drop)
}

/// Nobody was there for more than a thousand slots.
async fn long_away(stage: &Stage) -> Result<(), Error> {
    stage.bench.store.enter_development().await?;
    scheduled(stage).await?;
    let clock = stage.bench.store.clock().await?;
    let ahead = clock.now + TimeDelta::hours(12) * 1_200;
    stage.bench.store.set_clock(ahead).await.map(drop)
}

/// They are one row by now.
async fn missed_many(stage: &Stage) -> Result<(), Error> {
    long_away(stage).await?;
    stage.bench.store.fire().await.map(drop)
}

/// Repeated after it was done, it is refused: the slot has run.
async fn one_of_many(stage: &Stage) -> Result<(), Error> {
    let sql = "select min(at) + interval '3600 hours' from slot";
    let at = sqlx::query_scalar(sql)
        .fetch_one(&stage.bench.pool)
        .await
        .expect("a slot");
    let run = stage
        .store
        .trigger(DEFAULT_TENANT, "briefs", Trigger::Slot(at), "mia");
    match run.await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

/// The template of the purpose is gone from under the schedule.
async fn unfollowable(stage: &Stage) -> Result<(), Error> {
    due(stage).await?;
    stage
        .run("update configuration set document = '{}' where kind = 'purpose'")
        .await;
    Ok(())
}

/// Repeated after it was done, it is refused: the slot has run.
async fn by_hand(stage: &Stage) -> Result<(), Error> {
    let sql = "select min(at) from slot where state = 'planned' or state = 'manual'";
    let at = sqlx::query_scalar(sql)
        .fetch_one(&stage.bench.pool)
        .await
        .expect("a slot");
    let run = stage
        .store
        .trigger(DEFAULT_TENANT, "briefs", Trigger::Slot(at), "mia");
    match run.await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

/// Repeated, it is the same batch.
async fn beside(stage: &Stage) -> Result<(), Error> {
    let hand = Hand {
        who: "mia".to_owned(),
        idempotency_key: Some("a".to_owned()),
    };
    let run = stage
        .store
        .trigger(DEFAULT_TENANT, "briefs", Trigger::Extra, hand);
    run.await.map(drop)
}

/// Two of its slots lie in a pause that lasts.
async fn stopped(stage: &Stage) -> Result<(), Error> {
    stage.bench.store.enter_development().await?;
    scheduled(stage).await?;
    let store = &stage.bench.store;
    let pause = NewPause {
        scope: PauseScope::Configuration,
        mode: PauseMode::Hold,
        subject: "briefs".to_owned(),
        who: "leo".to_owned(),
        why: "a freeze".to_owned(),
        until: None,
    };
    store.pause(DEFAULT_TENANT, pause).await?;
    let ahead = store.clock().await?.now + TimeDelta::hours(25);
    store.set_clock(ahead).await.map(drop)
}

/// Repeated after it was done, it is refused: nothing is paused. What was let go starts with the next pass.
async fn let_go(stage: &Stage) -> Result<(), Error> {
    let resumed = stage.store.resume_schedule(DEFAULT_TENANT, "briefs", None);
    match resumed.await {
        Err(Error::NotFound { .. }) if stage.again => {}
        answer => drop(answer?),
    }
    stage.store.fire().await.map(drop)
}

/// The two slots of the day before yesterday.
async fn backfill(stage: &Stage) -> Result<(), Error> {
    ask(&stage.store).await
}

async fn backfilling(stage: &Stage) -> Result<(), Error> {
    scheduled(stage).await?;
    ask(&stage.bench.store).await
}

async fn ask(store: &Store) -> Result<(), Error> {
    let today = chrono::Utc::now()
        .date_naive()
        .and_time(chrono::NaiveTime::MIN);
    let wanted = Backfill {
        schedule: "briefs".to_owned(),
        from: (today - TimeDelta::days(2)).and_utc(),
        to: (today - TimeDelta::days(1)).and_utc(),
        who: "mia".to_owned(),
        dry_run: false,
    };
    store.backfill(DEFAULT_TENANT, wanted).await.map(drop)
}

async fn take_back(stage: &Stage) -> Result<(), Error> {
    let taken = stage.store.cancel_backfill(DEFAULT_TENANT, "briefs");
    taken.await.map(drop)
}

async fn move_clock(stage: &Stage) -> Result<(), Error> {
    stage.store.enter_development().await?;
    let now = chrono::Utc::now() + TimeDelta::days(2);
    match stage.store.set_clock(now).await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}
