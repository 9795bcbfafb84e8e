//! The loop of one job: events in, turns out, steps started and ended.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::select;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error};
use windlass_engine::store::{Ending, LeaseKey, NewEntry};
use windlass_workflows::machine::command::Command;
use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::turn::Turn;
use windlass_workflows::machine::{Applied, Execution};
use windlass_workflows::value::Value;

use super::child::Born;
use super::clock::{Clock, sleep};
use super::mailbox::{Mailbox, next_look};
use super::order;
use super::shared_context::saves;
use super::steps::{ReadChunk, StepEnd, Steps};
use super::{Left, Stuck, leave};
use crate::pump::outbox::{Outbox, Recorded};
use crate::shared::{Phase, Shared};

/// A timer that falls due sooner keeps its lease: exchanging it would cost more than it frees.
const NEAR: Duration = Duration::from_secs(5);

/// A job while it runs.
pub(super) struct Conduct {
    pub(super) job: i64,
    pub(super) lease: LeaseKey,
    pub(super) shared: Arc<Shared>,
    pub(super) outbox: Rc<Outbox>,
    pub(super) execution: Execution,
    pub(super) steps: Steps,
    pub(super) clock: Clock,
    /// It knows that it should stop, and its entries say so.
    pub(super) obeys: bool,
    /// It has a journal.
    pub(super) remembers: bool,
    pub(super) tenant: i32,
    pub(super) lane: i32,
    /// The job that is told of its end.
    pub(super) parent: Option<i64>,
    pub(super) mailbox: Mailbox,
    /// When it looks for what it listens for, if it runs then.
    pub(super) collect_at: Instant,
    /// Members of chunks that ended since the last entry.
    pub(super) members: i64,
    /// Members of chunks that are under way.
    pub(super) chunk_sizes: HashMap<(Activity, u32), i64>,
}

/// How far a job came by itself.
pub(super) enum Walk {
    /// To its ending, which is in the outbox.
    Left(Left),
    /// To a turn that must be durable before it goes on.
    Records(Turn),
    /// To where it waits for something to happen.
    Waits,
}

impl Conduct {
    /// Goes on until the job has left its lease.
    pub(super) async fn run(mut self: Box<Self>, mut walk: Walk) -> Left {
        loop {
            let events = match walk {
                Walk::Left(left) => Err(left),
                Walk::Records(turn) => self.record(turn).await,
                Walk::Waits => self.wait().await,
            };
            walk = match events {
                Ok(events) => self.walk(events),
                Err(left) => return left,
            };
        }
    }

    /// Begins with these events; what was under way when the job last left its lease runs again, under
    /// the same keys. Goes as far as it can without waiting.
    pub(super) fn begin(&mut self, first: Vec<EventKind>) -> Walk {
        let interrupted = self.execution.pending();
        match self.apply_all(first) {
            Ok(()) => self.go_on(interrupted),
            Err(left) => return Walk::Left(left),
        }
        self.walk(Vec::new())
    }

    /// Goes on from these events as far as it can without waiting.
    fn walk(&mut self, mut events: Vec<EventKind>) -> Walk {
        loop {
            if let Err(left) = self.apply_all(events) {
                return Walk::Left(left);
            }
            if let Some(walk) = self.seal() {
                return walk;
            }
            events = match self.heard_at_once() {
                Ok(events) if events.is_empty() => match self.wanted_letter() {
                    Some(letter) => vec![letter],
                    None => return Walk::Waits,
                },
                Ok(events) => events,
                Err(stuck) => return Walk::Left(self.leave_stuck(stuck)),
            };
        }
    }

    /// What the steps mean that ended where they began.
    fn heard_at_once(&mut self) -> Result<Vec<EventKind>, Stuck> {
        let mut events = Vec::new();
        while let Some(end) = self.steps.ended_at_once() {
            events.extend(self.heard(end)?);
        }
        Ok(events)
    }

    /// Does what is decided: turns with nothing to write at once, an ending that nobody waits for into
    /// the outbox; a turn that must be durable first is given back.
    fn seal(&mut self) -> Option<Walk> {
        while let Some(mut turn) = self.execution.seal() {
            if turn.entry.is_none() && turn.end.is_none() {
                self.settle(turn);
            } else if turn.entry.is_none() && !self.obeys {
                let new = self.entry(&mut turn, Born::default());
                self.outbox.leave(new);
                return Some(Walk::Left(Left::Unattended));
            } else {
                return Some(Walk::Records(turn));
            }
        }
        None
    }

    /// Starts interrupted steps again that are still wanted.
    fn go_on(&mut self, mut interrupted: Vec<Command>) {
        if interrupted.is_empty() {
            return;
        }
        let pending = self.execution.pending();
        let wanted: HashSet<_> = pending.iter().filter_map(identity).collect();
        interrupted.retain(|command| identity(command).is_some_and(|step| wanted.contains(&step)));
        self.steps.obey(interrupted);
    }

    fn apply_all(&mut self, events: Vec<EventKind>) -> Result<(), Left> {
        events
            .into_iter()
            .try_for_each(|kind| self.apply(kind))
            .map_err(|stuck| self.leave_stuck(stuck))
    }

    /// Applies one event, slice by slice. A late one is no news; an illegal one is a fault of ours.
    fn apply(&mut self, kind: EventKind) -> Result<(), Stuck> {
        let at = self.clock.now();
        if let EventKind::Chunk {
            activity,
            number,
            result,
        } = &kind
        {
            // One that failed may run again, in a job that repeats this one.
            let size = self.chunk_sizes.remove(&(*activity, *number));
            self.members += size.filter(|_| result.is_ok()).unwrap_or_default();
        }
        let letter = match &kind {
            EventKind::Mail { id, .. } => Some(*id),
            _ => None,
        };
        let mut applied = self.execution.apply(Event { at, kind });
        while let Ok(Applied::More) = applied {
            applied = self.execution.apply(Event {
                at,
                kind: EventKind::Continued,
            });
        }
        match applied {
            Ok(applied) => {
                if let Some(id) = letter {
                    self.mailbox.offered(self.job, id, applied != Applied::Late);
                }
                Ok(())
            }
            Err(refusal) => {
                error!(job.id = self.job, refusal = %refusal, "the machine refused an event");
                Err(Stuck::Park(format!("machine_refused: {refusal}")))
            }
        }
    }

    fn leave_stuck(&mut self, stuck: Stuck) -> Left {
        self.leave(stuck.ending(self.clock.now()))
    }

    fn leave(&mut self, ending: Ending) -> Left {
        let new = NewEntry::leaving(self.job, self.lease, ending, self.remembers);
        let new = self.parting(new);
        leave(&self.outbox, new)
    }

    /// What a turn writes, taken out of it.
    fn entry(&mut self, turn: &mut Turn, born: Born) -> NewEntry {
        let mut new = NewEntry::of(self.job, self.lease, turn, self.remembers);
        new.obeys = self.obeys;
        new.members = std::mem::take(&mut self.members);
        if new.ending.is_none() && self.has_read_all() {
            new.ending = self.rest();
        }
        new.post = self.post(&turn.rows, &turn.effects, born, new.ending.as_ref());
        new
    }

    /// Makes a turn durable; gives what the machine must hear at once: of children that cannot be.
    async fn record(&mut self, mut turn: Turn) -> Result<Vec<EventKind>, Left> {
        let started = self.children(&turn.rows).await;
        let (born, faults) = started.map_err(|stuck| self.leave_stuck(stuck))?;
        let ends = turn.end.is_some();
        let mut new = self.entry(&mut turn, born);
        if !faults.is_empty() && !ends {
            new.ending = None;
        }
        let leaves = new.ending.is_some();
        let (remembers, members) = (new.remembers, new.members);
        let saves = saves(&turn.rows);
        match self.outbox.record(new).await {
            Recorded::Accepted if leaves => Err(Left::Settled(self.lease.claim)),
            Recorded::Accepted => {
                self.remembers = remembers;
                self.recorded();
                if self.shared.phase() != Phase::Running && self.steps.is_empty() {
                    // Between two steps a draining worker goes no further; what comes next is asked for again.
                    return Err(self.leave(Ending::Back));
                }
                self.settle(turn);
                let heard = self.heard_of_saves(saves, faults).await;
                heard.map_err(|stuck| self.leave_stuck(stuck))
            }
            Recorded::Taken(taken) => Ok(self.effect_taken(turn, members, taken)),
            Recorded::Refused => self.refused(turn).await.map(|()| Vec::new()),
        }
    }

    fn settle(&mut self, turn: Turn) {
        let commands = self.execution.settle(turn);
        self.steps.obey(commands);
    }

    /// A refused turn never happened. If somebody wants the job to stop, the machine hears of it
    /// instead; if not, the lease is lost and everything here with it.
    async fn refused(&mut self, turn: Turn) -> Result<(), Left> {
        let lost = Err(Left::Settled(self.lease.claim));
        if self.obeys {
            return lost;
        }
        let Ok(Some(Some(order))) = self.shared.store.order_of(self.job, self.lease).await else {
            debug!(job.id = self.job, "the lease is lost; nothing was recorded");
            return lost;
        };
        self.execution.reopen(turn);
        self.obeys = true;
        if self.execution.is_ended() && self.remembers && self.execution.undoes_on_cancel() {
            // Its next holder finds the order, and undoes what the journal knows.
            return lost;
        }
        if self.execution.is_ended() {
            // Its late result changes nothing.
            let end = order::cancelled(&order);
            let mut ending = NewEntry::leaving(self.job, self.lease, end, self.remembers);
            ending.obeys = true;
            self.outbox.record(ending).await;
            return lost;
        }
        self.apply_all(vec![order::cancel_event(&order)])
    }

    /// When nothing runs here and nothing is near, the lease is exchanged for a timer.
    fn rest(&self) -> Option<Ending> {
        if !self.steps.is_empty() || self.execution.awaits_steps() || self.awaits_save() {
            return None;
        }
        let due = self.execution.next_due();
        let near = due.is_some_and(|due| self.clock.until(due) <= NEAR)
            && self.execution.interests().is_empty();
        (!near).then_some(Ending::Rest { due })
    }

    /// A job that was woken and has nothing to write leaves all the same.
    async fn rest_if_idle(&mut self) -> Result<(), Left> {
        let Some(ending) = self.rest() else {
            return Ok(());
        };
        let new = NewEntry {
            obeys: self.obeys,
            post: self.post(&[], &[], Born::default(), Some(&ending)),
            ..NewEntry::leaving(self.job, self.lease, ending, self.remembers)
        };
        // Refused, it is stopped or lost: in either case its next holder goes on.
        self.outbox.record(new).await;
        Err(Left::Settled(self.lease.claim))
    }

    /// Waits for what happens next; an error when the job has left.
    async fn wait(&mut self) -> Result<Vec<EventKind>, Left> {
        if self.has_more() {
            let read = self.read_letters().await;
            return read.map_err(|stuck| self.leave_stuck(stuck));
        }
        self.rest_if_idle().await?;
        self.pass_on().await;
        self.next().await.map_err(|stuck| self.leave_stuck(stuck))
    }

    /// What happens next; an error when the job must leave.
    async fn next(&mut self) -> Result<Vec<EventKind>, Stuck> {
        let due = self.execution.next_due().map(|due| self.clock.until(due));
        let draining = self.steps.is_empty();
        let first = select! { biased;
            end = self.steps.next() => self.heard(end)?,
            () = self.shared.stopped(self.job), if !self.obeys => return self.ordered().await,
            () = sleep(due) => self.due().await?,
            () = sleep_until(self.collect_at) => {
                self.collect_at = next_look();
                match self.execution.interests().is_empty() {
                    true => Vec::new(),
                    false => self.collect().await?,
                }
            }
            () = self.shared.reached(Phase::Draining), if draining => return Err(Stuck::Back),
            () = self.shared.reached(Phase::Cut) => return Err(Stuck::Back),
            () = self.shared.distrusted() => return Err(Stuck::Back),
        };
        let mut kinds = first;
        kinds.extend(self.heard_at_once()?);
        while let Some(end) = self.steps.ended().await {
            kinds.extend(self.heard(end)?);
        }
        Ok(kinds)
    }

    /// What the end of a step means for the machine, or for the job as a whole.
    fn heard(&mut self, end: StepEnd) -> Result<Vec<EventKind>, Stuck> {
        match end {
            StepEnd::Event(kind) => Ok(vec![kind]),
            StepEnd::Read(chunk) => Ok(self.render(chunk)),
            StepEnd::Gone => Ok(Vec::new()),
            StepEnd::Interrupted => Err(Stuck::Back),
            StepEnd::NotMine(why) => Err(Stuck::Defer(format!("not_mine: {why}"))),
            StepEnd::Parked(why) => Err(Stuck::Park(why)),
        }
    }

    /// Renders a chunk's call and starts it; one that cannot be rendered ends at once.
    fn render(&mut self, chunk: ReadChunk) -> Vec<EventKind> {
        let (activity, number) = (chunk.activity, chunk.number);
        self.chunk_sizes.insert(
            (activity, number),
            chunk
                .value
                .get("count")
                .and_then(Value::as_i64)
                .unwrap_or_default(),
        );
        match self.execution.render_chunk(activity, number, &chunk.value) {
            Ok(call) => {
                self.steps.perform_chunk(chunk, call);
                Vec::new()
            }
            Err(fault) => vec![EventKind::Chunk {
                activity,
                number,
                result: Err(fault),
            }],
        }
    }

    /// The heartbeat says that somebody wants this job to stop.
    async fn ordered(&mut self) -> Result<Vec<EventKind>, Stuck> {
        match self.shared.store.order_of(self.job, self.lease).await {
            Ok(Some(Some(order))) => {
                self.obeys = true;
                Ok(vec![order::cancel_event(&order)])
            }
            Ok(_) | Err(_) => Err(Stuck::Back),
        }
    }
}

/// What tells one asked-for step from another: a retry has the same key, but another activity.
fn identity(command: &Command) -> Option<(Activity, &str)> {
    match command {
        Command::Perform(perform) => Some((perform.activity, &perform.key)),
        Command::PerformChunk { activity, key, .. } => Some((*activity, key)),
        Command::Stop { .. } => None,
    }
}
