//! Changes of jobs in flight, from every holder that a person may take one from.

use std::sync::Arc;

use windlass_engine::Error;
use windlass_engine::protocol::Flight;
use windlass_engine::store::{NewEntry, NewPause};
use windlass_engine::vocabulary::{PauseMode, PauseScope};
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::program::Program;
use windlass_workflows::value::Value;

use crate::common::flying::{RESTS, STOPS, publish_as, started, stopped, written};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;

const ALL_ENDED: (&str, i64) = (
    "select count(*) from job where not exists (select from outcome where job.id between first_id and last_id)",
    0,
);
const PATCHED: (&str, i64) = ("select count(*) from journal where kind = 'patched'", 1);
const MOVED: (&str, i64) = (
    "select count(*) from job join journal on job = job.id and kind = 'migrated'
     join template_version on template_version.id = template_version and version = '1.1.0'",
    1,
);
const SKIPPED: (&str, i64) = ("select count(*) from journal where kind = 'skipped'", 1);
const COPIED: (&str, i64) = (
    "select least(count(*), 1) from job join journal on job = job.id and seq = 1 and kind = 'copied'
     join head on head.job = job.id",
    1,
);
const BATCH_COMPLETED: (&str, i64) = ("select count(*) from batch where state = 'completed'", 1);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("in flight: patch what rests", |stage| {
            Box::pin(patch(stage))
        })
        .after(|stage| Box::pin(resting(stage)))
        .expects(&[PATCHED, ALL_ENDED]),
        Story::new(
            "in flight: move what is paused to another version",
            |stage| Box::pin(migrate(stage)),
        )
        .after(|stage| Box::pin(paused(stage)))
        .meanwhile("update pause set until = now()")
        .expects(&[MOVED]),
        Story::new("in flight: skip what is parked in a batch", |stage| {
            Box::pin(skip(stage))
        })
        .after(|stage| Box::pin(parked(stage)))
        .expects(&[SKIPPED, BATCH_COMPLETED, ALL_ENDED]),
        Story::new("in flight: copy what rests", |stage| Box::pin(fork(stage)))
            .after(|stage| Box::pin(resting(stage)))
            .expects(&[COPIED, ALL_ENDED]),
    ]
}

async fn patch(stage: &Stage) -> Result<(), Error> {
    let with = Value::parse(r#"{"k":1}"#).expect("JSON");
    fly(stage, 1, &Flight::Patch { with }).await
}

async fn migrate(stage: &Stage) -> Result<(), Error> {
    let (to, steps) = ("1.1.0".to_owned(), [].into());
    fly(stage, 1, &Flight::Migrate { to, steps }).await
}

async fn skip(stage: &Stage) -> Result<(), Error> {
    let (step, output) = (None, Value::from(7_u32));
    fly(stage, 0, &Flight::Skip { step, output }).await
}

/// Repeated, it makes another one: nobody says that they are the same.
async fn fork(stage: &Stage) -> Result<(), Error> {
    let from = "rest".to_owned();
    fly(stage, 1, &Flight::Fork { from }).await
}

/// What a preview shows is done once: who is told that the job has gone on finds the change in its journal.
async fn fly(stage: &Stage, place: i64, flight: &Flight) -> Result<(), Error> {
    let job = stage.job(place).await;
    let preview = stage.store.preview_flight(1, job, flight).await;
    let preview = match preview {
        Err(Error::Invalid { .. } | Error::Conflict { .. }) if stage.again => return Ok(()),
        preview => preview?,
    };
    if stage.again && preview.seq > 1 {
        return Ok(());
    }
    let token = preview.token.as_str();
    let flown = stage
        .store
        .fly(1, job, flight, token, ("mia", "look"))
        .await;
    flown.map(drop)
}

pub async fn resting(stage: &Stage) -> Result<(), Error> {
    let program = publish_as(&stage.bench, "1.0.0", RESTS).await;
    stage.claim(HELD, 3).await;
    end(stage, &program, &[started()]).await
}

async fn paused(stage: &Stage) -> Result<(), Error> {
    resting(stage).await?;
    publish_as(&stage.bench, "1.1.0", &RESTS.replace("hello", "hi")).await;
    let pause = NewPause {
        scope: PauseScope::Job,
        subject: stage.job(1).await.to_string(),
        mode: PauseMode::Hold,
        who: "mia".into(),
        why: "look".into(),
        until: None,
    };
    stage.bench.store.pause(1, pause).await.map(drop)
}

/// A batch of one job, whose step failed for good.
async fn parked(stage: &Stage) -> Result<(), Error> {
    let program = publish_as(&stage.bench, "1.0.0", STOPS).await;
    stage.claim(HELD, 1).await;
    stage.batched().await;
    end(stage, &program, &[started(), stopped()]).await?;
    let ended = stage.bench.store.finish().await?;
    assert_eq!(ended.len(), 1, "it ended with errors");
    Ok(())
}

/// What is claimed goes as far as these events lead, and leaves its worker.
async fn end(stage: &Stage, program: &Arc<Program>, kinds: &[EventKind]) -> Result<(), Error> {
    let claimed = stage.claimed(HELD).await?;
    let entries = claimed.iter().map(|job| written(job, program, kinds));
    let entries: Vec<NewEntry> = entries.collect();
    let mut hot = stage.hot().await?;
    let exchanged = hot.exchange(stage.worker, &entries, None).await?;
    assert_eq!(exchanged.refused, [] as [i64; 0]);
    hot.close().await;
    Ok(())
}
