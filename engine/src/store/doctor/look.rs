//! One look: a statement each, with little time, in a snapshot of its own.
//!
//! What every transaction keeps holds in every snapshot, so what one statement sees is no race.

use std::time::Duration;

use super::Options;
use super::check::{Check, Page, of_drift, of_gaps, tally_gaps};
use crate::Error;
use crate::store::limit::LimitDrift;
use crate::store::{Session, Store};

/// What a look found of one code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub code: String,
    pub found: i64,
    pub subjects: Vec<String>,
    pub details: Vec<String>,
}

impl Row {
    /// One row of what was found, none of nothing.
    pub(super) fn of(code: &str, said: Vec<(String, String)>, examples: i32) -> Vec<Self> {
        let found = i64::try_from(said.len()).unwrap_or(i64::MAX);
        let examples = usize::try_from(examples).unwrap_or_default();
        let (subjects, details) = said.into_iter().take(examples).unzip();
        let row = Self {
            code: code.to_owned(),
            found,
            subjects,
            details,
        };
        Vec::from_iter((found > 0).then_some(row))
    }
}

/// `rows!(session, "file", arguments…)`
macro_rules! rows {
    ($session:ident, $file:tt $(, $argument:expr)*) => {
        sqlx::query_file_as!(Row, $file $(, $argument)*).fetch_all($session).await?
    };
}

/// Looks at a page, unless it takes longer than the options allow: then the server says so.
pub(super) async fn look(
    store: &Store,
    check: Check,
    page: Page,
    options: &Options,
) -> Result<Vec<Row>, Error> {
    let options = options.clone();
    store
        .transaction(move |session| {
            Box::pin(async move {
                let time = milliseconds(options.statement);
                sqlx::query_file!("queries/doctor/limit_time.sql", time)
                    .fetch_one(&mut *session)
                    .await?;
                match page {
                    Page::Jobs(from, upto) => of_jobs(session, check, (from, upto), &options).await,
                    Page::Batches(ids) => of_batches(session, check, &ids, &options).await,
                    Page::All => of_all(session, check, &options).await,
                }
            })
        })
        .await
}

fn milliseconds(time: Duration) -> String {
    format!("{}ms", time.as_millis().max(1))
}

async fn of_jobs(
    session: &mut Session,
    check: Check,
    (from, upto): (i64, i64),
    options: &Options,
) -> Result<Vec<Row>, Error> {
    let n = options.examples;
    Ok(match check {
        Check::Places => rows!(session, "queries/doctor/places.sql", from, upto, n),
        Check::Lanes => rows!(session, "queries/doctor/lanes.sql", from, upto, n),
        Check::Outcomes => rows!(session, "queries/doctor/outcomes.sql", from, upto, n),
        Check::Memories => rows!(session, "queries/doctor/memories.sql", from, upto, n),
        Check::Journals => rows!(session, "queries/doctor/journals.sql", from, upto, n),
        _ => rows!(session, "queries/doctor/orphans.sql", from, upto, n),
    })
}

async fn of_batches(
    session: &mut Session,
    check: Check,
    ids: &[i64],
    options: &Options,
) -> Result<Vec<Row>, Error> {
    let (n, late) = (options.examples, options.overdue.as_secs_f64());
    Ok(match check {
        Check::Tallies => of_gaps(&tally_gaps(session, ids).await?, n),
        Check::Batches => rows!(session, "queries/doctor/batches.sql", ids, late, n),
        _ => rows!(session, "queries/doctor/plans.sql", ids, n),
    })
}

async fn of_all(session: &mut Session, check: Check, options: &Options) -> Result<Vec<Row>, Error> {
    let (n, late) = (options.examples, options.overdue.as_secs_f64());
    let lease = options.lease_time.as_secs_f64();
    Ok(match check {
        Check::Leases => rows!(session, "queries/doctor/leases.sql", late, lease, n),
        Check::Waits => rows!(session, "queries/doctor/waits.sql", n),
        Check::Timers => rows!(session, "queries/doctor/timers.sql", late, n),
        Check::Cancels => rows!(session, "queries/doctor/cancels.sql", late, n),
        Check::Keys => rows!(session, "queries/doctor/keys.sql", n),
        Check::Slots => rows!(session, "queries/doctor/slots.sql", late, n),
        Check::Mail => rows!(session, "queries/doctor/mail.sql", late, n),
        Check::Pauses => rows!(session, "queries/doctor/pauses.sql", n),
        Check::Limits => {
            let drift = sqlx::query_file_as!(LimitDrift, "queries/limit/drift.sql");
            of_drift(&drift.fetch_all(session).await?, n)
        }
        Check::LaneLimits => rows!(session, "queries/doctor/lane_limits.sql", n),
        Check::Categories => rows!(session, "queries/doctor/categories.sql", n),
        Check::Ids => rows!(session, "queries/doctor/ids.sql", n),
        // A transaction of ours ends within a minute.
        _ => rows!(session, "queries/doctor/sessions.sql", 10.0 * late, n),
    })
}
