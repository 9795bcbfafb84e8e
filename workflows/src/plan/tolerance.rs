//! Tolerance: when too much of a batch has failed.

use std::fmt::{self, Display};

use super::ratio::{Ratio, percent};
use super::totals::Tallies;
use crate::configuration::Tolerance;

/// Too much has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trip {
    /// More than so many.
    Count {
        /// Failed, parked or expired, and accepted by nobody.
        bad: u64,
        /// What is tolerated.
        most: u64,
    },
    /// More than such a part of what is judged.
    Part {
        /// Failed, parked or expired, and accepted by nobody.
        bad: u64,
        /// Those, and what was completed or accepted.
        judged: u64,
        /// What is tolerated.
        most: Ratio,
    },
}

impl Display for Trip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trip::Count { bad, most } => {
                write!(formatter, "{bad} jobs went wrong, at most {most} may")
            }
            Trip::Part { bad, judged, most } => {
                let part = percent(*bad, *judged);
                write!(
                    formatter,
                    "{bad} of {judged} jobs went wrong, {part}: at most {most} may"
                )
            }
        }
    }
}

/// Whether too much has failed, with so many accepted before and so many jobs open.
pub fn trips(tolerance: &Tolerance, now: Tallies, accepted: u64, open: u64) -> Option<Trip> {
    let (bad, judged) = (now.bad().saturating_sub(accepted), now.judged());
    if let Some(most) = tolerance.max_failed.filter(|most| bad > *most) {
        return Some(Trip::Count { bad, most });
    }
    let is_enough = judged >= tolerance.min_sample || open == 0;
    let most = tolerance.max_failed_ratio.filter(|_| is_enough)?;
    let exceeded = most.is_exceeded(bad, judged);
    exceeded.then_some(Trip::Part { bad, judged, most })
}
