//! Rows that a batch's source gave: kept beside the batch until its plan is made.

use tokio::sync::mpsc;

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

impl Store {
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
