//! From a page of events to what a schedule has to write: decided from values alone.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tracing::warn;
use windlass_workflows::machine::gather::{Gathered, Gatherer};
use windlass_workflows::value::Value;

/// Sets of events of one schedule that are not enough yet; beyond it the oldest goes.
const GATHERINGS_MAX: usize = 1_000;
/// Bytes of all of them together.
const GATHERED_BYTES_MAX: usize = 16 << 20;
/// A pass matches events no longer than this; the next one goes on behind them.
const MATCHING_MAX: Duration = Duration::from_millis(200);
/// Rows of a page.
const PAGE: usize = 100;

/// What a page of events came to.
#[derive(Default)]
pub(super) struct Found {
    /// Up to here they were looked at.
    pub(super) pos: i64,
    /// Inputs of jobs.
    pub(super) inputs: Vec<Value>,
    /// What is kept, as JSON lists, by the position of the first event.
    pub(super) kept: Vec<(i64, String)>,
    /// What is kept no more.
    pub(super) dropped: Vec<i64>,
    /// Events that came to nothing.
    pub(super) lost: usize,
}

/// Events on their way to jobs.
pub(super) struct Matching {
    gatherer: Gatherer,
    now: DateTime<Utc>,
    /// As they stand in the database.
    stored: Vec<i64>,
    /// Bytes of each that is kept.
    sizes: BTreeMap<i64, usize>,
    changed: Vec<i64>,
    found: Found,
}

impl Matching {
    pub(super) fn new(gatherer: Gatherer, kept: Vec<(i64, String)>, now: DateTime<Utc>) -> Self {
        let mut matching = Self {
            gatherer,
            now,
            stored: kept.iter().map(|(id, _)| *id).collect(),
            sizes: kept.iter().map(|(id, text)| (*id, text.len())).collect(),
            changed: Vec::new(),
            found: Found::default(),
        };
        for (id, text) in kept {
            let taken = Value::parse(&text).ok();
            let taken = taken.and_then(|taken| Some(taken.as_list()?.to_vec()));
            let taken = taken.unwrap_or_default();
            let count = taken.len();
            if !matching.gatherer.restore(id, taken, now) {
                matching.drop(id, count);
            }
        }
        matching
    }

    fn drop(&mut self, id: i64, events: usize) {
        self.gatherer.forget(id);
        self.sizes.remove(&id);
        self.changed.retain(|changed| *changed != id);
        if self.stored.contains(&id) {
            self.found.dropped.push(id);
        }
        self.found.lost += events;
    }

    pub(super) fn run(mut self, events: &[(i64, String)], head: i64) -> Found {
        let since = Instant::now();
        for (pos, text) in events {
            self.receive(*pos, text);
            self.found.pos = *pos;
            if since.elapsed() > MATCHING_MAX {
                return self.done();
            }
        }
        // A page that is not full was the last one.
        if events.len() < PAGE {
            self.found.pos = head;
        }
        self.done()
    }

    fn receive(&mut self, pos: i64, text: &str) {
        let Ok(envelope) = Value::parse(text) else {
            self.found.lost += 1;
            return;
        };
        match self.gatherer.receive(pos, &envelope, self.now) {
            Gathered::Unwanted => {}
            Gathered::Kept(id) => {
                if !self.changed.contains(&id) {
                    self.changed.push(id);
                }
                *self.sizes.entry(id).or_default() += text.len();
                self.make_room();
            }
            Gathered::Started { from, input } => {
                if let Some(id) = from {
                    self.drop(id, 0);
                }
                self.found.inputs.push(input);
            }
            Gathered::Failed(why) => {
                warn!(
                    pos,
                    why, "an event could not be asked whether it starts a job"
                );
                self.found.lost += 1;
            }
        }
    }

    /// The oldest go where there are too many.
    fn make_room(&mut self) {
        loop {
            let is_full = self.sizes.len() > GATHERINGS_MAX
                || self.sizes.values().sum::<usize>() > GATHERED_BYTES_MAX;
            let oldest = self.gatherer.gatherings().first();
            let Some(oldest) = oldest.filter(|_| is_full) else {
                return;
            };
            let (id, events) = (oldest.id, oldest.taken.len());
            warn!(
                first = id,
                events, "events that were not enough made room for newer ones"
            );
            self.drop(id, events);
        }
    }

    fn done(mut self) -> Found {
        let all = self.gatherer.gatherings().iter();
        let changed = all.filter(|one| self.changed.contains(&one.id));
        let kept = changed.map(|one| (one.id, Value::list(one.taken.iter().cloned()).to_json()));
        self.found.kept = kept.collect();
        self.found
    }
}
