//! Equal verdicts in a row: more than a thousand of them are one row of the ledger.
//!
//! Where nobody was there for long, or for as long as a pause lasted, they are that from the beginning, and no slot of them
//! is looked at. Those that come one by one are put into one row once they are too many, and that row grows from then on.

use chrono::{DateTime, Utc};
use windlass_workflows::policy::catch_up::Pause;
use windlass_workflows::policy::skim::{Piece, Skim};

use crate::Error;
use crate::store::slot_run::{fold, write_run};
use crate::store::{Planning, Session, plan_slots};

/// What was decided of slots that do not run.
#[derive(Default)]
pub(super) struct Ends {
    /// How many slots.
    pub slots: usize,
    /// Rows of one slot among theirs.
    pub rows: usize,
    /// Where equal verdicts end.
    pub ats: Vec<DateTime<Utc>>,
}

impl Ends {
    /// Puts equal verdicts into one row.
    pub(super) async fn fold(
        mut self,
        connection: &mut Session,
        schedule: (i32, &str),
    ) -> Result<(), Error> {
        self.ats.sort_unstable();
        for at in self.ats {
            fold(connection, schedule, at, self.rows + 1).await?;
        }
        Ok(())
    }
}

/// What lies between the last slot that was written and the present, and the next day.
pub(super) struct Behind<'a> {
    pub planning: Planning<'a>,
    pub pauses: &'a [Pause],
    pub now: DateTime<Utc>,
}

impl Behind<'_> {
    /// Writes the slots with `from ≤ at < until`: planned, or as one row where many of the past have one verdict, whatever
    /// stands beside them.
    pub(super) async fn plan(
        self,
        connection: &mut Session,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Ends, Error> {
        let mut ends = Ends::default();
        for piece in self.pieces(connection, from, until).await? {
            match piece {
                Piece::Open { from, until } => {
                    plan_slots(connection, self.planning, from, until).await?;
                }
                Piece::Judged(run) => {
                    let not_run = match run.missed {
                        Some(why) => ("missed", why.as_str()),
                        None => ("skipped", "paused"),
                    };
                    write_run(connection, self.planning, &run, not_run).await?;
                    ends.slots += usize::try_from(run.n).unwrap_or(usize::MAX);
                    ends.ats.push(run.first.at);
                }
            }
        }
        Ok(ends)
    }

    async fn pieces(
        &self,
        connection: &mut Session,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Piece>, Error> {
        // What a calendar leaves out stands in the row of equal verdicts, and ends it.
        if self.planning.says_left_out() || from >= self.now {
            return Ok(vec![Piece::Open { from, until }]);
        }
        let (tenant, name) = (self.planning.tenant, self.planning.name);
        let rows = sqlx::query_file!("queries/slot/around.sql", tenant, name, from, self.now)
            .fetch_all(connection)
            .await?;
        let known: Vec<_> = rows.iter().map(|row| (row.at, row.until)).collect();
        let skim = Skim {
            schedule: self.planning.schedule,
            calendar: self.planning.calendar,
            pauses: self.pauses,
            known: &known,
            now: self.now,
        };
        Ok(skim.pieces(from, until))
    }
}

/// Marks the due slots of a schedule missed whose recipe cannot be followed; how many.
pub(super) async fn miss_due(
    connection: &mut Session,
    (tenant, name): (i32, String),
    now: DateTime<Utc>,
    reason: String,
) -> Result<usize, Error> {
    let locked = sqlx::query_file!("queries/schedule/lock_to_fire.sql", tenant, name)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(locked) = locked else {
        return Ok(0);
    };
    let missed = sqlx::query_file!("queries/slot/miss_due.sql", tenant, name, now, reason)
        .fetch_one(&mut *connection)
        .await?;
    let slots = usize::try_from(missed.slots).unwrap_or_default();
    if let Some(last) = missed.last.filter(|_| !locked.is_after) {
        fold(connection, (tenant, &name), last, slots).await?;
    }
    Ok(slots)
}
