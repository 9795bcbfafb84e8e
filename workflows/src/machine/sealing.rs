//! What a sealed turn writes: the entry, a head where one is due, and what people read of its events.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Execution;
use super::flight::By;
use super::journal::{self, Note};
use super::limits::{self, HEAD_BYTES_MIN};
use super::state::{Doing, Frame, FrameKind, OpenCall, Step};
use super::turn::{Entry, Head};
use crate::policy::retry::later;
use crate::program::{DEADLINE_MAX, Memory};

impl Execution {
    /// A job needs no memory while it stands at its first outside step, if that step can be asked for
    /// again from its row. One that has no other keeps none to its end, unless it must wait.
    pub(super) fn keeps_a_journal(&self, ended: bool) -> bool {
        if self.journal.seq > 0 || self.journal.is_changed {
            return true;
        }
        let branch = self.state.branch();
        let waits = matches!(
            branch.doing,
            Doing::Backoff { .. } | Doing::Sleep { .. } | Doing::Stopped(_)
        ) || self.state.root.closing.is_some();
        let counts = branch.frames.iter().any(|frame| {
            matches!(&frame.kind, FrameKind::Try(tries) if tries.attempt > 0) || frame.retries() > 0
        });
        match self.program.memory() {
            // What would start over with each claim must be remembered.
            Memory::None
                if self
                    .facts
                    .timeout
                    .is_none_or(|length| length <= DEADLINE_MAX) =>
            {
                (waits || counts) && !ended
            }
            Memory::None | Memory::Journaled(_) => {
                waits || counts || !self.stands_at_its_first_step()
            }
        }
    }

    /// Whether beginning again gives just this state, but for instants that nothing depends on.
    fn stands_at_its_first_step(&self) -> bool {
        let [branch] = self.state.branches.as_slice() else {
            return false;
        };
        let is_bare = |step: &Step| {
            let is_asked_for =
                matches!(step.call, OpenCall::Http { .. } | OpenCall::Function { .. });
            let named = [&step.placement, &step.effect];
            is_asked_for
                && !step.is_placed
                && step.verify.is_none()
                && named.iter().all(|named| named.is_none())
        };
        let longest = later(self.state.root.started, DEADLINE_MAX);
        let is_near = |frame: &Frame| {
            let of_try = match &frame.kind {
                FrameKind::Try(tries) => tries.due,
                _ => None,
            };
            let deadlines = [frame.due, of_try];
            frame.undos.is_empty() && deadlines.iter().flatten().all(|due| *due <= longest)
        };
        self.state.root.next_activity == 2
            && self.rows.is_empty()
            && branch.step().is_some_and(is_bare)
            && branch.frames.iter().all(is_near)
            && !self.is_fickle.get()
    }

    pub(super) fn entry(&mut self) -> Entry {
        let (kind, at) = self.last.unwrap_or(("continued", self.state.root.at));
        let (data, known) = journal::entry(
            &self.program,
            &self.state,
            &self.events,
            &self.journal.known,
            self.journal.format,
        );
        self.journal.seq += 1;
        self.journal.since_head += data.len();
        self.journal.known = Arc::new(known);
        Entry {
            seq: self.journal.seq,
            kind: kind.to_owned(),
            at,
            data,
        }
    }

    /// A head once so many bytes of entries follow the last one, or its own size if that is larger:
    /// what is written stays within twice the journal, what is loaded within twice the state.
    pub(super) fn head(&mut self, entry: &Entry) -> Option<Head> {
        let is_due = self.journal.since_head >= HEAD_BYTES_MIN.max(self.journal.head);
        let is_due = std::mem::take(&mut self.journal.is_changed) || is_due;
        if !is_due || self.is_ended() {
            return None;
        }
        let format = self.journal.format;
        let state = journal::head(&self.program, &self.state, format).into_bytes();
        self.journal.since_head = 0;
        self.journal.head = state.len();
        Some(Head {
            seq: entry.seq,
            fold: format,
            state,
        })
    }

    /// Notes an event of the open turn.
    pub(super) fn note(&mut self, kind: &'static str, at: DateTime<Utc>) {
        self.last = Some((kind, at));
        if self.events.len() < limits::NOTES_MAX {
            let node = self.state.branch().top().map(|frame| frame.node);
            self.events.push(Note {
                kind,
                at,
                node,
                by: None,
                subject: self.subject(),
            });
        }
    }

    /// Notes who made the change that was noted last.
    pub(super) fn note_by(&mut self, by: Option<By>) {
        if let Some(note) = self.events.last_mut() {
            note.by = by.map(Arc::new);
        }
    }
}
