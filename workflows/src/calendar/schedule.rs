//! A schedule as its author wrote it, typed: one rule and everything that bends it.
//!
//! Defaults that depend on the rule (gap, fold) are resolved by methods, so that a document which
//! leaves them out stays equal to itself.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::by::Alerts;
use super::daylight;
use super::rule::Rule;

/// Later than this a slot is late, and catch-up decides.
pub const GRACE: Duration = Duration::from_secs(5 * 60);

/// When a configuration runs by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// What gives the nominal times.
    pub rule: Rule,
    /// The zone whose wall clock the rule speaks of.
    pub zone: Tz,
    /// First instant that counts.
    pub start: Option<Bound>,
    /// First instant that counts no more.
    pub end: Option<Bound>,
    /// Local times added; never moved.
    pub include: Vec<NaiveDateTime>,
    /// Nominal times taken out.
    pub exclude: Vec<Except>,
    /// The name of the calendar that says which dates are closed; Saturdays and Sundays where there is none.
    pub calendar: Option<String>,
    /// What happens on a closed date.
    pub closed_day: ClosedDay,
    /// What happens to a local time that does not exist; by default the rule's.
    pub gap: Option<Gap>,
    /// What happens to a local time that exists twice; by default the rule's.
    pub fold: Option<Fold>,
    /// Width over which configurations with the same time are spread.
    pub spread: Duration,
    /// This schedule's place in its spread, from `spread_offset`.
    pub offset: Duration,
    /// What happens to slots that were due while nothing ran.
    pub catch_up: CatchUp,
    /// Lateness that is no lateness.
    pub grace: Duration,
    /// What happens when a slot comes due while a batch of the configuration is open.
    pub overlap: Overlap,
    /// When people are told that a slot is behind.
    pub alerts: Alerts,
    /// Off: no slots.
    pub enabled: bool,
}

impl Schedule {
    /// A schedule with every default.
    pub fn new(rule: Rule) -> Schedule {
        Schedule {
            rule,
            zone: Tz::UTC,
            start: None,
            end: None,
            include: Vec::new(),
            exclude: Vec::new(),
            calendar: None,
            closed_day: ClosedDay::Run,
            gap: None,
            fold: None,
            spread: Duration::ZERO,
            offset: Duration::ZERO,
            catch_up: CatchUp::Latest,
            grace: GRACE,
            overlap: Overlap::QueueOne,
            alerts: Alerts::default(),
            enabled: true,
        }
    }

    /// The same schedule, at its place in the spread: `key` is `tenant/name`.
    #[must_use]
    pub fn spread_for(mut self, key: &str) -> Schedule {
        self.offset = super::spread_offset(key, self.spread);
        self
    }

    /// The gap policy in force: patterns below a day skip, appointments move to the gap's end.
    pub fn gap(&self) -> Gap {
        let below_a_day = self.rule.is_below_a_day();
        self.gap
            .unwrap_or(if below_a_day { Gap::Skip } else { Gap::Next })
    }

    /// The fold policy in force: patterns below a day run in both passes, appointments once.
    pub fn fold(&self) -> Fold {
        let below_a_day = self.rule.is_below_a_day();
        self.fold
            .unwrap_or(if below_a_day { Fold::Both } else { Fold::First })
    }

    /// `start` as an instant.
    pub fn starts_at(&self) -> Option<DateTime<Utc>> {
        self.start.map(|bound| bound.instant(self.zone))
    }

    /// `end` as an instant.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.end.map(|bound| bound.instant(self.zone))
    }
}

/// An end of the time in which a schedule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The first instant of a local date.
    Date(NaiveDate),
    /// An instant.
    Instant(DateTime<Utc>),
}

impl Bound {
    /// The instant that is meant in `zone`.
    pub fn instant(self, zone: Tz) -> DateTime<Utc> {
        match self {
            Bound::Instant(at) => at,
            Bound::Date(date) => daylight::first(date.and_time(NaiveTime::MIN), zone),
        }
    }

    /// The instant of a local time; of one that the clocks jump over the first after it, of one that they pass twice
    /// the first pass.
    pub fn wall(at: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
        daylight::first(at, zone)
    }

    /// The local date that is meant in `zone`.
    pub fn date(self, zone: Tz) -> NaiveDate {
        match self {
            Bound::Instant(at) => at.with_timezone(&zone).date_naive(),
            Bound::Date(date) => date,
        }
    }
}

/// What `exclude` takes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Except {
    /// All nominal times of a date.
    Date(NaiveDate),
    /// One nominal time.
    Time(NaiveDateTime),
}

/// What happens to a nominal time on a closed date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClosedDay {
    /// It runs all the same.
    #[default]
    Run,
    /// It is dropped.
    Skip,
    /// It moves back to an open date, same time of day.
    PreviousOpen,
    /// It moves on to an open date, same time of day.
    NextOpen,
}

/// What happens to a local time that the clocks jump over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// The first instant after the gap.
    Next,
    /// As far after the gap as it stood inside.
    Shift,
    /// No slot.
    Skip,
}

/// What happens to a local time that the clocks pass twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fold {
    /// The first pass.
    First,
    /// The second pass.
    Second,
    /// Both passes.
    Both,
}

/// What happens to slots older than `grace` when they are found due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// They are missed.
    None,
    /// The newest due one runs.
    #[default]
    Latest,
    /// They run, oldest first.
    All {
        /// How many at most; the newest count.
        max: u32,
        /// Older ones are missed.
        within: Duration,
        /// Distance between their starts.
        pace: Duration,
    },
}

impl CatchUp {
    /// `all: {}`.
    pub const ALL: CatchUp = CatchUp::All {
        max: 100,
        within: Duration::from_secs(7 * 86_400),
        pace: Duration::ZERO,
    };
}

/// What happens to a slot that comes due while a batch of its configuration is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The slot is skipped.
    Skip,
    /// The newest slot waits.
    #[default]
    QueueOne,
    /// Every slot waits.
    QueueAll,
    /// The newest slot waits, and what runs is cancelled for it.
    CancelRunning,
    /// It starts all the same.
    Allow,
}
