//! `guards` and `approval` of a job configuration: what stops a plan until a person decides.

use std::time::Duration;

use super::length;
use super::spec::{Spec, field};
use super::spot::{Fault, Spot};
use crate::plan::Ratio;

/// How long a plan asks unless its configuration says otherwise.
const WITHIN: Duration = Duration::from_hours(24);

/// What stops a plan until a person decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// So many members at least.
    pub min_members: u64,
    /// So many members at most.
    pub max_members: Option<u64>,
    /// So much more or less than the last batch, as a share of it.
    pub max_change: Option<Ratio>,
    /// Whether the selection of the last batch, repeated, asks.
    pub same_as_last_asks: bool,
    /// So many rows left out at most.
    pub max_left_out: Option<u64>,
}

impl Default for Guards {
    fn default() -> Guards {
        Guards {
            min_members: 1,
            max_members: None,
            max_change: None,
            same_as_last_asks: false,
            max_left_out: None,
        }
    }
}

/// Which plans ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsksWhen {
    /// Those that trip a guard.
    Guards,
    /// All.
    Always,
    /// None: one that trips a guard fails.
    Never,
}

/// Who decides on a plan, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRules {
    /// Which plans ask.
    pub when: AsksWhen,
    /// Whether another person than the one who made the batch must approve.
    pub four_eyes: bool,
    /// How long a plan asks; then its batch is cancelled.
    pub within: Duration,
}

impl Default for ApprovalRules {
    fn default() -> ApprovalRules {
        ApprovalRules {
            when: AsksWhen::Guards,
            four_eyes: false,
            within: WITHIN,
        }
    }
}

pub(super) const GUARDS: Spec = Spec {
    fields: &[
        field("min_members").or("1"),
        field("max_members"),
        field("max_change"),
        field("same_as_last").or("\"allow\""),
        field("max_left_out"),
    ],
    later: &[],
};

pub(super) const APPROVAL: Spec = Spec {
    fields: &[
        field("when").or("\"guards\""),
        field("four_eyes").or("false"),
        field("within").or("\"24h\""),
    ],
    // Who somebody is, is not known yet.
    later: &["by"],
};

/// The part under `key`, or what holds without it.
pub(super) fn part<T: Default>(
    document: &Spot<'_>,
    key: &str,
    read: impl Fn(&Spot<'_>) -> Option<T>,
) -> Option<T> {
    match document.get(key) {
        Some(part) => read(part.object()?),
        None => Some(T::default()),
    }
}

/// A value under `key`, where there is one.
pub(super) fn given<'a, T>(
    part: &Spot<'a>,
    key: &str,
    read: impl Fn(&Spot<'a>) -> Option<T>,
) -> Option<Option<T>> {
    match part.get(key) {
        Some(value) => read(&value).map(Some),
        None => Some(None),
    }
}

/// A whole number from there on.
pub(super) fn count(least: i64) -> impl Fn(&Spot<'_>) -> Option<u64> {
    move |value| u64::try_from(value.integer(least, i64::MAX)?).ok()
}

pub(super) fn read_guards(guards: &Spot<'_>) -> Option<Guards> {
    let min_members = given(guards, "min_members", count(0));
    let max_members = given(guards, "max_members", count(1));
    let max_change = given(guards, "max_change", growth);
    let same_as_last = given(guards, "same_as_last", |value| {
        value.choice(&[("allow", false), ("ask", true)])
    });
    let max_left_out = given(guards, "max_left_out", count(0));
    Some(Guards {
        min_members: min_members?.unwrap_or(1),
        max_members: max_members?,
        max_change: max_change?,
        same_as_last_asks: same_as_last?.unwrap_or_default(),
        max_left_out: max_left_out?,
    })
}

pub(super) fn read_approval(approval: &Spot<'_>) -> Option<ApprovalRules> {
    let words = [
        ("guards", AsksWhen::Guards),
        ("always", AsksWhen::Always),
        ("never", AsksWhen::Never),
    ];
    let when = given(approval, "when", |value| value.choice(&words));
    let four_eyes = given(approval, "four_eyes", Spot::flag);
    let within = given(approval, "within", |value| value.parsed(length::parse));
    Some(ApprovalRules {
        when: when?.unwrap_or(AsksWhen::Guards),
        four_eyes: four_eyes?.unwrap_or_default(),
        within: within?.unwrap_or(WITHIN),
    })
}

/// `30%`, also more than all.
fn growth(value: &Spot<'_>) -> Option<Ratio> {
    value.parsed(|text| {
        let wanted = || Fault::new(format!("`{text}` is no share")).hint("write it as `30%`");
        Ratio::parse(text).ok_or_else(wanted)
    })
}
