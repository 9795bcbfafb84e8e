//! Schedules: from a rule on the wall clock to slots on the time line.
//!
//! Everything here is pure: the same schedule, calendar, zone data and window give the same slots on
//! every machine. The ledger, the clock and the firing are the engine's.
//!
//! The way of a slot: nominal local times of the rule, less `exclude` → closed days → `include` →
//! instant (gap, fold) → `start`, `end` → equal instants merge → spread.

mod by;
mod count;
mod daily;
mod daylight;
mod edit;
mod interval;
mod linked;
mod monthly;
mod open_days;
mod pattern;
mod rule;
mod said;
mod schedule;
mod search;
mod slot;
mod spread;
mod weekly;
mod words;

pub use by::{Alerts, By};
pub use count::count;
pub use daily::Daily;
pub(crate) use daylight::first as first_instant;
pub use daylight::instants;
pub use edit::{Timed, edit_said};
pub use interval::Interval;
pub use linked::{Linked, linked};
pub use monthly::{Monthly, MonthlyDay};
pub use open_days::{Blackout, Calendar};
pub use pattern::{Pattern, PatternProblem};
pub use rule::Rule;
pub use said::{dropped_said, slot_said};
pub use schedule::{Bound, CatchUp, ClosedDay, Except, Fold, Gap, Overlap, Schedule};
pub use search::{ScheduleProblem, check, next, previous};
pub use slot::{Dropped, DroppedAt, Note, Preview, Reason, Slot, preview, slots, slots_of_rule};
pub use spread::spread_offset;
pub use weekly::Weekly;
pub use words::words;

/// Version of the zone data that this binary computes with, such as `2025b`.
pub const ZONE_DATA: &str = chrono_tz::IANA_TZDB_VERSION;
