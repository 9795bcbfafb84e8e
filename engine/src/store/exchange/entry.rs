//! What one job wants to record in one flush, and how it leaves its lease.

use chrono::{DateTime, Utc};
use windlass_workflows::machine::turn::{End, Entry, Head, Turn};

use super::LeaseKey;
use crate::store::post::Post;

/// What an entry's columns take without its texts.
const ENTRY_BYTES: usize = 100;

/// How a job leaves its lease.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The machine says so.
    Machine(End),
    /// Nothing runs here until the instant.
    Rest {
        /// When a timer falls due; without one only others can wake it.
        due: Option<DateTime<Utc>>,
    },
    /// Given back, no attempt spent.
    Back,
    /// Put off, no attempt spent: this worker cannot do it.
    Defer {
        /// Nobody tries before.
        until: DateTime<Utc>,
        /// Shown to people as what the job waits for.
        why: String,
    },
}

/// What one job wants to record in one flush.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The job.
    pub job: i64,
    /// The lease that it runs under.
    pub lease: LeaseKey,
    /// It knows of the stop that somebody asked for and acts on it.
    pub obeys: bool,
    /// The journal's next row.
    pub entry: Option<Entry>,
    /// A head beside it.
    pub head: Option<Head>,
    /// How the job leaves, if it does.
    pub ending: Option<Ending>,
    /// The job has a journal by now, this entry included.
    pub remembers: bool,
    /// Cancelled, the job still has something to do: its machine undoes what it did.
    pub undoes: bool,
    /// Members of the chunks that this entry finishes: progress of a combined batch.
    pub members: i64,
    /// What it says to others and hears from them, in the same flush.
    pub post: Option<Box<Post>>,
}

impl NewEntry {
    /// How a job leaves that has nothing else to record.
    pub fn leaving(job: i64, lease: LeaseKey, ending: Ending, remembers: bool) -> Self {
        Self {
            job,
            lease,
            obeys: false,
            entry: None,
            head: None,
            ending: Some(ending),
            remembers,
            undoes: false,
            members: 0,
            post: None,
        }
    }

    /// About how many bytes it sends.
    pub fn bytes(&self) -> usize {
        let entry = self.entry.as_ref().map_or(0, |entry| entry.data.len());
        let head = self.head.as_ref().map_or(0, |head| head.state.len());
        let result = match &self.ending {
            Some(Ending::Machine(End::Outcome(outcome))) => {
                outcome.result.as_ref().map_or(0, String::len)
            }
            _ => 0,
        };
        let post = self.post.as_ref().map_or(0, |post| post.bytes());
        ENTRY_BYTES + entry + head + result + post
    }

    /// What a sealed turn wants to record, taken out of it.
    pub fn of(job: i64, lease: LeaseKey, turn: &mut Turn, remembers: bool) -> Self {
        let (entry, head) = (turn.entry.take(), turn.head.take());
        let remembers = remembers || entry.is_some();
        Self {
            job,
            lease,
            obeys: false,
            entry,
            head,
            ending: turn.end.take().map(Ending::Machine),
            remembers,
            undoes: false,
            members: 0,
            post: None,
        }
    }
}
