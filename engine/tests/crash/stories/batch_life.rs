//! A batch between its plan and its end.

use chrono::{TimeDelta, Utc};
use serde_json::json;
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::protocol::{PlanApproval, Source};
use windlass_engine::store::{DEFAULT_TENANT, Ending, NewEntry, Want};

use crate::common::journal;
use crate::common::recipe::{BIRDS, create, recipe, with_birds};
use crate::stage::{Stage, Story};

const CANCELLED: (&str, i64) = ("select count(*) from batch where state = 'cancelled'", 1);
const ALL: (&str, i64) = (
    "select sum(last_id - first_id + 1)::int8 from outcome where kind = 'cancelled'",
    5,
);

pub fn stories() -> Vec<Story> {
    let cancel = |name| Story::new(name, |stage| Box::pin(cancel(stage)));
    vec![
        cancel("cancel a batch that is to be planned")
            .after(|stage| Box::pin(async { made(stage).await.map(drop) }))
            .expects(&[CANCELLED]),
        cancel("cancel a planned batch")
            .after(|stage| Box::pin(planned(stage)))
            .expects(&[CANCELLED, ALL]),
        cancel("cancel a batch under way")
            .after(|stage| Box::pin(under_way(stage)))
            .expects(&[CANCELLED, ALL]),
        Story::new("approve a plan", |stage| Box::pin(approve(stage)))
            .after(|stage| Box::pin(asking(stage)))
            .expects(&[("select count(*) from batch where state = 'completed'", 1)]),
        Story::new("end what nobody approved", |stage| {
            Box::pin(async { stage.store.end_unapproved().await.map(drop) })
        })
        .after(|stage| Box::pin(not_approved(stage)))
        .expects(&[CANCELLED, ALL]),
        Story::new("ask the jobs of a cancelled batch", |stage| {
            Box::pin(ask(stage))
        })
        .after(|stage| Box::pin(half_asked(stage)))
        .expects(&[CANCELLED, ALL]),
        Story::new(
            "ask the jobs of a batch of which only the word is known",
            |stage| Box::pin(ask(stage)),
        )
        .after(|stage| Box::pin(marked(stage)))
        .expects(&[CANCELLED, ALL]),
        Story::new(
            "finish beside a cancelled batch with a parked job",
            |stage| Box::pin(async { stage.store.finish().await.map(drop) }),
        )
        .after(|stage| Box::pin(all_parked(stage)))
        .expects(&[CANCELLED, ALL]),
    ]
}

fn birds_in(window: u64) -> Source {
    let selection = json!({ "category": "birds" });
    recipe(
        json!({ "selection": selection, "strategy": "individual", "release": { "window": window } }),
    )
}

async fn cancel(stage: &Stage) -> Result<(), Error> {
    let batch = 1;
    let store = &stage.store;
    store
        .cancel_batch(DEFAULT_TENANT, batch, "mia", "wrong file")
        .await
        .map(drop)
}

/// A pass that met a fault leaves the batch to the next one, and says only that it did nothing.
async fn ask(stage: &Stage) -> Result<(), Error> {
    for _ in 0..2 {
        if stage.store.ask_cancelled(None).await? {
            break;
        }
    }
    Ok(())
}

async fn made(stage: &Stage) -> Result<i64, Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    Ok(create(&stage.bench.store, &birds_in(4)).await)
}

async fn planned(stage: &Stage) -> Result<(), Error> {
    made(stage).await?;
    stage.bench.store.plan().await.map(drop)
}

/// One is planned, one is due, one rests, two are under a lease.
async fn under_way(stage: &Stage) -> Result<(), Error> {
    planned(stage).await?;
    let store = &stage.bench.store;
    store.release().await?;
    let lane = store
        .batch(DEFAULT_TENANT, 1)
        .await?
        .lane
        .unwrap_or_default();
    let mut worker = stage.bench.worker().await;
    let want = Want {
        claim: Uuid::now_v7(),
        lanes: vec![(lane, 3)],
        limited: false,
        named: false,
    };
    let claimed = worker
        .hot
        .exchange(worker.id, &[], Some(&want))
        .await?
        .claimed;
    let rests = NewEntry {
        ending: Some(Ending::Rest {
            due: Some(Utc::now() + TimeDelta::hours(1)),
        }),
        ..journal(&claimed[0], 1)
    };
    worker.hot.exchange(worker.id, &[rests], None).await?;
    Ok(())
}

/// Its caller died after the word.
async fn half_asked(stage: &Stage) -> Result<(), Error> {
    under_way(stage).await?;
    stage
        .run(
            "with gone as (delete from held where reason = 'planned' returning *),
                  told as (insert into tally (batch, kind, n) select 1, 'cancelled', 1 from gone),
                  ended as (insert into outcome (first_id, last_id, tenant, lane, batch, kind, code)
                            select first_id, last_id, 1, lane, 1, 'cancelled', 'cancelled' from gone)
             update batch set state = 'running', cancelling_at = now(), cancelled_by = 'mia', cancelled_why = ''",
        )
        .await;
    Ok(())
}

const MARK: &str = "update batch set state = 'running', cancelling_at = now(), cancelled_by = 'mia', cancelled_why = ''";

async fn marked(stage: &Stage) -> Result<(), Error> {
    under_way(stage).await?;
    stage.run(MARK).await;
    Ok(())
}

/// All have settled, parked, and none was asked.
async fn all_parked(stage: &Stage) -> Result<(), Error> {
    planned(stage).await?;
    stage
        .run(
            "with gone as (delete from held where reason = 'planned' returning *),
                  told as (insert into tally (batch, kind, n) select 1, 'parked', sum(last_id - first_id + 1) from gone)
             insert into held (first_id, last_id, lane, eff, run_at, reason, why)
             select n, n, lane, eff, run_at, 'parked', 'look'
             from gone cross join lateral generate_series(first_id, last_id) n",
        )
        .await;
    stage.run(MARK).await;
    Ok(())
}

/// A plan of which a person is asked.
async fn asking(stage: &Stage) -> Result<(), Error> {
    with_birds(&stage.bench.store, BIRDS).await;
    let asks = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "individual", "guards": { "max_members": 4 },
    }));
    create(&stage.bench.store, &asks).await;
    stage.bench.store.plan().await.map(drop)
}

async fn approve(stage: &Stage) -> Result<(), Error> {
    let batch = stage.bench.store.batch(DEFAULT_TENANT, 1).await?;
    let approval = PlanApproval {
        plan_hash: batch.plan_hash.unwrap_or_default(),
        who: "leo".into(),
    };
    let given = stage.store.approve_batch(DEFAULT_TENANT, 1, approval).await;
    given.map(drop)
}

async fn not_approved(stage: &Stage) -> Result<(), Error> {
    asking(stage).await?;
    stage
        .run("update batch set ask_until = now() - interval '1 minute'")
        .await;
    Ok(())
}
