//! A job's time: the database's at its claim plus monotonic time since. No wall clock decides anything.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// The time of one claim.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    base: DateTime<Utc>,
    since: Instant,
}

impl Clock {
    pub(super) fn starting(base: DateTime<Utc>) -> Self {
        Self {
            base,
            since: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.base + TimeDelta::from_std(self.since.elapsed()).unwrap_or(TimeDelta::MAX)
    }

    /// How long until `due`; zero when it has passed.
    pub(super) fn until(&self, due: DateTime<Utc>) -> Duration {
        (due - self.now()).to_std().unwrap_or_default()
    }

    /// `due` by the runtime's clock.
    pub(super) fn deadline(&self, due: DateTime<Utc>) -> tokio::time::Instant {
        tokio::time::Instant::now() + self.until(due)
    }
}

/// Sleeps so long; for ever without a length.
pub(super) async fn sleep(length: Option<Duration>) {
    match length {
        Some(length) => tokio::time::sleep(length).await,
        None => std::future::pending().await,
    }
}
