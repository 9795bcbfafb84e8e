//! The checked form of events: what a `listen` takes, and what starts a job.

use super::step::{Expression, Output, Shape, Task};
use std::time::Duration;

/// `listen`.
#[derive(Clone, Debug)]
pub struct Listen {
    /// What it takes.
    pub to: Strategy,
    /// What of an event becomes data.
    pub read: Read,
    /// A body for each event.
    pub foreach: Option<Foreach>,
}

/// Which events are taken, and when there are enough.
#[derive(Clone, Debug)]
pub struct Strategy {
    /// One, all or any of the filters.
    pub mode: Mode,
    /// In document order.
    pub filters: Vec<Filter>,
    /// Ends an `any`.
    pub until: Option<Until>,
}

/// How many filters must be filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The only one.
    One,
    /// Each, by an event of its own.
    All,
    /// The first that is, or any number until something ends it.
    Any,
}

/// What ends an `any`.
#[derive(Clone, Debug)]
pub enum Until {
    /// Asked after each event with the list so far.
    Condition(Expression),
    /// Events that are taken and not given out.
    Events(Box<Strategy>),
}

/// One filter of events.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Attributes: a constant must be equal, an expression must hold.
    pub with: Vec<(String, Shape)>,
    /// Links between the event and the job.
    pub correlate: Vec<Correlation>,
    /// Where it stands.
    pub pointer: String,
}

/// One correlation of a filter.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// Its key: filters that share it must agree.
    pub name: String,
    /// Read from the envelope.
    pub from: Expression,
    /// What it must be; without it, what the first event says.
    pub expect: Option<Shape>,
}

/// What of an event becomes data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// Its `data`.
    #[default]
    Data,
    /// All of it.
    Envelope,
    /// Its `data` as text.
    Raw,
}

/// `foreach` of a `listen`.
#[derive(Clone, Debug)]
pub struct Foreach {
    /// Name of the event's variable, without `$`.
    pub item: String,
    /// Name of the index variable, without `$`.
    pub at: String,
    /// The body.
    pub body: Vec<Task>,
    /// `output` of one item.
    pub output: Output,
    /// `export` of one item.
    pub export: Output,
}

/// `schedule` of a document: what starts its jobs.
#[derive(Clone, Debug)]
pub enum Trigger {
    /// A Unix cron line.
    Cron(String),
    /// A fixed rate.
    Every(Duration),
    /// A delay after the last one ended.
    After(Duration),
    /// Events; the job's input is the list of them (ruling 28).
    On {
        /// Which.
        strategy: Strategy,
        /// What of them: envelopes unless said otherwise.
        read: Read,
    },
}
