//! `callbacks` of a job configuration: what is done about a batch, and when.

use super::shape;
use super::spec::{Spec, field};
use super::spot::{Fault, Spot};
use crate::document::step::Shape;
use crate::notice::{Threshold, When};
use crate::plan::Ratio;

/// One thing that is done about a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    /// About what.
    pub when: When,
    /// From how many on, of [`When::Threshold`].
    pub threshold: Option<Threshold>,
    /// What.
    pub target: Target,
    /// What the purpose or webhook is given; expressions know `$batch`.
    pub input: Option<Shape>,
}

/// Who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A webhook is told, whatever it takes otherwise.
    Webhook(String),
    /// A job of a purpose is made.
    Purpose(String),
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("when"),
        field("failed"),
        field("webhook"),
        field("purpose"),
        field("input"),
    ],
    later: &[],
};

/// So many stand in one configuration.
const CALLBACKS_MAX: usize = 20;

pub(super) fn read_all(document: &Spot<'_>) -> Option<Vec<Callback>> {
    match document.get("callbacks") {
        None => Some(Vec::new()),
        Some(all) if all.tree.as_list().is_some_and(<[_]>::is_empty) => Some(Vec::new()),
        Some(all) => all.each(CALLBACKS_MAX, read),
    }
}

fn read(spot: &Spot<'_>) -> Option<Callback> {
    let callback = spot.object()?;
    let when = callback
        .need("when")
        .and_then(|when| when.choice(&When::ALL));
    let target = read_target(callback);
    let input = callback.get("input").map(|input| {
        let input = input.object()?;
        shape::read_with(input, &["batch"])
    });
    let threshold = read_threshold(callback, when);
    Some(Callback {
        when: when?,
        threshold: threshold?,
        target: target?,
        input: input.map_or(Some(None), |read| read.map(Some))?,
    })
}

fn read_target(callback: &Spot<'_>) -> Option<Target> {
    match (callback.get("webhook"), callback.get("purpose")) {
        (Some(webhook), None) => Some(Target::Webhook(webhook.name()?.to_owned())),
        (None, Some(purpose)) => Some(Target::Purpose(purpose.name()?.to_owned())),
        _ => {
            let fault = Fault::new("exactly one of `webhook` and `purpose` is needed");
            callback.refuse(fault)
        }
    }
}

/// `failed` says from how many on, where that is asked for, and nowhere else.
fn read_threshold(callback: &Spot<'_>, when: Option<When>) -> Option<Option<Threshold>> {
    let is_threshold = when == Some(When::Threshold);
    match callback.get("failed") {
        Some(failed) if is_threshold => threshold(&failed).map(Some),
        Some(failed) => {
            let fault = Fault::new("`failed` belongs to `when: threshold`");
            failed.report("configuration.conflict", fault);
            None
        }
        None if is_threshold => {
            callback.need("failed");
            None
        }
        None => Some(None),
    }
}

/// `10`, or `10%` of what was judged.
fn threshold(spot: &Spot<'_>) -> Option<Threshold> {
    if spot.tree.as_str().is_none() {
        let count = spot.integer(0, i64::MAX)?;
        return u64::try_from(count).ok().map(Threshold::Count);
    }
    spot.parsed(|text| {
        let wanted = || Fault::new(format!("`{text}` is no share")).hint("write it as `10%`");
        Ratio::parse(text).map(Threshold::Share).ok_or_else(wanted)
    })
}
