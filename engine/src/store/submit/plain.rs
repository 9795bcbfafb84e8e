//! Requests of which nothing is said beside the input: no key to look for, no row but the job's own.
//!
//! Their ids are given before the statement, so their extents are put together here and Postgres sorts
//! and groups nothing. From some hundred rows on, COPY is cheaper than arrays.

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use super::replace::undo;
use super::{Desk, Fate, NewRequest, STALE, Store, Submitted};
use crate::Error;
use crate::store::gate::Session;
use crate::store::ids::BLOCK;

/// From here on a page is copied: below, the three statements of a copy cost more than they save.
const COPY_MIN: usize = 2_000;
/// Bytes of a piece of a copy.
const PIECE_BYTES: usize = 256 << 10;
/// Begins a binary copy: signature, no flags, no extension.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Columns of a row of the copy.
const COLUMNS: i16 = 6;

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
        let rows = pieces(desk.tenant, requests, ids);
        let (extents, stamp) = (Extents::of(requests, ids), desk.stamp);
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
    let extents = Extents::of(requests, ids);
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

/// The rows of a copy in its binary form, all there.
fn pieces(tenant: i32, requests: &[&NewRequest], ids: &[i64]) -> mpsc::Receiver<Vec<u8>> {
    let mut pieces = Vec::new();
    let mut piece = HEADER.to_vec();
    for (request, id) in requests.iter().zip(ids) {
        if piece.len() > PIECE_BYTES {
            pieces.push(std::mem::take(&mut piece));
        }
        put_row(&mut piece, tenant, *id, request);
    }
    piece.extend((-1_i16).to_be_bytes());
    pieces.push(piece);
    let (rows, taken) = mpsc::channel(pieces.len());
    for piece in pieces {
        rows.try_send(piece).expect("there is room for all");
    }
    taken
}

/// A row in the binary form of COPY: each column with its length before it.
fn put_row(piece: &mut Vec<u8>, tenant: i32, id: i64, request: &NewRequest) {
    piece.extend(COLUMNS.to_be_bytes());
    let nonce: i64 = rand::random();
    put(piece, &id.to_be_bytes());
    put(piece, &tenant.to_be_bytes());
    put(piece, &request.lane.to_be_bytes());
    put(piece, &request.template_version.to_be_bytes());
    put(piece, &nonce.to_be_bytes());
    put(piece, request.input.as_bytes());
}

fn put(piece: &mut Vec<u8>, column: &[u8]) {
    let length = i32::try_from(column.len()).expect("an input has its limit");
    piece.extend(length.to_be_bytes());
    piece.extend(column);
}

/// Ranges of jobs of one lane and priority inside one block, a column an array.
#[derive(Debug, Default)]
struct Extents {
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    lanes: Vec<i32>,
    priorities: Vec<i32>,
}

impl Extents {
    /// Ids ascend, so like ones that follow each other are one extent.
    fn of(requests: &[&NewRequest], ids: &[i64]) -> Self {
        let mut extents = Self::default();
        for (request, id) in requests.iter().zip(ids) {
            let continues = extents.lasts.last().is_some_and(|last| {
                *last + 1 == *id
                    && *last / BLOCK == *id / BLOCK
                    && extents.lanes.last() == Some(&request.lane)
                    && extents.priorities.last() == Some(&request.priority)
            });
            if continues {
                *extents.lasts.last_mut().expect("it continues one") = *id;
                continue;
            }
            extents.firsts.push(*id);
            extents.lasts.push(*id);
            extents.lanes.push(request.lane);
            extents.priorities.push(request.priority);
        }
        extents
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_end_where_block_lane_or_priority_do() {
        let of = |lane, priority| NewRequest {
            lane,
            priority,
            ..NewRequest::default()
        };
        let requests = [of(1, 0), of(1, 0), of(1, 0), of(1, 5), of(2, 5), of(2, 5)];
        let requests: Vec<&NewRequest> = requests.iter().collect();

        let extents = Extents::of(&requests, &[998, 999, 1_000, 1_001, 1_002, 1_005]);

        assert_eq!(extents.firsts, [998, 1_000, 1_001, 1_002, 1_005]);
        assert_eq!(extents.lasts, [999, 1_000, 1_001, 1_002, 1_005]);
        assert_eq!(extents.priorities, [0, 0, 5, 5, 5]);
    }
}
