//! The doctor: looks for rows that break what the engine promises, and puts right what it safely can.
//!
//! `check` says what there is to look at, `look` asks, `codes` says what a finding means, `mend` repairs.
//! A check of much is many short looks, each with its own snapshot; how far it came is kept, so that a
//! keeper goes on where another one stopped.

mod check;
mod codes;
mod look;
mod mend;
mod report;

use std::time::{Duration, Instant};

use sqlx::types::Json;

pub use self::check::Check;
pub use self::codes::{Code, Severity, codes, meaning};
use self::look::Row;
pub use self::report::{CheckView, Example, Finding, RepairView, Report};
use super::Store;
use crate::Error;

/// How a run is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only these checks; all of them when empty.
    pub only: Vec<Check>,
    /// Whether to put right what is provably safe.
    pub repair: bool,
    /// Who wants it, for the log of repairs.
    pub who: String,
    /// What should have happened so long ago is late.
    pub overdue: Duration,
    /// A worker that is silent for so long is dead.
    pub lease_time: Duration,
    /// Longest time of one look, and so of one snapshot.
    pub statement: Duration,
    /// Time for all; checks that it does not reach say so.
    pub budget: Duration,
    /// Examples kept of each code.
    pub examples: i32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            repair: false,
            who: "doctor".into(),
            overdue: Duration::from_mins(1),
            lease_time: Duration::from_secs(30),
            statement: Duration::from_secs(10),
            budget: Duration::from_mins(1),
            examples: 10,
        }
    }
}

/// Time that a keeper has for one pass of one check; what is left is for the next pass.
const PASS_BUDGET: Duration = Duration::from_secs(1);

/// What a pass does of one check.
struct Pass {
    check: Check,
    /// Nothing when somebody made it so short a time ago.
    every: Duration,
    /// Whether it goes on where the last one stopped.
    goes_on: bool,
    until: Instant,
}

impl Store {
    /// Makes the checks now, from their beginning; what they found is kept for [`Store::doctor_report`].
    ///
    /// # Errors
    /// What the database says; a look that takes too long is no error, its check says so.
    ///
    /// # Cancel safety
    /// Each look and each repair is a transaction of its own.
    pub async fn doctor(&self, options: &Options) -> Result<Report, Error> {
        let until = Instant::now() + options.budget;
        let chosen: Vec<Check> = match options.only.as_slice() {
            [] => Check::ALL.to_vec(),
            only => only.to_vec(),
        };
        for check in &chosen {
            let pass = Pass {
                check: *check,
                every: Duration::ZERO,
                goes_on: false,
                until,
            };
            self.doctor_pass(&pass, options).await?;
        }
        self.prune_repairs().await?;
        let mut report = self.doctor_report().await?;
        report
            .checks
            .retain(|view| chosen.iter().any(|check| check.name() == view.name));
        Ok(report)
    }

    /// A keeper's pass: the checks whose time has come, a second each. Gives the checks that it made, as
    /// they stand.
    ///
    /// # Errors
    /// What the database says.
    pub async fn doctor_duty(&self, options: &Options) -> Result<Vec<CheckView>, Error> {
        let mut made = Vec::new();
        for check in self.checks_due().await? {
            let pass = Pass {
                check,
                every: check.every(),
                goes_on: true,
                until: Instant::now() + PASS_BUDGET,
            };
            if self.doctor_pass(&pass, options).await? {
                made.push(check.name());
            }
        }
        if made.is_empty() {
            return Ok(Vec::new());
        }
        self.prune_repairs().await?;
        let mut views = self.doctor_report().await?.checks;
        views.retain(|view| made.contains(&view.name.as_str()));
        Ok(views)
    }

    /// The checks that nobody made lately, in their order.
    async fn checks_due(&self) -> Result<Vec<Check>, Error> {
        let names = Check::ALL.map(|check| check.name().to_owned());
        let seconds = Check::ALL.map(|check| check.every().as_secs_f64());
        let rows = sqlx::query_file!("queries/doctor/due.sql", &names[..], &seconds[..])
            .fetch_all(self.pool())
            .await?;
        let is_due = |check: &Check| rows.iter().any(|row| row.name == check.name());
        Ok(Check::ALL.into_iter().filter(is_due).collect())
    }

    /// Whether the check was made.
    async fn doctor_pass(&self, pass: &Pass, options: &Options) -> Result<bool, Error> {
        let name = pass.check.name();
        let begun = sqlx::query_file!("queries/doctor/begin.sql", name, pass.every.as_secs_f64())
            .fetch_optional(self.pool())
            .await?;
        let Some(begun) = begun else {
            return Ok(false);
        };
        let mut round = Round::default();
        if pass.goes_on && begun.cursor_id > 0 {
            round.cursor = begun.cursor_id;
            round.findings = begun.found_so_far.0;
        }
        let started = Instant::now();
        self.go_round(pass, options, &mut round).await?;
        sqlx::query_file!(
            "queries/doctor/keep.sql",
            name,
            round.cursor,
            started.elapsed().as_secs_f64(),
            round.unfinished,
            Json(&round.findings) as _
        )
        .execute(self.pool())
        .await?;
        Ok(true)
    }

    /// Looks page after page, until the end or until the time is over.
    async fn go_round(
        &self,
        pass: &Pass,
        options: &Options,
        round: &mut Round,
    ) -> Result<(), Error> {
        while let Some(page) = pass.check.next(self, round.cursor).await? {
            if Instant::now() >= pass.until && round.looked {
                round.unfinished = Some("the time was over; the next pass goes on".into());
                return Ok(());
            }
            match look::look(self, pass.check, page.clone(), options).await {
                Ok(rows) => {
                    for row in rows {
                        let repaired = match options.repair {
                            true => mend::mend(self, pass.check, &page, &row.code, options).await?,
                            false => 0,
                        };
                        round.note(row, repaired, options.examples);
                    }
                }
                Err(error) if error.is_busy() => round.missed.push(page.place()),
                Err(error) => return Err(error),
            }
            round.looked = true;
            round.cursor = page.cursor();
            if round.cursor == i64::MAX {
                break;
            }
        }
        round.cursor = 0;
        if !round.missed.is_empty() {
            let places = round.missed.join(", ");
            round.unfinished = Some(format!("took too long, and was left out: {places}"));
        }
        Ok(())
    }
}

/// What a round has come to.
#[derive(Default)]
struct Round {
    cursor: i64,
    findings: Vec<Finding>,
    missed: Vec<String>,
    unfinished: Option<String>,
    looked: bool,
}

impl Round {
    fn note(&mut self, row: Row, repaired: i64, examples: i32) {
        let examples = usize::try_from(examples).unwrap_or_default();
        let said = row.subjects.into_iter().zip(row.details);
        let said = said.map(|(subject, detail)| Example { subject, detail });
        match self.findings.iter_mut().find(|one| one.code == row.code) {
            Some(finding) => {
                finding.found += row.found;
                finding.repaired += repaired;
                finding.examples.extend(said);
                finding.examples.truncate(examples);
            }
            None => self.findings.push(Finding {
                code: row.code,
                found: row.found,
                repaired,
                examples: said.collect(),
            }),
        }
    }
}
