//! Effects: taken with a turn, given back with another.

use windlass_engine::Error;
use windlass_engine::store::{NewEntry, Post};
use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::turn::Effect;

use crate::common::journal;
use crate::common::mail::with_post;
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const ONE_HOLDER_EACH: (&str, i64) = (
    "select count(*) from request_key where scope = 'effect' and job in (select job from journal)",
    2,
);
const NONE_BESIDE: (&str, i64) = (
    "select count(*) from request_key where scope = 'effect' and job not in (select job from journal)",
    0,
);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("take effects, of which one is another's", |stage| {
            Box::pin(take(stage))
        })
        .after(|stage| Box::pin(held(stage)))
        .expects(&[
            ONE_HOLDER_EACH,
            NONE_BESIDE,
            ("select count(*) from journal", 2),
        ]),
        Story::new("give effects back, and begin one of them", |stage| {
            Box::pin(give(stage))
        })
        .after(|stage| Box::pin(taken(stage)))
        .expects(&[
            (
                "select count(*) from request_key where scope = 'effect' and key = 'k' and not unbegun",
                1,
            ),
            (
                "select count(*) from request_key where scope = 'effect'",
                1,
            ),
        ]),
    ]
}

fn effect(key: &str, job: i64) -> Effect {
    Effect {
        activity: Activity(1),
        key: key.into(),
        step: format!("j{job}"),
    }
}

async fn held(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    Ok(())
}

async fn take(stage: &Stage) -> Result<(), Error> {
    let jobs = stage.claimed(HELD).await?;
    let turn = |(job, key): (_, &str)| {
        let job: &windlass_engine::store::Claimed = job;
        let post = Post {
            effects: vec![effect(key, job.id)],
            ..Post::default()
        };
        with_post(journal(job, 1), post)
    };
    let turns: Vec<NewEntry> = jobs.iter().zip(["k", "k", "l"]).map(turn).collect();
    let mut hot = stage.hot().await?;
    stage.exchange(&mut hot, &turns, None).await.map(drop)
}

/// A job with two effects.
async fn taken(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 1).await;
    let job = stage.claimed(HELD).await?.remove(0);
    let post = Post {
        effects: vec![effect("k", job.id), effect("l", job.id)],
        ..Post::default()
    };
    let mut hot = stage.hot().await?;
    let turn = with_post(journal(&job, 1), post);
    stage.exchange(&mut hot, &[turn], None).await.map(drop)
}

async fn give(stage: &Stage) -> Result<(), Error> {
    let job = stage.claimed(HELD).await?.remove(0);
    let post = Post {
        unbegun: vec![effect("k", job.id)],
        freed: vec![effect("l", job.id)],
        ..Post::default()
    };
    let mut hot = stage.hot().await?;
    let turn = with_post(journal(&job, 2), post);
    stage.exchange(&mut hot, &[turn], None).await?;
    let effects = [effect("k", job.id)];
    stage
        .store
        .begin_effects(1, job.id, &effects)
        .await
        .map(drop)
}
