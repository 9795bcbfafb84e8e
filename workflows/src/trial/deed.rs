//! What a test does, and what it expects.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::asked::Number;
use super::members::Members;
use crate::machine::fault::Fault;
use crate::value::Value;

/// A document inside a file, and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// The document.
    pub text: String,
    /// The line before its first one.
    pub line: u32,
}

/// One thing that a test does.
#[derive(Clone, Debug)]
pub enum Deed {
    /// Says which template is tried.
    Define(Text),
    /// Says what stands at an address that the template takes a document from.
    Document {
        /// The address.
        url: String,
        /// What is read there.
        text: String,
    },
    /// Says what it is given.
    Input(Value),
    /// Sets the clock, before the run.
    Clock(DateTime<Utc>),
    /// Says what a secret of the template is: a text, or an object of texts.
    Secret {
        /// As the template names it.
        name: String,
        /// What it is; nothing that a test says ever shows it.
        value: Value,
    },
    /// Says which members the job stands for, in chunks.
    Members(Members),
    /// Says what stands in the context of that key when the run begins.
    Context(String, Value),
    /// Prepares what a step gives.
    Prepare(Work, Choice, Prepared),
    /// Begins the run, and goes as far as it can at this instant.
    Execute,
    /// Moves the clock; what falls due on the way happens in its order.
    Advance(Duration),
    /// Delivers an event.
    Receive(Value),
    /// Drops the engine's memory: what goes on is what the journal says.
    Restart,
    /// Cancels the run.
    Cancel,
    /// Holds, or the test fails.
    Expect(Expectation),
}

/// Which steps an answer is for: a task's name, its pointer, or the function that it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work(pub String);

/// Which of the steps that are meant an answer is for; all of them, unless it says more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Those of this chunk, or of this item.
    pub number: Option<Number>,
    /// Those for which this expression holds; `.` is what the step is given.
    pub when: Option<String>,
}

/// What a step gives; the last prepared answer stays.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// This output.
    Gives {
        /// Its raw output.
        output: Value,
        /// After so long.
        after: Duration,
    },
    /// This error.
    Fails {
        /// The error.
        fault: Fault,
        /// After so long.
        after: Duration,
        /// It asks to wait at least so long.
        again_after: Option<Duration>,
    },
    /// Nothing, ever.
    Silent,
}

/// What must hold. Those of the run's end let time pass until it ends; those of tasks until they hold.
#[derive(Clone, Debug)]
pub enum Expectation {
    /// It completes, with this output if one is given.
    Complete(Option<Value>),
    /// It fails, with an error that has at least these members.
    Fault(Option<Value>),
    /// It ends cancelled.
    Cancelled,
    /// It is parked for a person.
    Parked,
    /// At this instant it has not ended.
    Waiting,
    /// It cannot be published, for a problem with this code.
    Refused(String),
    /// It can be published, and this is said of it.
    Warned(String),
    /// The output has these members.
    Properties(Vec<String>),
    /// The output's member is this.
    Property(String, Value),
    /// The output's member has so many items.
    Items(String, usize),
    /// From beginning to end so much time passed.
    Took(Duration),
    /// No task is entered before this one.
    First(String),
    /// No task is entered after this one.
    Last(String),
    /// The first is entered before the second.
    Before(String, String),
    /// So often it was entered, as of now.
    Times(String, usize),
    /// These tasks were entered, in this order, and no others.
    Path(Vec<String>),
    /// The task ends well, with this output if one is given.
    TaskCompletes(String, Option<Value>),
    /// The task fails.
    TaskFaults(String, Option<Value>),
    /// The task is entered, and ends neither way.
    TaskCancels(String),
    /// This stands in the context of that key; null: there is none.
    Context(String, Value),
    /// The step was asked so often, as of now.
    Calls(Work, usize),
    /// The step was asked with these, in this order, as of now.
    CalledWith(Work, Vec<Value>),
}
