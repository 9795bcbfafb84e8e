//! Rows that a batch's source gave: kept beside the batch until its plan is made.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Store;
use super::gate::Session;
use crate::Error;

/// Rows that one pass deletes.
const FORGOTTEN_MAX: i64 = 20_000;

/// A row that the plan has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its place in the source.
    pub n: i64,
    /// What is known of its key.
    pub key: String,
    /// `invalid` or `duplicate`.
    pub reason: &'static str,
}

/// A key that a source gives more than once.
#[derive(Clone, Debug)]
pub(crate) struct Repeated {
    pub key: String,
    pub times: i64,
    pub first_n: i64,
    pub last_n: i64,
    /// Keys that stand more than once.
    pub keys: i64,
    /// Their rows.
    pub rows: i64,
}

/// A batch whose source is to be read.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub batch: i64,
    pub tenant: i32,
    pub document: String,
    pub slot: Option<DateTime<Utc>>,
    pub previous: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub cursor: Option<String>,
    pub n: i64,
    pub tries: i32,
}

/// A row that a source gave.
#[derive(Clone, Debug)]
pub(crate) struct SourceRow {
    pub n: i64,
    pub key: String,
    pub object: Option<String>,
    /// JSON text.
    pub document: String,
    /// Why it is no member.
    pub left_out: Option<&'static str>,
}

impl SourceRow {
    /// One that cannot be a member.
    pub(crate) fn invalid(n: i64) -> Self {
        Self {
            n,
            key: String::new(),
            object: None,
            document: String::new(),
            left_out: Some("invalid"),
        }
    }
}

/// How far a reader got, and by which right.
#[derive(Clone, Debug)]
pub(crate) struct Advance {
    pub batch: i64,
    pub claim: Uuid,
    pub lease: Duration,
    pub cursor: Option<String>,
    pub n: i64,
}

impl Store {
    /// The oldest batch whose source nobody reads becomes this reader's.
    pub(crate) async fn take_outside(
        &self,
        claim: Uuid,
        lease: Duration,
    ) -> Result<Option<Taken>, Error> {
        let row = sqlx::query_file!("queries/source/take.sql", claim, lease.as_secs_f64())
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map(|row| Taken {
            batch: row.id,
            tenant: row.tenant,
            document: row.document,
            slot: row.slot_at,
            previous: row.slot_previous,
            created_at: row.created_at,
            cursor: row.source_cursor,
            n: row.source_n,
            tries: row.source_tries,
        }))
    }

    /// The source stays this reader's; `false` when it is not.
    pub(crate) async fn hold_outside(
        &self,
        batch: i64,
        claim: Uuid,
        lease: Duration,
    ) -> Result<bool, Error> {
        let seconds = lease.as_secs_f64();
        let held = sqlx::query_file!("queries/source/hold.sql", batch, claim, seconds)
            .execute(self.pool())
            .await?;
        Ok(held.rows_affected() > 0)
    }

    /// Deletes rows of a source that is read anew; how many.
    pub(crate) async fn empty_source(
        &self,
        batch: i64,
        claim: Uuid,
        limit: i64,
    ) -> Result<u64, Error> {
        let gone = sqlx::query_file!("queries/source/empty.sql", batch, claim, limit);
        Ok(gone.execute(self.pool()).await?.rows_affected())
    }

    /// The source is nobody's for a while; `false` when it was not this reader's.
    pub(crate) async fn put_back_outside(
        &self,
        batch: i64,
        claim: Uuid,
        pause: Duration,
        reason: Option<&str>,
        spared: i32,
    ) -> Result<bool, Error> {
        let seconds = pause.as_secs_f64();
        let back = sqlx::query_file!(
            "queries/source/put_back.sql",
            batch,
            claim,
            seconds,
            reason,
            spared
        );
        Ok(back.execute(self.pool()).await?.rows_affected() > 0)
    }

    /// Deletes rows of sources whose batch is planned, or never will be; how many went. Zero when there
    /// are none left.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget_sources(&self) -> Result<u64, Error> {
        let row = sqlx::query_file!("queries/source/forget.sql", FORGOTTEN_MAX)
            .fetch_one(self.pool())
            .await?;
        if row.moved > 0 {
            return Ok(row.moved.unsigned_abs());
        }
        // Nor the names of a batch that takes no more members.
        let row = sqlx::query_file!("queries/addition/forget_names.sql", FORGOTTEN_MAX)
            .fetch_one(self.pool())
            .await?;
        Ok(row.moved.unsigned_abs())
    }

    /// Keeps rows that a plan leaves out.
    pub(crate) async fn leave_out(&self, batch: i64, rows: &[LeftOut]) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let ns: Vec<i64> = rows.iter().map(|row| row.n).collect();
        let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
        let reasons: Vec<String> = rows.iter().map(|row| row.reason.to_owned()).collect();
        sqlx::query_file!("queries/source/leave_out.sql", batch, &ns, &keys, &reasons)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

/// Copies rows, already in Postgres' text form, until their sender is gone.
pub(crate) async fn copy(
    connection: &mut Session,
    rows: mpsc::Receiver<Vec<u8>>,
) -> Result<u64, Error> {
    sqlx::query_file!("queries/category/patience.sql")
        .fetch_one(&mut *connection)
        .await?;
    let statement = include_str!("../../queries/source/copy.sql");
    Ok(connection.copy(statement, rows).await?)
}

/// The first keys that a source gives more than once.
pub(crate) async fn repeated(
    connection: &mut Session,
    batch: i64,
    limit: i64,
) -> Result<Vec<Repeated>, Error> {
    let rows = sqlx::query_file_as!(Repeated, "queries/source/repeated.sql", batch, limit)
        .fetch_all(connection)
        .await?;
    Ok(rows)
}

/// Keeps one row of each key; how many rows were left out for it.
pub(crate) async fn leave_out_repeated(
    connection: &mut Session,
    batch: i64,
    keeps_last: bool,
) -> Result<u64, Error> {
    let left = sqlx::query_file!("queries/source/leave_out_repeated.sql", batch, keeps_last)
        .execute(connection)
        .await?;
    Ok(left.rows_affected())
}

/// Copies what was left out to where the manifest finds it.
pub(crate) async fn note_left_out(connection: &mut Session, batch: i64) -> Result<(), Error> {
    sqlx::query_file!("queries/source/note_left_out.sql", batch)
        .execute(connection)
        .await?;
    Ok(())
}

/// All rows are there; `false` when the batch is not being planned any more.
pub(crate) async fn gathered(
    connection: &mut Session,
    batch: i64,
    hash: Option<&str>,
) -> Result<bool, Error> {
    let noted = sqlx::query_file!("queries/source/gathered.sql", batch, hash)
        .execute(connection)
        .await?;
    Ok(noted.rows_affected() > 0)
}

/// Keeps rows with what says how far they go; `false`, and nothing kept, without the right to.
pub(crate) async fn keep(
    connection: &mut Session,
    advance: &Advance,
    rows: Vec<SourceRow>,
) -> Result<bool, Error> {
    let moved = sqlx::query_file!(
        "queries/source/advance.sql",
        advance.batch,
        advance.claim,
        advance.cursor,
        advance.n,
        advance.lease.as_secs_f64(),
        advance.cursor.is_some(),
    );
    if moved.execute(&mut *connection).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let ns: Vec<i64> = rows.iter().map(|row| row.n).collect();
    let left_out: Vec<_> = rows.iter().map(|row| row.left_out).collect();
    let left_out: Vec<Option<String>> = left_out
        .into_iter()
        .map(|why| why.map(Into::into))
        .collect();
    let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    let objects: Vec<Option<String>> = rows.iter().map(|row| row.object.clone()).collect();
    let documents: Vec<String> = rows.into_iter().map(|row| row.document).collect();
    sqlx::query_file!(
        "queries/source/store.sql",
        advance.batch,
        &ns,
        &keys,
        &objects as &[Option<String>],
        &documents,
        &left_out as &[Option<String>],
    )
    .execute(connection)
    .await?;
    Ok(true)
}

/// The source has ended, and this transaction may last: what repeats in it is looked for. `false` without the right to.
pub(crate) async fn end(connection: &mut Session, batch: i64, claim: Uuid) -> Result<bool, Error> {
    sqlx::query_file!("queries/category/patience.sql")
        .fetch_one(&mut *connection)
        .await?;
    let ended = sqlx::query_file!("queries/source/end.sql", batch, claim)
        .execute(connection)
        .await?;
    Ok(ended.rows_affected() > 0)
}
