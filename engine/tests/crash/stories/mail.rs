//! Whoever tells a job something, and whoever rests for it.

use std::time::Duration;

use windlass_engine::Error;
use windlass_engine::store::{Cause, CauseKind, Letter, LetterKind, OnClose, Post};

use crate::common::journal;
use crate::common::mail::{
    GO, a_signal, an_event, child_done, paid, resting, send, signal_to, spawning, tell, with_post,
};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;
const ENDED: (&str, i64) = (
    "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome",
    3,
);
const SENT_ONCE: (&str, i64) = ("select count(*) from signal", 1);
const PUBLISHED: (&str, i64) = ("select count(*) from event", 1);

pub fn stories() -> Vec<Story> {
    let mut stories = resting_stories();
    stories.extend(telling_stories());
    stories.extend(duties());
    stories
}

fn resting_stories() -> Vec<Story> {
    vec![
        Story::new("rest for what is not there", |stage| Box::pin(rest(stage)))
            .after(|stage| Box::pin(held(stage)))
            .expects(&[ENDED, ("select count(*) from journal", 3)]),
        Story::new("rest for what came before", |stage| Box::pin(rest(stage)))
            .after(|stage| Box::pin(told_before(stage)))
            .expects(&[ENDED, SENT_ONCE, PUBLISHED]),
        Story::new("collect while running", |stage| Box::pin(collect(stage)))
            .after(|stage| Box::pin(told_before(stage)))
            .expects(&[ENDED, PUBLISHED]),
        Story::new("start and close a child, publish, take a letter", |stage| {
            Box::pin(say(stage))
        })
        .after(|stage| Box::pin(lettered(stage)))
        .expects(&[
            PUBLISHED,
            ("select count(*) from job where parent is not null", 2),
            ("select count(*) from signal where job is null", 1),
        ]),
        Story::new("a child ends", |stage| Box::pin(end_child(stage)))
            .after(|stage| Box::pin(family(stage)))
            .expects(&[("select count(*) from outcome where kind = 'completed'", 4)]),
    ]
}

fn telling_stories() -> Vec<Story> {
    vec![
        Story::new("signal one that rests", |stage| Box::pin(signal(stage)))
            .after(|stage| Box::pin(at_rest(stage)))
            .expects(&[ENDED, SENT_ONCE]),
        Story::new("signal nobody", |stage| Box::pin(signal(stage))).expects(&[SENT_ONCE]),
        Story::new("publish to one that rests", |stage| {
            Box::pin(publish(stage))
        })
        .after(|stage| Box::pin(at_rest(stage)))
        .expects(&[ENDED, PUBLISHED]),
    ]
}

fn duties() -> Vec<Story> {
    vec![
        Story::new("tell the parents of killed children", |stage| {
            Box::pin(async { stage.store.tell_parents().await.map(drop) })
        })
        .after(|stage| Box::pin(killed_child(stage)))
        .expects(&[("select count(*) from child", 0)]),
        Story::new("close children that nobody wants", |stage| {
            Box::pin(async { stage.store.close_children().await.map(drop) })
        })
        .after(|stage| Box::pin(unwanted_child(stage)))
        .expects(&[("select count(*) from outcome where kind = 'cancelled'", 1)]),
        Story::new("return what an ended job has not read", |stage| {
            Box::pin(async { stage.store.return_letters().await.map(drop) })
        })
        .after(|stage| Box::pin(unread(stage)))
        .expects(&[
            ("select count(*) from signal where job is null", 1),
            ("select count(*) from inbox", 0),
        ]),
        Story::new("give a refused signal to another", |stage| {
            Box::pin(async { stage.store.pass_signals_on().await.map(drop) })
        })
        .after(|stage| Box::pin(refused_signal(stage)))
        .expects(&[ENDED, SENT_ONCE]),
        Story::new("forget signals, events and what was heard", |stage| {
            Box::pin(forget(stage))
        })
        .after(|stage| Box::pin(old(stage)))
        .expects(&[(
            "select (select count(*) from signal) + (select count(*) from event) + (select count(*) from heard)",
            0,
        )]),
    ]
}

async fn held(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    Ok(())
}

fn causes() -> Vec<Cause> {
    vec![signal_to("k"), paid("a")]
}

async fn rest(stage: &Stage) -> Result<(), Error> {
    let jobs = stage.claimed(HELD).await?;
    stage.record(&jobs, |job| resting(job, 1, causes())).await
}

async fn told_before(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    send(&stage.bench.store, "k", "s1").await;
    tell(&stage.bench.store, "a", "e1").await;
    Ok(())
}

async fn collect(stage: &Stage) -> Result<(), Error> {
    let job = stage.claimed(HELD).await?.remove(0);
    let store = &stage.store;
    let collected = store.collect(1, job.id, job.lease, 0, &causes()).await;
    collected.map(drop)
}

/// A job with a letter and a child that it does not want.
async fn lettered(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 1).await;
    let job = stage.claimed(HELD).await?.remove(0);
    let turn = spawning(&stage.bench, &job, 1, OnClose::Cancel).await;
    stage.write(turn).await?;
    stage
        .run(
            "insert into signal (tenant, key, id, name, data, expires_at, job)
             select 1, 'k', 's7', 'go', '{}', now() + interval '1 day', min(id) from job;
             insert into inbox (job, id, kind, data, name, key, signal) overriding system value
             select min(id), 77, 'event', '{}', null, null, null from job
             union all select min(id), 79, 'signal', '{}', 'go', 'k', 's7' from job",
        )
        .await;
    Ok(())
}

async fn say(stage: &Stage) -> Result<(), Error> {
    let job = stage.claimed(HELD).await?.remove(0);
    let mut turn = spawning(&stage.bench, &job, 2, OnClose::Abandon).await;
    let returned = Letter {
        id: 78,
        kind: LetterKind::Event,
        data: r#"{"id":"s9","subject":"k"}"#.into(),
        at: chrono::Utc::now(),
    };
    if let Some(post) = turn.post.as_mut() {
        post.taken = vec![77];
        post.spare = vec![79];
        post.closed = vec![1];
        post.returned = vec![returned];
        post.events = vec![an_event("a", "e1")];
    }
    stage.record(&[job], |_| turn.clone()).await
}

/// Two jobs at rest, one for its child, which runs.
async fn family(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    let mut jobs = stage.claimed(HELD).await?;
    let parent = jobs.remove(0);
    let turn = spawning(&stage.bench, &parent, 1, OnClose::Wait).await;
    let mut hot = stage.hot().await?;
    stage.exchange(&mut hot, &[turn], None).await?;
    let want = stage.want(HELD + 1, 1);
    stage.exchange(&mut hot, &[], Some(&want)).await?;
    let child = Cause {
        kind: CauseKind::Child,
        name: String::new(),
        key: "1".into(),
    };
    let rest = resting(&parent, 2, vec![child]);
    stage.exchange(&mut hot, &[rest], None).await?;
    Ok(())
}

async fn end_child(stage: &Stage) -> Result<(), Error> {
    let jobs = stage.claimed(HELD + 1).await?;
    stage.record(&jobs, child_done).await
}

async fn at_rest(stage: &Stage) -> Result<(), Error> {
    held(stage).await?;
    rest(stage).await
}

async fn signal(stage: &Stage) -> Result<(), Error> {
    stage.store.send_signal(a_signal("k", "s1")).await.map(drop)
}

async fn publish(stage: &Stage) -> Result<(), Error> {
    let event = [an_event("a", "e1")];
    stage.store.append_events(1, &event).await?;
    stage.store.publish_events().await.map(drop)
}

async fn killed_child(stage: &Stage) -> Result<(), Error> {
    family(stage).await?;
    let child = stage.job(3).await;
    stage.bench.store.kill(1, child, "mia", "").await.map(drop)
}

async fn unwanted_child(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 1).await;
    let job = stage.claimed(HELD).await?.remove(0);
    let turn = spawning(&stage.bench, &job, 1, OnClose::Cancel).await;
    let close = with_post(
        journal(&job, 2),
        Post {
            closed: vec![1],
            ..Post::default()
        },
    );
    let mut hot = stage.hot().await?;
    stage.exchange(&mut hot, &[turn], None).await?;
    stage.exchange(&mut hot, &[close], None).await?;
    Ok(())
}

/// A job that got a signal and was killed before it read it.
async fn unread(stage: &Stage) -> Result<(), Error> {
    at_rest(stage).await?;
    send(&stage.bench.store, "k", "s1").await;
    let sql = "select job from signal where job is not null";
    let job = stage.bench.count(sql).await;
    stage.bench.store.kill(1, job, "mia", "").await.map(drop)
}

/// Three jobs that rest for a signal, of which one refused it.
async fn refused_signal(stage: &Stage) -> Result<(), Error> {
    at_rest(stage).await?;
    let sql = "update wait set mark = job where n > 0;
               insert into signal (tenant, key, id, name, data, expires_at, refused)
               select 1, 'k', 's1', 'go', '{}', now() + interval '1 day', array[min(job)] from wait";
    stage.run(sql).await;
    Ok(())
}

async fn old(stage: &Stage) -> Result<(), Error> {
    at_rest(stage).await?;
    send(&stage.bench.store, "other", "s1").await;
    tell(&stage.bench.store, "b", "e1").await;
    for place in 0..3 {
        let job = stage.job(place).await;
        stage.bench.store.kill(1, job, "mia", GO).await?;
    }
    stage
        .run(
            "update signal set expires_at = now() - interval '1 hour';
             update event set at = now() - interval '1 year'",
        )
        .await;
    Ok(())
}

async fn forget(stage: &Stage) -> Result<(), Error> {
    stage.store.expire_signals().await?;
    stage
        .store
        .expire_events(Duration::from_secs(86_400))
        .await?;
    stage.store.forget_heard().await.map(drop)
}
