//! What jobs say to others and hear from them, in the flush that makes it so.
//!
//! An entry with a post goes in a transaction: it meets those who tell or wait for the same
//! (`queries/mail/meet.sql`), is recorded, and then its post is done. So whoever tells something and whoever
//! is about to rest for it never miss each other.

pub(super) mod flush;
mod meeting;

use std::time::Duration;

use chrono::{DateTime, Utc};
use windlass_workflows::machine::turn::Effect;

pub(crate) use self::meeting::{Meeting, Spot};
use super::child_batch::NewChildBatch;
use super::context::NewSave;
use super::group::NewGroup;

/// Entries with a post in one flush: each may hold several locks until it is durable, and a server has a few
/// thousand for all.
pub const POSTS_MAX: usize = 200;

/// What rides in an entry's flush.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Post {
    /// Whose job it is.
    pub tenant: i32,
    /// What wakes the job, if it rests. Those that are said twice count once.
    pub causes: Vec<Cause>,
    /// Names the listens that it rests with: what they have refused is not read again while they stand.
    pub mark: i64,
    /// Letters that they have refused: they stay in its inbox and are no reason to wake it.
    pub seen: Vec<i64>,
    /// Signals to a key of others too that its listens do not want: they are for others.
    pub spare: Vec<i64>,
    /// Letters that it has taken.
    pub taken: Vec<i64>,
    /// Letters that it puts back.
    pub returned: Vec<Letter>,
    /// Jobs that it starts.
    pub children: Vec<NewChild>,
    /// Activities whose children it does not want any more.
    pub closed: Vec<u32>,
    /// What it asks people.
    pub approvals: Vec<NewApproval>,
    /// Activities that do not want an answer of people any more.
    pub withdrawn: Vec<u32>,
    /// Groups that it opens.
    pub groups: Vec<NewGroup>,
    /// Batches that it opens.
    pub batches: Vec<NewChildBatch>,
    /// Activities whose groups or batches it does not want any more.
    pub closed_groups: Vec<u32>,
    /// Events that it publishes.
    pub events: Vec<NewEvent>,
    /// Whose steps have its effects, if it makes another job's call.
    pub effects_of: Option<i64>,
    /// Effects that its steps are about to have.
    pub effects: Vec<Effect>,
    /// Effects that whoever was asked refused: nothing came of them.
    pub freed: Vec<Effect>,
    /// Effects whose steps were asked for and never begun.
    pub unbegun: Vec<Effect>,
    /// Contexts that it changes; it is told what came of it.
    pub saves: Vec<NewSave>,
    /// Chunks of its members that ended.
    pub chunks: Vec<EndedChunk>,
    /// After that its chunks are begun once more: those that failed are under way.
    pub chunks_again: bool,
    /// The job that is told of its end.
    pub parent: Option<i64>,
}

impl Post {
    /// Contexts whose next document is computed while the flush holds its locks.
    pub fn computed(&self) -> usize {
        let computed = self.saves.iter().filter(|save| save.is_computed());
        computed.count()
    }

    /// About how many bytes it sends.
    pub(super) fn bytes(&self) -> usize {
        let returned = self.returned.iter().map(|letter| letter.data.len());
        let children = self.children.iter().map(|child| child.input.len());
        let events = self.events.iter().map(|event| event.data.len());
        let effects = [&self.effects, &self.freed, &self.unbegun].into_iter();
        let effects = effects.flatten().map(|one| one.key.len() + one.step.len());
        let saves = self.saves.iter().map(NewSave::bytes);
        let items = self.groups.iter().flat_map(|group| &group.items);
        let items = items.map(|item| item.input.len());
        let said = returned.chain(children).chain(events).chain(effects);
        let said = said.chain(saves).chain(items);
        let said = said.chain(self.batches.iter().map(NewChildBatch::bytes));
        let chunks = self.chunks.iter();
        let said = said.chain(chunks.filter_map(|chunk| Some(chunk.code.as_ref()?.len())));
        said.chain(self.approvals.iter().map(NewApproval::bytes))
            .sum()
    }
}

/// One thing that a resting job waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cause {
    /// What kind of thing.
    pub kind: CauseKind,
    /// A signal's name, an event's type, or what people are asked; empty: any type, or it has none.
    pub name: String,
    /// Whom a signal is for; an event's subject, empty for any; the activity of a child, group or batch; whose approval.
    pub key: String,
}

/// A chunk of a job's members that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedChunk {
    /// Which one, from 1.
    pub number: i32,
    /// Stable name of the error that it failed of.
    pub code: Option<String>,
    /// Normalised identity of that error.
    pub fingerprint: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What can wake a resting job besides its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CauseKind {
    /// A signal: one job takes it.
    Signal,
    /// An event: every job that waits for it is given it.
    Event,
    /// The end of a job that it started.
    Child,
    /// A decision of people.
    Approval,
    /// The end of a group of jobs that it started.
    Group,
    /// The end of a batch that it made.
    Batch,
}

impl CauseKind {
    /// The word in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Event => "event",
            Self::Child => "child",
            Self::Approval => "approval",
            Self::Group => "group",
            Self::Batch => "batch",
        }
    }
}

/// Something that a job was told and whose machine has not taken it.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// Its number in the job's inbox.
    pub id: i64,
    /// What it is.
    pub kind: LetterKind,
    /// A CloudEvent, or what became of a child or an approval: JSON text; empty when it is gone.
    pub data: String,
    /// When it came.
    pub at: DateTime<Utc>,
}

/// What a job can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterKind {
    /// A signal or an event.
    Event,
    /// A job that it started has ended, or people have decided.
    Child,
    /// A context was changed for it, or was not.
    Context,
    /// An event that is older than events are kept.
    Gone,
}

/// A job that a job starts.
#[derive(Clone, Debug, PartialEq)]
pub struct NewChild {
    /// From [`Store::child_ids`](super::Store::child_ids).
    pub id: i64,
    /// From [`Store::lane`](super::Store::lane).
    pub lane: i32,
    /// Row of the template version that it is pinned to.
    pub template_version: i32,
    /// JSON text.
    pub input: String,
    /// Seconds by which it may overtake later ones.
    pub priority: i32,
    /// Not started within so long, it ends `expired`.
    pub start_within: Option<Duration>,
    /// Which activity of its parent started it.
    pub activity: u32,
    /// Its parent is told of its end.
    pub awaited: bool,
    /// What becomes of it when its parent ends first.
    pub on_close: OnClose,
}

/// What becomes of a child when its parent ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnClose {
    /// Its parent waits for it.
    Wait,
    /// It is cancelled.
    Cancel,
    /// It goes on alone.
    Abandon,
}

impl OnClose {
    /// The word in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Cancel => "cancel",
            Self::Abandon => "abandon",
        }
    }
}

/// What a job asks people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewApproval {
    /// Which activity answers to it.
    pub activity: u32,
    /// Within its job: asked again under the same key, it is the same request.
    pub key: String,
    /// Which reminder this is, from 0.
    pub round: i32,
    /// What is asked.
    pub subject: String,
    /// Who should answer.
    pub assignees: Vec<String>,
    /// What may be answered.
    pub options: Vec<String>,
}

impl NewApproval {
    /// About how many bytes it sends.
    fn bytes(&self) -> usize {
        let lists = self.assignees.iter().chain(&self.options);
        self.subject.len() + self.key.len() + lists.map(String::len).sum::<usize>()
    }
}

/// An event to publish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewEvent {
    /// Its type.
    pub kind: String,
    /// What it is about; empty when nothing is said.
    pub subject: String,
    /// A second event of this id is dropped.
    pub uid: Option<String>,
    /// The CloudEvent, whole: JSON text.
    pub data: String,
}
