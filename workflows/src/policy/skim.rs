//! What becomes of slots that nobody wrote down in time, without looking at each: where keepers were away for long, the
//! verdict cannot differ over most of what they find.
//!
//! Only what `catch_up::judge` says of any slot, whatever stands beside it, is said here of whole stretches: it lay in a
//! pause, it is too old, a newer one is due. All others are left to be judged one by one, and none of their verdicts
//! changes for it: the newest ones that catch-up may choose are always among them.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::catch_up::{Missed, Pause};
use crate::calendar::{Calendar, CatchUp, Schedule, Slot, count, next, previous, slots};

/// More equal verdicts in a row than this are one row of the ledger.
pub const EQUAL_MAX: u64 = 1_000;
/// The least step of the database's clock.
const TICK: TimeDelta = TimeDelta::microseconds(1);

/// Slots with one verdict, one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first of them.
    pub first: Slot,
    /// The last.
    pub last: Slot,
    /// How many; more than [`EQUAL_MAX`].
    pub n: u64,
    /// Why each is missed; nothing where they lay in a pause.
    pub missed: Option<Missed>,
}

/// A stretch of time with the slots in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// They are judged.
    Judged(Run),
    /// Those with `from ≤ at < until` are to be judged one by one.
    Open {
        /// First instant.
        from: DateTime<Utc>,
        /// First instant that is no more in it.
        until: DateTime<Utc>,
    },
}

/// What slots are judged by.
#[derive(Clone, Copy, Debug)]
pub struct Skim<'a> {
    /// Their rule, and what catch-up makes of them.
    pub schedule: &'a Schedule,
    /// Its calendar.
    pub calendar: Option<&'a Calendar>,
    /// When it was, or is, paused.
    pub pauses: &'a [Pause],
    /// Rows that are there already, in order: the first and the last instant of each.
    pub known: &'a [(DateTime<Utc>, DateTime<Utc>)],
    /// The present.
    pub now: DateTime<Utc>,
}

/// A half-open stretch of instants.
type Span = (DateTime<Utc>, DateTime<Utc>);

impl Skim<'_> {
    /// Cuts `from ≤ at < until` into what is judged and what is open, in order. What is not due yet is open.
    pub fn pieces(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> Vec<Piece> {
        if from >= until {
            return Vec::new();
        }
        let offset = to_delta(self.schedule.offset);
        let due = (self.now - offset + TICK).clamp(from, until);
        let late = (self.now - offset - to_delta(self.schedule.grace)).clamp(from, due);
        let (paused, free) = self.parted((from, due));
        let free: Vec<Span> = free
            .into_iter()
            .filter_map(|span| within(span, (from, late)))
            .collect();
        let mut judged: Vec<(Span, Option<Missed>)> =
            paused.into_iter().map(|span| (span, None)).collect();
        judged.extend(self.missed(&free));
        judged.sort_by_key(|(span, _)| span.0);
        let runs = judged
            .into_iter()
            .filter_map(|(span, missed)| self.run(span, missed));
        with_gaps(runs.collect(), (from, until))
    }

    /// The stretches of a range that lie in a pause, and the others; neither holds an instant that is known.
    fn parted(&self, range: Span) -> (Vec<Span>, Vec<Span>) {
        let mut cuts = vec![range.0, range.1];
        for pause in self.pauses {
            cuts.push(pause.since.clamp(range.0, range.1));
            cuts.push(pause.until.unwrap_or(range.1).clamp(range.0, range.1));
        }
        for (first, last) in self.known {
            cuts.push((*first).clamp(range.0, range.1));
            cuts.push((*last + TICK).clamp(range.0, range.1));
        }
        cuts.sort_unstable();
        cuts.dedup();
        let spans = cuts.windows(2).map(|pair| (pair[0], pair[1]));
        spans
            .filter(|span| !self.is_known(span.0))
            .partition(|span| self.pauses.iter().any(|pause| pause.holds(span.0)))
    }

    fn is_known(&self, at: DateTime<Utc>) -> bool {
        let next = self.known.partition_point(|(first, _)| *first <= at);
        next > 0 && at <= self.known[next - 1].1
    }

    /// What is missed of stretches that are late, by catch-up.
    fn missed(&self, free: &[Span]) -> Vec<(Span, Option<Missed>)> {
        let all = |spans: Vec<Span>, why: Missed| -> Vec<(Span, Option<Missed>)> {
            let missed = spans.into_iter().map(|span| (span, Some(why)));
            missed.collect()
        };
        match self.schedule.catch_up {
            CatchUp::None => all(free.to_vec(), Missed::CatchUpNone),
            CatchUp::Latest => all(self.but_newest(free, 1), Missed::Superseded),
            CatchUp::All { max, within, .. } => {
                let young = self.now - to_delta(within) + TICK;
                let old = parts(free, (DateTime::<Utc>::MIN_UTC, young));
                let young = parts(free, (young, DateTime::<Utc>::MAX_UTC));
                let mut judged = all(old, Missed::TooOld);
                judged.extend(all(
                    self.but_newest(&young, u64::from(max)),
                    Missed::OverLimit,
                ));
                judged
            }
        }
    }

    /// The stretches without the newest `wanted` slots in them.
    fn but_newest(&self, spans: &[Span], mut wanted: u64) -> Vec<Span> {
        let mut kept = Vec::new();
        for span in spans.iter().rev() {
            let found = newest(self.schedule, self.calendar, *span, wanted);
            match found.first() {
                Some(first) if found.len() as u64 == wanted => {
                    kept.extend(within(*span, (span.0, first.at)));
                    wanted = 0;
                }
                None if wanted == 0 => kept.push(*span),
                _ => wanted -= found.len() as u64,
            }
        }
        kept
    }

    /// The row of a stretch, where it has enough slots for one.
    fn run(&self, (from, until): Span, missed: Option<Missed>) -> Option<Run> {
        let (schedule, calendar) = (self.schedule, self.calendar);
        let n = count(schedule, calendar, (from, until));
        if n <= EQUAL_MAX {
            return None;
        }
        let first = next(schedule, calendar, from - TimeDelta::nanoseconds(1), 1);
        let last = previous(schedule, calendar, until, 1);
        Some(Run {
            first: first.into_iter().next()?,
            last: last.into_iter().next()?,
            n,
            missed,
        })
    }
}

/// The newest slots with `from ≤ at < until`, in order: `wanted` of them, or all where there are fewer.
pub fn newest(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    wanted: u64,
) -> Vec<Slot> {
    if wanted == 0 {
        return Vec::new();
    }
    match usize::try_from(wanted) {
        Ok(most) if count(schedule, calendar, (from, until)) > wanted => {
            let mut found = previous(schedule, calendar, until, most);
            found.reverse();
            found
        }
        _ => slots(schedule, calendar, from, until),
    }
}

fn to_delta(duration: Duration) -> TimeDelta {
    // Longer than any ledger reaches, and no instant overflows by it.
    const LONGEST: TimeDelta = TimeDelta::days(366 * 1_000);
    TimeDelta::from_std(duration).map_or(LONGEST, |delta| delta.min(LONGEST))
}

/// What two stretches share.
fn within(one: Span, other: Span) -> Option<Span> {
    let span = (one.0.max(other.0), one.1.min(other.1));
    (span.0 < span.1).then_some(span)
}

fn parts(spans: &[Span], range: Span) -> Vec<Span> {
    spans
        .iter()
        .filter_map(|span| within(*span, range))
        .collect()
}

/// Runs, and what lies between them.
fn with_gaps(runs: Vec<Run>, (from, until): Span) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = from;
    for run in runs {
        if at < run.first.at {
            pieces.push(Piece::Open {
                from: at,
                until: run.first.at,
            });
        }
        at = run.last.at + TICK;
        pieces.push(Piece::Judged(run));
    }
    if at < until {
        pieces.push(Piece::Open { from: at, until });
    }
    pieces
}

#[cfg(test)]
mod tests;
