//! What becomes of a failed step that stands in no `try`: what a purpose says for all of its jobs.
//!
//! Only errors that may be gone the next time are worth another try. Those are `communication` and `timeout`; the
//! standard's other types, and codes of a handler's own, mean that the same call would fail again.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::retry::{self, Limits};
use crate::document::step::Backoff;
use crate::machine::fault::{ERROR_TYPES, Fault};
use crate::machine::same_type;

/// Types of errors that may be gone the next time.
const PASSING: [&str; 2] = ["communication", "timeout"];

/// How often a failed step is made again, when, and what comes after the last time.
#[derive(Clone, Debug, PartialEq)]
pub struct StepRetry {
    /// Retries after the first try.
    pub count: u32,
    /// Before the first of them.
    pub delay: Duration,
    /// How the delay grows.
    pub backoff: Backoff,
    /// It grows no longer than this; jitter comes on top.
    pub delay_max: Option<Duration>,
    /// At most so much is added to each delay.
    pub jitter: Duration,
    /// A step that failed for good waits for a person.
    pub parks: bool,
}

/// Which try of which step: its jitter is drawn from this, so it is the same wherever it is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Try<'a> {
    /// Of the job.
    pub nonce: i64,
    /// The step's pointer.
    pub path: &'a str,
    /// Which visit of it.
    pub visit: u32,
    /// Which retry, counted from 1.
    pub number: u32,
}

impl StepRetry {
    /// When a retry may begin: not before `again_after` has passed; nothing when there are no more.
    pub fn begins(
        &self,
        asked: Try<'_>,
        now: DateTime<Utc>,
        again_after: Option<Duration>,
    ) -> Option<DateTime<Utc>> {
        let Try {
            nonce,
            path,
            visit,
            number,
        } = asked;
        let limits = Limits {
            count: Some(self.count),
            duration: None,
        };
        let grown = retry::delay(self.delay, self.backoff, number);
        let grown = self.delay_max.map_or(grown, |most| grown.min(most));
        let range = (Duration::ZERO, self.jitter);
        let wait = grown + retry::jitter(range, nonce, path, visit, number);
        let wait = wait.max(again_after.unwrap_or_default());
        retry::begins(limits, number, now, now, wait)
    }
}

/// Whether the same call may end well another time.
pub fn may_pass(fault: &Fault) -> bool {
    let is = |name: &&str| same_type(&format!("{ERROR_TYPES}{name}"), &fault.kind);
    PASSING.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn policy() -> StepRetry {
        StepRetry {
            count: 5,
            delay: Duration::from_secs(2),
            backoff: Backoff::Exponential {
                factor: 2.0,
                max: None,
            },
            delay_max: Some(Duration::from_secs(10)),
            jitter: Duration::ZERO,
            parks: false,
        }
    }

    fn waits(policy: &StepRetry, nonce: i64) -> Vec<f64> {
        let tries = (1..).map(|number| Try {
            nonce,
            path: "/do/0/a",
            visit: 1,
            number,
        });
        let begins = tries.map_while(|asked| policy.begins(asked, NOW, None));
        begins.map(|at| (at - NOW).as_seconds_f64()).collect()
    }

    #[test]
    fn delays_grow_to_their_bound_whatever_makes_them_grow() {
        let linear = StepRetry {
            backoff: Backoff::Linear,
            ..policy()
        };
        let constant = StepRetry {
            backoff: Backoff::Constant,
            ..policy()
        };

        assert_eq!(waits(&policy(), 1), [2.0, 4.0, 8.0, 10.0, 10.0]);
        assert_eq!(waits(&linear, 1), [2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(waits(&constant, 1), [2.0; 5]);
    }

    #[test]
    fn jitter_stays_in_its_bounds_and_is_the_same_each_time() {
        let jittered = StepRetry {
            jitter: Duration::from_secs(1),
            ..policy()
        };
        let mut drawn = Vec::new();

        for nonce in 0..200 {
            let waited = waits(&jittered, nonce);
            assert_eq!(waited, waits(&jittered, nonce));
            let extra = waited.iter().zip(waits(&policy(), nonce));
            drawn.extend(extra.map(|(with, without)| with - without));
        }

        assert!(drawn.iter().all(|extra| (0.0..=1.0).contains(extra)));
        let (low, high) = (
            drawn.iter().any(|one| *one < 0.1),
            drawn.iter().any(|one| *one > 0.9),
        );
        assert!(low && high, "the whole range is drawn from");
    }

    #[test]
    fn a_remote_that_asks_for_more_time_has_it_and_for_less_has_not() {
        let first = Try {
            nonce: 1,
            path: "/do/0/a",
            visit: 1,
            number: 1,
        };
        let after = |seconds| policy().begins(first, NOW, Some(Duration::from_secs(seconds)));

        assert_eq!(after(60), Some(NOW + Duration::from_secs(60)));
        assert_eq!(after(1), Some(NOW + Duration::from_secs(2)));
    }

    #[test]
    fn only_what_may_be_gone_the_next_time_is_worth_another_try() {
        let of = |kind: &str| may_pass(&Fault::standard(kind, 500, ""));
        assert!(of("communication") && of("timeout"));
        for kind in [
            "configuration",
            "validation",
            "authorization",
            "runtime",
            "expression",
        ] {
            assert!(!of(kind), "{kind}");
        }
        let of = |kind: &str| {
            may_pass(&Fault {
                kind: kind.to_owned(),
                ..Fault::standard("runtime", 500, "")
            })
        };
        assert!(of(
            "https://serverlessworkflow.io/dsl/errors/types/communication"
        ));
        assert!(!of("card.declined"));
    }
}
