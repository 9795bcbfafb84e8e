//! Breakers that open, send jobs to see, and hear of them; people who move them.

use chrono::{TimeDelta, Utc};
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::store::{BreakerRule, Claimed, Want};

use crate::common::TestWorker;
use crate::common::dead::{FINGERPRINT, exhausted, failed};
use crate::stage::{Stage, Story};

const TEMPLATE: &str = "test.noop";
/// As many failures as open a breaker.
const STORM: usize = 20;
const WAITING: usize = 15;
const ONCE: (&str, i64) = (
    "select count(*) from breaker where state = 'closed' and opened_at is not null",
    1,
);
const NO_PROBES: (&str, i64) = ("select count(*) from breaker_probe", 0);
const NOTHING_HELD: (&str, i64) = (
    "select count(*) from pause where until is null or until > now()",
    0,
);
const COMPLETED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'completed'",
    15,
);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("a breaker opens", |stage| Box::pin(keep(stage)))
            .after(|stage| Box::pin(storm(stage)))
            .expects(&[ONCE, NO_PROBES, NOTHING_HELD, COMPLETED]),
        Story::new("a breaker sends a probe", |stage| {
            Box::pin(keep_rested(stage))
        })
        .after(|stage| Box::pin(opened(stage)))
        .expects(&[ONCE, NO_PROBES, NOTHING_HELD, COMPLETED]),
        Story::new("a breaker sends ten", |stage| Box::pin(keep(stage)))
            .after(|stage| Box::pin(proved(stage)))
            .expects(&[ONCE, NO_PROBES, NOTHING_HELD, COMPLETED]),
        Story::new("a breaker is refused", |stage| Box::pin(keep(stage)))
            .after(|stage| Box::pin(refused(stage)))
            .expects(&[
                ONCE,
                NO_PROBES,
                NOTHING_HELD,
                (
                    "select count(*) from held join job on job.id = first_id where held.lane = job.lane",
                    1,
                ),
            ]),
        Story::new("a breaker closes", |stage| Box::pin(keep(stage)))
            .after(|stage| Box::pin(all_proved(stage)))
            .expects(&[ONCE, NO_PROBES, NOTHING_HELD, COMPLETED]),
        Story::new("a person rules, opens and closes", |stage| {
            Box::pin(person(stage))
        })
        .after(|stage| Box::pin(opened(stage)))
        .expects(&[
            ONCE,
            NO_PROBES,
            NOTHING_HELD,
            COMPLETED,
            ("select count(*) from breaker_rule where failures = 5", 1),
        ]),
    ]
}

async fn keep(stage: &Stage) -> Result<(), Error> {
    stage.store.keep_breakers(None).await.map(drop)
}

async fn keep_rested(stage: &Stage) -> Result<(), Error> {
    let far = Utc::now() + TimeDelta::hours(2);
    stage.store.keep_breakers(Some(far)).await.map(drop)
}

async fn person(stage: &Stage) -> Result<(), Error> {
    let strict = BreakerRule {
        failures: 5,
        ..BreakerRule::default()
    };
    let store = &stage.store;
    store.put_breaker_rule(1, TEMPLATE, &strict, "mia").await?;
    store.open_breaker(1, TEMPLATE, "mia", "look").await?;
    store.close_breaker(1, TEMPLATE, "mia", "seen").await?;
    Ok(())
}

async fn claim(stage: &Stage, worker: &mut TestWorker, quota: usize) -> Vec<Claimed> {
    let lanes = stage.bench.store.lanes_ahead().await.expect("a look");
    let want = Want {
        limited: false,
        named: false,
        claim: Uuid::now_v7(),
        lanes: lanes.iter().map(|lane| (lane.id, quota)).collect(),
    };
    let exchanged = worker.hot.exchange(worker.id, &[], Some(&want)).await;
    exchanged.expect("claimed").claimed
}

/// Twenty jobs failed with one error; others wait.
async fn storm(stage: &Stage) -> Result<(), Error> {
    // The failures are of the beginning, and all plays together may take longer than the usual window.
    let patient = BreakerRule {
        window_seconds: 3_600,
        ..BreakerRule::default()
    };
    let store = &stage.bench.store;
    store.put_breaker_rule(1, TEMPLATE, &patient, "mia").await?;
    stage.bench.submit(STORM + WAITING).await;
    let mut worker = stage.bench.worker().await;
    let jobs = worker.claim(STORM).await;
    let entries: Vec<_> = jobs.iter().map(failed).collect();
    worker.record(&entries).await;
    Ok(())
}

async fn opened(stage: &Stage) -> Result<(), Error> {
    storm(stage).await?;
    stage.bench.store.keep_breakers(None).await.map(drop)
}

/// The first probe is claimed.
async fn probed(stage: &Stage) -> Result<(TestWorker, Vec<Claimed>), Error> {
    opened(stage).await?;
    let far = Utc::now() + TimeDelta::hours(2);
    stage.bench.store.keep_breakers(Some(far)).await?;
    let mut worker = stage.bench.worker().await;
    let probe = claim(stage, &mut worker, STORM).await;
    assert_eq!(probe.len(), 1);
    Ok((worker, probe))
}

async fn proved(stage: &Stage) -> Result<(), Error> {
    let (mut worker, probe) = probed(stage).await?;
    worker.complete(&probe).await;
    Ok(())
}

async fn refused(stage: &Stage) -> Result<(), Error> {
    let (mut worker, probe) = probed(stage).await?;
    worker.record(&[exhausted(&probe[0], FINGERPRINT)]).await;
    Ok(())
}

async fn all_proved(stage: &Stage) -> Result<(), Error> {
    let (mut worker, probe) = probed(stage).await?;
    worker.complete(&probe).await;
    stage.bench.store.keep_breakers(None).await?;
    let ten = claim(stage, &mut worker, STORM).await;
    assert_eq!(ten.len(), 10);
    worker.complete(&ten).await;
    Ok(())
}
