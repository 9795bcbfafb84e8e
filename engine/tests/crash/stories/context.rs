//! Contexts that turns of jobs and people change, and that end.

use std::time::Duration;

use windlass_engine::Error;
use windlass_engine::store::{ContextChange, Expected, NewSave};

use crate::common::contexts::{a_change, a_save, a_save_of, merge, saving, whole};
use crate::stage::{Stage, Story};

const HELD: u128 = 7;

pub fn stories() -> Vec<Story> {
    of_jobs().into_iter().chain(of_people()).collect()
}

fn of_jobs() -> Vec<Story> {
    vec![
        Story::new("save a context from three jobs in a flush", |stage| {
            Box::pin(save(stage))
        })
        .after(|stage| Box::pin(held(stage)))
        .expects(&[
            ("select version from context where key = 'k'", 2),
            ("select count(*) from context_change", 2),
            ("select count(distinct job) from context_change", 2),
            ("select count(*) from context_reference", 2),
        ]),
        Story::new("count in a context from three jobs in a flush", |stage| {
            Box::pin(count(stage))
        })
        .after(|stage| Box::pin(held(stage)))
        .expects(&[
            (
                "select version from context where document = '{\"n\":3}'",
                3,
            ),
            (
                "select count(distinct job) from context_change where kind = 'change'",
                3,
            ),
            ("select count(*) from context_change", 3),
            ("select count(*) from context_reference", 3),
        ]),
    ]
}

fn of_people() -> Vec<Story> {
    vec![
        Story::new("make a context", |stage| {
            Box::pin(change(stage, whole(Expected::Absent, r#"{"a":1}"#)))
        })
        .expects(&[("select version from context", 1), ONE_CHANGE]),
        Story::new("change a context", |stage| {
            let patch = merge(Expected::OneOf(vec![1]), r#"{"a":null}"#);
            Box::pin(change(stage, patch))
        })
        .after(|stage| Box::pin(made(stage)))
        .expects(&[("select version from context where document = '{}'", 2)]),
        Story::new("delete a context", |stage| Box::pin(delete(stage)))
            .after(|stage| Box::pin(made(stage)))
            .expects(&[
                ("select count(*) from context", 0),
                (
                    "select max(version) from context_change where kind = 'delete'",
                    2,
                ),
            ]),
        Story::new("end contexts whose time is over", |stage| {
            Box::pin(async { stage.store.expire_contexts().await.map(drop) })
        })
        .after(|stage| Box::pin(over(stage)))
        .expects(&[
            ("select count(*) from context", 0),
            (
                "select max(version) from context_change where kind = 'expire'",
                2,
            ),
        ]),
        Story::new("forget old changes of contexts", |stage| {
            let day = Duration::from_secs(86_400);
            Box::pin(async move { stage.store.forget_context_changes(day).await.map(drop) })
        })
        .after(|stage| Box::pin(over(stage)))
        .expects(&[("select count(*) from context_change", 0)]),
    ]
}

const ONE_CHANGE: (&str, i64) = ("select count(*) from context_change", 1);

async fn held(stage: &Stage) -> Result<(), Error> {
    stage.claim(HELD, 3).await;
    Ok(())
}

/// Two that merge, and one that comes too late.
async fn save(stage: &Stage) -> Result<(), Error> {
    let saves = [
        a_save(r#"{"a":1}"#),
        a_save_of(1, r#"{"b":2}"#),
        a_save_of(1, r#"{"c":3}"#),
    ];
    recorded(stage, saves).await
}

/// Computed between the statements of the flush: what is not committed was not counted.
async fn count(stage: &Stage) -> Result<(), Error> {
    recorded(stage, [".n += $input"; 3].map(a_change)).await
}

async fn recorded(stage: &Stage, saves: [NewSave; 3]) -> Result<(), Error> {
    let jobs = stage.claimed(HELD).await?;
    let entries: Vec<_> = jobs
        .iter()
        .zip(saves)
        .map(|(job, save)| saving(job, 1, vec![save]))
        .collect();
    let mut hot = stage.hot().await?;
    stage.exchange(&mut hot, &entries, None).await.map(drop)
}

async fn made(stage: &Stage) -> Result<(), Error> {
    let change = whole(Expected::Absent, r#"{"a":1}"#);
    let store = &stage.bench.store;
    store.change_context(1, "k", change, "mia").await.map(drop)
}

/// Who does not know whether it was changed finds that its version has passed.
async fn change(stage: &Stage, change: ContextChange) -> Result<(), Error> {
    done(
        stage
            .store
            .change_context(1, "k", change, "mia")
            .await
            .map(drop),
    )
}

async fn delete(stage: &Stage) -> Result<(), Error> {
    let expected = Expected::OneOf(vec![1]);
    done(stage.store.delete_context(1, "k", expected, "mia").await)
}

fn done(answer: Result<(), Error>) -> Result<(), Error> {
    match answer {
        Err(error) if error.code() == "precondition_failed" => Ok(()),
        answer => answer,
    }
}

async fn over(stage: &Stage) -> Result<(), Error> {
    made(stage).await?;
    let sql = "update context set expires_at = now() - interval '1 hour';
               update context_change set at = now() - interval '1 year'";
    stage.run(sql).await;
    Ok(())
}
