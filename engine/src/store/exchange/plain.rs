//! The narrow exchange: endings as runs, turns of jobs that go on, and claims that come as a row a kind.
//!
//! Most jobs end with a plain outcome. Their fence is then one comparison of ranges a run, not one a
//! job, and the answer repeats nothing that a whole kind shares. Most turns lead to the next step, or to
//! that outcome: the columns that other endings need are not sent.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use uuid::Uuid;
use windlass_workflows::machine::turn::{End, Entry, Outcome};

use super::floor::{Floors, Head};
use super::{Claimed, Ending, Exchanged, LeaseKey, NewEntry, Want, lanes_of, length};
use crate::Error;
use crate::store::gate::Session;
use crate::store::ids::BLOCK;

/// Whether the narrow form says all that this entry wants.
pub(super) fn is_plain(new: &NewEntry) -> bool {
    !new.obeys
        && new.head.is_none()
        && new.members == 0
        && new.post.is_none()
        && match &new.ending {
            None => new.entry.is_some(),
            Some(_) => outcome_of(new).is_some(),
        }
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
    turns: Turns<'a>,
}

/// Journal rows.
#[derive(Default)]
struct Turns<'a> {
    jobs: Vec<i64>,
    /// The place of each one's lease, from 1.
    leases: Vec<i32>,
    /// The place of the run that ends the job, from 1; 0 for a job that goes on.
    runs: Vec<i64>,
    seqs: Vec<i32>,
    kinds: Vec<&'a str>,
    ats: Vec<DateTime<Utc>>,
    data: Vec<&'a str>,
}

impl<'a> Turns<'a> {
    fn push(&mut self, job: i64, lease: usize, run: usize, entry: &'a Entry) {
        self.jobs.push(job);
        self.leases
            .push(i32::try_from(lease).expect("at most ENTRIES_MAX leases"));
        self.runs.push(run as i64);
        self.seqs.push(entry.seq);
        self.kinds.push(&entry.kind);
        self.ats.push(entry.at);
        self.data.push(&entry.data);
    }
}

impl<'a> Columns<'a> {
    fn of<E: Borrow<NewEntry>>(entries: &'a [E]) -> Self {
        let mut sorted: Vec<&NewEntry> = entries.iter().map(|new| new.borrow()).collect();
        sorted.sort_unstable_by_key(|new| (new.lease, new.job));
        let mut columns = Self::default();
        for new in sorted {
            columns.push(new);
        }
        columns
    }

    fn push(&mut self, new: &'a NewEntry) {
        if self.leases.last() != Some(&new.lease) {
            self.leases.push(new.lease);
            self.first_runs.push(self.runs.len() as i64 + 1);
        }
        let mut run = 0;
        if let Some(outcome) = outcome_of(new) {
            self.end(new.lease, new.job, outcome);
            run = self.runs.len();
        }
        if let Some(entry) = &new.entry {
            self.turns.push(new.job, self.leases.len(), run, entry);
        }
    }

    fn end(&mut self, lease: LeaseKey, job: i64, outcome: &'a Outcome) {
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

    /// The jobs of a run.
    fn jobs_of(&self, place: i64) -> std::ops::RangeInclusive<i64> {
        let run = &self.runs[usize::try_from(place - 1).expect("a place of ours")];
        run.first..=run.last
    }

    fn each<T>(&self, of: impl Fn(&Run<'a>) -> T) -> Vec<T> {
        self.runs.iter().map(of).collect()
    }
}

/// Sends the narrow form. Beside what it did stand the jobs of runs and turns that did not land.
pub(super) async fn exchange<E: Borrow<NewEntry> + Sync>(
    connection: &mut Session,
    worker: Uuid,
    entries: &[E],
    want: Option<&Want>,
    (extents, losses_max, floors): (i64, i16, &mut Floors),
) -> Result<(Exchanged, Vec<i64>), Error> {
    let ends = Columns::of(entries);
    let claims: Vec<Uuid> = ends.leases.iter().map(|lease| lease.claim).collect();
    let numbers: Vec<i16> = ends.leases.iter().map(|lease| lease.n).collect();
    let claim = want.map_or(Uuid::nil(), |want| want.claim);
    let (lanes, quotas) = lanes_of(want);
    floors.begin(Instant::now());
    let (effs, ids): (Vec<_>, Vec<_>) = lanes.iter().map(|lane| floors.of(*lane).unzip()).unzip();
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
        &ends.turns.jobs,
        &ends.turns.leases,
        &ends.turns.runs,
        &ends.turns.seqs,
        &ends.turns.kinds as &[&str],
        &ends.turns.ats,
        &ends.turns.data as &[&str],
        want.is_some_and(|want| want.named),
        &effs as &[Option<DateTime<Utc>>],
        &ids as &[Option<i64>],
    )
    .fetch_all(connection)
    .await?;
    note_heads(&rows, floors);
    Ok(answer(rows, claim, &ends))
}

/// What the rows say, and the jobs of runs and turns that did not land.
fn answer(rows: Vec<Row>, claim: Uuid, ends: &Columns<'_>) -> (Exchanged, Vec<i64>) {
    let (mut exchanged, mut undecided) = (Exchanged::default(), Vec::new());
    for row in rows {
        match row.n {
            Some(n) => row.claimed(LeaseKey { claim, n }, &mut exchanged.claimed),
            None => {
                exchanged.extents = row.extents.unwrap_or_default();
                exchanged.picked = row.picked.unwrap_or_default();
                let runs = row.undecided.unwrap_or_default();
                undecided.extend(runs.iter().flat_map(|place| ends.jobs_of(*place)));
                undecided.extend(row.unwritten.unwrap_or_default());
            }
        }
    }
    (exchanged, undecided)
}

/// A lane's head is that of its earliest kind.
fn note_heads(rows: &[Row], floors: &mut Floors) {
    let heads = rows.iter().filter_map(Row::head);
    let mut heads: Vec<(i32, Head)> = heads.collect();
    heads.sort_by_key(|(lane, head)| (*lane, head.eff, head.first_id));
    let now = Instant::now();
    for of_lane in heads.chunk_by(|(one, _), (next, _)| one == next) {
        let (lane, first) = of_lane[0];
        let walked = of_lane.iter().map(|(_, head)| head.walked).min();
        let walked = walked.unwrap_or_default();
        floors.found(lane, Head { walked, ..first }, now);
    }
}

/// A kind of claimed jobs, or the last row, which has no `n`.
struct Row {
    n: Option<i16>,
    lane: Option<i32>,
    eff: Option<DateTime<Utc>>,
    walked: Option<f64>,
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
    timeouts: Option<Vec<Option<f64>>>,
    /// Jobs of which a purpose says what becomes of failed steps, and which revision of it.
    retried: Option<Vec<i64>>,
    retry_revisions: Option<Vec<i32>>,
    parents: Option<Vec<Option<i64>>>,
    now: DateTime<Utc>,
    extents: Option<i64>,
    picked: Option<i64>,
    undecided: Option<Vec<i64>>,
    unwritten: Option<Vec<i64>>,
}

impl Row {
    fn head(&self) -> Option<(i32, Head)> {
        let head = Head {
            eff: self.eff?,
            first_id: self.ids.iter().flatten().copied().min()?,
            walked: Duration::try_from_secs_f64(self.walked?).unwrap_or_default(),
        };
        Some((self.lane?, head))
    }

    fn claimed(self, lease: LeaseKey, into: &mut Vec<Claimed>) {
        let ids = self.ids.unwrap_or_default();
        let mut nonces = self.nonces.unwrap_or_default().into_iter();
        let mut versions = self.template_versions.unwrap_or_default().into_iter();
        let mut inputs = self.inputs.unwrap_or_default().into_iter();
        let mut created = self.created_at.unwrap_or_default().into_iter();
        let mut member_keys = self.member_keys.unwrap_or_default().into_iter();
        let mut objects = self.objects.unwrap_or_default().into_iter();
        let mut expires = self.expires_at.unwrap_or_default().into_iter();
        let mut timeouts = self.timeouts.unwrap_or_default().into_iter();
        let retried = self.retried.unwrap_or_default().into_iter();
        let retried: HashMap<i64, i32> = retried
            .zip(self.retry_revisions.unwrap_or_default())
            .collect();
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
                timeout: timeouts.next().flatten().and_then(length),
                retry_revision: retried.get(&id).copied(),
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
