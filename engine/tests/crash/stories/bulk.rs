//! Changes of many jobs: begun, passed over, put off, refused, cancelled, forgotten.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::protocol::{BulkChange, BulkFilter, Flight, NewBulk};
use windlass_workflows::value::Value;

use super::flight::resting;
use crate::stage::{Stage, Story};

const HELD: u128 = 9;
const DAY: Duration = Duration::from_secs(86_400);

const PATCHED_ONCE: (&str, i64) = (
    "select count(*) from journal where kind = 'patched'
       and not exists (select from journal twin where twin.job = journal.job and twin.kind = 'patched' and twin.seq <> journal.seq)",
    3,
);
const DONE: (&str, i64) = (
    "select count(*) from bulk where state = 'done' and done = 3 and refused = 0",
    1,
);
const ALL_REFUSED: (&str, i64) = (
    "select count(*) from bulk join bulk_refused on bulk = id
     where state = 'done' and done = 0 and refused = 3 and total = 3 and code = 'illegal_state'",
    3,
);
const NO_PAGES: (&str, i64) = ("select count(*) from bulk_page", 0);
const ALL_ENDED: (&str, i64) = (
    "select count(*) from job where not exists (select from outcome where job.id between first_id and last_id)",
    0,
);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("many: begin a change", |stage| Box::pin(begin(stage)))
            .after(|stage| Box::pin(resting(stage)))
            .expects(&[PATCHED_ONCE, DONE, NO_PAGES, ALL_ENDED]),
        Story::new("many: change what rests", |stage| Box::pin(pass(stage)))
            .after(|stage| Box::pin(begun(stage)))
            .expects(&[PATCHED_ONCE, DONE, NO_PAGES, ALL_ENDED]),
        Story::new("many: put off what runs", |stage| Box::pin(pass(stage)))
            .after(|stage| Box::pin(run_again(stage)))
            .expects(&[PATCHED_ONCE, DONE, NO_PAGES, ALL_ENDED]),
        Story::new("many: refuse what keeps no journal", |stage| {
            Box::pin(pass(stage))
        })
        .after(|stage| Box::pin(not_begun(stage)))
        .expects(&[ALL_REFUSED, NO_PAGES, ALL_ENDED]),
        Story::new("many: end what has not begun", |stage| {
            Box::pin(pass(stage))
        })
        .after(|stage| Box::pin(ready(stage)))
        .expects(&[DONE, NO_PAGES, ALL_ENDED]),
        Story::new("many: stand still and go on", |stage| {
            Box::pin(stand_still(stage))
        })
        .after(|stage| Box::pin(begun(stage)))
        .expects(&[PATCHED_ONCE, DONE, NO_PAGES]),
        Story::new("many: cancel the rest", |stage| Box::pin(cancel(stage)))
            .after(|stage| Box::pin(begun(stage)))
            .expects(&[
                (
                    "select count(*) from bulk where state = 'cancelled' and done = 0",
                    1,
                ),
                ("select count(*) from journal where kind = 'patched'", 0),
                NO_PAGES,
            ]),
        Story::new("many: forget what was long ago", |stage| {
            Box::pin(async { stage.store.forget_bulks(90 * DAY).await.map(drop) })
        })
        .after(|stage| Box::pin(long_ago(stage)))
        .expects(&[
            ("select count(*) from bulk", 0),
            ("select count(*) from bulk_refused", 0),
        ]),
    ]
}

fn patch() -> BulkChange {
    let with = Value::parse(r#"{"k":1}"#).expect("JSON");
    BulkChange::Fly(Flight::Patch { with })
}

/// All jobs of the bench; repeated with the same token it is the same.
async fn start(stage: &Stage, change: BulkChange) -> Result<(), Error> {
    let filter = BulkFilter {
        jobs: Some(vec![
            stage.job(0).await,
            stage.job(1).await,
            stage.job(2).await,
        ]),
        ..BulkFilter::default()
    };
    if stage.again {
        let begun = stage.store.bulks(1, None, 1).await?;
        if !begun.items.is_empty() {
            return Ok(());
        }
    }
    let preview = stage.store.preview_bulk(1, &filter, &change).await?;
    let new = NewBulk {
        filter,
        change,
        rate: 100,
        token: preview.token,
        accept_drift: false,
        who: "mia".into(),
        why: "look".into(),
    };
    stage.store.start_bulk(1, new).await.map(drop)
}

async fn begin(stage: &Stage) -> Result<(), Error> {
    start(stage, patch()).await
}

async fn begun(stage: &Stage) -> Result<(), Error> {
    resting(stage).await?;
    start(stage, patch()).await
}

/// A pass a second after the last one, of which nobody knows whether it ended.
async fn pass(stage: &Stage) -> Result<(), Error> {
    stage
        .run("update bulk set passed_at = passed_at - interval '1 second', busy_until = null where state = 'running'")
        .await;
    stage.store.pace_bulks().await.map(drop)
}

/// What rested runs when its turn comes.
async fn run_again(stage: &Stage) -> Result<(), Error> {
    begun(stage).await?;
    let far = Utc::now() + TimeDelta::days(1);
    stage.bench.store.wake(Some(far)).await?;
    let (mut hot, want) = (stage.hot().await?, stage.want(HELD, 3));
    let claimed = stage.exchange(&mut hot, &[], Some(&want)).await?;
    assert_eq!(claimed.len(), 3);
    hot.close().await;
    Ok(())
}

async fn not_begun(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    start(stage, patch()).await
}

async fn ready(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(3).await;
    start(stage, BulkChange::Cancel).await
}

async fn id(stage: &Stage) -> i64 {
    let id = sqlx::query_scalar("select id from bulk");
    id.fetch_one(&stage.bench.pool).await.expect("a change")
}

async fn stand_still(stage: &Stage) -> Result<(), Error> {
    let id = id(stage).await;
    stage.store.pause_bulk(1, id, true).await?;
    stage.store.pause_bulk(1, id, false).await.map(drop)
}

async fn cancel(stage: &Stage) -> Result<(), Error> {
    let id = id(stage).await;
    stage.store.cancel_bulk(1, id).await.map(drop)
}

/// It could not change anything, a year ago.
async fn long_ago(stage: &Stage) -> Result<(), Error> {
    stage
        .run(
            "insert into bulk (tenant, change, filter, token, rate, state, total, refused, who, why, finished_at)
             values (1, '{}', '{}', 'x', 1, 'done', 1, 1, 'mia', 'look', now() - interval '1 year');
             insert into bulk_refused (bulk, job, code, message) select id, 7, 'not_found', '' from bulk",
        )
        .await;
    Ok(())
}
