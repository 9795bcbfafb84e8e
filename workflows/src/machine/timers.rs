//! Timers: deadlines of tasks and tries, backoffs, waits, the grace of a closing job.

use chrono::{DateTime, Utc};

use super::Execution;
use super::fault::Fault;
use super::limits::SLICE_NODES;
use super::state::{Doing, FrameKind, OpenCall};
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
    /// Timers fire in the order of their instants; those above come first at the same instant, then
    /// branches in declared order.
    pub(super) fn fire(&mut self, now: DateTime<Utc>) -> Verdict<()> {
        let is_walking = self.state.moving().is_some();
        let mut verdict = if is_walking {
            Verdict::To(())
        } else {
            Verdict::Late
        };
        let waiting: Vec<u32> = self.parked().collect();
        // Timers of no length may follow each other for ever: the slice ends them, the next one goes on.
        let end = self.walked + SLICE_NODES;
        while let Some((place, timer, due)) = self.first_timer()
            && due <= now
            && self.walked < end
            && !self.leaves_now(place, timer, &waiting)
        {
            verdict = Verdict::To(());
            self.walked += 1;
            self.state.cursor = place;
            self.fire_one(timer);
            // What a timer set going may set timers of its own; they count from now on.
            self.advance();
        }
        verdict
    }

    /// Branches that wait for a person.
    fn parked(&self) -> impl Iterator<Item = u32> + '_ {
        self.state.root.parked.iter().map(|parked| parked.branch)
    }

    /// Whether a branch has just been left for a person: whoever lets it go on comes later.
    fn leaves_now(&self, place: usize, timer: Timer, waiting: &[u32]) -> bool {
        let branch = self.state.branches[place].id;
        timer == Timer::Standing
            && !waiting.contains(&branch)
            && self.parked().any(|parked| parked == branch)
    }

    /// Fires what fell due before an instant; what falls due at it comes after what happened at it.
    pub(super) fn fire_before(&mut self, at: DateTime<Utc>) -> bool {
        let mut fired = false;
        let end = self.walked + SLICE_NODES;
        while let Some((place, timer, due)) = self.first_timer()
            && due < at
            && self.walked < end
        {
            fired = true;
            self.walked += 1;
            self.state.cursor = place;
            self.fire_one(timer);
            self.advance();
        }
        fired
    }

    fn fire_one(&mut self, timer: Timer) {
        match timer {
            Timer::Closing => {
                for place in 0..self.state.branches.len() {
                    self.state.cursor = place;
                    self.stop_step();
                }
                self.ends_closing();
            }
            Timer::Deadline(0) if self.state.cursor == 0 => {
                let fault = timed_out("");
                self.state.root.status = JobState::Closing;
                self.close(fault_value(&fault), false);
            }
            // The task that has the timeout raises the error: its own `catch` cannot catch it (ruling 23).
            Timer::Deadline(place) => self.time_out(place, place),
            Timer::Try(place) => self.time_out(place, place + 1),
            Timer::Standing => self.stood(),
        }
    }

    /// The task at this place raises; frames from `limit` on do not catch it.
    fn time_out(&mut self, place: usize, limit: usize) {
        let is_step = place == limit && place + 1 == self.state.branch().frames.len();
        let is_step = is_step && self.is_made();
        self.stop_step();
        let node = self.state.branch().frames[place].node;
        let fault = timed_out(&self.program.node(node).place);
        match is_step {
            true => self.end_step(fault, Some(limit)),
            false => self.raise_past(fault, None, Some(limit)),
        }
    }

    /// Whether the branch at hand stands at a step that is being made: neither at one that is only asked about, nor at
    /// people, whose time is over when it is over.
    fn is_made(&self) -> bool {
        match &self.state.branch().doing {
            Doing::Step(step) => {
                step.verify.is_none() && !matches!(step.call, OpenCall::Approval { .. })
            }
            _ => false,
        }
    }

    /// What the branch at hand stood at is over.
    fn stood(&mut self) {
        self.resume();
        let gone_on = match &self.state.branch().doing {
            Doing::Backoff { .. } if self.top().is_made_again() => self.open_anew(),
            Doing::Backoff { .. } => self.try_again(),
            Doing::UndoBackoff { .. } => {
                self.next_undo();
                Ok(())
            }
            Doing::Stopped(_) => {
                self.open_again();
                Ok(())
            }
            _ => {
                self.state.branch_mut().doing = Doing::Nothing;
                self.leave(None)
            }
        };
        if let Err(fault) = gone_on {
            self.raise(fault, None);
        }
    }

    /// When the next timer falls due.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.first_timer().map(|(_, _, due)| due)
    }

    fn first_timer(&self) -> Option<(usize, Timer, DateTime<Utc>)> {
        if let Some(closing) = &self.state.root.closing
            && closing.undoing.is_none()
        {
            return (self.state.root.status == JobState::Closing).then_some((
                0,
                Timer::Closing,
                closing.until,
            ));
        }
        let timers = (0..self.state.branches.len()).flat_map(|place| {
            let deadlines = self
                .deadlines(place)
                .map(move |(timer, due)| (place, timer, due));
            let standing = self.stands_until(place);
            deadlines.chain(standing.map(|due| (place, Timer::Standing, due)))
        });
        // `min_by_key` gives the first of equals: the outermost deadline, the first branch.
        timers.min_by_key(|(_, _, due)| *due)
    }

    /// When what a branch stands at is over by itself.
    fn stands_until(&self, place: usize) -> Option<DateTime<Utc>> {
        let branch = &self.state.branches[place];
        let parked = &self.state.root.parked;
        if parked.iter().any(|parked| parked.branch == branch.id) && !self.is_at_rest() {
            return None;
        }
        match &branch.doing {
            Doing::Backoff { until } | Doing::Sleep { until } | Doing::UndoBackoff { until } => {
                Some(*until)
            }
            // Whoever loads a parked job was told to let it go on.
            Doing::Stopped(_) => Some(self.state.root.at),
            _ => None,
        }
    }

    /// Deadlines of a branch's tasks and tries, outermost first; none while something below is undone.
    fn deadlines(&self, place: usize) -> impl Iterator<Item = (Timer, DateTime<Utc>)> + '_ {
        let is_undoing = |branch: usize| {
            matches!(
                self.state.branches[branch].doing,
                Doing::Undo(_) | Doing::UndoBackoff { .. }
            )
        };
        let is_shielded = is_undoing(place) || self.state.below(place).any(is_undoing);
        let frames = match is_shielded {
            true => &[],
            false => self.state.branches[place].frames.as_slice(),
        };
        frames.iter().enumerate().flat_map(|(place, frame)| {
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

    /// The first deadline around what a branch stands at.
    pub(super) fn due_of(&self, place: usize) -> Option<DateTime<Utc>> {
        let around = self.state.upwards(place);
        around
            .flat_map(|place| self.deadlines(place))
            .map(|(_, due)| due)
            .min()
    }
}

pub(super) fn timed_out(pointer: &str) -> Fault {
    let mut fault = Fault::standard("timeout", 408, "the deadline has passed");
    fault.instance = Some(pointer.to_owned());
    fault
}
