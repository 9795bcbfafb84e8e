//! The rate of a channel: messages of this process leave it evenly, each in its turn.
//!
//! Every worker keeps the rate by itself, so that a message costs no write of the database. What all workers
//! together may do is a limit of the step or its job.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use windlass_workflows::configuration::Channel;

use crate::perform::StepFailure;

/// A message whose turn is later than this fails, to be tried again then: nobody looks at it meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(60 * 60);
/// Most channels remembered; when there are more, those that wait for nothing are forgotten.
const CHANNELS_MAX: usize = 1_000;

type Turns = HashMap<(i32, String), Instant>;

/// When the next message may leave, by tenant and channel.
#[derive(Default)]
pub(in crate::perform) struct Paces(Mutex<Turns>);

/// Waits until a message may leave by this channel.
///
/// # Errors
/// `communication` 429 when that is more than an hour away.
///
/// # Cancel safety
/// Dropped, its turn is lost: the next message waits as if it had left.
pub(super) async fn turn(paces: &Paces, tenant: i32, channel: &Channel) -> Result<(), StepFailure> {
    let Some(rate) = channel.rate else {
        return Ok(());
    };
    let name = &channel.header.name;
    match paces.take((tenant, name.clone()), rate, Instant::now()) {
        Ok(at) => sleep_until(at).await,
        Err(wait) => {
            let title = format!("channel `{name}` has messages for more than an hour");
            return Err(StepFailure::communication(429, title).again_after(Some(wait)));
        }
    }
    Ok(())
}

impl Paces {
    /// The turn of one message; or how long until there may be one.
    fn take(&self, channel: (i32, String), rate: f64, now: Instant) -> Result<Instant, Duration> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= CHANNELS_MAX {
            turns.retain(|_, next| *next > now);
        }
        let next = turns.entry(channel).or_insert(now);
        let at = (*next).max(now);
        if at - now > WAIT_MAX {
            return Err(at - now - WAIT_MAX);
        }
        *next = at + Duration::from_secs_f64(1.0 / rate);
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_evenly_and_a_channel_does_not_wait_for_another() {
        let (paces, now) = (Paces::default(), Instant::now());
        let take = |name: &str, now| paces.take((1, name.to_owned()), 10.0, now);
        let after = |millis| Ok(now + Duration::from_millis(millis));

        assert_eq!(take("mail", now), after(0));
        assert_eq!(take("mail", now), after(100));
        assert_eq!(take("desk", now), after(0));
        let later = now + Duration::from_secs(5);
        assert_eq!(
            take("mail", later),
            after(5_000),
            "what was not used is gone"
        );
        assert_eq!(take("mail", later), after(5_100));
    }

    #[test]
    fn a_turn_that_is_too_far_away_is_refused_and_not_taken() {
        let (paces, now) = (Paces::default(), Instant::now());
        let daily = || paces.take((1, "slow".to_owned()), 1.0 / 86_400.0, now);

        assert_eq!(daily(), Ok(now));
        let wait = Duration::from_secs(23 * 60 * 60);
        assert_eq!((daily(), daily()), (Err(wait), Err(wait)));
    }
}
