//! Finish: a batch ends when, and only when, every settlement that it expects has been told.

use crate::{Error, Store};

impl Store {
    /// Ends the batches whose settlements are complete; their ids.
    ///
    /// # Cancel safety
    /// One statement.
    pub async fn finish(&self) -> Result<Vec<i64>, Error> {
        let rows = sqlx::query_file!("queries/batch/finish.sql")
            .fetch_all(self.pool())
            .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }
}
