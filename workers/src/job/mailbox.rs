//! A job's letters while it runs: what is read, what its listens take of it, what they refuse.
//!
//! Letters are read a page at a time, and of one that is refused only its number is kept. While the same listens
//! stand it is not read again, here or by a later holder: their mark stands beside it.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;
use windlass_engine::protocol::signal_name;
use windlass_engine::store::{Ending, Letter, LetterKind, Letters, NewEntry, Unread};
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::row::Interest;
use windlass_workflows::value::Value;

use super::Stuck;
use super::child::Born;
use super::conduct::Conduct;
use super::mail::{settled, unread};
use super::shared_context::answered;
use crate::pump::outbox::Recorded;

/// A job that runs steps and listens looks this often for what has come.
const COLLECT: Duration = Duration::from_secs(1);

/// When such a job looks the next time.
pub(super) fn next_look() -> Instant {
    Instant::now() + COLLECT
}

/// A job's letters while it runs.
#[derive(Default)]
pub(super) struct Mailbox {
    /// Read, and neither taken nor refused.
    letters: Vec<(Letter, Value)>,
    /// Those that the listens with this mark did not want.
    refused: HashSet<i64>,
    refused_by: i64,
    /// Signals among them that others may want.
    spare: Vec<i64>,
    /// Those that the next flush gives to others.
    given_up: Vec<i64>,
    /// Letters that the machine has heard and that need no listen; they go with the next flush.
    pub(super) heard: Vec<i64>,
    /// There may be letters that were not read.
    pub(super) more: bool,
}

impl Mailbox {
    /// Puts in what was read; gives what answers to the job's own rows, which needs no listen.
    fn fill(&mut self, read: Letters) -> Result<Vec<EventKind>, Stuck> {
        let mut ends = Vec::new();
        for letter in read.page {
            let is_known = self.heard.contains(&letter.id)
                || self.letters.iter().any(|(known, _)| known.id == letter.id);
            if is_known {
                continue;
            }
            let parse = |data: &str| {
                Value::parse(data)
                    .map_err(|error| Stuck::Park(format!("letter_unreadable: {error}")))
            };
            match letter.kind {
                LetterKind::Event => {
                    let value = parse(&letter.data)?;
                    self.letters.push((letter, value));
                }
                LetterKind::Child => {
                    ends.extend(settled(&parse(&letter.data)?));
                    self.heard.push(letter.id);
                }
                LetterKind::Context => {
                    ends.extend(answered(&parse(&letter.data)?));
                    self.heard.push(letter.id);
                }
                LetterKind::Gone => self.heard.push(letter.id),
            }
        }
        Ok(ends)
    }

    /// Letters that need not be read again.
    fn known(&self) -> Vec<i64> {
        let letters = self.letters.iter().map(|(letter, _)| letter.id);
        let kept = letters.chain(self.refused.iter().copied());
        kept.chain(self.heard.iter().copied()).collect()
    }

    /// The machine has heard of a letter, and took it or not.
    pub(super) fn offered(&mut self, job: i64, id: i64, is_taken: bool) {
        let place = self.letters.iter().position(|(letter, _)| letter.id == id);
        let Some((_, envelope)) = place.map(|place| self.letters.remove(place)) else {
            return;
        };
        if !is_taken {
            self.refuse(job, id, &envelope);
        }
    }

    fn refuse(&mut self, job: i64, id: i64, envelope: &Value) {
        self.refused.insert(id);
        if is_for_others(job, envelope) {
            self.spare.push(id);
        }
    }

    /// A listen gave a letter back.
    pub(super) fn returned(&mut self, letter: Letter, envelope: Value) {
        // A turn that was refused is recorded again.
        if self.letters.iter().any(|(known, _)| known.id == letter.id) {
            return;
        }
        self.letters.push((letter, envelope));
    }

    /// A flush is durable: letters that it had are gone.
    pub(super) fn recorded(&mut self) {
        self.heard.clear();
        let given_up = std::mem::take(&mut self.given_up);
        self.letters
            .retain(|(letter, _)| !given_up.contains(&letter.id));
        self.spare.retain(|id| !given_up.contains(id));
        given_up.iter().for_each(|id| {
            self.refused.remove(id);
        });
    }
}

impl Conduct {
    /// Names the listens that stand: another listen may want what these refuse.
    pub(super) fn mark(&self) -> i64 {
        let interests = self.execution.interests();
        let mut listens: Vec<u32> = interests
            .iter()
            .filter_map(|one| match one {
                Interest::Mail { activity, .. } => Some(activity.0),
                _ => None,
            })
            .collect();
        listens.sort_unstable();
        listens.dedup();
        mark_of(self.job, &listens)
    }

    /// The oldest letter that a listen wants. Those before it are refused.
    pub(super) fn wanted_letter(&mut self) -> Option<EventKind> {
        if self.mailbox.letters.is_empty() && self.mailbox.refused.is_empty() {
            return None;
        }
        let mark = self.mark();
        if mark != self.mailbox.refused_by {
            self.mailbox.more |= !self.mailbox.refused.is_empty();
            self.mailbox.refused.clear();
            self.mailbox.refused_by = mark;
        }
        let letters = &self.mailbox.letters;
        let wanted = letters
            .iter()
            .position(|(_, envelope)| self.execution.wants(envelope));
        let refused = 0..wanted.unwrap_or(letters.len());
        let refused: Vec<_> = self.mailbox.letters.drain(refused).collect();
        for (letter, envelope) in refused {
            self.mailbox.refuse(self.job, letter.id, &envelope);
        }
        let (letter, envelope) = self.mailbox.letters.first()?;
        Some(EventKind::Mail {
            id: letter.id,
            envelope: envelope.clone(),
            arrived: letter.at,
        })
    }

    /// Whether there is no letter that its listens may want: only then may it rest.
    pub(super) fn has_read_all(&mut self) -> bool {
        self.wanted_letter().is_none() && !self.has_more()
    }

    /// Letters that the listens refused since the job was loaded.
    pub(super) fn seen(&self) -> Vec<i64> {
        let mut seen: Vec<i64> = self.mailbox.refused.iter().copied().collect();
        seen.sort_unstable();
        seen
    }

    /// Signals to a key that no listen wants as the job stands now; the flush that has them gives them to
    /// others.
    pub(super) fn give_up(&mut self) -> Vec<i64> {
        let letters = self.mailbox.letters.iter();
        let idle = letters.filter(|(_, envelope)| {
            is_for_others(self.job, envelope) && !self.execution.wants(envelope)
        });
        let idle = idle.map(|(letter, _)| letter.id);
        self.mailbox.given_up = self.mailbox.spare.iter().copied().chain(idle).collect();
        self.mailbox.given_up.clone()
    }

    /// Signals that no listen wants go to others at once: beside a long step the next flush is far.
    pub(super) async fn pass_on(&mut self) {
        if self.mailbox.spare.is_empty() {
            return;
        }
        let new = NewEntry {
            ending: None,
            obeys: self.obeys,
            post: self.post(&[], &[], Born::default(), None),
            ..NewEntry::leaving(self.job, self.lease, Ending::Back, self.remembers)
        };
        // Refused, it is stopped or lost: then it leaves, or its next holder does this.
        if self.outbox.record(new).await == Recorded::Accepted {
            self.recorded();
        }
    }

    /// Reads the next page of what has come; gives what children said.
    pub(super) async fn read_letters(&mut self) -> Result<Vec<EventKind>, Stuck> {
        self.read(false).await
    }

    /// The same, of what answers to the job's own rows alone.
    pub(super) async fn read_children(&mut self) -> Result<Vec<EventKind>, Stuck> {
        let mut ends = self.read(true).await?;
        while self.mailbox.more {
            ends.extend(self.read(true).await?);
        }
        Ok(ends)
    }

    async fn read(&mut self, of_children: bool) -> Result<Vec<EventKind>, Stuck> {
        let known = self.mailbox.known();
        let unread_ones = Unread {
            mark: self.mark(),
            known: &known,
            of_children,
        };
        let read = self.shared.store.letters(self.job, unread_ones).await;
        let read = read.map_err(|error| unread(self.job, &error))?;
        self.mailbox.more = read.more;
        self.mailbox.fill(read)
    }

    /// There may be letters that its listens want and that were not read.
    pub(super) fn has_more(&self) -> bool {
        self.mailbox.more && !self.execution.interests().is_empty()
    }

    /// Looks for what a running job listens for; gives what is new.
    pub(super) async fn collect(&mut self) -> Result<Vec<EventKind>, Stuck> {
        let (causes, mark) = (self.causes(), self.mark());
        let store = self.shared.store.clone();
        let collected = store.collect(self.tenant, self.job, self.lease, mark, &causes);
        collected.await.map_err(|error| unread(self.job, &error))?;
        self.read_letters().await
    }
}

/// A signal to a key of others too: one that nobody here wants is for them.
fn is_for_others(job: i64, envelope: &Value) -> bool {
    let text = |key: &str| envelope.get(key).and_then(Value::as_str);
    text("type").and_then(signal_name).is_some()
        && text("subject").is_some_and(|key| key != format!("j_{job}"))
}

/// The same in every process: it is kept beside letters. FNV-1a of the numbers.
fn mark_of(job: i64, listens: &[u32]) -> i64 {
    let job = job.to_le_bytes().into_iter();
    let listens = listens.iter().flat_map(|listen| listen.to_le_bytes());
    let hash = job
        .chain(listens)
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
    hash.cast_signed()
}
