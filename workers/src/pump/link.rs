//! A pump's connection that survives: an exchange ends with every entry's fate known.
//!
//! An answer that was lost is asked for again over a new connection: entries that landed bear our
//! claim, and a claim that happened has its leases. A statement that the database keeps refusing for
//! what it says is halved until the bad entry stands alone; its job is parked, its neighbours are
//! recorded. Locks and time-outs park nobody.

use std::time::Duration;

use tokio::time::{sleep, timeout};
use tracing::{error, warn};
use uuid::Uuid;
use windlass_engine::Error;
use windlass_engine::store::{Claimed, ConnectOptions, Ending, Exchanged, Hot, NewEntry, Want};
use windlass_workflows::machine::turn::End;

use super::outbox::{Outgoing, Recorded};

/// Pauses between attempts to reconnect: doubled up to the second.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// The server's own limit is 60 s; a connection that is silent for longer is dead.
const ANSWER_MAX: Duration = Duration::from_secs(75);

/// A connection, or the wish for one.
#[derive(Debug)]
pub(crate) struct Link {
    options: ConnectOptions,
    hot: Option<Hot>,
    takes_risk: bool,
}

impl Link {
    /// Only one pump of a worker `takes_risk`: jobs that must be alone on their worker.
    pub(crate) fn new(options: ConnectOptions, takes_risk: bool) -> Self {
        Self {
            options,
            hot: None,
            takes_risk,
        }
    }

    /// Records `outgoing`, tells everybody who waits, and claims what is wanted.
    ///
    /// Gives the claimed jobs, and the refused entries that nobody waits for.
    ///
    /// # Cancel safety
    /// Not cancel safe: drive it to its end, unless the leases are lost anyway.
    pub(crate) async fn exchange(
        &mut self,
        worker: Uuid,
        outgoing: Vec<Outgoing>,
        want: Option<&Want>,
    ) -> Answer {
        let mut answer = Answer::default();
        let mut parts = vec![(outgoing, 0)];
        let mut want = want;
        while let Some((part, tries)) = parts.pop() {
            let error = match self.send(worker, &part, want).await {
                Ok(exchanged) => {
                    want = None;
                    answer.add(part, exchanged);
                    continue;
                }
                Err(error) => error,
            };
            match trouble(error.as_ref(), tries) {
                Trouble::Bad if want.is_none() => isolate(part, error.as_ref(), &mut parts),
                trouble => {
                    if trouble == Trouble::Lost {
                        self.hot = None;
                    }
                    sleep(PAUSE_MIN + jitter(PAUSE_MIN)).await;
                    // The claim may have been a statement of its own, and have happened.
                    let rest = self.find_out(part, &mut want, &mut answer).await;
                    if trouble != Trouble::Lost {
                        // If not, the next exchange asks for work again.
                        want = None;
                    }
                    parts.push((rest, tries + 1));
                }
            }
        }
        answer
    }

    /// One statement; no error in the `Err` when it was not answered at all.
    async fn send(
        &mut self,
        worker: Uuid,
        part: &[Outgoing],
        want: Option<&Want>,
    ) -> Result<Exchanged, Option<Error>> {
        let hot = self.hot().await;
        match timeout(ANSWER_MAX, hot.exchange_of(worker, part, want)).await {
            Ok(answer) => answer.map_err(Some),
            Err(_) => Err(None),
        }
    }

    /// After a lost answer: tells those whose entries landed, and gives the rest.
    async fn find_out(
        &mut self,
        part: Vec<Outgoing>,
        want: &mut Option<&Want>,
        answer: &mut Answer,
    ) -> Vec<Outgoing> {
        loop {
            let hot = self.hot().await;
            let asked = async {
                Ok::<_, Error>((hot.recorded(&part).await?, claimed_by(hot, *want).await?))
            };
            let Ok(Ok((landed, claimed))) = timeout(ANSWER_MAX, asked).await else {
                self.hot = None;
                sleep(PAUSE_MIN + jitter(PAUSE_MIN)).await;
                continue;
            };
            if !claimed.is_empty() {
                answer.claimed.extend(claimed);
                *want = None;
            }
            let (done, rest): (Vec<_>, Vec<_>) = part
                .into_iter()
                .partition(|outgoing| landed.contains(&outgoing.new.job));
            done.into_iter()
                .for_each(|outgoing| outgoing.tell(Recorded::Accepted));
            return rest;
        }
    }

    /// The connection, however long it takes to get one.
    async fn hot(&mut self) -> &mut Hot {
        let mut pause = PAUSE_MIN;
        while self.hot.is_none() {
            match Hot::connect(&self.options).await {
                Ok(hot) if self.takes_risk => self.hot = Some(hot),
                Ok(hot) => self.hot = Some(hot.avoiding_risk()),
                Err(error) => {
                    warn!(error = %error, "no connection for a pump yet");
                    sleep(pause + jitter(pause)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
        self.hot.as_mut().expect("connected above")
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        if let Some(hot) = self.hot {
            hot.close().await;
        }
    }
}

/// What an exchange brought.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// New jobs.
    pub(crate) claimed: Vec<Claimed>,
    /// The claim did not look far enough: there may be more.
    pub(crate) more: bool,
    /// Refused entries that nobody waits for.
    pub(crate) refused: Vec<NewEntry>,
}

impl Answer {
    fn add(&mut self, part: Vec<Outgoing>, exchanged: Exchanged) {
        self.claimed.extend(exchanged.claimed);
        self.more |= exchanged.more;
        for outgoing in part {
            let mut taken = exchanged.taken.iter();
            if let Some(taken) = taken.find(|taken| taken.job == outgoing.new.job) {
                outgoing.tell(Recorded::Taken(*taken));
            } else if !exchanged.refused.contains(&outgoing.new.job) {
                outgoing.tell(Recorded::Accepted);
            } else if outgoing.ack.is_some() {
                outgoing.tell(Recorded::Refused);
            } else {
                self.refused.push(outgoing.new);
            }
        }
    }
}

async fn claimed_by(hot: &mut Hot, want: Option<&Want>) -> Result<Vec<Claimed>, Error> {
    match want {
        Some(want) => hot.of_claim(want.claim).await,
        None => Ok(Vec::new()),
    }
}

/// What an exchange that failed asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// The connection is of no use any more; what it did is unknown.
    Lost,
    /// Others stand in the way, or an earlier try may still have been running: ask, then again.
    Again,
    /// An entry is at fault.
    Bad,
}

/// Locks, deadlocks and time-outs are nobody's fault and never park a job. A collision of keys, or bad
/// data, is believed only when it comes again: an earlier try of the same entries may have landed.
fn trouble(error: Option<&Error>, tries: u32) -> Trouble {
    let Some(error) = error else {
        return Trouble::Lost;
    };
    let state = error.sql_state().unwrap_or_default();
    let trouble = match state.as_str() {
        // A cached plan that no longer fits the schema goes with its connection.
        _ if error.is_transient() => Trouble::Lost,
        "0A000" => Trouble::Lost,
        "40001" | "40P01" | "55P03" | "57014" => Trouble::Again,
        _ if tries < 2 => Trouble::Again,
        _ => Trouble::Bad,
    };
    warn!(error = %error, sql_state = state, ?trouble, "an exchange failed");
    trouble
}

/// Halves a flush that the database refuses; a bad entry alone parks its job.
fn isolate(mut part: Vec<Outgoing>, error: Option<&Error>, parts: &mut Vec<(Vec<Outgoing>, u32)>) {
    if part.len() > 1 {
        let half = part.split_off(part.len() / 2);
        parts.extend([(half, 2), (part, 2)]);
        return;
    }
    let said = error.map_or_else(String::new, ToString::to_string);
    let Some(bad) = part.pop() else {
        error!(error = said, "a claim was refused");
        return;
    };
    if matches!(bad.new.ending, Some(Ending::Machine(End::Park { .. }))) && bad.new.entry.is_none()
    {
        error!(
            job.id = bad.new.job,
            error = said,
            "a job can not even be parked; its lease will expire"
        );
        bad.tell(Recorded::Refused);
        return;
    }
    error!(
        job.id = bad.new.job,
        error = said,
        "the database refuses what a job wants to record; it is parked"
    );
    let reason = format!("its record was refused by the database: {said}");
    let ending = Ending::Machine(End::Park { reason });
    // What the refused entry would have begun is not there.
    let remembers = bad.new.remembers && bad.new.entry.as_ref().is_none_or(|entry| entry.seq > 1);
    let park = NewEntry::leaving(bad.new.job, bad.new.lease, ending, remembers);
    bad.tell(Recorded::Refused);
    parts.push((
        vec![Outgoing {
            new: park,
            ack: None,
        }],
        0,
    ));
}

/// Up to half of the pause more, so that pumps of a fleet do not come back in step.
fn jitter(pause: Duration) -> Duration {
    pause.mul_f64(rand::random::<f64>() / 2.0)
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
