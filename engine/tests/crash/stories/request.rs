//! Submitting, with keys and without.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use windlass_engine::Error;
use windlass_engine::protocol::{Answer, Request, Work};
use windlass_engine::store::{DEFAULT_TENANT, LaneKey, NewRequest, Notifier};
use windlass_workflows::value::Value;

use crate::common::recipe::{PURPOSE, TEMPLATE, apply};
use crate::stage::{Stage, Story};

/// The notifier sends at once and then pauses for 20 ms; a killed connection is made anew meanwhile.
const NOTIFIED_WITHIN: Duration = Duration::from_millis(200);

/// From here on a page is copied.
const COPIED: usize = 2_000;
/// Everything that is due ends at once: thousands of jobs need no worker.
const ALL_END: &str = "
    with gone as (delete from ready returning *)
    insert into outcome (first_id, last_id, tenant, lane, kind, attempt, claim)
    select first_id, last_id, 1, lane, 'completed', 0, gen_random_uuid() from gone";

pub fn stories() -> Vec<Story> {
    vec![
        Story::new("submit with keys", |stage| Box::pin(submit(stage))).expects(&[
            ("select count(*) from job", 3),
            ("select count(*) from outcome where kind = 'completed'", 3),
        ]),
        Story::new("requests of a purpose", |stage| Box::pin(ask(stage)))
            .after(|stage| Box::pin(purpose(stage)))
            .expects(&[("select count(*) from job", 2)]),
        Story::new("plain requests", |stage| Box::pin(plain(stage, 3)))
            .after(|stage| Box::pin(purpose(stage)))
            .expects(&[
                ("select count(*) % 3 from job", 0),
                ("select least(count(*), 3) from job", 3),
            ]),
        Story::new("copy requests", |stage| Box::pin(plain(stage, COPIED)))
            .after(|stage| Box::pin(purpose(stage)))
            .meanwhile(ALL_END)
            .expects(&[
                ("select count(*) % 2000 from job", 0),
                ("select least(count(*), 2000) from job", 2_000),
            ]),
        Story::new("make a lane", |stage| Box::pin(lane(stage)))
            .expects(&[("select count(*) from lane where purpose = 'new'", 1)]),
        Story::new("forget old keys", |stage| {
            Box::pin(async { stage.store.prune_keys().await.map(drop) })
        })
        .after(|stage| Box::pin(old_keys(stage)))
        .expects(&[("select count(*) from request_key", 0)]),
        Story::new("notify", |stage| Box::pin(notify(stage))),
    ]
}

fn keyed(stage: &Stage, key: &str) -> NewRequest {
    NewRequest {
        idempotency_key: Some(key.to_owned()),
        ..stage.bench.request()
    }
}

async fn submit(stage: &Stage) -> Result<(), Error> {
    let requests = [
        keyed(stage, "b"),
        keyed(stage, "a"),
        NewRequest {
            start_at: Some(Utc::now() + TimeDelta::hours(1)),
            ..keyed(stage, "c")
        },
    ];
    stage.store.submit(DEFAULT_TENANT, "mia", &requests).await?;
    Ok(())
}

async fn old_keys(stage: &Stage) -> Result<(), Error> {
    submit(stage).await?;
    stage
        .run("update request_key set expires_at = now() - interval '1 day'")
        .await;
    Ok(())
}

async fn purpose(stage: &Stage) -> Result<(), Error> {
    apply(&stage.bench.store, &[TEMPLATE, PURPOSE], "").await;
    Ok(())
}

async fn ask(stage: &Stage) -> Result<(), Error> {
    let request = |key: &str, work| Request {
        idempotency_key: Some(key.to_owned()),
        ..Request::new(work, Value::parse("{}").expect("an object"))
    };
    let requests = vec![
        request("a", Work::Purpose("brief".into())),
        request("b", Work::Template("strikes.brief".into())),
    ];
    ask_for(stage, requests).await
}

/// Without a key: a repeat makes new jobs, all of them or none.
async fn plain(stage: &Stage, jobs: usize) -> Result<(), Error> {
    let work = Work::Purpose("brief".into());
    let request = Request::new(work, Value::parse("{}").expect("an object"));
    ask_for(stage, vec![request; jobs]).await
}

async fn ask_for(stage: &Stage, requests: Vec<Request>) -> Result<(), Error> {
    let asked = requests.len();
    let answers = stage
        .store
        .submit_requests(DEFAULT_TENANT, "mia", requests)
        .await?;
    assert_eq!(answers.len(), asked);
    // Each is answered for itself; here one that the database refused is a call to repeat.
    match answers
        .iter()
        .any(|answer| matches!(answer, Answer::Failed { .. }))
    {
        true => Err(sqlx::Error::PoolClosed.into()),
        false => Ok(()),
    }
}

async fn lane(stage: &Stage) -> Result<(), Error> {
    let key = LaneKey::of_template(DEFAULT_TENANT, "test.noop", "new", 0);
    stage.store.lane(&key).await.map(drop)
}

/// The notifier tells no one of an error, since polling finds what it would have said.
async fn notify(stage: &Stage) -> Result<(), Error> {
    let notifier = Notifier::default();
    notifier.tell();
    tokio::select! {
        () = notifier.clone().run(stage.store.clone()) => {}
        () = tokio::time::sleep(NOTIFIED_WITHIN) => {}
    }
    Ok(())
}
