//! The narrow exchange: jobs that only end, as runs, and claims that come as a row a kind.
//!
//! Most jobs end with a plain outcome. Their fence is then one comparison of ranges a run, not one a
//! job, and the answer repeats nothing that a whole kind shares.

use std::borrow::Borrow;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use windlass_workflows::machine::turn::{End, Outcome};

use super::{Claimed, Ending, Exchanged, LeaseKey, NewEntry, Want, lanes_of};
use crate::Error;
use crate::store::gate::Session;
use crate::store::ids::BLOCK;

/// Whether the narrow form says all that this entry wants.
pub(super) fn is_plain(new: &NewEntry) -> bool {
    !new.obeys
        && new.entry.is_none()
        && new.head.is_none()
        && new.members == 0
        && new.post.is_none()
        && outcome_of(new).is_some()
}

fn outcome_of(new: &NewEntry) -> Option<&Outcome> {
    match &new.ending {
        Some(Ending::Machine(End::Outcome(outcome))) => Some(outcome),
        _ => None,
    }
}

/// Consecutive jobs of one lease that end alike.
struct Run<'a> {
    first: i64,
    last: i64,
    lease: LeaseKey,
    outcome: &'a Outcome,
    /// Its jobs have no result: one row of `outcome` says it all.
    is_bare: bool,
}

impl Run<'_> {
    /// Whether `job` goes on where the run ends. A row of `outcome` never leaves its block of ids.
    fn continues(&self, job: i64, lease: LeaseKey, outcome: &Outcome) -> bool {
        job == self.last + 1
            && lease == self.lease
            && job / BLOCK == self.first / BLOCK
            && self.is_bare == outcome.result.is_none()
            && outcome.kind == self.outcome.kind
            && outcome.code == self.outcome.code
            && outcome.fingerprint == self.outcome.fingerprint
    }
}

/// The entries of one flush as runs, a column an array, ready to bind.
#[derive(Default)]
struct Columns<'a> {
    runs: Vec<Run<'a>>,
    leases: Vec<LeaseKey>,
    /// The place of each lease's first run, from 1.
    first_runs: Vec<i64>,
    jobs: Vec<i64>,
    places: Vec<i64>,
    results: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of<E: Borrow<NewEntry>>(entries: &'a [E]) -> Self {
        let mut sorted: Vec<_> = entries
            .iter()
            .map(Borrow::borrow)
            .filter_map(|new: &NewEntry| Some((new.lease, new.job, outcome_of(new)?)))
            .collect();
        sorted.sort_unstable_by_key(|(lease, job, _)| (*lease, *job));
        let mut columns = Self::default();
        for (lease, job, outcome) in sorted {
            columns.push(lease, job, outcome);
        }
        columns
    }

    fn push(&mut self, lease: LeaseKey, job: i64, outcome: &'a Outcome) {
        if self.leases.last() != Some(&lease) {
            self.leases.push(lease);
            self.first_runs.push(self.runs.len() as i64 + 1);
        }
        match self.runs.last_mut() {
            Some(run) if run.continues(job, lease, outcome) => run.last = job,
            _ => self.runs.push(Run {
                first: job,
                last: job,
                lease,
                outcome,
                is_bare: outcome.result.is_none(),
            }),
        }
        if let Some(result) = &outcome.result {
            self.jobs.push(job);
            self.places.push(self.runs.len() as i64);
            self.results.push(result);
        }
    }

    /// The place of each run's lease, from 1: runs come in the order of their leases.
    fn lease_of_runs(&self) -> Vec<i32> {
        let mut place = 0;
        self.runs
            .iter()
            .map(|run| {
                while place == 0 || self.leases[place - 1] != run.lease {
                    place += 1;
                }
                i32::try_from(place).expect("at most ENTRIES_MAX leases")
            })
            .collect()
    }

    fn each<T>(&self, of: impl Fn(&Run<'a>) -> T) -> Vec<T> {
        self.runs.iter().map(of).collect()
    }
}

/// Sends the narrow form. Beside what it did stand the jobs of runs that did not land.
pub(super) async fn exchange<E: Borrow<NewEntry> + Sync>(
    connection: &mut Session,
    worker: Uuid,
    entries: &[E],
    want: Option<&Want>,
    (extents, losses_max): (i64, i16),
) -> Result<(Exchanged, Vec<i64>), Error> {
    let ends = Columns::of(entries);
    let claims: Vec<Uuid> = ends.leases.iter().map(|lease| lease.claim).collect();
    let numbers: Vec<i16> = ends.leases.iter().map(|lease| lease.n).collect();
    let claim = want.map_or(Uuid::nil(), |want| want.claim);
    let (lanes, quotas) = lanes_of(want);
    let rows = sqlx::query_file_as!(
        Row,
        "queries/lease/exchange_plain.sql",
        &ends.each(|run| run.first),
        &ends.each(|run| run.last),
        &ends.lease_of_runs(),
        &ends.each(|run| run.outcome.kind.as_str()) as &[&str],
        &ends.each(|run| run.outcome.code.as_deref()) as &[Option<&str>],
        &ends.each(|run| run.outcome.fingerprint.as_deref()) as &[Option<&str>],
        &ends.each(|run| run.is_bare),
        &claims,
        &numbers,
        &ends.jobs,
        &ends.places,
        &ends.results as &[&str],
        claim,
        worker,
        &lanes,
        &quotas,
        extents,
        losses_max,
        &ends.first_runs,
    )
    .fetch_all(connection)
    .await?;
    let (mut exchanged, mut undecided) = (Exchanged::default(), Vec::new());
    for row in rows {
        match row.n {
            Some(n) => row.claimed(LeaseKey { claim, n }, &mut exchanged.claimed),
            None => {
                exchanged.extents = row.extents.unwrap_or_default();
                exchanged.picked = row.picked.unwrap_or_default();
                let runs = row.undecided.unwrap_or_default();
                undecided.extend(runs.iter().flat_map(|place| {
                    let run = &ends.runs[usize::try_from(*place - 1).expect("a place of ours")];
                    run.first..=run.last
                }));
            }
        }
    }
    Ok((exchanged, undecided))
}

/// A kind of claimed jobs, or the last row, which has no `n`.
struct Row {
    n: Option<i16>,
    lane: Option<i32>,
    limited: Option<bool>,
    attempt: Option<i16>,
    losses: Option<i16>,
    journaled: Option<bool>,
    tenant: Option<i32>,
    batch: Option<i64>,
    ids: Option<Vec<i64>>,
    nonces: Option<Vec<i64>>,
    template_versions: Option<Vec<i32>>,
    inputs: Option<Vec<String>>,
    created_at: Option<Vec<DateTime<Utc>>>,
    member_keys: Option<Vec<Option<String>>>,
    objects: Option<Vec<Option<String>>>,
    expires_at: Option<Vec<Option<DateTime<Utc>>>>,
    parents: Option<Vec<Option<i64>>>,
    now: DateTime<Utc>,
    extents: Option<i64>,
    picked: Option<i64>,
    undecided: Option<Vec<i64>>,
}

impl Row {
    fn claimed(self, lease: LeaseKey, into: &mut Vec<Claimed>) {
        let ids = self.ids.unwrap_or_default();
        let mut nonces = self.nonces.unwrap_or_default().into_iter();
        let mut versions = self.template_versions.unwrap_or_default().into_iter();
        let mut inputs = self.inputs.unwrap_or_default().into_iter();
        let mut created = self.created_at.unwrap_or_default().into_iter();
        let mut member_keys = self.member_keys.unwrap_or_default().into_iter();
        let mut objects = self.objects.unwrap_or_default().into_iter();
        let mut expires = self.expires_at.unwrap_or_default().into_iter();
        let mut parents = self.parents.unwrap_or_default().into_iter();
        into.reserve(ids.len());
        for id in ids {
            into.push(Claimed {
                lease,
                tenant: self.tenant.unwrap_or_default(),
                id,
                nonce: nonces.next().unwrap_or_default(),
                template_version: versions.next().unwrap_or_default(),
                batch: self.batch,
                member_key: member_keys.next().flatten(),
                object: objects.next().flatten(),
                input: inputs.next().unwrap_or_default(),
                created_at: created.next().unwrap_or(self.now),
                expires_at: expires.next().flatten(),
                parent: parents.next().flatten(),
                lane: self.lane.unwrap_or_default(),
                attempt: self.attempt.unwrap_or_default(),
                losses: self.losses.unwrap_or_default(),
                journaled: self.journaled.unwrap_or_default(),
                limited: self.limited.unwrap_or_default(),
                claimed_at: self.now,
            });
        }
    }
}
