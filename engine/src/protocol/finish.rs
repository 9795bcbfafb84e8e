//! Finish: a batch ends when, and only when, every settlement that it expects has been told. One with a tolerance is
//! judged first, at each pass: too much that failed stops it, fails it, or is said.

use std::collections::BTreeMap;

use windlass_workflows::configuration::{Tolerance, TripAction, read_rules};
use windlass_workflows::plan::{Tallies, Totals, Trip, trips};
use windlass_workflows::value::Value;

use super::course::count;
use super::pass::Pass;
use super::release::stand_still;
use crate::store::notice::note_end;
use crate::store::{EXTENTS_MAX, Session};
use crate::{Error, Store};

/// Who cancels what a tolerance ends.
const KEEPER: &str = "keeper";
/// Why.
const TRIPPED: &str = "tolerance_tripped";
/// Jobs that one look asks one by one; the next pass asks the others.
const PUT_BACK_MAX: i64 = 500;

/// A row of `batch/to_judge.sql` or `batch/judged.sql`.
struct Judged {
    id: i64,
    state: String,
    sealed: bool,
    expected: i64,
    accepted: i64,
    tripped: Option<String>,
    rules: String,
    is_restarting: bool,
    /// A redrive or restart of it is under way: it ends once, when that is done.
    is_redriven: bool,
    tally: sqlx::types::Json<BTreeMap<String, i64>>,
}

/// What a look at a batch asks for.
#[derive(Debug, PartialEq)]
struct Verdict {
    trip: Option<(Trip, TripAction)>,
    /// What has not begun is to be cancelled.
    fails: bool,
    end: Option<&'static str>,
}

/// What came of a look.
#[derive(Default)]
struct Acted {
    ended: bool,
    /// Whose it is, where what has not begun is cancelled.
    failing: Option<i32>,
}

impl Store {
    /// Judges batches with a tolerance, and ends those whose settlements are complete; the ids of what ended.
    ///
    /// # Cancel safety
    /// Each judged batch is a transaction of its own, all others are one statement.
    pub async fn finish(&self) -> Result<Vec<i64>, Error> {
        let mut pass = Pass::default();
        let mut ended = self.judge(&mut pass).await?;
        let rows = sqlx::query_file!("queries/batch/finish.sql")
            .fetch_all(self.pool())
            .await?;
        ended.extend(rows.into_iter().map(|row| row.id));
        pass.end(ended)
    }

    async fn judge(&self, pass: &mut Pass) -> Result<Vec<i64>, Error> {
        let (mut ended, mut after) = (Vec::new(), 0);
        loop {
            let batches = sqlx::query_file_as!(Judged, "queries/batch/to_judge.sql", after)
                .fetch_all(self.pool())
                .await?;
            let Some(last) = batches.last() else {
                return Ok(ended);
            };
            after = last.id;
            for batch in batches {
                if pass.over(self.judge_one(&batch).await)? {
                    ended.push(batch.id);
                }
            }
        }
    }

    async fn judge_one(&self, batch: &Judged) -> Result<bool, Error> {
        if !batch.verdict()?.is_something() {
            return Ok(false);
        }
        let acted = self.act(batch.id).await?;
        if let Some(tenant) = acted.failing {
            self.cancel_put_back(tenant, batch.id).await?;
        }
        Ok(acted.ended)
    }

    /// Judges one under its lock and does what is to be done.
    async fn act(&self, batch: i64) -> Result<Acted, Error> {
        self.transaction(move |connection| Box::pin(act(connection, batch)))
            .await
    }

    /// What a restart put back among what is planned has begun before, and may have things to undo: each is asked to end.
    async fn cancel_put_back(&self, tenant: i32, batch: i64) -> Result<(), Error> {
        let rows = sqlx::query_file!("queries/batch/put_back.sql", batch, PUT_BACK_MAX)
            .fetch_all(self.pool())
            .await?;
        let mut pass = Pass::default();
        for row in rows {
            let asked = self.cancel(tenant, row.job, KEEPER, TRIPPED).await;
            match asked.map(drop) {
                // It has ended by itself.
                Err(error) if error.is_permanent() => {}
                answer => pass.over(answer)?,
            }
        }
        pass.end(())
    }
}

async fn act(connection: &mut Session, batch: i64) -> Result<Acted, Error> {
    let lock = sqlx::query_file!("queries/batch/lock_to_judge.sql", batch);
    let Some(lock) = lock.fetch_optional(&mut *connection).await? else {
        return Ok(Acted::default());
    };
    let found = sqlx::query_file_as!(Judged, "queries/batch/judged.sql", batch)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(verdict) = found.map(|found| found.verdict()).transpose()? else {
        return Ok(Acted::default());
    };
    if let Some((trip, action)) = &verdict.trip {
        let why = format!("{TRIPPED}: {trip}");
        sqlx::query_file!("queries/batch/trip.sql", batch, action.as_str(), why)
            .execute(&mut *connection)
            .await?;
        if *action == TripAction::Pause && verdict.end.is_none() {
            stand_still(connection, lock.tenant, batch, &why).await?;
        }
    }
    if verdict.fails {
        // The next pass ends more, until none is open.
        sqlx::query_file!("queries/batch/end_unstarted.sql", batch, EXTENTS_MAX)
            .fetch_one(&mut *connection)
            .await?;
    }
    if let Some(state) = verdict.end {
        sqlx::query_file!("queries/batch/end_judged.sql", batch, state)
            .execute(&mut *connection)
            .await?;
        note_end(connection, batch).await?;
    }
    Ok(Acted {
        ended: verdict.end.is_some(),
        failing: verdict.fails.then_some(lock.tenant),
    })
}

impl Verdict {
    fn is_something(&self) -> bool {
        self.trip.is_some() || self.fails || self.end.is_some()
    }
}

impl Judged {
    fn verdict(&self) -> Result<Verdict, Error> {
        let (totals, tolerance) = (self.totals(), self.tolerance()?);
        let trip = tolerance.and_then(|tolerance| self.trip(&tolerance, &totals));
        let fails = self.tripped.as_deref() == Some(TripAction::Fail.as_str())
            || trip.is_some_and(|(_, action)| action == TripAction::Fail);
        let is_over = self.sealed && self.state == "running" && !self.is_redriven;
        let ending = totals.ending().filter(|_| is_over);
        Ok(Verdict {
            trip,
            fails: fails && totals.open() > 0,
            end: ending.map(|ending| if fails { "failed" } else { ending.as_str() }),
        })
    }

    fn totals(&self) -> Totals {
        let kinds = self.tally.0.iter().map(|(kind, n)| (kind, count(*n)));
        let (tallies, restarted) = Tallies::of_kinds(kinds);
        Totals {
            expected: count(self.expected),
            tallies,
            restarted,
        }
    }

    fn tolerance(&self) -> Result<Option<Tolerance>, Error> {
        let unreadable = |message: String| Error::Unreadable {
            noun: "batch",
            name: format!("b_{}", self.id),
            message,
        };
        let rules = Value::parse(&self.rules).map_err(|error| unreadable(error.to_string()))?;
        let rules = read_rules(&rules).map_err(|problems| Error::Invalid { problems })?;
        Ok(rules.tolerance)
    }

    /// Too much has failed and nobody knows yet. A restart under way is about to take endings back; so is a redrive, of a
    /// batch that has nothing else to do.
    fn trip(&self, tolerance: &Tolerance, totals: &Totals) -> Option<(Trip, TripAction)> {
        let is_taken_back = self.is_restarting || self.is_redriven && totals.open() == 0;
        if self.tripped.is_some() || is_taken_back {
            return None;
        }
        let trip = trips(tolerance, totals.now(), count(self.accepted), totals.open())?;
        Some((trip, tolerance.action))
    }
}
