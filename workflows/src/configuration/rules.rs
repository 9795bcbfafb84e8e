//! `release`, `canary` and `tolerance` of a job configuration: how its jobs are let go, and how much may fail.
//!
//! People change all of it while a batch runs. So a batch keeps a copy of its own, its rules: one flat document,
//! with the zone and the calendar of the schedule.

use std::cell::RefCell;

use chrono::NaiveTime;
use chrono_tz::Tz;

use super::guard::{count, given};
use super::limit::per_second;
use super::purpose::Priority;
use super::spec::{Spec, field, section};
use super::spot::{Fault, Spot};
use super::time;
use crate::calendar::By;
use crate::document::tree::Tree;
use crate::plan::Ratio;
use crate::problem::{Problem, Problems};
use crate::value::Value;

/// Steps of a ramp.
const RAMP_MAX: usize = 10;
/// Stretches of a day.
const HOURS_MAX: usize = 24;

/// How fast jobs are let go.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// So many released and unsettled jobs at most.
    pub window: u64,
    /// So many a second at most.
    pub rate: Option<f64>,
    /// Only then; at any time without.
    pub hours: Vec<Hours>,
}

impl Default for Release {
    fn default() -> Release {
        Release {
            window: 100_000,
            rate: None,
            hours: Vec::new(),
        }
    }
}

/// A stretch of every day on the wall clock; it may cross midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Its first time.
    pub from: NaiveTime,
    /// The first time after it.
    pub to: NaiveTime,
}

/// A few go first, and what became of them decides on the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// How many go first.
    pub items: u64,
    /// Of what is judged of a stage, so much must be good.
    pub require_ok: Ratio,
    /// Which go first.
    pub pick: Pick,
    /// How many are released after the stages that follow.
    pub ramp: Vec<Share>,
}

/// So many, or such a part of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// So many.
    Count(u64),
    /// A part of all, rounded up.
    Ratio(Ratio),
}

/// Which jobs are the canary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// The first.
    First,
    /// Some of the whole batch, equally far apart.
    Spread,
}

/// How much may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tolerance {
    /// So many.
    pub max_failed: Option<u64>,
    /// Such a part of what is judged.
    pub max_failed_ratio: Option<Ratio>,
    /// A part is only looked at from so many on, or at the end.
    pub min_sample: u64,
    /// What happens then.
    pub action: TripAction,
}

/// What happens to a batch of which too much failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TripAction {
    /// It stands still until a person lets it go on.
    Pause,
    /// What has not begun is cancelled, and it ends as failed.
    Fail,
    /// It is said.
    Continue,
}

impl TripAction {
    /// All with their words.
    pub const ALL: [(&str, TripAction); 3] = [
        ("pause", TripAction::Pause),
        ("fail", TripAction::Fail),
        ("continue", TripAction::Continue),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        TripAction::ALL[self as usize].0
    }
}

/// What a batch goes by while it runs; its window stands beside.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// So many releases a second at most.
    pub rate: Option<f64>,
    /// Only then.
    pub hours: Vec<Hours>,
    /// Where its clock hangs.
    pub zone: Tz,
    /// The calendar whose blackouts hold it.
    pub calendar: Option<String>,
    /// A few go first.
    pub canary: Option<Canary>,
    /// How much may fail.
    pub tolerance: Option<Tolerance>,
    /// What its lanes get beside others of their group, 1 unless given.
    pub weight: Option<f64>,
}

/// What a person changes of a batch that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct RulesEdit {
    /// Its rules from now on.
    pub rules: Value,
    /// Its window.
    pub window: Option<u64>,
    /// When it is to be done; inside, nothing for no more.
    pub deadline: Option<Option<By>>,
    /// Of what is not released yet.
    pub priority: Option<Priority>,
}

pub(super) const RELEASE: Spec = Spec {
    fields: &[field("window").or("100000"), field("rate"), field("hours")],
    later: &[],
};

pub(super) const CANARY: Spec = Spec {
    fields: &[
        field("items"),
        field("require_ok").or("\"100%\""),
        field("pick").or("\"first\""),
        field("ramp"),
    ],
    later: &[],
};

pub(super) const TOLERANCE: Spec = Spec {
    fields: &[
        field("max_failed"),
        field("max_failed_ratio"),
        field("min_sample").or("100"),
        field("action").or("\"pause\""),
    ],
    later: &[],
};

/// What a person may change.
const EDIT: Spec = Spec {
    fields: &[
        field("window"),
        field("rate"),
        field("hours"),
        section("canary", &CANARY),
        section("tolerance", &TOLERANCE),
        field("deadline"),
        field("priority"),
        field("weight"),
    ],
    later: &[],
};

/// What stands in the rules of a batch.
const RULES: [&str; 7] = [
    "rate",
    "hours",
    "canary",
    "tolerance",
    "weight",
    "zone",
    "calendar",
];

/// The rules that a batch of this job configuration begins with, as they are stored.
pub fn rules_of(document: &Value) -> Value {
    let part = |key: &str| {
        let from = match key {
            "rate" | "hours" => document.get("release"),
            "zone" | "calendar" => document.get("schedule"),
            _ => Some(document),
        };
        from?.get(key).cloned()
    };
    let parts = RULES.into_iter();
    Value::map(parts.filter_map(|key| Some((key, part(key)?))))
}

/// Reads stored rules.
///
/// # Errors
/// Every problem, if a later or foreign hand wrote them.
pub fn read_rules(rules: &Value) -> Result<Rules, Vec<Problem>> {
    over(rules, read)
}

/// The rules after a change: a merge patch, in which null takes away.
///
/// # Errors
/// Every problem of the patch, and of the rules as they would be.
pub fn edit_rules(rules: &Value, patch: &Value) -> Result<RulesEdit, Vec<Problem>> {
    over(patch, |spot| {
        EDIT.check(spot.object()?.tree, "", spot.problems);
        Some(())
    })?;
    let merged = rules.patched(patch);
    over(&merged, |spot| {
        let rules = read(spot);
        let window = given(spot, "window", count(1));
        let deadline = given(spot, "deadline", |at| at.parsed(time::by));
        let priority = given(spot, "priority", |word| word.choice(&Priority::ALL));
        rules?;
        let deadline = deadline?;
        Some(RulesEdit {
            rules: kept(&merged),
            window: window?,
            deadline: patch.get("deadline").map(|_| deadline),
            priority: priority?,
        })
    })
}

fn kept(merged: &Value) -> Value {
    let parts = RULES.into_iter();
    Value::map(parts.filter_map(|key| Some((key, merged.get(key)?.clone()))))
}

/// Reads a value as a document.
fn over<T>(value: &Value, read: impl FnOnce(&Spot<'_>) -> Option<T>) -> Result<T, Vec<Problem>> {
    let (tree, problems) = (Tree::from_value(value), RefCell::<Problems>::default());
    let spot = Spot {
        tree: &tree,
        pointer: String::new(),
        problems: &problems,
    };
    let found = read(&spot);
    let problems = problems.into_inner();
    match found {
        Some(found) => problems.or(found),
        None => Err(problems.into_list()),
    }
}

fn read(spot: &Spot<'_>) -> Option<Rules> {
    let zone = given(spot, "zone", |zone| zone.parsed(time::zone));
    let calendar = given(spot, "calendar", |name| Some(name.name()?.to_owned()));
    let (rate, hours) = (read_rate(spot), read_hours(spot));
    let canary = given(spot, "canary", read_canary);
    let tolerance = given(spot, "tolerance", read_tolerance);
    let weight = given(spot, "weight", read_weight);
    Some(Rules {
        rate: rate?,
        hours: hours?,
        zone: zone?.unwrap_or(Tz::UTC),
        calendar: calendar?,
        canary: canary?,
        tolerance: tolerance?,
        weight: weight?,
    })
}

/// Above nothing, and no more than a share may have.
pub(super) fn read_weight(weight: &Spot<'_>) -> Option<f64> {
    weight.number(0.001, 1_000.0)
}

fn read_rate(spot: &Spot<'_>) -> Option<Option<f64>> {
    given(spot, "rate", |rate| rate.parsed(per_second))
}

fn read_hours(spot: &Spot<'_>) -> Option<Vec<Hours>> {
    let read = given(spot, "hours", |hours| {
        hours.one_or_each(HOURS_MAX, |one| one.parsed(stretch))
    });
    Some(read?.unwrap_or_default())
}

/// `05:00-22:00`
fn stretch(text: &str) -> Result<Hours, Fault> {
    let wrong = || {
        let hint = "write it as `05:00-22:00`; it may cross midnight";
        Fault::new(format!("`{text}` is no stretch of a day")).hint(hint)
    };
    let is_short = text.len() == "05:00-22:00".len();
    let parts = text.split_once('-').filter(|_| is_short);
    let (from, to) = parts.ok_or_else(wrong)?;
    let (from, to) = (time::time(from)?, time::time(to)?);
    if from == to {
        return Err(wrong());
    }
    Ok(Hours { from, to })
}

pub(super) fn read_release(release: &Spot<'_>) -> Option<Release> {
    let window = given(release, "window", count(1));
    let (rate, hours) = (read_rate(release), read_hours(release));
    Some(Release {
        window: window?.unwrap_or(Release::default().window),
        rate: rate?,
        hours: hours?,
    })
}

pub(super) fn read_canary(canary: &Spot<'_>) -> Option<Canary> {
    let canary = canary.object()?;
    let items = canary.need("items").map(|items| count(1)(&items));
    let require_ok = given(canary, "require_ok", part_of_all);
    let pick = given(canary, "pick", |pick| {
        pick.choice(&[("first", Pick::First), ("spread", Pick::Spread)])
    });
    let ramp = given(canary, "ramp", |ramp| match ramp.tree.as_list() {
        Some([]) => Some(Vec::new()),
        _ => ramp.each(RAMP_MAX, share),
    });
    Some(Canary {
        items: items??,
        require_ok: require_ok?.unwrap_or(Ratio::ALL),
        pick: pick?.unwrap_or(Pick::First),
        ramp: ramp?.unwrap_or_default(),
    })
}

pub(super) fn read_tolerance(tolerance: &Spot<'_>) -> Option<Tolerance> {
    let tolerance = tolerance.object()?;
    let max_failed = given(tolerance, "max_failed", count(0));
    let max_failed_ratio = given(tolerance, "max_failed_ratio", part_of_all);
    let min_sample = given(tolerance, "min_sample", count(1));
    let action = given(tolerance, "action", |word| word.choice(&TripAction::ALL));
    if tolerance.get("max_failed").is_none() && tolerance.get("max_failed_ratio").is_none() {
        let fault = Fault::new("one of `max_failed` and `max_failed_ratio` is needed");
        tolerance.report("configuration.missing_key", fault);
        return None;
    }
    Some(Tolerance {
        max_failed: max_failed?,
        max_failed_ratio: max_failed_ratio?,
        min_sample: min_sample?.unwrap_or(100),
        action: action?.unwrap_or(TripAction::Pause),
    })
}

/// `10`, or `50%`.
fn share(spot: &Spot<'_>) -> Option<Share> {
    match spot.tree.as_str() {
        Some(_) => part_of_all(spot).map(Share::Ratio),
        None => count(0)(spot).map(Share::Count),
    }
}

/// `2%` or `0.02`; never more than all.
fn part_of_all(spot: &Spot<'_>) -> Option<Ratio> {
    if spot.tree.as_str().is_none() {
        return Ratio::of_number(spot.number(0.0, 1.0)?);
    }
    spot.parsed(|text| {
        let wrong = || Fault::new(format!("`{text}` is no part of all")).hint("write 2% or 0.02");
        Ratio::parse(text)
            .filter(|part| *part <= Ratio::ALL)
            .ok_or_else(wrong)
    })
}
