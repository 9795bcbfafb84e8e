//! Requests of which nothing is said beside the input: no key to look for, no row but the job's own.
//!
//! Their ids are given before the statement, so their extents are put together here and Postgres sorts
//! and groups nothing. From some hundred rows on, COPY is cheaper than arrays.

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::replace::undo;
use super::{Desk, Fate, NewRequest, STALE, Store, Submitted};
use crate::Error;
use crate::store::copy::Rows;
use crate::store::extents::Extents;
use crate::store::gate::Session;

/// From here on a page is copied: below, the three statements of a copy cost more than they save.
const COPY_MIN: usize = 2_000;

impl Store {
    /// Stores a page in one statement, or in one transaction around a copy.
    pub(super) async fn submit_plain(
        &self,
        desk: Desk<'_>,
        requests: &[&NewRequest],
    ) -> Result<Vec<Fate>, Error> {
        let mut connection = self.pool().acquire().await?;
        let ids = self.ids.take(&mut connection, requests.len()).await?;
        let stored = if requests.len() < COPY_MIN {
            // On an idle engine the commit itself wakes whoever listens.
            let lanes = requests.iter().map(|request| request.lane);
            let turn = self.notifier.turn(lanes);
            insert(&mut connection, desk, requests, &ids, turn.says()).await?
        } else {
            drop(connection);
            let stored = self.copy(desk, requests, &ids).await?;
            self.notifier.tell();
            stored
        };
        let Some(at) = stored else {
            return Ok(requests.iter().map(|_| Fate::Stale).collect());
        };
        let created = |job| Fate::Answered(Submitted::Created { job }, Some(at));
        Ok(ids.into_iter().map(created).collect())
    }

    /// Jobs by COPY, then their extents, in one transaction.
    async fn copy(
        &self,
        desk: Desk<'_>,
        requests: &[&NewRequest],
        ids: &[i64],
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let rows = rows(desk.tenant, requests, ids);
        let (extents, stamp) = (extents(requests, ids), desk.stamp);
        let stored = self
            .transaction(move |connection| {
                Box::pin(async move {
                    let statement = include_str!("../../../queries/request/copy.sql");
                    connection.copy(statement, rows).await?;
                    due(connection, &extents, stamp).await
                })
            })
            .await;
        match stored {
            Err(Error::Conflict { code: STALE, .. }) => Ok(None),
            other => other.map(Some),
        }
    }
}

async fn insert(
    connection: &mut Session,
    desk: Desk<'_>,
    requests: &[&NewRequest],
    ids: &[i64],
    says: Option<&str>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let lanes: Vec<i32> = requests.iter().map(|request| request.lane).collect();
    let versions: Vec<i32> = requests
        .iter()
        .map(|request| request.template_version)
        .collect();
    let nonces: Vec<i64> = requests.iter().map(|_| rand::random()).collect();
    let inputs: Vec<&str> = requests
        .iter()
        .map(|request| request.input.as_str())
        .collect();
    let extents = extents(requests, ids);
    let row = sqlx::query_file!(
        "queries/request/submit_plain.sql",
        desk.tenant,
        ids,
        &lanes,
        &versions,
        &nonces,
        desk.stamp,
        &inputs as &[&str],
        &extents.firsts,
        &extents.lasts,
        &extents.lanes,
        &extents.priorities,
        says,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| row.at))
}

fn extents(requests: &[&NewRequest], ids: &[i64]) -> Extents {
    let jobs = requests.iter().zip(ids);
    Extents::of(jobs.map(|(request, id)| (*id, request.lane, request.priority)))
}

/// Puts copied jobs into their extents.
async fn due(
    connection: &mut Session,
    extents: &Extents,
    stamp: Option<i64>,
) -> Result<DateTime<Utc>, Error> {
    let row = sqlx::query_file!(
        "queries/request/due.sql",
        &extents.firsts,
        &extents.lasts,
        &extents.lanes,
        &extents.priorities,
    )
    .fetch_one(connection)
    .await?;
    if stamp.is_some_and(|stamp| stamp != row.stamp) {
        return Err(undo(STALE, "templates or purposes changed meanwhile"));
    }
    Ok(row.at)
}

fn rows(tenant: i32, requests: &[&NewRequest], ids: &[i64]) -> mpsc::Receiver<Vec<u8>> {
    let mut rows = Rows::new();
    for (request, id) in requests.iter().zip(ids) {
        let nonce: i64 = rand::random();
        let (lane, version) = (&request.lane, &request.template_version);
        rows.add(&[id, &tenant, lane, version, &nonce, &request.input]);
    }
    rows.end()
}
