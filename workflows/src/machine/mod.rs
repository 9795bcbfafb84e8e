//! The interpreter: a state machine without I/O, clock, randomness or async.
//!
//! ```text
//!            Event                 Turn                       Command
//!  driver ──────────▶ apply ─────▶ seal ─▶ journal, outcome ─▶ settle ──────────▶ driver
//!            (time is inside)      (what to write)             (leave once durable)
//! ```
//!
//! The same events give the same state; a job's state is a fold of its journal, and loading it
//! evaluates nothing, because each entry holds the events of a turn *and the state they led to*.
//! Commands leave only after their turn is durable. All transitions stand in `transition`.
//!
//! | File | Story |
//! |---|---|
//! | `event`, `command`, `row`, `turn`, `fault`, `facts` | the boundary with the driver |
//! | `apply` | what each event does |
//! | `again` | steps that are made again without a `try` |
//! | `chunks`, `answers` | chunks that begin, chunks that ended |
//! | `finished` | chunks that a predecessor of a job finished |
//! | `timers` | what falls due |
//! | `fork` | branches side by side |
//! | `listen`, `interest`, `beside` | mail; events, children and groups of its own |
//! | `group` | what a step that works on a list asks for |
//! | `undo`, `effect` | compensation; what may or may not have happened |
//! | `closing` | ends before the end |
//! | `flight` | jobs in flight: patched, rewound, copied, moved to another version |
//! | `advance` | walking the program |
//! | `unwind` | errors on their way up |
//! | `call`, `perform`, `request` | steps outside |
//! | `placed` | steps that a job of their own performs |
//! | `scope` | what expressions see |
//! | `state`, `held` | what a job remembers |
//! | `sealing`, `journal`, `fold` | how it is written and read |
//! | `trace`, `lifecycle` | what a test sees of a run; what is published of it |
//! | `limits` | every bound, with its reason |

mod advance;
mod again;
mod answers;
mod apply;
mod beside;
mod call;
mod chunks;
mod closing;
pub mod command;
mod effect;
pub mod event;
mod facts;
pub mod fault;
mod finished;
pub mod flight;
mod fold;
mod fork;
pub mod gather;
pub mod group;
mod held;
mod interest;
mod journal;
mod lifecycle;
mod limits;
mod listen;
mod perform;
mod placed;
mod request;
pub mod row;
mod scope;
mod sealing;
pub mod secret;
mod state;
mod subject;
mod timers;
pub mod trace;
pub mod transition;
pub mod turn;
mod undo;
mod unwind;
mod view;

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

pub use self::facts::{BatchFacts, JobFacts};
pub use self::finished::FinishedChunks;
pub use self::fold::Unloadable;
pub use self::placed::AGAIN_AFTER;
pub use self::transition::Illegal;
pub(crate) use self::unwind::fault_value;
pub(crate) use self::unwind::same_type;
pub use self::view::{StepView, View};

use self::command::Command;
use self::journal::{FOLD_FIRST, Note};
use self::row::Row;
use self::state::State;
use self::trace::Passed;
use self::transition::job::JobState;
use self::turn::{End, Entry, Head, Turn};
use crate::program::Program;
use crate::value::Value;

/// What an event did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The job stands.
    Done,
    /// The slice is spent; apply `Continued`.
    More,
    /// Expected and too late: nothing changed.
    Late,
}

/// Why an event was refused. The state is untouched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such transition.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The job is not any more where the change was made for.
    #[error("moved_on: the change was made for entry {expected}, and the job is at {actual}")]
    MovedOn {
        /// The entry that the change was made for.
        expected: i32,
        /// The last one.
        actual: i32,
    },
}

/// One job while it runs.
pub struct Execution {
    program: Arc<Program>,
    facts: Arc<JobFacts>,
    state: State,
    /// Something happened since the last seal.
    changed: bool,
    /// Commands of the open turn.
    commands: Vec<Command>,
    /// What the open turn writes beside its entry.
    rows: Vec<Row>,
    /// Events of the open turn, for people and tests.
    events: Vec<Note>,
    /// Kind and time of the last of them.
    last: Option<(&'static str, DateTime<Utc>)>,
    in_flight: Option<InFlight>,
    journal: Journal,
    /// Tasks walked since the last outside event.
    walked: u32,
    /// An expression has read the clock or the attempt: beginning again may give something else.
    is_fickle: Cell<bool>,
    /// `$input` inside a function.
    layer_input: Option<Value>,
    last_chunk_error: Option<Value>,
    /// What a predecessor of the job finished.
    finished: Arc<FinishedChunks>,
    /// `$output` where an undo is rendered.
    output_bound: Option<Value>,
    /// Tasks that were passed, where somebody watches.
    passed: Option<Vec<Passed>>,
}

/// What is durable, as far as the next entry needs to know.
#[derive(Clone, Debug)]
struct Journal {
    /// The last entry; 0 before the first.
    seq: i32,
    /// Values that stand in it, by number.
    known: Arc<HashMap<u32, Value>>,
    /// Bytes of entries since the last head, and that head's own.
    since_head: usize,
    head: usize,
    /// A person changed the job: what follows is folded from a head, whatever its size.
    is_changed: bool,
    /// The format that it is written in: the first that can say it, so that workers of before read on.
    format: i32,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            seq: 0,
            known: Arc::default(),
            since_head: 0,
            head: 0,
            is_changed: false,
            format: FOLD_FIRST,
        }
    }
}

/// A sealed turn whose fate is not known yet.
struct InFlight {
    commands: Vec<Command>,
    rows: Vec<Row>,
    events: Vec<Note>,
    /// The journal as it was before the turn.
    before: Journal,
}

impl Execution {
    /// A job that nothing has happened to.
    pub fn new(program: Arc<Program>, facts: JobFacts) -> Self {
        let state = State::new(&program, facts.input.clone(), facts.created_at);
        Self::standing(program, facts, state, Journal::default())
    }

    /// A job from its memory: the newest head, and the turns after it in order.
    ///
    /// # Errors
    /// [`Unloadable`] if a later binary wrote it, or it is damaged.
    pub fn load(
        program: Arc<Program>,
        facts: JobFacts,
        head: Option<Head>,
        entries: Vec<Entry>,
    ) -> Result<Self, Unloadable> {
        let folded = fold::fold(&program, &facts, head, entries)?;
        let journal = Journal {
            seq: folded.seq,
            known: Arc::new(folded.known),
            since_head: folded.bytes,
            head: folded.head_bytes,
            is_changed: false,
            format: folded.format,
        };
        Ok(Self::standing(program, facts, folded.state, journal))
    }

    /// The same, of a job that does not run again what a predecessor finished.
    #[must_use]
    pub fn after(self, finished: FinishedChunks) -> Self {
        Self {
            finished: Arc::new(finished),
            ..self
        }
    }

    fn standing(program: Arc<Program>, facts: JobFacts, state: State, journal: Journal) -> Self {
        Self {
            program,
            facts: Arc::new(facts),
            state,
            changed: false,
            commands: Vec::new(),
            rows: Vec::new(),
            events: Vec::new(),
            last: None,
            in_flight: None,
            journal,
            walked: 0,
            is_fickle: Cell::new(false),
            layer_input: None,
            last_chunk_error: None,
            finished: Arc::default(),
            output_bound: None,
            passed: None,
        }
    }

    /// A copy that may be changed freely: for rendering what is not part of the state.
    fn scratch(&self) -> Self {
        let mut scratch = Self::standing(
            self.program.clone(),
            (*self.facts).clone(),
            self.state.clone(),
            Journal::default(),
        );
        scratch.facts = self.facts.clone();
        scratch
    }

    /// What the events since the last seal want to write; `None` when there is nothing, or a turn is
    /// still in flight. The turn's bytes never change: one of unknown fate is sent again as it is.
    pub fn seal(&mut self) -> Option<Turn> {
        if !self.changed || self.in_flight.is_some() {
            return None;
        }
        self.changed = false;
        let before = self.journal.clone();
        let outcome = self.state.root.outcome.clone().map(End::Outcome);
        let entry = self
            .keeps_a_journal(outcome.is_some())
            .then(|| self.entry());
        let head = entry.as_ref().and_then(|entry| self.head(entry));
        let end = outcome.or_else(|| self.parking());
        let commands = std::mem::take(&mut self.commands);
        let rows = std::mem::take(&mut self.rows);
        // What no entry tells yet, the first entry will.
        let events = entry
            .as_ref()
            .map(|_| std::mem::take(&mut self.events))
            .unwrap_or_default();
        self.in_flight = Some(InFlight {
            commands,
            rows: rows.clone(),
            events,
            before,
        });
        Some(Turn {
            entry,
            head,
            rows,
            effects: self.asked_effects(),
            end,
        })
    }

    /// The turn is durable: what it asked for may leave.
    pub fn settle(&mut self, turn: Turn) -> Vec<Command> {
        drop(turn);
        let in_flight = self.in_flight.take();
        in_flight.map_or_else(Vec::new, |in_flight| in_flight.commands)
    }

    /// The turn was refused for certain: its events are open again, and it is as if never sealed.
    pub fn reopen(&mut self, turn: Turn) {
        drop(turn);
        let Some(in_flight) = self.in_flight.take() else {
            return;
        };
        self.journal = in_flight.before;
        self.commands.splice(0..0, in_flight.commands);
        self.rows.splice(0..0, in_flight.rows);
        self.events.splice(0..0, in_flight.events);
        self.changed = true;
    }

    /// Why the job leaves for a person, if it does.
    fn parking(&self) -> Option<End> {
        let first = self.state.root.parked.first();
        first
            .filter(|_| self.is_at_rest())
            .map(|parked| parked.end.clone())
    }

    /// Nothing of the job goes on here: it may be parked as a whole.
    fn is_at_rest(&self) -> bool {
        self.state.moving().is_none() && self.pending().is_empty()
    }

    /// Whether the job has its outcome.
    pub fn is_ended(&self) -> bool {
        self.state.root.status == JobState::Ended
    }
}
