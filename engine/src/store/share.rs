//! Shares: how much of the workers a group or queue gets. Read with every look for lanes, so a change
//! acts on work that is already queued.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::problem::Problem;

use super::Store;
use crate::Error;
use crate::vocabulary::ShareKind;

/// Largest weight.
const WEIGHT_MAX: i32 = 1_000;

/// What a group or queue may get, and what it has.
#[derive(Clone, Debug, Serialize)]
pub struct ShareView {
    /// `group` or `queue`.
    pub kind: String,
    /// Its name; a group's is `tenant/purpose`, with the tenant's number.
    pub name: String,
    /// Its part beside the others, 1 unless said otherwise.
    pub weight: i32,
    /// With fewer jobs in flight than this it goes first.
    pub minimum: i32,
    /// With so many jobs in flight it gets no more.
    pub maximum: Option<i32>,
    /// Who said so; empty where nobody did.
    pub who: String,
    /// When.
    pub at: Option<DateTime<Utc>>,
    /// Jobs under lease.
    pub in_flight: i64,
    /// Whether due work waits.
    pub has_work: bool,
    /// Whether some of that stands still for a pause.
    pub is_paused: bool,
}

impl ShareView {
    /// What people call it: a group's purpose or template, a queue as `queue:NAME`.
    pub fn key(&self) -> String {
        match (self.kind.as_str(), self.name.split_once('/')) {
            ("group", Some((_, group))) => group.to_owned(),
            ("group", None) => self.name.clone(),
            _ => format!("queue:{}", self.name),
        }
    }
}

/// The kind and name that a key of [`ShareView::key`] stands for.
pub fn share_of_key(tenant: i32, key: &str) -> (ShareKind, String) {
    match key.strip_prefix("queue:") {
        Some(queue) => (ShareKind::Queue, queue.to_owned()),
        None => (ShareKind::Group, format!("{tenant}/{key}")),
    }
}

/// What somebody wants a group or queue to get.
#[derive(Clone, Debug)]
pub struct NewShare {
    /// What it is.
    pub kind: ShareKind,
    /// Its name.
    pub name: String,
    /// 1 to 1,000.
    pub weight: i32,
    /// Jobs in flight.
    pub minimum: i32,
    /// Jobs in flight; at least the minimum.
    pub maximum: Option<i32>,
    /// Who wants it.
    pub who: String,
}

impl Store {
    /// Says how much a group or queue gets. Workers heed it within a second.
    ///
    /// # Errors
    /// `invalid` with every fault.
    ///
    /// # Cancel safety
    /// Dropped, it may be stored; a repeat is harmless.
    pub async fn put_share(&self, tenant: i32, new: &NewShare) -> Result<(), Error> {
        let problems = faults(new);
        if !problems.is_empty() {
            return Err(Error::Invalid { problems });
        }
        sqlx::query_file!(
            "queries/share/put.sql",
            tenant,
            new.kind.as_str(),
            new.name,
            new.weight,
            new.minimum,
            new.maximum,
            new.who
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Gives a group or queue back to weight 1 without bounds. Repeating it is harmless.
    pub async fn delete_share(
        &self,
        tenant: i32,
        kind: ShareKind,
        name: &str,
    ) -> Result<(), Error> {
        let noted = sqlx::query_file!("queries/share/delete.sql", tenant, kind.as_str(), name);
        noted.execute(self.pool()).await?;
        Ok(())
    }

    /// Every group and queue that has work, runs some or has a share; at most 1,000, queues first.
    pub async fn shares(&self, tenant: i32) -> Result<Vec<ShareView>, Error> {
        Ok(
            sqlx::query_file_as!(ShareView, "queries/share/list.sql", tenant)
                .fetch_all(self.pool())
                .await?,
        )
    }
}

fn faults(new: &NewShare) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |pointer: &str, message: String| {
        problems.push(Problem::new("wrong_value", pointer, message));
    };
    if !(1..=WEIGHT_MAX).contains(&new.weight) {
        wrong(
            "/weight",
            format!("{} is no weight: 1 to {WEIGHT_MAX}", new.weight),
        );
    }
    if new.minimum < 0 {
        wrong("/minimum", format!("{} is below 0", new.minimum));
    }
    if new
        .maximum
        .is_some_and(|maximum| maximum < new.minimum.max(0))
    {
        wrong("/maximum", "it is below the minimum".into());
    }
    problems
}
