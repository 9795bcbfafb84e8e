//! From nominal times to slots: closed days, instants, bounds, collisions, spread.
//!
//! A slot is named by its instant before the spread (`at`); it remembers every nominal time that it
//! covers, because a nominal time that was decided once must never come again.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, Utc};

use super::daylight;
use super::open_days::{self, Calendar, REACH_DAYS};
use super::rule::{self, Nominal, Rule, Window};
use super::schedule::{ClosedDay, Schedule};

/// A piece of a range with fewer slots is followed by a longer one.
const FEW: usize = 100;
/// The longest piece of a range that is looked at in one go.
const PIECE_MAX: TimeDelta = TimeDelta::days(366);

/// One instant at which a configuration runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub at: DateTime<Utc>,
    /// When it is fired: `at` and the place in the spread.
    pub fire_at: DateTime<Utc>,
    /// Every nominal local time that it stands for, in order.
    pub covers: Vec<NaiveDateTime>,
    /// What was decided on the way.
    pub notes: Vec<Note>,
}

/// What was decided about a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Note {
    /// The first of two passes.
    FoldFirst,
    /// The second of two passes.
    FoldSecond,
    /// Moved to the end of a gap.
    GapNext,
    /// Moved by the length of a gap.
    GapShift,
    /// Comes from `include`.
    Included,
    /// Moved to an open day.
    Moved,
    /// Several nominal times met at one instant.
    Merged,
}

impl Note {
    /// Its word in ledgers and previews.
    pub fn as_str(self) -> &'static str {
        match self {
            Note::FoldFirst => "fold_first",
            Note::FoldSecond => "fold_second",
            Note::GapNext => "gap_next",
            Note::GapShift => "gap_shift",
            Note::Included => "included",
            Note::Moved => "moved",
            Note::Merged => "merged",
        }
    }
}

/// A nominal time that became no slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dropped {
    /// What was dropped.
    pub at: DroppedAt,
    /// Why.
    pub reason: Reason,
}

/// What was dropped: a time, or a month in which the rule names no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DroppedAt {
    /// The first day of the month.
    Month(NaiveDate),
    /// A nominal local time.
    Time(NaiveDateTime),
}

/// Why a nominal time became no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The date is closed.
    Closed,
    /// Named by `exclude`.
    Excluded,
    /// The clocks jump over it.
    GapSkip,
    /// No open day within 31 days.
    NoOpenDay,
    /// The month has no such day.
    NoSuchDay,
}

impl Reason {
    /// Its word in previews.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Closed => "closed",
            Reason::Excluded => "excluded",
            Reason::GapSkip => "gap_skip",
            Reason::NoOpenDay => "no_open_day",
            Reason::NoSuchDay => "no_such_day",
        }
    }
}

/// Slots, and beside them what was dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// In order.
    pub slots: Vec<Slot>,
    /// In order, each once.
    pub dropped: Vec<Dropped>,
}

/// The slots of a schedule with `from ≤ at < until`, in order.
pub fn slots(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Slot> {
    preview(schedule, calendar, from, until).slots
}

/// The slots of its rule with `from ≤ at < until`, before its `start` and after its `end` too: the first `most` of them.
/// Looks at the range piece by piece, so that a rule of each second over years is not written out to be refused.
pub fn slots_of_rule(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    range: (DateTime<Utc>, DateTime<Utc>),
    most: usize,
) -> Vec<Slot> {
    piecewise(range, most, |from, until| {
        let landed = landed(schedule, calendar, (from, until), &mut Vec::new());
        within(schedule, landed, from, until)
    })
}

/// The first `most` slots of a range, looked at piece by piece.
pub(super) fn piecewise(
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    most: usize,
    look: impl Fn(DateTime<Utc>, DateTime<Utc>) -> Vec<Slot>,
) -> Vec<Slot> {
    let (mut at, mut piece) = (from, TimeDelta::days(1));
    let mut found = Vec::new();
    while at < until && found.len() < most {
        let end = at.checked_add_signed(piece);
        let end = end.map_or(until, |end| end.min(until));
        let slots = look(at, end);
        if slots.len() < FEW {
            piece = (piece * 2).min(PIECE_MAX);
        }
        found.extend(slots);
        at = end;
    }
    found.truncate(most);
    found
}

/// The slots of a schedule and what it drops, with `from ≤ at < until`. `enabled` has no say here.
pub fn preview(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Preview {
    if from >= until {
        return Preview::default();
    }
    let mut dropped = Vec::new();
    let landed = landed(schedule, calendar, (from, until), &mut dropped);
    Preview {
        slots: in_bounds(schedule, landed, from, until),
        dropped: near(schedule, dropped, from, until),
    }
}

/// Steps 1 to 3.
fn landed(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    dropped: &mut Vec<Dropped>,
) -> BTreeMap<DateTime<Utc>, Landed> {
    let window = window(schedule, from, until);
    let found = rule::nominals(schedule, calendar, window, dropped);
    let found = rule::without_excluded(schedule, found, dropped);
    let settled = settle(schedule, calendar, found, dropped);
    land(schedule, settled, dropped)
}

/// A nominal time at the place where it is to run.
struct Settled {
    nominal: Nominal,
    wall: NaiveDateTime,
    note: Option<Note>,
}

/// What has gathered at one instant.
#[derive(Default)]
struct Landed {
    covers: Vec<NaiveDateTime>,
    notes: Vec<Note>,
}

/// The stretch of the wall clock whose nominal times can end up in `[from, until)`.
pub(super) fn window(schedule: &Schedule, from: DateTime<Utc>, until: DateTime<Utc>) -> Window {
    let local = |at: DateTime<Utc>| at.with_timezone(&schedule.zone).naive_local();
    // Clocks change by three hours at most, but for the rare day that a country leaves out.
    let change = TimeDelta::hours(3);
    let day_before = from - TimeDelta::hours(26);
    let lost = (local(from) - local(day_before)) - (from - day_before);
    let mut window = Window {
        from: local(from) - change - lost.max(TimeDelta::zero()),
        until: local(until) + change,
    };
    let reach = Days::new(REACH_DAYS.unsigned_abs() + 1);
    match schedule.closed_day {
        ClosedDay::NextOpen => window.from = window.from - reach,
        ClosedDay::PreviousOpen => window.until = window.until + reach,
        ClosedDay::Run | ClosedDay::Skip => {}
    }
    window
}

/// Step 2: closed days; `include` enters here and is never moved.
fn settle(
    schedule: &Schedule,
    calendar: Option<&Calendar>,
    found: Vec<Nominal>,
    dropped: &mut Vec<Dropped>,
) -> Vec<Settled> {
    let mut settled = Vec::with_capacity(found.len() + schedule.include.len());
    let rule = closed_day(schedule);
    for nominal in found {
        match open_days::settle(rule, calendar, nominal.wall) {
            Ok(wall) => settled.push(Settled {
                nominal,
                wall,
                note: (wall != nominal.wall).then_some(Note::Moved),
            }),
            Err(reason) => dropped.push(Dropped {
                at: DroppedAt::Time(nominal.wall),
                reason,
            }),
        }
    }
    settled.extend(schedule.include.iter().map(|wall| Settled {
        nominal: Nominal::from(*wall),
        wall: *wall,
        note: Some(Note::Included),
    }));
    settled
}

/// Intervals know `run` and `skip` only: a moved beat would be none.
fn closed_day(schedule: &Schedule) -> ClosedDay {
    match (&schedule.rule, schedule.closed_day) {
        (Rule::Interval(_), ClosedDay::NextOpen | ClosedDay::PreviousOpen) => ClosedDay::Run,
        (_, rule) => rule,
    }
}

/// Steps 3 and 5: every local time becomes its instants, and equal instants become one.
fn land(
    schedule: &Schedule,
    settled: Vec<Settled>,
    dropped: &mut Vec<Dropped>,
) -> BTreeMap<DateTime<Utc>, Landed> {
    let (gap, fold) = (schedule.gap(), schedule.fold());
    let mut landed: BTreeMap<DateTime<Utc>, Landed> = BTreeMap::new();
    for one in settled {
        let instants = match one.nominal.instant {
            Some(at) => vec![(at, None)],
            None => daylight::instants(one.wall, schedule.zone, gap, fold),
        };
        if instants.is_empty() {
            dropped.push(Dropped {
                at: DroppedAt::Time(one.nominal.wall),
                reason: Reason::GapSkip,
            });
        }
        for (at, note) in instants {
            let slot = landed.entry(at).or_default();
            slot.covers.push(one.nominal.wall);
            slot.notes.extend(one.note.into_iter().chain(note));
        }
    }
    landed
}

/// Steps 4 and 6: `start ≤ at < end`, then the spread.
fn in_bounds(
    schedule: &Schedule,
    landed: BTreeMap<DateTime<Utc>, Landed>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Slot> {
    let from = schedule.starts_at().map_or(from, |start| start.max(from));
    let until = schedule.ends_at().map_or(until, |end| end.min(until));
    within(schedule, landed, from, until)
}

fn within(
    schedule: &Schedule,
    landed: BTreeMap<DateTime<Utc>, Landed>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Slot> {
    let offset = TimeDelta::from_std(schedule.offset).unwrap_or_default();
    landed
        .into_iter()
        .filter(|(at, _)| from <= *at && *at < until)
        .map(|(at, landed)| slot(at, at + offset, landed))
        .collect()
}

fn slot(at: DateTime<Utc>, fire_at: DateTime<Utc>, landed: Landed) -> Slot {
    let Landed {
        mut covers,
        mut notes,
    } = landed;
    covers.sort_unstable();
    covers.dedup();
    notes.sort_unstable();
    notes.dedup();
    if covers.len() > 1 {
        notes.push(Note::Merged);
    }
    Slot {
        at,
        fire_at,
        covers,
        notes,
    }
}

/// What was dropped inside the window as people see it, whatever the margins brought up.
fn near(
    schedule: &Schedule,
    mut dropped: Vec<Dropped>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Dropped> {
    let local = |at: DateTime<Utc>| at.with_timezone(&schedule.zone).naive_local();
    let (from, until) = (local(from), local(until));
    let month = |date: NaiveDate| (date.year(), date.month());
    dropped.retain(|one| match one.at {
        DroppedAt::Time(wall) => from <= wall && wall < until,
        DroppedAt::Month(first) => {
            month(from.date()) <= month(first) && month(first) <= month(until.date())
        }
    });
    dropped.sort_unstable();
    dropped.dedup();
    dropped
}
