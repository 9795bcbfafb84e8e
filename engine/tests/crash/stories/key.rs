//! Keys that replace a job or put it off.

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::store::{DEFAULT_TENANT, NewRequest, OnDuplicate, Submitted, Terms};

use crate::stage::{Stage, Story};

const COMPLETED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'completed'",
    3,
);
const FOUR_COMPLETED: (&str, i64) = (COMPLETED.0, 4);
/// A repeat replaces what the first try made.
const OTHERS_REPLACED: (&str, i64) = (
    "select count(*) from outcome
     where (kind <> 'cancelled' or code <> 'replaced') and kind <> 'completed'",
    0,
);
const KEY_HAS_THE_LAST: (&str, i64) = (
    "select count(*) from request_key join outcome on job between first_id and last_id and kind = 'completed'
     where key = 'k' and job = (select max(id) from job)",
    1,
);

pub fn stories() -> Vec<Story> {
    let replace = |name, how| Story::new(name, move |stage| Box::pin(submit(stage, how)));
    vec![
        replace("replace a queued job", OnDuplicate::ReplaceQueued)
            .after(|stage| Box::pin(queued(stage)))
            .expects(&[COMPLETED, OTHERS_REPLACED, KEY_HAS_THE_LAST]),
        replace(
            "replace a queued job at its time",
            OnDuplicate::ReplaceKeepTime,
        )
        .after(|stage| Box::pin(scheduled(stage)))
        .expects(&[COMPLETED, OTHERS_REPLACED, KEY_HAS_THE_LAST]),
        replace("succeed a job that has started", OnDuplicate::ReplaceQueued)
            .after(|stage| Box::pin(started(stage)))
            .expects(&[FOUR_COMPLETED, OTHERS_REPLACED, KEY_HAS_THE_LAST]),
        replace("put off a queued job", OnDuplicate::Extend)
            .after(|stage| Box::pin(queued(stage)))
            .expects(&[
                COMPLETED,
                ("select count(*) from job", 3),
                ("select count(*) from request where start_at > now()", 1),
            ]),
    ]
}

fn keyed(stage: &Stage, key: &str, on_duplicate: OnDuplicate) -> NewRequest {
    NewRequest {
        idempotency_key: Some(key.to_owned()),
        terms: Terms {
            on_duplicate,
            ..Terms::default()
        },
        ..stage.bench.request()
    }
}

async fn submit(stage: &Stage, how: OnDuplicate) -> Result<(), Error> {
    let requests = [NewRequest {
        start_at: (how == OnDuplicate::Extend).then(|| Utc::now() + TimeDelta::hours(1)),
        ..keyed(stage, "k", how)
    }];
    let submitted = stage.store.submit(DEFAULT_TENANT, "mia", &requests);
    match submitted.await?.as_slice() {
        // Somebody else is at it, as far as the store can tell: its caller asks again.
        [Submitted::InFlight] => Err(sqlx::Error::PoolTimedOut.into()),
        _ => Ok(()),
    }
}

/// The job that has the key stands between two others in its extent.
async fn queued(stage: &Stage) -> Result<(), Error> {
    let requests = ["j", "k", "l"].map(|key| keyed(stage, key, OnDuplicate::Return));
    let submitted = stage.bench.store.submit(DEFAULT_TENANT, "mia", &requests);
    submitted.await.map(drop)
}

async fn scheduled(stage: &Stage) -> Result<(), Error> {
    let start_at = Some(Utc::now() + TimeDelta::hours(1));
    let requests = ["j", "k", "l"].map(|key| NewRequest {
        start_at,
        ..keyed(stage, key, OnDuplicate::Return)
    });
    let submitted = stage.bench.store.submit(DEFAULT_TENANT, "mia", &requests);
    submitted.await.map(drop)
}

async fn started(stage: &Stage) -> Result<(), Error> {
    queued(stage).await?;
    stage.enter().await;
    let mut hot = stage.hot().await?;
    let claimed = stage
        .exchange(&mut hot, &[], Some(&stage.want(7, 3)))
        .await?;
    assert_eq!(claimed.len(), 3);
    hot.close().await;
    Ok(())
}
