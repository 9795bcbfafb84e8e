//! Trials: one run of a template on the real machine, with a clock that moves by hand.
//!
//! For tests of templates (`windlass template test`), and for conformance kits. Two forms of file say
//! the same things: `.feature` files in the step language of the standard's kit, and sheets in YAML.
//! Both become deeds, and `run` does them one after the other; the work of the steps outside is asked
//! of whoever calls, so nothing here opens a socket or reads a clock.
//!
//! | File | Story |
//! |---|---|
//! | `gherkin` | the form of `.feature` files |
//! | `words`, `said` | what their steps mean; what fills their holes |
//! | `sheet` | the form of YAML tests |
//! | `deed` | what a test does and expects |
//! | `play` | doing it |
//! | `script` | prepared answers, and whose turn it is |
//! | `secret` | secrets that a test gives, and how nothing shows them |
//! | `members` | the chunks of a job that works through some |
//! | `stage` | the job, its memory and its clock; the jobs of its items |
//! | `asked` | what it asks of the world outside |
//! | `starter` | events that start it |
//! | `judge` | whether an expectation holds |

mod asked;
mod deed;
mod gherkin;
mod judge;
mod members;
mod play;
mod said;
mod script;
mod secret;
mod sheet;
mod stage;
mod starter;
mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use self::asked::Number;
pub use self::deed::{Choice, Deed, Expectation, Prepared, Text, Work};
pub use self::members::Members;
pub use self::play::{Manner, run};

use crate::machine::JobFacts;
use crate::machine::command::Perform;
use crate::machine::event::Event;
use crate::machine::fault::Fault;
use crate::machine::secret::Marks;
use crate::problem::Problem;
use crate::value::Value;

/// One test: a scenario of a feature, or one entry of a sheet.
#[derive(Clone, Debug)]
pub struct Trial {
    /// As its file names it.
    pub name: String,
    /// Where it begins, from 1.
    pub line: u32,
    /// What is done, with the line that says so; or the first line that cannot be understood.
    pub deeds: Result<Vec<(u32, Deed)>, Failure>,
}

/// Why a test did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The line that does not hold, from 1.
    pub line: u32,
    /// What was found instead.
    pub message: String,
}

impl Failure {
    fn new(line: u32, message: impl Into<String>) -> Failure {
        let message = message.into();
        Failure { line, message }
    }
}

/// What a step outside gave, and how long that took.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its raw output, or its error.
    pub result: Result<Value, Fault>,
    /// How long after it was asked.
    pub after: Duration,
    /// The remote asked to wait at least so long before another try.
    pub again_after: Option<Duration>,
}

/// Secrets that a test gives, by name: a text, or an object of texts as JSON.
pub type Secrets = BTreeMap<String, String>;

/// What a step is performed with, besides its call.
#[derive(Clone, Debug)]
pub struct Setting<'a> {
    /// The instant of the run.
    pub now: DateTime<Utc>,
    /// How markers of secrets are told from text in the call, if the template names secrets.
    pub marks: Option<Marks>,
    /// What the markers stand for.
    pub secrets: &'a Secrets,
}

/// Whoever does what a test prepared no answer for.
pub trait Outside {
    /// Performs a step; nothing when there is nobody who can, and the test fails.
    fn perform(&mut self, perform: &Perform, setting: &Setting<'_>) -> Option<Answer>;

    /// Reads what a template takes from elsewhere, where the test does not say what stands there.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&mut self, url: &str) -> Result<String, Problem> {
        Err(
            Problem::new("resource.unread", "", format!("`{url}` was not read"))
                .hint("say in the test what stands there"),
        )
    }

    /// Sees what is done to the machine. For recordings: whoever does steps need not look.
    fn witness(&mut self, _: Witnessed<'_>) {}
}

/// What a run does to the machine: with it the same run can be made again.
#[derive(Clone, Copy, Debug)]
pub enum Witnessed<'a> {
    /// A job begins, or begins again from its row.
    Begun {
        /// The canonical document.
        document: &'a Value,
        /// The job's row.
        facts: &'a JobFacts,
    },
    /// Something happens to it.
    Told(&'a Event),
    /// The engine comes back after its death; the job goes on from its journal.
    Restarted,
}

/// Nobody: every answer must be prepared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Outside for Nobody {
    fn perform(&mut self, _: &Perform, _: &Setting<'_>) -> Option<Answer> {
        None
    }
}

/// Reads a file of tests. `name` ends in `.feature` for Gherkin; `file` reads what a sheet names beside it.
///
/// # Errors
/// When the file as a whole cannot be read, with the line.
pub fn read(
    name: &str,
    text: &str,
    file: impl Fn(&str) -> Result<String, String>,
) -> Result<Vec<Trial>, Failure> {
    match name.ends_with(".feature") {
        true => Ok(gherkin::read(text)?.into_iter().map(words::trial).collect()),
        false => sheet::read(text, file),
    }
}
