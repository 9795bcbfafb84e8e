//! Limits: their rules and counters, and every way in which counted jobs leave a lease.

use std::time::Duration;

use windlass_engine::Error;
use windlass_engine::store::{LaneKey, NewEntry, Want};

use super::document;
use crate::common::completed;
use crate::common::recipe::{PURPOSE, TEMPLATE, apply};
use crate::stage::{Stage, Story};

/// The claim that the beginning of a story holds, and the one that it makes.
const HELD: u128 = 7;
const NEW: u128 = 8;

/// So short that it is over.
const NOW: Duration = Duration::from_millis(1);

const LIMIT: &str =
    "windlass: v1\nkind: Limit\nname: service\nscope: { purpose: brief }\nconcurrency: 9\n";
const EDITED: &str = "windlass: v1\nkind: Limit\nname: service\nscope: { purpose: brief }\n\
    concurrency: 2\nrate: 5/s\n";
const COMPLETED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'completed'",
    6,
);
const FIVE_COMPLETED: (&str, i64) = (COMPLETED.0, 5);
const CANCELLED: (&str, i64) = ("select count(*) from outcome where kind = 'cancelled'", 1);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("make a lane under a limit", |stage| Box::pin(lane(stage)))
            .after(|stage| Box::pin(rule(stage)))
            .expects(&[
                ("select count(*) from limit_use where cap = 9", 1),
                ("select count(*) from lane where cardinality(limits) = 1", 1),
            ]),
        Story::new("change a limit", |stage| {
            Box::pin(document::set(stage, &[EDITED]))
        })
        .after(|stage| Box::pin(applied(stage)))
        .expects(&[
            (
                "select count(*) from limit_rule where concurrency = 2 and rate = 5",
                1,
            ),
            (
                "select count(*) from limit_use where cap = 2 and rate = 5",
                1,
            ),
        ]),
        Story::new("rest under a limit", |stage| Box::pin(rest(stage)))
            .after(|stage| Box::pin(limited(stage)))
            .expects(&[("select count(*) from limit_use where hold_until > now()", 1)]),
        Story::new("set a counter right", |stage| Box::pin(repair(stage)))
            .after(|stage| Box::pin(drifted(stage)))
            .meanwhile("update limit_use set used = 6, value = 'by hand' where used <> 6")
            .expects(&[
                COMPLETED,
                ("select count(*) from limit_use where value = 'by hand'", 0),
            ]),
        Story::new("claim and record under a limit", |stage| {
            Box::pin(claim_and_record(stage))
        })
        .after(|stage| Box::pin(queued(stage)))
        .expects(&[COMPLETED]),
        Story::new("expire under a limit", |stage| {
            Box::pin(async { stage.store.expire(NOW).await.map(drop) })
        })
        .after(|stage| Box::pin(silent(stage)))
        .expects(&[COMPLETED]),
        Story::new("kill under a limit", |stage| Box::pin(kill(stage)))
            .after(|stage| Box::pin(leased(stage)))
            .expects(&[CANCELLED, FIVE_COMPLETED]),
        Story::new("cut what does not obey", |stage| {
            Box::pin(async { stage.store.cut_disobedient(NOW).await.map(drop) })
        })
        .after(|stage| Box::pin(disobedient(stage)))
        .expects(&[CANCELLED, FIVE_COMPLETED]),
    ]
}

async fn rule(stage: &Stage) -> Result<(), Error> {
    stage
        .run("insert into limit_rule (tenant, name, scope, concurrency) values (1, 'service', 'reference', 9)")
        .await;
    Ok(())
}

async fn lane(stage: &Stage) -> Result<(), Error> {
    let key = LaneKey {
        limit_keys: vec!["service".to_owned()],
        ..LaneKey::of_template(1, "test.noop", "", 0)
    };
    stage.store.lane(&key).await.map(drop)
}

/// A lane stands under the limit already: an edit reaches its counter.
async fn applied(stage: &Stage) -> Result<(), Error> {
    apply(&stage.bench.store, &[TEMPLATE, PURPOSE, LIMIT], "").await;
    let key = LaneKey {
        limit_keys: vec!["service".to_owned()],
        ..LaneKey::of_template(1, "strikes.brief", "brief", 0)
    };
    stage.bench.store.lane(&key).await.map(drop)
}

/// From here on the stage's lane is limited.
async fn limited(stage: &Stage) -> Result<(), Error> {
    rule(stage).await?;
    stage
        .run(
            "insert into limit_use (rule, cap) select id, concurrency from limit_rule;
             update lane set limit_keys = '{service}', limits = array(select key from limit_use)",
        )
        .await;
    Ok(())
}

async fn rest(stage: &Stage) -> Result<(), Error> {
    let held = stage
        .store
        .hold_limits(stage.bench.lane, Duration::from_secs(3_600));
    held.await.map(drop)
}

async fn queued(stage: &Stage) -> Result<(), Error> {
    limited(stage).await?;
    stage.bench.submit(6).await;
    stage.enter().await;
    Ok(())
}

async fn leased(stage: &Stage) -> Result<(), Error> {
    queued(stage).await?;
    let mut hot = stage.hot().await?;
    let claimed = stage
        .exchange(&mut hot, &[], Some(&want(stage, HELD)))
        .await?;
    assert_eq!(claimed.len(), 6);
    hot.close().await;
    Ok(())
}

fn want(stage: &Stage, number: u128) -> Want {
    Want {
        limited: true,
        named: false,
        ..stage.want(number, 6)
    }
}

async fn drifted(stage: &Stage) -> Result<(), Error> {
    leased(stage).await?;
    stage.run("update limit_use set used = 8").await;
    Ok(())
}

async fn repair(stage: &Stage) -> Result<(), Error> {
    let drift = stage.store.limit_drift().await?;
    let keys: Vec<i32> = drift.iter().map(|one| one.key).collect();
    stage.store.repair_limit_drift(&keys).await.map(drop)
}

/// Half of what is claimed ends, the rest is left to the other worker.
async fn claim_and_record(stage: &Stage) -> Result<(), Error> {
    let mut hot = stage.hot().await?;
    let claimed = stage
        .exchange(&mut hot, &[], Some(&want(stage, NEW)))
        .await?;
    let entries: Vec<NewEntry> = claimed.iter().take(3).map(completed).collect();
    stage.exchange(&mut hot, &entries, None).await?;
    Ok(())
}

async fn silent(stage: &Stage) -> Result<(), Error> {
    leased(stage).await?;
    stage
        .run("update worker set seen = now() - interval '1 hour'")
        .await;
    Ok(())
}

/// Repeated after it was done, it is refused: the job has ended.
async fn kill(stage: &Stage) -> Result<(), Error> {
    let job = stage.job(1).await;
    match stage.store.kill(1, job, "mia", "it hangs").await {
        Err(Error::Conflict { .. }) if stage.again => Ok(()),
        answer => answer.map(drop),
    }
}

async fn disobedient(stage: &Stage) -> Result<(), Error> {
    leased(stage).await?;
    let job = stage.job(1).await;
    stage.bench.store.cancel(1, job, "mia", "enough").await?;
    stage
        .run("update intent set at = now() - interval '1 minute'")
        .await;
    Ok(())
}
