//! A restart that is asked for again under its key: the same words find what they began, others are refused.
//!
//! The key is looked for under the lock of the batch, so of two calls at once one finds what the other began.

use sha2::{Digest, Sha256};

use super::NewRestart;
use crate::Error;
use crate::store::Session;

impl NewRestart {
    /// The restart that an earlier call under the same key began.
    pub(super) async fn begun_before(
        &self,
        connection: &mut Session,
        batch: i64,
    ) -> Result<Option<i64>, Error> {
        let Some(key) = &self.idempotency_key else {
            return Ok(None);
        };
        let row = sqlx::query_file!("queries/restart/of_key.sql", batch, key)
            .fetch_optional(connection)
            .await?;
        match row {
            Some(row) if row.print != self.print() => Err(key_reused(batch)),
            row => Ok(row.map(|row| row.id)),
        }
    }

    /// The caller's own words, all of them.
    pub(super) fn print(&self) -> String {
        let said = (&self.fingerprint, &self.members, &self.template, &self.why);
        hex::encode(Sha256::digest(format!("{said:?}")))
    }
}

fn key_reused(batch: i64) -> Error {
    Error::Conflict {
        code: "key_reused",
        message: format!("the idempotency key began another restart of b_{batch}"),
        hint: Some("send a new key for another restart".into()),
    }
}
