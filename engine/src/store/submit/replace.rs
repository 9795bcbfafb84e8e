//! Keys that replace or put off a job: a short transaction that locks the key, then looks.
//!
//! Only a job that nobody has started is touched: it is cut out of its extent in the same transaction
//! that makes the new one. One that a worker has, or had, stays, and the new job is linked to it. A job
//! that is changing hands at this moment is looked at again.

use std::time::Duration;

use crate::store::gate::Session;
use chrono::{DateTime, Utc};
use tokio::time::sleep;

use super::said::{Columns, PATIENCE};
use super::{BUSY, Desk, Fate, NewRequest, OnDuplicate, STALE, Store, Submitted};
use crate::Error;

/// Looks at a job that changes hands.
const ROUNDS_MAX: usize = 20;
/// A claim holds its extents for about this long.
const PAUSE: Duration = Duration::from_millis(5);

/// What became of the job that had the key.
enum First {
    /// It was taken; it would have run then.
    Taken { run_at: DateTime<Utc> },
    /// It has begun, or ended.
    Started,
}

impl Store {
    /// Stores one request whose key may replace a queued job.
    pub(super) async fn submit_replacing(
        &self,
        desk: Desk<'_>,
        request: &NewRequest,
    ) -> Result<Fate, Error> {
        let (tenant, stamp, who) = (desk.tenant, desk.stamp, desk.who.to_owned());
        let (store, request) = (self.clone(), request.clone());
        let stored = self
            .transaction(move |connection| {
                Box::pin(async move {
                    let who = who.as_str();
                    let desk = Desk { tenant, who, stamp };
                    let id = store.ids.take(connection, 1).await?[0];
                    replace(connection, desk, &request, id).await
                })
            })
            .await;
        Fate::of_transaction(stored)
    }
}

pub(super) async fn replace(
    connection: &mut Session,
    desk: Desk<'_>,
    request: &NewRequest,
    id: i64,
) -> Result<Fate, Error> {
    let first = lock_key(connection, desk, request, id).await?;
    if first == id {
        let at = insert(connection, desk, request, id, None).await?;
        return Ok(Fate::Answered(Submitted::Created { job: id }, Some(at)));
    }
    let extends = request.terms.on_duplicate == OnDuplicate::Extend;
    let taken = take(
        connection,
        first,
        (!extends).then_some(id),
        request.start_at,
    )
    .await?;
    let (new, submitted, successor_of) = match taken {
        First::Taken { .. } if extends => {
            return Ok(Fate::Answered(Submitted::Extended { job: first }, None));
        }
        First::Taken { run_at } => {
            let mut new = request.clone();
            if request.terms.on_duplicate == OnDuplicate::ReplaceKeepTime {
                new.start_at = Some(run_at);
            }
            (
                new,
                Submitted::Replaced {
                    job: id,
                    old: first,
                },
                None,
            )
        }
        First::Started => {
            let submitted = Submitted::Succeeds { job: id, first };
            (request.clone(), submitted, Some(first))
        }
    };
    move_key(connection, desk, request, id).await?;
    let at = insert(connection, desk, &new, id, successor_of).await?;
    Ok(Fate::Answered(submitted, Some(at)))
}

/// The job that has the key, which is locked from here on; `id` itself when it was free.
async fn lock_key(
    connection: &mut Session,
    desk: Desk<'_>,
    request: &NewRequest,
    id: i64,
) -> Result<i64, Error> {
    let (scope, key) = request.scoped_key().unwrap_or_default();
    let row = sqlx::query_file!(
        "queries/request/lock_key.sql",
        desk.tenant,
        scope,
        key,
        request.print(),
        id,
        request.terms.hold.word(),
        request.terms.hold.seconds(),
        PATIENCE,
    )
    .fetch_one(connection)
    .await?;
    Ok(row.job)
}

async fn move_key(
    connection: &mut Session,
    desk: Desk<'_>,
    request: &NewRequest,
    id: i64,
) -> Result<(), Error> {
    let (scope, key) = request.scoped_key().unwrap_or_default();
    sqlx::query_file!(
        "queries/request/move_key.sql",
        desk.tenant,
        scope,
        key,
        request.print(),
        id,
        request.terms.hold.word(),
        request.terms.hold.seconds(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes the first job out of its queue, looking again while it changes hands.
async fn take(
    connection: &mut Session,
    first: i64,
    by: Option<i64>,
    start_at: Option<DateTime<Utc>>,
) -> Result<First, Error> {
    let problem = serde_json::json!({ "title": "replaced", "by": by.map(|id| id.to_string()) });
    let problem = problem.to_string();
    for _ in 0..ROUNDS_MAX {
        let hit = sqlx::query_file!(
            "queries/request/take_queued.sql",
            first,
            by,
            start_at,
            problem
        )
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(row) = hit {
            return Ok(First::Taken { run_at: row.run_at });
        }
        let row = sqlx::query_file!("queries/request/is_queued.sql", first)
            .fetch_one(&mut *connection)
            .await?;
        if !row.is_queued {
            return Ok(First::Started);
        }
        sleep(PAUSE).await;
    }
    Err(undo(BUSY, "the first job changed hands all the time"))
}

/// Stores the new job; the key is its own already.
async fn insert(
    connection: &mut Session,
    desk: Desk<'_>,
    request: &NewRequest,
    id: i64,
    successor_of: Option<i64>,
) -> Result<DateTime<Utc>, Error> {
    let one = [request];
    let columns = Columns::of(&one, &[id]).owning_its_key(successor_of);
    let stored = columns.insert(connection, desk, None).await?;
    let at = stored.get(&id).copied();
    at.ok_or_else(|| undo(STALE, "templates or purposes changed meanwhile"))
}

/// Rolls the transaction back.
pub(super) fn undo(code: &'static str, message: &str) -> Error {
    Error::Conflict {
        code,
        message: message.to_owned(),
        hint: None,
    }
}
