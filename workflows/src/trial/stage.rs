//! The job of a trial: its memory, its clock, and what is under way.
//!
//! Time is a number here. What happens, happens in the order of its instants: answers first, then
//! timers. The job's memory is what a store would keep, turns and heads, and nothing else.

mod calls;
mod contexts;
mod group;
mod rows;
mod world;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub(super) use self::contexts::Contexts;
use self::group::Group;
use self::rows::Mail;
pub(super) use self::rows::envelope;
pub(super) use self::world::{Shared, World};
use super::Witnessed;
use super::asked::Of;
use crate::machine::event::{Activity, Event, EventKind};
use crate::machine::trace::Passed;
use crate::machine::turn::{End, Entry, Head, Outcome};
use crate::machine::{Applied, Execution, JobFacts};
use crate::program::Program;

/// Answers and timers of one trial; more is a loop.
const DELIVERIES_MAX: usize = 100_000;

/// An answer on its way.
struct Arrival {
    at: DateTime<Utc>,
    activity: Activity,
    event: EventKind,
    /// It comes whatever becomes of this engine: it stands in a row.
    is_durable: bool,
}

impl Arrival {
    /// Others that end at the same instant come before it, because it may end the step.
    fn is_failed_chunk(&self) -> bool {
        matches!(self.event, EventKind::Chunk { result: Err(_), .. })
    }
}

/// What happens next.
enum Next {
    Answer(usize),
    /// Of an item of a group.
    Item(usize, usize),
    Timer,
}

/// One job on a stage.
pub struct Stage<'o> {
    program: Arc<Program>,
    facts: JobFacts,
    pub world: Shared<'o>,
    /// The item that the job is made for, if it is one of a group.
    of: Option<Of>,
    execution: Execution,
    head: Option<Head>,
    entries: Vec<Entry>,
    losses: u32,
    arrivals: Vec<Arrival>,
    groups: Vec<Group<'o>>,
    inbox: Vec<Mail>,
    next_mail: i64,
    /// After every turn the state is dropped and folded from the memory.
    refolds: bool,
    deliveries: usize,
    pub now: DateTime<Utc>,
    pub began: DateTime<Utc>,
    /// Tasks as they were passed.
    pub passed: Vec<Passed>,
    /// How it left the engine, the last time.
    pub end: Option<End>,
    ended_at: DateTime<Utc>,
}

impl<'o> Stage<'o> {
    pub fn new(
        program: Arc<Program>,
        facts: JobFacts,
        world: Shared<'o>,
        of: Option<Of>,
        refolds: bool,
    ) -> Self {
        let now = facts.created_at;
        let execution = Execution::new(program.clone(), facts.clone());
        let mut stage = Self {
            program,
            facts,
            world,
            of,
            execution,
            head: None,
            entries: Vec::new(),
            losses: 0,
            arrivals: Vec::new(),
            groups: Vec::new(),
            inbox: Vec::new(),
            next_mail: 1,
            refolds,
            deliveries: 0,
            now,
            began: now,
            passed: Vec::new(),
            end: None,
            ended_at: now,
        };
        stage.renew();
        stage
    }

    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.end {
            Some(End::Outcome(outcome)) => Some(outcome),
            _ => None,
        }
    }

    /// How long it ran, or has been running.
    pub fn took(&self) -> Duration {
        let until = match self.outcome() {
            Some(_) => self.ended_at,
            None => self.now,
        };
        (until - self.began).to_std().unwrap_or_default()
    }

    /// Begins the job and goes as far as it can at this instant.
    pub fn execute(&mut self) -> Result<(), String> {
        self.begin()?;
        self.play_until(self.now)
    }

    /// Begins the job; nothing that it asks for is answered yet.
    fn begin(&mut self) -> Result<(), String> {
        self.tell(EventKind::Started {
            attempt: 0,
            losses: self.losses,
        })
    }

    /// Makes it a job that nothing has happened to.
    fn renew(&mut self) {
        self.witness(Witnessed::Begun {
            document: &self.program.document,
            facts: &self.facts,
        });
        self.execution = Execution::new(self.program.clone(), self.facts.clone());
        self.execution.watch();
    }

    /// Items are jobs that come of the run, and no part of what made it.
    fn witness(&self, witnessed: Witnessed<'_>) {
        if self.of.is_none() {
            self.world.borrow_mut().outside.witness(witnessed);
        }
    }

    pub fn cancel(&mut self) -> Result<(), String> {
        self.tell(EventKind::Cancel {
            who: "the test".into(),
            why: "the test cancels it".into(),
        })?;
        self.play_until(self.now)
    }

    /// Moves the clock to an instant; what falls due on the way happens in its order.
    pub fn play_until(&mut self, instant: DateTime<Utc>) -> Result<(), String> {
        while self.end.is_none() && self.next().is_some_and(|(at, _)| at <= instant) {
            self.step()?;
        }
        self.now = self.now.max(instant);
        Ok(())
    }

    /// Lets time pass until this holds, or nothing more can happen.
    pub fn play_while(&mut self, goes_on: impl Fn(&Self) -> bool) -> Result<(), String> {
        while self.end.is_none() && goes_on(self) && self.step()? {}
        Ok(())
    }

    /// One answer or timer; `false` when there is none.
    fn step(&mut self) -> Result<bool, String> {
        let Some((at, next)) = self.next() else {
            return Ok(false);
        };
        self.deliveries += 1;
        if self.deliveries > DELIVERIES_MAX {
            return Err(format!(
                "the run goes on after {DELIVERIES_MAX} answers and timers"
            ));
        }
        self.now = self.now.max(at);
        let event = match next {
            Next::Answer(place) => self.arrivals.remove(place).event,
            Next::Item(group, item) => return self.step_item(group, item),
            Next::Timer => EventKind::Due,
        };
        self.tell(event).map(|()| true)
    }

    fn next(&self) -> Option<(DateTime<Utc>, Next)> {
        let arrivals = self.arrivals.iter().enumerate();
        let answer = arrivals.min_by_key(|(_, arrival)| (arrival.at, arrival.is_failed_chunk()));
        let answer = answer.map(|(place, arrival)| (arrival.at, Next::Answer(place)));
        let timer = self.execution.next_due().map(|due| (due, Next::Timer));
        // Of those at one instant the first goes first.
        let all = [answer, self.next_item(), timer];
        all.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// One event and all that it sets going at this instant.
    fn tell(&mut self, kind: EventKind) -> Result<(), String> {
        self.apply(kind)?;
        self.offer()
    }

    fn apply(&mut self, mut kind: EventKind) -> Result<(), String> {
        loop {
            let event = Event { at: self.now, kind };
            self.witness(Witnessed::Told(&event));
            let applied = self
                .execution
                .apply(event)
                .map_err(|error| error.to_string())?;
            self.flush()?;
            match applied {
                Applied::More => kind = EventKind::Continued,
                Applied::Done | Applied::Late => return Ok(()),
            }
        }
    }

    /// Writes what happened, then does what was asked for.
    fn flush(&mut self) -> Result<(), String> {
        while let Some(turn) = self.execution.seal() {
            self.passed.extend(self.execution.passed());
            self.entries.extend(turn.entry.clone());
            if let Some(head) = &turn.head {
                self.entries.retain(|entry| entry.seq > head.seq);
                self.head = Some(head.clone());
            }
            if let Some(end) = &turn.end {
                (self.end, self.ended_at) = (Some(end.clone()), self.now);
            }
            let rows = turn.rows.clone();
            let commands = self.execution.settle(turn);
            if self.refolds && self.remembers() {
                self.fold()?;
            }
            self.write(rows)?;
            self.obey(commands)?;
        }
        Ok(())
    }

    fn remembers(&self) -> bool {
        self.head.is_some() || !self.entries.is_empty()
    }

    /// Drops the state, and takes it from the memory again.
    fn fold(&mut self) -> Result<(), String> {
        let (program, facts) = (self.program.clone(), self.facts.clone());
        let loaded = Execution::load(program, facts, self.head.clone(), self.entries.clone());
        self.execution = loaded.map_err(|error| error.to_string())?;
        self.execution.watch();
        Ok(())
    }

    /// The engine dies and comes back: what was under way is asked for again.
    pub fn restart(&mut self) -> Result<(), String> {
        if self.end.is_some() {
            return Ok(());
        }
        self.arrivals.retain(|arrival| arrival.is_durable);
        if self.remembers() {
            self.witness(Witnessed::Restarted);
            self.fold()?;
            let pending = self.execution.pending();
            self.obey(pending)?;
            self.restart_items()?;
            return self.play_until(self.now);
        }
        // Without a journal the job begins again from its row.
        self.losses += 1;
        self.renew();
        self.execute()
    }

    /// Where it stands, in words.
    pub fn standing(&self) -> String {
        if let Some(end) = &self.end {
            return match end {
                End::Outcome(outcome) => {
                    let result = outcome.result.as_deref().unwrap_or("nothing");
                    format!("it ended {} with {result}", outcome.kind.as_str())
                }
                other => format!("it is parked: {other:?}"),
            };
        }
        let view = self.execution.view();
        let at = view.steps.last().map_or("", |step| step.path.as_str());
        let items = self.items_standing();
        match view.due {
            Some(due) => format!("it waits at {at} until {due}{items}"),
            None => format!("it waits at {at} ({}){items}", view.doing),
        }
    }
}
