//! Notices and callbacks as rows: what happened, written beside the fact, and what was made of it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use windlass_workflows::configuration::Callback;
use windlass_workflows::notice::{Judged, Threshold, When};
use windlass_workflows::plan::Ratio;

use super::Store;
use super::gate::Session;
use crate::Error;

/// Of which nobody was told yet.
#[derive(Clone, Debug)]
pub(crate) struct OpenNotice {
    pub id: Uuid,
    pub tenant: i32,
    pub kind: String,
    pub batch: Option<i64>,
    pub generation: i32,
    pub n: i32,
    pub schedule: Option<String>,
    pub slot_at: Option<DateTime<Utc>>,
    pub at: DateTime<Utc>,
    pub data: String,
}

/// A callback that wants a job.
#[derive(Clone, Debug)]
pub(crate) struct OpenCallback {
    pub notice: Uuid,
    pub n: i32,
    pub tenant: i32,
    pub batch: i64,
    pub kind: String,
    pub purpose: String,
    pub input: String,
}

/// A callback that looks at how the jobs of its batch end.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub batch: i64,
    pub n: i32,
    pub failed: Option<i64>,
    pub share: Option<i64>,
    pub is_over: bool,
    pub bad: i64,
    pub completed: i64,
}

impl Watched {
    pub(crate) fn has_come(&self) -> bool {
        let judged = Judged {
            bad: whole(self.bad),
            completed: whole(self.completed),
            is_over: self.is_over,
        };
        let threshold = match self.share {
            Some(share) => Threshold::Share(Ratio::of_millionths(whole(share))),
            None => Threshold::Count(whole(self.failed.unwrap_or(1))),
        };
        threshold.is_reached(&judged)
    }
}

/// A callback of a batch that came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallbackView {
    /// `first_failure`, `threshold`, `at_risk` or `finished`.
    pub kind: String,
    /// Of which generation; 0 of what comes once a batch.
    pub generation: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// The webhook that it tells.
    pub webhook: Option<String>,
    /// The purpose that it makes a job of.
    pub purpose: Option<String>,
    /// That job.
    pub job: Option<i64>,
    /// Why it could not be carried out.
    pub problem: Option<String>,
    /// The delivery to its webhook.
    pub delivery: Option<i64>,
    /// `waiting`, `delivered` or `dead`.
    pub delivery_state: Option<String>,
}

/// A slot whose work is, or was, behind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertView {
    /// Its schedule.
    pub schedule: String,
    /// The slot.
    pub at: DateTime<Utc>,
    /// `not_started` or `not_finished`.
    pub what: String,
    /// When people were told.
    pub since: DateTime<Utc>,
    /// What became of the slot.
    pub state: String,
    /// Why, where the state alone does not say.
    pub reason: Option<String>,
    /// The batch that it made.
    pub batch: Option<i64>,
}

/// An event for a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDelivery {
    /// Which webhook.
    pub webhook: String,
    /// The event's id, the same for all who are told and for ever.
    pub event: String,
    /// Such as `batch.finished`.
    pub kind: String,
    /// What is signed and sent.
    pub body: String,
}

/// A callback as it comes with its notice.
#[derive(Clone, Debug)]
pub(crate) struct NewCallback {
    pub n: i32,
    pub webhook: Option<String>,
    pub purpose: Option<String>,
    pub input: String,
    pub problem: Option<String>,
}

impl Store {
    /// The callbacks of a batch that came; at most 100.
    pub async fn callbacks(&self, tenant: i32, batch: i64) -> Result<Vec<CallbackView>, Error> {
        let found =
            sqlx::query_file_as!(CallbackView, "queries/callback/of_batch.sql", batch, tenant);
        Ok(found.fetch_all(self.pool()).await?)
    }

    /// Slots of which people were told since an instant that they are behind; at most 50.
    pub async fn slot_alerts(
        &self,
        tenant: i32,
        since: DateTime<Utc>,
    ) -> Result<Vec<AlertView>, Error> {
        let found = sqlx::query_file_as!(AlertView, "queries/notice/alerts.sql", tenant, since);
        Ok(found.fetch_all(self.pool()).await?)
    }

    /// Forgets notices that belong to no batch, so long after they were told; how many.
    pub async fn forget_notices(&self, kept: std::time::Duration) -> Result<u64, Error> {
        let done = sqlx::query_file!("queries/notice/forget.sql", kept.as_secs_f64());
        Ok(done.execute(self.pool()).await?.rows_affected())
    }
}

/// Notes that a batch has ended, in the transaction of whoever ends it: once a generation.
pub(crate) async fn note_end(connection: &mut Session, batch: i64) -> Result<(), Error> {
    let noted = sqlx::query_file!("queries/notice/note_end.sql", batch);
    noted.execute(connection).await?;
    Ok(())
}

/// Keeps which callbacks of a new batch look at how its jobs end. One look serves all that want the first failure.
pub(crate) async fn watch(
    connection: &mut Session,
    batch: i64,
    callbacks: &[Callback],
) -> Result<(), Error> {
    let (mut places, mut kinds) = (Vec::new(), Vec::new());
    let (mut counts, mut shares) = (Vec::new(), Vec::new());
    for (n, callback) in (0_i32..).zip(callbacks) {
        let kind = callback.when.as_str();
        let is_first = callback.when == When::FirstFailure && !kinds.contains(&kind.to_owned());
        if !is_first && callback.threshold.is_none() {
            continue;
        }
        places.push(n);
        kinds.push(kind.to_owned());
        let (count, share) = match callback.threshold {
            Some(Threshold::Share(share)) => (None, Some(share.millionths())),
            Some(Threshold::Count(count)) => (Some(count), None),
            None => (Some(1), None),
        };
        counts.push(count.map(stored));
        shares.push(share.map(stored));
    }
    if places.is_empty() {
        return Ok(());
    }
    let (counts, shares): (&[Option<i64>], &[Option<i64>]) = (&counts, &shares);
    let kept = sqlx::query_file!(
        "queries/notice/watch.sql",
        batch,
        &places,
        &kinds,
        counts as _,
        shares as _
    );
    kept.execute(connection).await?;
    Ok(())
}

/// Marks a notice told; false when somebody else did.
pub(crate) async fn tell(connection: &mut Session, notice: Uuid) -> Result<bool, Error> {
    let told = sqlx::query_file!("queries/notice/tell.sql", notice);
    Ok(told.execute(connection).await?.rows_affected() > 0)
}

/// Keeps what came with a notice.
pub(crate) async fn keep_callbacks(
    connection: &mut Session,
    notice: &OpenNotice,
    kind: &str,
    callbacks: &[NewCallback],
) -> Result<(), Error> {
    let column = |part: fn(&NewCallback) -> Option<String>| -> Vec<Option<String>> {
        callbacks.iter().map(part).collect()
    };
    let places: Vec<i32> = callbacks.iter().map(|one| one.n).collect();
    let inputs: Vec<String> = callbacks.iter().map(|one| one.input.clone()).collect();
    let kept = sqlx::query_file!(
        "queries/callback/keep.sql",
        notice.id,
        notice.tenant,
        notice.batch,
        kind,
        &places,
        &column(|one| one.webhook.clone()) as &[Option<String>],
        &column(|one| one.purpose.clone()) as &[Option<String>],
        &inputs,
        &column(|one| one.problem.clone()) as &[Option<String>],
    );
    kept.execute(connection).await?;
    Ok(())
}

fn whole(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

fn stored(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
