//! Timers: deadlines of tasks and tries, backoffs, waits, the grace of a closing job.

use chrono::{DateTime, Utc};

use super::Execution;
use super::fault::Fault;
use super::limits::SLICE_NODES;
use super::state::{Doing, FrameKind};
use super::transition::Verdict;
use super::transition::job::JobState;
use super::unwind::fault_value;

/// What may fall due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The grace of a closing job.
    Closing,
    /// The deadline of the task at this place of the frames.
    Deadline(usize),
    /// The deadline of one try of the `try` at this place.
    Try(usize),
    /// What the branch stands at.
    Standing,
}

impl Execution {
    /// Timers fire in the order of their instants; those above come first at the same instant.
    pub(super) fn fire(&mut self, now: DateTime<Utc>) -> Verdict<()> {
        let is_walking = matches!(self.state.branch().doing, Doing::Moving(_));
        let mut verdict = if is_walking {
            Verdict::To(())
        } else {
            Verdict::Late
        };
        // Timers of no length may follow each other for ever: the slice ends them, the next one goes on.
        let end = self.walked + SLICE_NODES;
        while let Some((timer, due)) = self.first_timer()
            && due <= now
            && self.walked < end
        {
            verdict = Verdict::To(());
            self.walked += 1;
            self.fire_one(timer);
            // What a timer set going may set timers of its own; they count from now on.
            self.advance();
        }
        verdict
    }

    fn fire_one(&mut self, timer: Timer) {
        match timer {
            Timer::Closing => {
                self.stop_step();
                self.ends_closing();
            }
            Timer::Deadline(0) => {
                let fault = timed_out("");
                self.state.root.status = JobState::Closing;
                self.close(fault_value(&fault), false);
            }
            Timer::Deadline(place) => {
                self.stop_step();
                let node = self.state.branch().frames[place].node;
                // The task that has the timeout raises the error: its own `catch` cannot catch it (ruling 23).
                self.state.branch_mut().frames.truncate(place);
                self.raise(timed_out(&self.program.node(node).pointer), None);
            }
            Timer::Try(place) => {
                self.stop_step();
                let node = self.state.branch().frames[place].node;
                self.state.branch_mut().frames.truncate(place + 1);
                self.raise(timed_out(&self.program.node(node).pointer), None);
            }
            Timer::Standing => {
                let gone_on = match &self.state.branch().doing {
                    Doing::Backoff { .. } => self.try_again(),
                    _ => {
                        self.state.branch_mut().doing = Doing::Nothing;
                        self.leave(None)
                    }
                };
                if let Err(fault) = gone_on {
                    self.raise(fault, None);
                }
            }
        }
    }

    /// When the next timer falls due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.first_timer().map(|(_, due)| due)
    }

    fn first_timer(&self) -> Option<(Timer, DateTime<Utc>)> {
        if let Some(closing) = &self.state.root.closing {
            return (self.state.root.status == JobState::Closing)
                .then_some((Timer::Closing, closing.until));
        }
        let standing = match &self.state.branch().doing {
            Doing::Backoff { until } | Doing::Sleep { until } => Some((Timer::Standing, *until)),
            Doing::Moving(_) | Doing::Step(_) | Doing::Nothing => None,
        };
        // `min_by_key` gives the first of equals: the outermost deadline.
        self.deadlines().chain(standing).min_by_key(|(_, due)| *due)
    }

    /// Deadlines of tasks and tries, outermost first.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Timer, DateTime<Utc>)> + '_ {
        self.state
            .branch()
            .frames
            .iter()
            .enumerate()
            .flat_map(|(place, frame)| {
                let of_try = match &frame.kind {
                    FrameKind::Try(tries) => tries.due,
                    _ => None,
                };
                let of_task = frame.due.map(|due| (Timer::Deadline(place), due));
                of_task
                    .into_iter()
                    .chain(of_try.map(|due| (Timer::Try(place), due)))
            })
    }
}

pub(super) fn timed_out(pointer: &str) -> Fault {
    let mut fault = Fault::standard("timeout", 408, "the deadline has passed");
    fault.instance = Some(pointer.to_owned());
    fault
}
