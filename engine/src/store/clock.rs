//! The development clock: an offset that moves schedules and timers, refused outside development.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::Store;
use crate::Error;

/// What time it is for schedules and timers.
#[derive(Clone, Debug, Serialize)]
pub struct Clock {
    /// `production` or `development`.
    pub mode: String,
    /// The database's time plus the offset.
    pub now: DateTime<Utc>,
    /// Seconds ahead of the database's time.
    pub offset_seconds: i64,
}

impl Store {
    /// Reads the clock.
    pub async fn clock(&self) -> Result<Clock, Error> {
        let row = sqlx::query_file!("queries/cluster/clock.sql")
            .fetch_one(self.pool())
            .await?;
        Ok(Clock {
            mode: row.mode,
            now: row.now,
            offset_seconds: row.offset_seconds,
        })
    }

    /// The instant that schedules and timers go by: `None` where the database's own time holds.
    pub async fn moved_now(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let clock = self.clock().await?;
        Ok((clock.offset_seconds != 0).then_some(clock.now))
    }

    /// Says that this cluster is for development, so that its clock can be moved.
    pub async fn enter_development(&self) -> Result<(), Error> {
        sqlx::query_file!("queries/cluster/enter_development.sql")
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Moves the clock to `instant`, forward only.
    ///
    /// # Errors
    /// `illegal_state` outside development, or backward.
    pub async fn set_clock(&self, instant: DateTime<Utc>) -> Result<Clock, Error> {
        let clock = self.clock().await?;
        if clock.mode != "development" {
            return Err(refusal(
                "the clock moves in development only",
                "start the engine with `windlass dev`",
            ));
        }
        let moved = sqlx::query_file!("queries/cluster/set_clock.sql", instant)
            .execute(self.pool())
            .await?;
        if moved.rows_affected() == 0 {
            return Err(refusal(
                "the clock does not go back",
                "slots that fired stay fired; choose a later instant",
            ));
        }
        self.clock().await
    }
}

fn refusal(message: &str, hint: &str) -> Error {
    Error::Conflict {
        code: "illegal_state",
        message: message.into(),
        hint: Some(hint.into()),
    }
}
