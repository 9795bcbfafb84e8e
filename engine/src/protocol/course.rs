//! The course of a batch: the rules that it is let go by, and how far it has come by them. Release, resume, edit and
//! whoever asks what holds it back read the same.

use chrono::{DateTime, Utc};
use windlass_workflows::calendar::Calendar;
use windlass_workflows::configuration::{Rules, read_rules, rules_of};
use windlass_workflows::plan::{self, Allowed, Bucket, Course, Moment, Tallies, Totals};
use windlass_workflows::value::Value;

use crate::store::{Session, calendar};
use crate::{Error, Store};

/// A row of `batch/rules.sql`, `lock_rules.sql` or `lock_for_release.sql`.
pub(crate) struct CourseRow {
    pub(crate) id: i64,
    pub(crate) tenant: i32,
    pub(crate) state: String,
    pub(crate) window: i64,
    pub(crate) released: i64,
    pub(crate) jobs: i64,
    pub(crate) expected: i64,
    pub(crate) accepted: i64,
    pub(crate) generation: i32,
    pub(crate) staged: i64,
    pub(crate) tokens: Option<f64>,
    pub(crate) tokens_at: Option<DateTime<Utc>>,
    pub(crate) rules: Option<String>,
    pub(crate) document: Option<String>,
    pub(crate) tripped: Option<String>,
    pub(crate) tripped_at: Option<DateTime<Utc>>,
    pub(crate) is_cancelling: bool,
    pub(crate) has_ended: bool,
    /// The instant that its deadline counts from.
    pub(crate) from: DateTime<Utc>,
    /// Why its own rules stopped it.
    pub(crate) halt: Option<String>,
    /// On the clock that schedules go by.
    pub(crate) now: DateTime<Utc>,
}

/// A batch on its way.
pub(crate) struct OnCourse {
    pub(crate) row: CourseRow,
    /// As they are stored.
    pub(crate) stored: Value,
    pub(crate) rules: Rules,
    pub(crate) totals: Totals,
    pub(crate) course: Course,
    calendar: Option<Calendar>,
    /// Jobs that are planned and not released; only counted while there is a canary.
    held_back: Option<u64>,
}

impl OnCourse {
    /// What stands beside the row; in a statement after the one that locked it, if one did.
    pub(crate) async fn of(connection: &mut Session, row: CourseRow) -> Result<Self, Error> {
        let stored = stored(&row)?;
        let rules = read_rules(&stored).map_err(|problems| Error::Invalid { problems })?;
        let totals = totals(connection, &row).await?;
        let held_back = match rules.canary {
            Some(_) => Some(held_back(connection, row.id).await?),
            None => None,
        };
        let calendar = match rules.calendar.as_deref() {
            Some(name) => calendar::named(connection, row.tenant, name).await?,
            None => None,
        };
        Ok(Self {
            course: course(&row, &totals, held_back),
            row,
            stored,
            rules,
            totals,
            calendar,
            held_back,
        })
    }

    /// What it may let go now.
    pub(crate) fn allowed(&self) -> Allowed {
        let dark = self.calendar.as_ref();
        let moment = Moment {
            window: count(self.row.window),
            bucket: self.bucket(),
            now: self.row.now,
            blackout: dark.and_then(|calendar| calendar.blackout_at(self.row.now)),
        };
        plan::allowed(&self.rules, &self.course, &moment)
    }

    /// Whether all that it expects has settled.
    pub(crate) fn is_settled(&self) -> bool {
        self.totals.open() == 0
    }

    /// Whether jobs of it may still be planned.
    pub(crate) fn may_release(&self) -> bool {
        let is_open = ["planned", "releasing"].contains(&self.row.state.as_str());
        is_open && self.held_back != Some(0)
    }

    fn bucket(&self) -> Option<Bucket> {
        let (tokens, at) = self.row.tokens.zip(self.row.tokens_at)?;
        Some(Bucket { tokens, at })
    }
}

/// The rules of a batch; until its first release they stand in its document.
fn stored(row: &CourseRow) -> Result<Value, Error> {
    let text = row.rules.as_deref().or(row.document.as_deref());
    let value = Value::parse(text.unwrap_or("{}")).map_err(|error| Error::Unreadable {
        noun: "batch",
        name: format!("b_{}", row.id),
        message: error.to_string(),
    })?;
    Ok(match row.rules {
        Some(_) => value,
        None => rules_of(&value),
    })
}

async fn totals(connection: &mut Session, row: &CourseRow) -> Result<Totals, Error> {
    let told = sqlx::query_file!("queries/batch/tallied.sql", row.id)
        .fetch_all(connection)
        .await?;
    let kinds = told.into_iter().map(|told| (told.kind, count(told.n)));
    let (tallies, restarted) = Tallies::of_kinds(kinds);
    Ok(Totals {
        expected: count(row.expected),
        tallies,
        restarted,
    })
}

async fn held_back(connection: &mut Session, batch: i64) -> Result<u64, Error> {
    let row = sqlx::query_file!("queries/batch/held_back.sql", batch)
        .fetch_one(connection)
        .await?;
    Ok(count(row.jobs))
}

fn course(row: &CourseRow, totals: &Totals, held_back: Option<u64>) -> Course {
    let now = totals.now();
    // What was cancelled before its release has settled all the same: a stage does not wait for it.
    let gone = held_back.map_or(0, |held| totals.expected.saturating_sub(held));
    let settled_before = totals.settled() - now.sum();
    Course {
        jobs: count(row.jobs),
        staged: count(row.staged),
        released: count(row.released).max(gone.saturating_sub(settled_before)),
        settled: now.sum(),
        now,
    }
}

/// A count of the database, which is none below nothing.
pub(crate) fn count(count: i64) -> u64 {
    u64::try_from(count).unwrap_or_default()
}

/// And back.
pub(crate) fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Store {
    /// The course of a batch as it is now, under no lock.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it does not exist in this tenant.
    pub(crate) async fn on_course(&self, tenant: i32, batch: i64) -> Result<OnCourse, Error> {
        let mut connection = self.pool().acquire().await?;
        let row = sqlx::query_file_as!(CourseRow, "queries/batch/rules.sql", tenant, batch)
            .fetch_optional(&mut connection)
            .await?
            .ok_or_else(|| Error::not_found("batch", format!("b_{batch}")))?;
        OnCourse::of(&mut connection, row).await
    }
}

/// Locks a batch whose rules somebody changes, or that somebody lets go on.
pub(crate) async fn locked(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
) -> Result<OnCourse, Error> {
    let row = sqlx::query_file_as!(CourseRow, "queries/batch/lock_rules.sql", tenant, batch);
    let row = row.fetch_optional(&mut *connection).await?;
    let row = row.ok_or_else(|| Error::not_found("batch", format!("b_{batch}")))?;
    OnCourse::of(connection, row).await
}
