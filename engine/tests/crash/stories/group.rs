//! The jobs of a step that works on a list.

use windlass_engine::Error;
use windlass_engine::store::{
    Cause, CauseKind, Claimed, NewEntry, NewGroup, NewItem, OnClose, Post,
};

use crate::common::journal;
use crate::common::mail::{child_done, resting, with_post};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const FORGOTTEN: (&str, i64) = (
    "select (select count(*) from child_group) + (select count(*) from child_item) + (select count(*) from child)",
    0,
);

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("open a group", |stage| Box::pin(opens(stage, 3)))
            .after(|stage| Box::pin(parent(stage)))
            .expects(&[FORGOTTEN]),
        Story::new("one of a group ends", |stage| Box::pin(end(stage)))
            .after(|stage| Box::pin(group(stage, 3)))
            .expects(&[
                FORGOTTEN,
                ("select count(*) from job where parent is not null", 3),
            ]),
        Story::new("the last of a group ends", |stage| Box::pin(end(stage)))
            .after(|stage| Box::pin(group(stage, 1)))
            .expects(&[
                FORGOTTEN,
                ("select count(*) from outcome where kind = 'completed'", 2),
                ("select count(*) from inbox", 0),
            ]),
        Story::new("close a group", |stage| Box::pin(close(stage)))
            .after(|stage| Box::pin(running(stage)))
            .expects(&[
                FORGOTTEN,
                ("select count(*) from job where parent is not null", 1),
            ]),
        Story::new("cancel a job with a group", |stage| Box::pin(cancel(stage)))
            .after(|stage| Box::pin(running(stage)))
            .expects(&[
                FORGOTTEN,
                ("select count(*) from job where parent is not null", 1),
            ]),
    ]
}

async fn parent(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 1).await;
    Ok(())
}

/// A turn that opens a group of which one job is open at once.
async fn opening(stage: &Stage, job: &Claimed, items: usize) -> Result<NewEntry, Error> {
    let ids = stage.bench.store.child_ids(items).await?;
    let items = ids.into_iter().map(|job| NewItem {
        job,
        lane: stage.bench.lane,
        input: "{}".into(),
    });
    let group = NewGroup {
        activity: 1,
        template_version: stage.bench.version,
        priority: 0,
        start_within: None,
        parallel: 1,
        failed_max: 0,
        on_close: OnClose::Cancel,
        key: Some("k".into()),
        items: items.collect(),
    };
    let post = Post {
        groups: vec![group],
        ..Post::default()
    };
    Ok(with_post(journal(job, 1), post))
}

async fn opens(stage: &Stage, items: usize) -> Result<(), Error> {
    let job = stage.claimed(HELD).await?.remove(0);
    let turn = opening(stage, &job, items).await?;
    stage.write(turn).await
}

/// The parent rests, and the first of its group runs.
async fn group(stage: &Stage, items: usize) -> Result<(), Error> {
    parent(stage).await?;
    opens(stage, items).await?;
    let job = stage.claimed(HELD).await?.remove(0);
    let mut hot = stage.hot().await?;
    let want = stage.want(HELD + 1, 1);
    stage.exchange(&mut hot, &[], Some(&want)).await?;
    let cause = Cause {
        kind: CauseKind::Group,
        name: String::new(),
        key: "1".into(),
    };
    stage
        .exchange(&mut hot, &[resting(&job, 2, vec![cause])], None)
        .await?;
    Ok(())
}

async fn end(stage: &Stage) -> Result<(), Error> {
    let mut hot = stage.hot().await?;
    for job in stage.claimed(HELD + 1).await? {
        stage.exchange(&mut hot, &[child_done(&job)], None).await?;
    }
    Ok(())
}

/// The parent still runs, and its group has begun.
async fn running(stage: &Stage) -> Result<(), Error> {
    parent(stage).await?;
    opens(stage, 3).await
}

async fn close(stage: &Stage) -> Result<(), Error> {
    let job = stage.claimed(HELD).await?.remove(0);
    let post = Post {
        closed_groups: vec![1],
        ..Post::default()
    };
    stage.write(with_post(journal(&job, 2), post)).await
}

async fn cancel(stage: &Stage) -> Result<(), Error> {
    let job = stage.job(0).await;
    stage.store.cancel(1, job, "mia", "").await.map(drop)
}
