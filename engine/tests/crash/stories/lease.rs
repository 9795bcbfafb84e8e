//! Claiming, and every way in which a job leaves its lease.

use chrono::{TimeDelta, Utc};
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::store::{Claimed, Ending, NewEntry};
use windlass_workflows::machine::turn::{End, Head, OutcomeKind};

use crate::common::{completed, ending, journal, outcome};
use crate::stage::{Stage, Story};

/// The claim that the beginning of a story holds, and the one that it makes.
const HELD: u128 = 7;
const NEW: u128 = 8;

const COMPLETED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where kind = 'completed'",
    6,
);
const PARKED: (&str, i64) = ("select count(*) from held where reason = 'parked'", 6);
const FAILED: (&str, i64) = (
    "select count(*) from outcome where kind = 'failed' and code = 'broken'",
    6,
);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("claim, then record", |stage| {
            Box::pin(claim_and_record(stage))
        })
        .after(|stage| Box::pin(ready(stage)))
        .expects(&[COMPLETED]),
        Story::new("record and claim in one", |stage| {
            Box::pin(record_and_claim(stage))
        })
        .after(|stage| Box::pin(held_and_ready(stage)))
        .expects(&[COMPLETED]),
        Story::new("record a journal", |stage| Box::pin(record_journal(stage)))
            .after(|stage| Box::pin(held(stage)))
            .expects(&[("select count(*) from journal", 2), COMPLETED]),
        Story::new("ask after a lost answer", |stage| Box::pin(ask(stage)))
            .after(|stage| Box::pin(held(stage)))
            .expects(&[COMPLETED]),
        leaving("give back", |job| ending(job, Ending::Back)),
        leaving("retry", |job| {
            let at = Utc::now() + TimeDelta::hours(1);
            ending(job, Ending::Machine(End::Retry { at }))
        }),
        leaving("rest", resting),
        leaving("park", parked).expects(&[PARKED]),
        leaving("fail", failed).expects(&[FAILED]),
    ]
}

/// All jobs of a claim leave in one way.
fn leaving(name: &'static str, how: fn(&Claimed) -> NewEntry) -> Story {
    Story::new(name, move |stage| Box::pin(leave(stage, how)))
        .after(|stage| Box::pin(held(stage)))
        .expects(&[COMPLETED])
}

async fn leave(stage: &Stage, how: fn(&Claimed) -> NewEntry) -> Result<(), Error> {
    let entries: Vec<NewEntry> = stage.claimed(HELD).await?.iter().map(how).collect();
    let mut hot = stage.hot().await?;
    stage.exchange(&mut hot, &entries, None).await?;
    Ok(())
}

fn resting(job: &Claimed) -> NewEntry {
    let due = Some(Utc::now() + TimeDelta::hours(1));
    NewEntry {
        ending: Some(Ending::Rest { due }),
        ..journal(job, 1)
    }
}

fn parked(job: &Claimed) -> NewEntry {
    let reason = "it needs a person".into();
    ending(job, Ending::Machine(End::Park { reason }))
}

fn failed(job: &Claimed) -> NewEntry {
    let mut failed = outcome(OutcomeKind::Failed, Some("{}"));
    failed.code = Some("broken".into());
    ending(job, Ending::Machine(End::Outcome(failed)))
}

/// A repeat must find the earlier answers, not take them for its own.
async fn ask(stage: &Stage) -> Result<(), Error> {
    let mut hot = stage.hot().await?;
    let claimed = hot.of_claim(Uuid::from_u128(HELD)).await?;
    let entries: Vec<NewEntry> = claimed.iter().map(completed).collect();
    let landed = hot.recorded(&entries).await?;
    assert_eq!(landed, [] as [i64; 0], "nothing was sent yet");
    Ok(())
}

async fn ready(stage: &Stage) -> Result<(), Error> {
    stage.bench.submit(6).await;
    stage.enter().await;
    Ok(())
}

async fn held(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 6).await;
    Ok(())
}

async fn held_and_ready(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    stage.bench.submit(3).await;
    Ok(())
}

async fn claim_and_record(stage: &Stage) -> Result<(), Error> {
    let mut hot = stage.hot().await?;
    let want = stage.want(NEW, 4);
    let claimed = stage.exchange(&mut hot, &[], Some(&want)).await?;
    let entries: Vec<NewEntry> = claimed.iter().map(completed).collect();
    stage.exchange(&mut hot, &entries, None).await?;
    Ok(())
}

async fn record_and_claim(stage: &Stage) -> Result<(), Error> {
    let entries: Vec<NewEntry> = stage.claimed(HELD).await?.iter().map(completed).collect();
    let mut hot = stage.hot().await?;
    let want = stage.want(NEW, 2);
    stage.exchange(&mut hot, &entries, Some(&want)).await?;
    Ok(())
}

/// Two turns of one job, the first with a head; its neighbours end plainly.
async fn record_journal(stage: &Stage) -> Result<(), Error> {
    let claimed = stage.claimed(HELD).await?;
    let mut hot = stage.hot().await?;
    let Some((first, others)) = claimed.split_first() else {
        return Ok(());
    };
    let began = NewEntry {
        head: Some(Head {
            seq: 1,
            fold: 1,
            state: b"{}".to_vec(),
        }),
        ..journal(first, 1)
    };
    stage.exchange(&mut hot, &[began], None).await?;
    let ended = NewEntry {
        ending: completed(first).ending,
        ..journal(first, 2)
    };
    let mut entries: Vec<NewEntry> = others.iter().map(completed).collect();
    entries.push(ended);
    stage.exchange(&mut hot, &entries, None).await?;
    Ok(())
}
