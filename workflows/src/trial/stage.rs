//! The job of a trial: its memory, its clock, and what is under way.
//!
//! Time is a number here. What happens, happens in the order of its instants: answers first, then
//! timers. The job's memory is what a store would keep, turns and heads, and nothing else.

mod contexts;
mod rows;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub(super) use self::contexts::Contexts;
use self::rows::Mail;
pub(super) use self::rows::envelope;
use super::{Answer, Outside, Witnessed};
use crate::machine::command::{Call, Command, HttpRequest, Perform};
use crate::machine::event::{Activity, Event, EventKind};
use crate::machine::trace::Passed;
use crate::machine::turn::{End, Entry, Head, Outcome};
use crate::machine::{Applied, Execution, JobFacts};
use crate::policy::retry::later;
use crate::program::Program;
use crate::value::Value;

/// Answers and timers of one trial; more is a loop.
const DELIVERIES_MAX: usize = 100_000;

/// Something that was asked of the world outside.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Pointer of the task.
    pub path: String,
    /// The function, if it is one: `name:version`.
    pub function: Option<String>,
    /// What it was given.
    pub given: Value,
}

/// An answer on its way.
struct Arrival {
    at: DateTime<Utc>,
    activity: Activity,
    event: EventKind,
    /// It comes whatever becomes of this engine: it stands in a row.
    is_durable: bool,
}

/// What happens next.
enum Next {
    Answer(usize),
    Timer,
}

/// Gives what was prepared for a step; `Err` is silence.
pub type Prepared<'o> = dyn FnMut(&Asked) -> Option<Result<Answer, ()>> + 'o;

/// One job on a stage.
pub struct Stage<'o> {
    program: Arc<Program>,
    facts: JobFacts,
    prepared: Box<Prepared<'o>>,
    outside: &'o mut dyn Outside,
    execution: Execution,
    head: Option<Head>,
    entries: Vec<Entry>,
    losses: u32,
    arrivals: Vec<Arrival>,
    inbox: Vec<Mail>,
    next_mail: i64,
    pub(super) contexts: Contexts,
    /// After every turn the state is dropped and folded from the memory.
    refolds: bool,
    deliveries: usize,
    pub now: DateTime<Utc>,
    pub began: DateTime<Utc>,
    /// Tasks as they were passed.
    pub passed: Vec<Passed>,
    pub asked: Vec<Asked>,
    /// How it left the engine, the last time.
    pub end: Option<End>,
    ended_at: DateTime<Utc>,
}

impl<'o> Stage<'o> {
    pub fn new(
        program: Arc<Program>,
        facts: JobFacts,
        prepared: Box<Prepared<'o>>,
        outside: &'o mut dyn Outside,
        (contexts, refolds): (Contexts, bool),
    ) -> Self {
        let now = facts.created_at;
        let execution = begun(&program, &facts, outside);
        Self {
            program,
            facts,
            prepared,
            outside,
            execution,
            head: None,
            entries: Vec::new(),
            losses: 0,
            arrivals: Vec::new(),
            inbox: Vec::new(),
            next_mail: 1,
            contexts,
            refolds,
            deliveries: 0,
            now,
            began: now,
            passed: Vec::new(),
            asked: Vec::new(),
            end: None,
            ended_at: now,
        }
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
        self.tell(EventKind::Started {
            attempt: 0,
            losses: self.losses,
        })?;
        self.play_until(self.now)
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
            Next::Timer => EventKind::Due,
        };
        self.tell(event)?;
        Ok(true)
    }

    fn next(&self) -> Option<(DateTime<Utc>, Next)> {
        let arrivals = self.arrivals.iter().enumerate();
        let answer = arrivals.min_by_key(|(_, arrival)| arrival.at);
        let answer = answer.map(|(place, arrival)| (arrival.at, Next::Answer(place)));
        let timer = self.execution.next_due().map(|due| (due, Next::Timer));
        match (answer, timer) {
            (Some(answer), Some(timer)) if timer.0 < answer.0 => Some(timer),
            (answer, timer) => answer.or(timer),
        }
    }

    /// One event and all that it sets going at this instant.
    fn tell(&mut self, kind: EventKind) -> Result<(), String> {
        self.apply(kind)?;
        self.offer()
    }

    fn apply(&mut self, mut kind: EventKind) -> Result<(), String> {
        loop {
            let event = Event { at: self.now, kind };
            self.outside.witness(Witnessed::Told(&event));
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
            self.outside.witness(Witnessed::Restarted);
            self.fold()?;
            let pending = self.execution.pending();
            self.obey(pending)?;
            return self.play_until(self.now);
        }
        // Without a journal the job begins again from its row.
        self.losses += 1;
        self.execution = begun(&self.program, &self.facts, self.outside);
        self.execute()
    }

    fn obey(&mut self, commands: Vec<Command>) -> Result<(), String> {
        for command in commands {
            match command {
                Command::Perform(perform) => self.perform(perform)?,
                Command::Stop { activity } => {
                    self.arrivals.retain(|arrival| arrival.activity != activity);
                }
                Command::PerformChunk { .. } => {
                    return Err("chunks are read from a batch, which a test does not have".into());
                }
            }
        }
        Ok(())
    }

    fn perform(&mut self, perform: Perform) -> Result<(), String> {
        let asked = asked(&perform);
        self.asked.push(asked.clone());
        let answer = match (self.prepared)(&asked) {
            Some(Ok(answer)) => answer,
            Some(Err(())) => return Ok(()),
            None => self
                .loaded(&asked)
                .or_else(|| self.outside.perform(&perform, self.now))
                .ok_or_else(|| unprepared(&asked))?,
        };
        let activity = perform.activity;
        let again_after = answer.again_after;
        let event = match answer.result {
            Ok(output) => EventKind::Succeeded { activity, output },
            Err(fault) => EventKind::Failed {
                activity,
                fault,
                again_after,
            },
        };
        self.arrivals.push(Arrival {
            at: later(self.now, answer.after),
            activity,
            event,
            is_durable: false,
        });
        Ok(())
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
        match view.due {
            Some(due) => format!("it waits at {at} until {due}"),
            None => format!("it waits at {at} ({})", view.doing),
        }
    }
}

/// A job that nothing has happened to.
fn begun(program: &Arc<Program>, facts: &JobFacts, outside: &mut dyn Outside) -> Execution {
    outside.witness(Witnessed::Begun {
        document: &program.document,
        facts,
    });
    let mut execution = Execution::new(program.clone(), facts.clone());
    execution.watch();
    execution
}

fn unprepared(asked: &Asked) -> String {
    let what = match &asked.function {
        Some(function) => format!("`{function}`"),
        None => asked.given.to_json(),
    };
    format!("no answer is prepared for {what} at {}", asked.path)
}

/// A step, as tests name and compare it.
fn asked(perform: &Perform) -> Asked {
    let (function, given) = match &perform.call {
        Call::Function { function, input } => {
            let name = format!("{}:{}", function.name, function.version);
            (Some(name), input.clone())
        }
        Call::Http(request) => (None, shown(request)),
    };
    Asked {
        path: perform.path.clone(),
        function,
        given,
    }
}

fn shown(request: &HttpRequest) -> Value {
    let pairs = |pairs: &[(String, String)]| {
        let pairs = pairs.iter();
        Value::map(pairs.map(|(name, text)| (name.as_str(), Value::text(text.as_str()))))
    };
    let mut members = vec![
        ("method", Value::text(request.method.as_str())),
        ("url", Value::text(request.url.as_str())),
    ];
    if !request.headers.is_empty() {
        members.push(("headers", pairs(&request.headers)));
    }
    if !request.query.is_empty() {
        members.push(("query", pairs(&request.query)));
    }
    members.extend(request.body.clone().map(|body| ("body", body)));
    Value::map(members)
}
