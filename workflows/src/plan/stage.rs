//! Stages: a few jobs of a batch go first, and the next ones when all of them have done well enough.
//!
//! A stage is a number of releases, counted from the first. What was let through stays: a stage that was edited away
//! or passed is not judged again.

use super::totals::Tallies;
use crate::configuration::{Canary, Share};

/// Where a batch stands in its stages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Course {
    /// Jobs of the plan.
    pub jobs: u64,
    /// So many releases were let through.
    pub staged: u64,
    /// Jobs released.
    pub released: u64,
    /// Of those, settled.
    pub settled: u64,
    /// What became of them, as it is now.
    pub now: Tallies,
}

/// What the stage of a batch says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// There is none any more.
    Over,
    /// So many may have been released in all.
    Upto(u64),
    /// All of so many are released, and not all have settled.
    Waits(u64),
    /// So many releases were good enough: the next stage may begin.
    Passed(u64),
    /// Too few were good.
    Failed {
        /// Releases that this is said of.
        of: u64,
        /// Completed.
        good: u64,
        /// Completed, or bad.
        judged: u64,
    },
    /// None of so many says anything: all were cancelled or suppressed.
    Inconclusive(u64),
}

/// How many are released in all after each stage, the last of which is all.
pub fn stages(canary: &Canary, jobs: u64) -> Vec<u64> {
    let steps = canary.ramp.iter().map(|share| match share {
        Share::Count(count) => *count,
        Share::Ratio(ratio) => ratio.of(jobs),
    });
    let mut stages: Vec<u64> = Vec::new();
    for step in std::iter::once(canary.items).chain(steps) {
        if step < jobs && stages.last().is_none_or(|last| step > *last) {
            stages.push(step);
        }
    }
    stages.push(jobs);
    stages
}

/// The places, from 0 on, of a canary that is picked from the whole batch.
pub fn spread(items: u64, jobs: u64) -> impl Iterator<Item = u64> {
    let items = items.min(jobs);
    (0..items).map(move |item| {
        let place = u128::from(item) * u128::from(jobs) / u128::from(items);
        u64::try_from(place).unwrap_or(u64::MAX)
    })
}

/// What is to be said of the stage that a batch is in.
pub fn stage(canary: Option<&Canary>, course: &Course) -> Stage {
    let Some(canary) = canary else {
        return Stage::Over;
    };
    let stages = stages(canary, course.jobs);
    let current = stages.into_iter().find(|stage| *stage > course.staged);
    let Some(upto) = current.filter(|stage| *stage < course.jobs) else {
        return Stage::Over;
    };
    if course.released < upto {
        return Stage::Upto(upto);
    }
    // What was released beyond it, before it was a stage, is judged with it.
    let of = course.released;
    if course.settled < course.released {
        return Stage::Waits(of);
    }
    let (good, judged) = (course.now.completed, course.now.judged());
    match judged {
        0 => Stage::Inconclusive(of),
        _ if canary.require_ok.is_reached(good, judged) => Stage::Passed(of),
        _ => Stage::Failed { of, good, judged },
    }
}
