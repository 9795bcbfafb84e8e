//! Pauses that refuse new work, as a submission meets them: without a question to the database.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Store;
use super::lane::LaneKey;
use crate::Error;

/// The code of what they answer.
pub(crate) const PAUSED: &str = "paused";

/// Pauses that refuse new work bind within this time.
const REJECTS_AGE_MAX: Duration = Duration::from_millis(250);

/// A pause that refuses new work.
#[derive(Clone, Debug)]
struct Reject {
    tenant: i32,
    scope: String,
    subject: String,
    who: String,
    why: String,
    until: Option<DateTime<Utc>>,
}

impl Reject {
    fn covers(&self, lane: &LaneKey, configuration: Option<&str>) -> bool {
        let subject = self.subject.as_str();
        self.tenant == lane.tenant
            && match self.scope.as_str() {
                "tenant" => true,
                "queue" => lane.queue == subject,
                "template" => lane.template == subject,
                "purpose" => lane.purpose == subject,
                "configuration" => configuration == Some(subject),
                _ => false,
            }
    }

    fn error(&self) -> Error {
        let why = match self.why.as_str() {
            "" => String::new(),
            why => format!(": {why}"),
        };
        let what = format!("{} {}", self.scope, self.subject);
        let until = self
            .until
            .map_or_else(String::new, |until| format!(" until {until}"));
        Error::Conflict {
            code: PAUSED,
            message: format!(
                "{} takes no new work{until}; paused by {}{why}",
                what.trim(),
                self.who
            ),
            hint: Some("send it again later, or end the pause: `windlass resume`".into()),
        }
    }
}

/// What was known of rejecting pauses, and when.
type Known = Option<(Instant, Arc<[Reject]>)>;

/// The pauses that refuse new work, read again when they are 250 ms old: a submission asks nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rejects(Arc<Mutex<Known>>);

impl Rejects {
    /// The next submission reads anew.
    pub(super) fn forget(&self) {
        *self.0.lock().expect("no panic while holding it") = None;
    }

    fn fresh(&self) -> Option<Arc<[Reject]>> {
        let known = self.0.lock().expect("no panic while holding it");
        let (at, rejects) = known.as_ref()?;
        (at.elapsed() < REJECTS_AGE_MAX).then(|| rejects.clone())
    }
}

impl Store {
    /// Refuses new work for a lane that somebody paused with `reject`.
    ///
    /// # Errors
    /// `paused`, with who and why.
    pub(crate) async fn refuse_paused(
        &self,
        lane: &LaneKey,
        configuration: Option<&str>,
    ) -> Result<(), Error> {
        let rejects = match self.rejects.fresh() {
            Some(rejects) => rejects,
            None => self.read_rejects().await?,
        };
        let found = rejects
            .iter()
            .find(|reject| reject.covers(lane, configuration));
        found.map_or(Ok(()), |reject| Err(reject.error()))
    }

    async fn read_rejects(&self) -> Result<Arc<[Reject]>, Error> {
        let asked_at = Instant::now();
        let rows = sqlx::query_file_as!(Reject, "queries/pause/rejecting.sql")
            .fetch_all(self.pool())
            .await?;
        let rejects: Arc<[Reject]> = rows.into();
        *self.rejects.0.lock().expect("no panic while holding it") =
            Some((asked_at, rejects.clone()));
        Ok(rejects)
    }
}
