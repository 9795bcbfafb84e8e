//! The entries of one flush as arrays, which is how one statement takes many rows.

use std::borrow::Borrow;

use chrono::{DateTime, Utc};
use windlass_workflows::machine::turn::{End, Entry, Head};

use super::{Ending, LeaseKey, NewEntry};

/// The entries of one flush, a column an array, ready to bind.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    pub(super) jobs: Vec<i64>,
    pub(super) leases: Vec<LeaseKey>,
    pub(super) lease_of: Vec<i32>,
    pub(super) obeys: Vec<bool>,
    pub(super) seqs: Vec<Option<i32>>,
    pub(super) kinds: Vec<Option<&'a str>>,
    pub(super) ats: Vec<Option<DateTime<Utc>>>,
    pub(super) data: Vec<Option<&'a str>>,
    pub(super) folds: Vec<Option<i32>>,
    pub(super) states: Vec<Option<&'a [u8]>>,
    pub(super) endings: Vec<Option<&'a str>>,
    pub(super) outcomes: Vec<Option<&'a str>>,
    pub(super) codes: Vec<Option<&'a str>>,
    pub(super) fingerprints: Vec<Option<&'a str>>,
    pub(super) results: Vec<Option<&'a str>>,
    pub(super) dues: Vec<Option<DateTime<Utc>>>,
    pub(super) reasons: Vec<Option<&'a str>>,
    pub(super) remembers: Vec<bool>,
    pub(super) members: Vec<i64>,
}

impl<'a> Columns<'a> {
    pub(super) fn of<E: Borrow<NewEntry>>(entries: &'a [E]) -> Self {
        let mut columns = Self::default();
        for new in entries.iter().map(Borrow::borrow) {
            let place = columns.place_of(new.lease);
            columns.jobs.push(new.job);
            columns.lease_of.push(place);
            columns.obeys.push(new.obeys);
            columns.remembers.push(new.remembers);
            columns.members.push(new.members);
            columns.push_entry(new.entry.as_ref(), new.head.as_ref());
            columns.push_ending(new.ending.as_ref());
        }
        columns
    }

    /// Which lease, from 1. A flush sees few leases, the last one most often.
    fn place_of(&mut self, lease: LeaseKey) -> i32 {
        let place = self
            .leases
            .iter()
            .rposition(|known| *known == lease)
            .unwrap_or_else(|| {
                self.leases.push(lease);
                self.leases.len() - 1
            });
        i32::try_from(place + 1).expect("at most ENTRIES_MAX leases")
    }

    fn push_entry(&mut self, entry: Option<&'a Entry>, head: Option<&'a Head>) {
        self.seqs.push(entry.map(|entry| entry.seq));
        self.kinds.push(entry.map(|entry| entry.kind.as_str()));
        self.ats.push(entry.map(|entry| entry.at));
        self.data.push(entry.map(|entry| entry.data.as_str()));
        self.folds.push(head.map(|head| head.fold));
        self.states.push(head.map(|head| head.state.as_slice()));
    }

    fn push_ending(&mut self, ending: Option<&'a Ending>) {
        let (word, due, reason, outcome) = match ending {
            None => (None, None, None, None),
            Some(Ending::Back) => (Some("back"), None, None, None),
            Some(Ending::Defer { until, why }) => {
                (Some("defer"), Some(*until), Some(why.as_str()), None)
            }
            Some(Ending::Rest { due }) => (Some("rest"), *due, None, None),
            Some(Ending::Machine(End::Retry { at })) => (Some("retry"), Some(*at), None, None),
            Some(Ending::Machine(End::Park { reason })) => {
                (Some("park"), None, Some(reason.as_str()), None)
            }
            Some(Ending::Machine(End::Exhausted { reason, .. })) => {
                (Some("park"), None, Some(reason.as_str()), None)
            }
            Some(Ending::Machine(End::Outcome(outcome))) => {
                (Some("outcome"), None, None, Some(outcome))
            }
        };
        self.endings.push(word);
        self.dues.push(due);
        self.reasons.push(reason);
        self.outcomes
            .push(outcome.map(|outcome| outcome.kind.as_str()));
        let (code, fingerprint) = identity(ending);
        self.codes.push(code);
        self.fingerprints.push(fingerprint);
        self.results
            .push(outcome.and_then(|outcome| outcome.result.as_deref()));
    }
}

/// Code and fingerprint of the error that an ending bears.
fn identity(ending: Option<&Ending>) -> (Option<&str>, Option<&str>) {
    match ending {
        Some(Ending::Machine(End::Outcome(outcome))) => {
            (outcome.code.as_deref(), outcome.fingerprint.as_deref())
        }
        Some(Ending::Machine(End::Exhausted {
            code, fingerprint, ..
        })) => (Some(code), Some(fingerprint)),
        _ => (None, None),
    }
}
