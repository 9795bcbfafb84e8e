//! Holds back calls to a host that keeps failing, so that its trouble does not eat slots and tries.
//!
//! One breaker per origin and process: half of the last calls failed, and it opens for a while;
//! then a few calls decide. It only ever delays, so no two workers need to agree.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use recloser::{AsyncRecloser, Error, Recloser};
use tokio::time::Instant;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerOptions {
    /// Share of failures that opens it.
    pub failure_rate: f32,
    /// Over how many of the last calls the share is taken; the call after so many is the first
    /// that can open it.
    pub window_calls: usize,
    /// How many calls decide whether it closes again.
    pub probe_calls: usize,
    /// How long it stays open.
    pub open: Duration,
}

impl Default for BreakerOptions {
    /// 20 calls tell a bad host from a bad minute; 10 s is one heartbeat.
    fn default() -> Self {
        Self {
            failure_rate: 0.5,
            window_calls: 20,
            probe_calls: 5,
            open: Duration::from_secs(10),
        }
    }
}

/// Most origins remembered; when there are more, breakers without a call under way are forgotten.
const ORIGINS_MAX: usize = 1_000;

/// A call that was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Scheme, host and port.
    pub origin: String,
    /// Worth trying again after.
    pub again_after: Duration,
}

/// The breakers of one process.
pub(crate) struct Breakers {
    options: BreakerOptions,
    origins: Mutex<HashMap<String, Arc<Breaker>>>,
}

struct Breaker {
    recloser: AsyncRecloser,
    /// When the last call ended: a breaker can only have opened then.
    settled: Mutex<Instant>,
}

impl Breakers {
    pub fn new(options: BreakerOptions) -> Self {
        Self {
            options,
            origins: Mutex::default(),
        }
    }

    /// Makes the call unless the origin's breaker is open. `counts` tells which errors are the host's fault.
    ///
    /// # Cancel safety
    /// A dropped call counts as neither good nor bad.
    pub async fn call<T, E>(
        &self,
        origin: &str,
        call: impl Future<Output = Result<T, E>>,
        counts: fn(&E) -> bool,
    ) -> Result<T, Result<E, Held>> {
        let breaker = self.of(origin);
        let answer = breaker.recloser.call_with(counts, call).await;
        match answer {
            Err(Error::Rejected) => Err(Err(self.held(origin, &breaker))),
            Err(Error::Inner(error)) => {
                breaker.settle();
                Err(Ok(error))
            }
            Ok(answer) => {
                breaker.settle();
                Ok(answer)
            }
        }
    }

    fn of(&self, origin: &str) -> Arc<Breaker> {
        let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(breaker) = origins.get(origin) {
            return breaker.clone();
        }
        if origins.len() >= ORIGINS_MAX {
            origins.retain(|_, breaker| Arc::strong_count(breaker) > 1);
        }
        let breaker = Arc::new(Breaker::new(self.options));
        origins.insert(origin.to_owned(), breaker.clone());
        breaker
    }

    fn held(&self, origin: &str, breaker: &Breaker) -> Held {
        let settled = *breaker
            .settled
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let again_after = self.options.open.saturating_sub(settled.elapsed());
        Held {
            origin: origin.to_owned(),
            again_after,
        }
    }
}

impl Breaker {
    fn new(options: BreakerOptions) -> Self {
        let recloser = Recloser::custom()
            .error_rate(options.failure_rate)
            .closed_len(options.window_calls)
            .half_open_len(options.probe_calls)
            .open_wait(options.open)
            .build();
        Self {
            recloser: recloser.into(),
            settled: Mutex::new(Instant::now()),
        }
    }

    fn settle(&self) {
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "http://somewhere";

    async fn call(breakers: &Breakers, answer: Result<(), bool>) -> Result<(), Result<bool, Held>> {
        breakers
            .call(ORIGIN, async move { answer }, |counts| *counts)
            .await
    }

    fn breakers(open: Duration) -> Breakers {
        Breakers::new(BreakerOptions {
            failure_rate: 0.5,
            window_calls: 4,
            probe_calls: 2,
            open,
        })
    }

    #[tokio::test]
    async fn opens_when_half_of_the_window_failed_and_closes_when_probes_succeed() {
        let breakers = breakers(Duration::from_millis(200));
        for answer in [Ok(()), Err(true), Ok(()), Ok(()), Err(true)] {
            assert!(!matches!(call(&breakers, answer).await, Err(Err(_))));
        }

        let held = call(&breakers, Ok(()))
            .await
            .expect_err("open")
            .expect_err("held back");
        assert_eq!(held.origin, ORIGIN);
        // The breaker reads the system's clock, which no test can move: wait what it says.
        tokio::time::sleep(held.again_after).await;

        for _ in 0..8 {
            assert_eq!(call(&breakers, Ok(())).await, Ok(()));
        }
    }

    #[tokio::test]
    async fn errors_that_do_not_count_never_open_it() {
        let breakers = breakers(Duration::from_secs(60));

        for _ in 0..20 {
            assert_eq!(call(&breakers, Err(false)).await, Err(Ok(false)));
        }
    }
}
