//! The checked form of `metadata.windlass`: how safely, when and where a thing is done.

use std::collections::BTreeSet;
use std::time::Duration;

use super::step::{Delay, Expression, Kind, Shape};

/// `metadata.windlass` of a task or function.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What places a step: queue, priority, limits and so on; evaluated when it is asked for.
    pub placement: Vec<(String, Shape)>,
    /// Whether an error whose retries ran out, and that nobody takes, parks the job; where it does not say so, the
    /// job's purpose may.
    pub parks: Option<bool>,
    /// What becomes of a step whose result is not known.
    pub effect: Option<Effect>,
    /// The call that undoes the step.
    pub undo: Option<Box<Kind>>,
    /// When undos inside this task run.
    pub compensate: Option<Compensate>,
    /// What becomes of a child when its parent ends first.
    pub fate: Option<Fate>,
    /// When `latest` is resolved.
    pub pin: Pin,
}

/// `effect`: a step that must not happen twice unasked.
#[derive(Clone, Debug)]
pub struct Effect {
    /// Names what happens; unique within the tenant.
    pub key: Expression,
    /// What to do when it is not known whether it happened.
    pub on_unknown: OnUnknown,
    /// The call that finds out.
    pub verify: Option<Box<Kind>>,
}

/// What to do about a step that may or may not have happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnUnknown {
    /// Do it again under the same key.
    Redo,
    /// Take it as done.
    AssumeDone,
    /// Ask.
    Verify,
    /// A person decides.
    Park,
}

impl OnUnknown {
    /// As documents write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Redo => "redo",
            Self::AssumeDone => "assumeDone",
            Self::Verify => "verify",
            Self::Park => "park",
        }
    }

    /// The one of that word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Redo, Self::AssumeDone, Self::Verify, Self::Park]
            .into_iter()
            .find(|one| one.word() == word)
    }
}

/// When the undos inside a scope run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compensate {
    /// When an error leaves it, or a deadline passes.
    pub on_failure: bool,
    /// When the job is cancelled.
    pub on_cancel: bool,
}

/// What becomes of a child when its parent ends first: `onParentClose`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// The parent waits for it.
    Wait,
    /// It is cancelled.
    #[default]
    Cancel,
    /// It goes on alone.
    Abandon,
}

impl Fate {
    /// As documents and the journal write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Cancel => "cancel",
            Self::Abandon => "abandon",
        }
    }

    /// The fate of that word.
    pub fn named(word: &str) -> Option<Self> {
        [Self::Wait, Self::Cancel, Self::Abandon]
            .into_iter()
            .find(|fate| fate.word() == word)
    }
}

/// When the version of a child's template is resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pin {
    /// When the child starts.
    #[default]
    Start,
    /// When the parent is published.
    Publish,
}

/// `metadata.windlass` of a document.
#[derive(Clone, Debug, Default)]
pub struct DocumentSettings {
    /// The purpose that its jobs serve.
    pub purpose: Option<String>,
    /// Names the lane of a job; sees the raw input.
    pub lane: Option<Expression>,
    /// What a worker must offer for any job of it.
    pub needs: BTreeSet<String>,
    /// What a worker had better offer.
    pub prefers: BTreeSet<String>,
    /// From the submission on.
    pub deadline: Option<Delay>,
    /// What is published of how its jobs fare.
    pub lifecycle: Lifecycle,
    /// What a cron line cannot say.
    pub schedule: ScheduleExtras,
}

/// Which of the standard's lifecycle events the jobs of a document publish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lifecycle {
    /// None.
    #[default]
    None,
    /// Those of the job.
    Workflow,
    /// Those of each of its tasks too.
    Task,
}

/// `schedule` of a document's settings; words as in job configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleExtras {
    /// IANA name; UTC unless given.
    pub zone: Option<String>,
    /// Name of a calendar.
    pub calendar: Option<String>,
    /// `run`, `skip`, `nextOpen`, `previousOpen`.
    pub closed_day: Option<String>,
    /// `none`, `latest`, `all`.
    pub catch_up: Option<String>,
    /// `skip`, `queueOne`, `queueAll`, `cancelRunning`, `allow`.
    pub overlap: Option<String>,
    /// `next`, `shift`, `skip`.
    pub gap: Option<String>,
    /// `first`, `second`, `both`.
    pub fold: Option<String>,
    /// Starts are spread over so long.
    pub spread: Option<Duration>,
}
