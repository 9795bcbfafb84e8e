//! The occasion of a plan: what its expressions know beside the member.

use chrono::{DateTime, NaiveDateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use crate::calendar::{Calendar, Schedule, previous};
use crate::value::Value;

/// What the expressions of a plan know beside the member.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// The instant that `now` gives: fixed for the plan, so that planning twice gives the same.
    pub now: DateTime<Utc>,
    /// `$slot`; none when a batch is started by hand.
    pub slot: Option<SlotScope>,
    /// `$configuration`: the configuration's name.
    pub configuration: String,
}

/// `$slot`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotScope {
    /// Its name.
    pub at: DateTime<Utc>,
    /// The slot before it, by the rule.
    pub previous: Option<DateTime<Utc>>,
    /// What the wall clock shows.
    pub wall: NaiveDateTime,
    /// Where.
    pub zone: Tz,
}

impl SlotScope {
    /// The scope of a slot. `previous` comes from the rule, not from the ledger, so that a backfill
    /// sees what a punctual run saw.
    pub fn of(schedule: &Schedule, calendar: Option<&Calendar>, at: DateTime<Utc>) -> SlotScope {
        let before = previous(schedule, calendar, at, 1);
        SlotScope::behind(schedule, before.first().map(|slot| slot.at), at)
    }

    /// The scope of a slot whose previous one is known.
    pub fn behind(
        schedule: &Schedule,
        previous: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> SlotScope {
        SlotScope {
            at,
            previous,
            wall: at.with_timezone(&schedule.zone).naive_local(),
            zone: schedule.zone,
        }
    }

    /// As expressions see it.
    pub fn to_value(&self) -> Value {
        Value::map([
            ("at", instant(self.at)),
            ("previous", self.previous.map_or(Value::Null, instant)),
            (
                "wall",
                self.wall.format("%Y-%m-%dT%H:%M:%S").to_string().into(),
            ),
            ("zone", self.zone.name().into()),
        ])
    }
}

fn instant(at: DateTime<Utc>) -> Value {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
}
