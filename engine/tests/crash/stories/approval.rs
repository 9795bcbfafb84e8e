//! What jobs ask people, and what people answer.

use windlass_engine::Error;
use windlass_engine::store::{Cause, CauseKind, NewApproval, NewDecision, Post};

use crate::common::journal;
use crate::common::mail::{resting, with_post};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const ENDED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome",
    3,
);
const NONE_OPEN: (&str, i64) = ("select count(*) from approval where ended_at is null", 0);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("ask people, and rest", |stage| Box::pin(ask(stage)))
            .after(|stage| Box::pin(held(stage)))
            .expects(&[ENDED, ("select count(*) from approval", 3)]),
        Story::new("decide what a resting job asks", |stage| {
            Box::pin(decide(stage))
        })
        .after(|stage| Box::pin(asked(stage)))
        .expects(&[
            ENDED,
            (
                "select count(*) from approval where decision = 'approve'",
                1,
            ),
        ]),
        Story::new("ask no more", |stage| Box::pin(withdraw(stage)))
            .after(|stage| Box::pin(asking(stage)))
            .expects(&[NONE_OPEN]),
        Story::new("close what killed jobs asked", |stage| {
            Box::pin(async { stage.store.tidy_approvals().await.map(drop) })
        })
        .after(|stage| Box::pin(killed(stage)))
        .expects(&[NONE_OPEN, ("select count(*) from approval", 3)]),
    ]
}

fn request() -> NewApproval {
    NewApproval {
        activity: 1,
        key: "go".into(),
        round: 0,
        subject: "Go?".into(),
        assignees: vec!["maria".into()],
        options: vec!["approve".into(), "refuse".into()],
    }
}

async fn held(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    Ok(())
}

/// Jobs that ask, and rest for the answer.
async fn ask(stage: &Stage) -> Result<(), Error> {
    let jobs = stage.claimed(HELD).await?;
    let cause = Cause {
        kind: CauseKind::Approval,
        name: "Go?".into(),
        key: "maria".into(),
    };
    stage
        .record(&jobs, |job| {
            let mut turn = resting(job, 1, vec![cause.clone()]);
            if let Some(post) = turn.post.as_mut() {
                post.approvals = vec![request()];
            }
            turn
        })
        .await
}

async fn asked(stage: &Stage) -> Result<(), Error> {
    held(stage).await?;
    ask(stage).await
}

async fn decide(stage: &Stage) -> Result<(), Error> {
    let id = stage.bench.count("select min(id) from approval").await;
    let new = NewDecision {
        decision: "approve".into(),
        by: "maria".into(),
        comment: None,
    };
    match stage.store.decide(1, id, new).await {
        // Decided before the crash.
        Ok(_) | Err(Error::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// A job that asks and goes on with something else.
async fn asking(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 1).await;
    let jobs = stage.claimed(HELD).await?;
    stage
        .record(&jobs, |job| {
            let post = Post {
                approvals: vec![request()],
                ..Post::default()
            };
            with_post(journal(job, 1), post)
        })
        .await
}

async fn withdraw(stage: &Stage) -> Result<(), Error> {
    let jobs = stage.claimed(HELD).await?;
    stage
        .record(&jobs, |job| {
            let post = Post {
                withdrawn: vec![1],
                ..Post::default()
            };
            with_post(journal(job, 2), post)
        })
        .await
}

async fn killed(stage: &Stage) -> Result<(), Error> {
    asked(stage).await?;
    for place in 0..3 {
        let job = stage.job(place).await;
        stage.bench.store.kill(1, job, "mia", "").await?;
    }
    Ok(())
}
