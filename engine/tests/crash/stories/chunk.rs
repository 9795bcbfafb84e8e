//! Turns that say how chunks of a job's members ended.

use chrono::Utc;
use windlass_engine::Error;
use windlass_engine::store::{EndedChunk, Post};

use crate::common::journal;
use crate::common::mail::with_post;
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const TOLD: (&str, i64) = ("select count(*) from chunk_verdict", 2);
const FAILED: (&str, i64) = (
    "select count(*) from chunk_verdict where kind = 'failed' and tries = 1",
    1,
);

const AGAIN: (&str, i64) = ("select count(*) from chunk_verdict where again", 1);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("tell how chunks ended", |stage| Box::pin(tell(stage)))
            .after(|stage| Box::pin(held(stage)))
            .expects(&[TOLD, FAILED]),
        Story::new("begin chunks again", |stage| Box::pin(begin_again(stage)))
            .after(|stage| {
                Box::pin(async {
                    held(stage).await?;
                    tell(stage).await
                })
            })
            .expects(&[TOLD, AGAIN]),
    ]
}

async fn held(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 1).await;
    Ok(())
}

async fn tell(stage: &Stage) -> Result<(), Error> {
    let jobs = stage.claimed(HELD).await?;
    let ended = |number: i32, code: Option<&str>| EndedChunk {
        number,
        code: code.map(str::to_owned),
        fingerprint: code.map(|_| "odd-500-00112233aabb".to_owned()),
        at: Utc::now(),
    };
    stage
        .record(&jobs, |job| {
            let post = Post {
                chunks: vec![ended(2, Some("odd")), ended(1, None)],
                ..Post::default()
            };
            with_post(journal(job, 1), post)
        })
        .await
}

async fn begin_again(stage: &Stage) -> Result<(), Error> {
    let jobs = stage.claimed(HELD).await?;
    stage
        .record(&jobs, |job| {
            let post = Post {
                chunks_again: true,
                ..Post::default()
            };
            with_post(journal(job, 2), post)
        })
        .await
}
