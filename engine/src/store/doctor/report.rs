//! What the doctor says.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;

use crate::Error;
use crate::store::Store;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable; [`super::meaning`] says what it means.
    pub code: String,
    /// How many there were.
    pub found: i64,
    /// Rows that were put right.
    pub repaired: i64,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// One case of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What it is: a job, a batch, a lease, a name.
    pub subject: String,
    /// What was seen.
    pub detail: String,
}

/// One check, as it was last made.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckView {
    /// Its name.
    pub name: String,
    /// When a pass of it last began.
    pub begun_at: DateTime<Utc>,
    /// When it last came to its end.
    pub checked_at: Option<DateTime<Utc>>,
    /// How long the last pass took, in seconds.
    pub seconds: f64,
    /// Why the last pass could not look everywhere.
    pub unfinished: Option<String>,
    /// What the last whole round found, and what an unfinished one has found beyond that.
    pub findings: Vec<Finding>,
}

/// Every check, as it was last made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// By name.
    pub checks: Vec<CheckView>,
}

impl Report {
    /// Whether nothing was found, wherever it could look.
    pub fn is_clean(&self) -> bool {
        self.findings().next().is_none()
    }

    /// Whether every check came to its end.
    pub fn is_whole(&self) -> bool {
        self.checks.iter().all(|check| check.unfinished.is_none())
    }

    /// What was found.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.findings)
    }
}

/// Something that was put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepairView {
    /// Counts up.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What was found.
    pub code: String,
    /// Rows that were changed.
    pub rows: i64,
    /// Where it looked; empty for everywhere.
    pub place: String,
    /// Who wanted it.
    pub who: String,
}

impl Store {
    /// What the last passes found, whoever made them.
    ///
    /// # Errors
    /// What the database says.
    pub async fn doctor_report(&self) -> Result<Report, Error> {
        let rows = sqlx::query_file!("queries/doctor/show.sql")
            .fetch_all(self.pool())
            .await?;
        let checks = rows.into_iter().map(|row| CheckView {
            name: row.name,
            begun_at: row.begun_at,
            checked_at: row.checked_at,
            seconds: row.seconds,
            unfinished: row.unfinished,
            findings: joined(row.findings.0, row.found_so_far.0),
        });
        Ok(Report {
            checks: checks.collect(),
        })
    }

    /// What was put right lately, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn doctor_repairs(&self, limit: u32) -> Result<Vec<RepairView>, Error> {
        let rows = sqlx::query_file_as!(RepairView, "queries/doctor/repairs.sql", i64::from(limit))
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }

    /// Forgets what was put right long ago.
    pub(super) async fn prune_repairs(&self) -> Result<(), Error> {
        sqlx::query_file!("queries/doctor/prune.sql")
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

/// What the running round found, and what it has not come to yet.
fn joined(whole: Vec<Finding>, so_far: Vec<Finding>) -> Vec<Finding> {
    let (mut all, old) = (so_far, whole);
    for finding in old {
        if !all.iter().any(|one| one.code == finding.code) {
            all.push(finding);
        }
    }
    all
}
