//! Changes of jobs in flight, from every holder that a person may take one from.

use std::sync::Arc;

use windlass_engine::Error;
use windlass_engine::protocol::{Flight, publish};
use windlass_engine::store::{Claimed, Ending, NewEntry, NewPause};
use windlass_engine::vocabulary::{PauseMode, PauseScope};
use windlass_workflows::catalogue::Catalogue;
use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::{Execution, JobFacts};
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::value::Value;

use crate::stage::{Stage, Story};

const HELD: u128 = 7;

const RESTS: &str = "- rest: { wait: PT1H }\n- say: { set: { word: hello } }\n";
const STOPS: &str = "- ask: { call: http, with: { method: GET, endpoint: 'https://a.example/' }, \
    metadata: { windlass: { onExhausted: park } } }\n- say: { set: { word: hello } }\n";

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

async fn resting(stage: &Stage) -> Result<(), Error> {
    let program = publish_as(stage, "1.0.0", RESTS).await;
    stage.claim(HELD, 3).await;
    end(stage, &program, &[started()]).await
}

async fn paused(stage: &Stage) -> Result<(), Error> {
    resting(stage).await?;
    publish_as(stage, "1.1.0", &RESTS.replace("hello", "hi")).await;
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
    let program = publish_as(stage, "1.0.0", STOPS).await;
    stage.claim(HELD, 1).await;
    stage.batched().await;
    let failed = EventKind::Failed {
        activity: Activity(1),
        fault: Fault::standard("communication", 503, "answered 503"),
        again_after: None,
    };
    end(stage, &program, &[started(), failed]).await?;
    let ended = stage.bench.store.finish().await?;
    assert_eq!(ended.len(), 1, "it ended with errors");
    Ok(())
}

const fn started() -> EventKind {
    EventKind::Started {
        attempt: 0,
        losses: 0,
    }
}

/// Publishes the template of the bench's jobs; its first version is the one that is there.
async fn publish_as(stage: &Stage, version: &str, tasks: &str) -> Arc<Program> {
    let source = format!(
        "document: {{ dsl: '1.0.3', namespace: test, name: noop, version: '{version}' }}\ndo:\n{tasks}"
    );
    let template = publish::check_source(&source, &Catalogue::builtin());
    let template = template.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let bundle = Bundle::from_json(&template.bundle).expect("a bundle");
    if version == "1.0.0" {
        sqlx::query("update template_version set bundle = $1")
            .bind(&template.bundle)
            .execute(&stage.bench.pool)
            .await
            .expect("what the jobs run");
    } else {
        let published = stage.bench.store.publish(1, template).await;
        published.expect("published");
    }
    Arc::new(Program::build(&bundle).expect("a program"))
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

fn written(job: &Claimed, program: &Arc<Program>, kinds: &[EventKind]) -> NewEntry {
    let facts = JobFacts {
        id: job.id,
        nonce: job.nonce,
        input: Value::parse(&job.input).expect("JSON"),
        created_at: job.created_at,
        tenant: "1".into(),
        item_key: None,
        batch: None,
    };
    let mut execution = Execution::new(program.clone(), facts);
    let at = job.claimed_at;
    for kind in kinds {
        let kind = kind.clone();
        execution.apply(Event { at, kind }).expect("it is legal");
        let mut turn = execution.seal().expect("it changed");
        if turn.entry.is_none() {
            execution.settle(turn);
            continue;
        }
        let mut new = NewEntry::of(job.id, job.lease, &mut turn, false);
        let due = execution.next_due();
        new.ending.get_or_insert(Ending::Rest { due });
        return new;
    }
    panic!("nothing was written");
}
