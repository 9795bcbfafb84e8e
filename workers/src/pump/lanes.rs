//! Which lane a claim takes from: the smallest virtual time among those that have work and room.
//!
//! Queues share by their weights, in a queue its groups, in a group its lanes. A time runs on by what
//! was given over the weight, so those that always have work get shares in proportion; one that comes
//! late starts at the smallest time of the others and neither catches up nor waits (start-time fair
//! queueing, Goyal, Vin and Cheng 1996). A group or queue below its minimum goes before all others;
//! one at its maximum is passed over. Weights and bounds come with every look.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, HashSet};

use windlass_engine::store::{LaneAhead, ShareAhead};

use super::flight::{Flight, Name};
use super::past::Past;
use super::room::Room;

/// Most lanes that one claim asks: each is a scan of its own, and a lease of its own to settle. Only
/// limits make a claim ask more than one, and a hundred with room for ten fill it: asked eight at a
/// time, a thousand keys cost twice as much a job, for what a statement costs whatever it takes.
const LANES_MAX: usize = 128;

/// The lanes with work, as one pump sees them, and what it holds of them.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    pub(super) ahead: Vec<Ahead>,
    pub(super) groups: Vec<Level>,
    pub(super) queues: Vec<Level>,
    pub(super) held: BTreeMap<i32, Held>,
    /// The lanes of jobs under lease that limits count.
    counted: HashMap<i64, i32>,
    /// Where a lane stands in `ahead`.
    place_of: HashMap<i32, usize>,
    /// One queue and no bounds: there is room wherever there is work.
    is_plain: bool,
}

/// A lane with work.
#[derive(Debug)]
pub(super) struct Ahead {
    pub(super) lane: LaneAhead,
    pub(super) group: usize,
    pub(super) queue: usize,
    pub(super) time: f64,
    pub(super) standing: Standing,
}

impl Ahead {
    pub(super) fn is_in(&self) -> bool {
        self.standing == Standing::In
    }
}

/// Whether a claim may ask a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    In,
    /// It gave less than asked, so it is left out until the next look.
    Out,
    /// It may have more work, but its limits have no room: what this pump settles makes room.
    Full,
}

/// A queue, or a group inside a queue.
#[derive(Debug)]
pub(super) struct Level {
    pub(super) name: Name,
    pub(super) share: ShareAhead,
    pub(super) time: f64,
}

/// Jobs of one lane in this pump's hands.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) jobs: usize,
    pub(super) group: Name,
    pub(super) queue: Name,
}

/// What decides whose turn it is: bounds first, then times from the queue down.
#[derive(Clone, Copy, Debug)]
struct Rank {
    is_served: (bool, bool),
    times: [f64; 3],
    id: i32,
}

impl Rank {
    fn order(&self, other: &Self) -> Ordering {
        let bounds = self.is_served.cmp(&other.is_served);
        let pairs = self.times.iter().zip(&other.times);
        let times = pairs.fold(bounds, |order, (mine, its)| {
            order.then_with(|| mine.total_cmp(its))
        });
        times.then(self.id.cmp(&other.id))
    }
}

impl Lanes {
    /// Takes a fresh list of lanes with work.
    pub(crate) fn refresh(&mut self, ahead: &[LaneAhead]) {
        let old = std::mem::take(&mut self.ahead);
        let (groups, queues) = (
            std::mem::take(&mut self.groups),
            std::mem::take(&mut self.queues),
        );
        let past = Past::of(&old, &groups, &queues);
        self.place_of.clear();
        let (mut queue_at, mut group_at) = (HashMap::new(), HashMap::new());
        for (lane, standing) in still_known(ahead, &old) {
            let queue = *queue_at.entry(&lane.queue).or_insert_with(|| {
                let name = Name::Queue(lane.queue.clone());
                let time = past.of_queue(&lane.queue);
                self.queues.push(Level::new(name, lane.queue_share, time));
                self.queues.len() - 1
            });
            self.place_of.insert(lane.id, self.ahead.len());
            let group = *group_at.entry((queue, &lane.group)).or_insert_with(|| {
                let name = Name::Group(lane.group.clone());
                let time = past.of_group(lane);
                self.groups.push(Level::new(name, lane.group_share, time));
                self.groups.len() - 1
            });
            self.ahead.push(Ahead {
                time: past.of_lane(lane),
                lane: lane.clone(),
                group,
                queue,
                standing,
            });
        }
        let mut levels = self.queues.iter().chain(&self.groups);
        self.is_plain = self.queues.len() <= 1 && !levels.any(|level| level.share.is_bounded());
    }

    /// The lane whose turn it is, with how much to ask of it; more lanes, in their turn, where limits
    /// leave too little room in one. `hold` is how many jobs the pump is to have in hand.
    pub(crate) fn choose(&self, quota: usize, hold: usize, flight: &Flight) -> Vec<(i32, usize)> {
        let mut room = (!self.is_plain).then(|| Room::of(self, hold, flight));
        if quota == 0 {
            return Vec::new();
        }
        let ahead = self.ahead.iter().filter(|ahead| ahead.is_in());
        let mut turns: Vec<(Rank, &Ahead)> = ahead
            .filter_map(|ahead| Some((self.rank(ahead, room.as_ref())?, ahead)))
            .collect();
        let by_rank = |left: &(Rank, &Ahead), right: &(Rank, &Ahead)| left.0.order(&right.0);
        if turns.len() > LANES_MAX {
            turns.select_nth_unstable_by(LANES_MAX, by_rank);
            turns.truncate(LANES_MAX);
        }
        turns.sort_unstable_by(by_rank);
        let (mut chosen, mut rest) = (Vec::new(), quota);
        for (_, ahead) in turns {
            let free = room.as_ref().map_or(rest, |room| room.free(self, ahead));
            let ripe = ahead.lane.ripe.unwrap_or(rest);
            let asked = ahead
                .lane
                .room
                .unwrap_or(rest)
                .min(ripe)
                .min(rest)
                .min(free);
            if asked > 0 {
                chosen.push((ahead.lane.id, asked));
                rest -= asked;
                if let Some(room) = &mut room {
                    room.reserve(self, ahead, asked);
                }
            }
            if rest == 0 || !ahead.lane.is_limited() {
                break;
            }
        }
        chosen
    }

    /// None for a lane whose group or queue has no room.
    fn rank(&self, ahead: &Ahead, room: Option<&Room<'_>>) -> Option<Rank> {
        let is_served = match room {
            Some(room) if room.free(self, ahead) == 0 => return None,
            Some(room) => room.is_served(self, ahead),
            None => (true, true),
        };
        let queue_time = self.queues[ahead.queue].time;
        Some(Rank {
            is_served,
            times: [queue_time, self.groups[ahead.group].time, ahead.time],
            id: ahead.lane.id,
        })
    }

    /// Books what a claim got. A short claim means that the lane is empty, or its work is being
    /// claimed by others: it is left out until the next look, unless the claim says that there is more.
    pub(crate) fn book(&mut self, lane: i32, asked: usize, got: usize, more: bool) {
        let Some(ahead) = self.place_of.get(&lane).map(|at| &mut self.ahead[*at]) else {
            return;
        };
        let (group, queue) = (&mut self.groups[ahead.group], &mut self.queues[ahead.queue]);
        ahead.time += over(got, ahead.lane.weight);
        group.time += over(got, f64::from(group.share.weight));
        queue.time += over(got, f64::from(queue.share.weight));
        if let Some(room) = &mut ahead.lane.room {
            *room = room.saturating_sub(got);
        }
        if let Some(ripe) = &mut ahead.lane.ripe {
            *ripe = ripe.saturating_sub(got);
        }
        let is_full = ahead.lane.room == Some(0);
        let is_early = ahead.lane.ripe == Some(0);
        if (got < asked && !more) || is_full || is_early {
            let is_short = got < asked || ahead.lane.paced || is_early;
            ahead.standing = if is_short {
                Standing::Out
            } else {
                Standing::Full
            };
        }
        if got > 0 {
            let held = self.held.entry(lane).or_insert_with(|| Held {
                jobs: 0,
                group: group.name.clone(),
                queue: queue.name.clone(),
            });
            held.jobs += got;
        }
    }

    /// A job of a lane left the pump's hands.
    pub(crate) fn ended(&mut self, lane: i32) {
        if let Some(held) = self.held.get_mut(&lane) {
            held.jobs -= 1;
            if held.jobs == 0 {
                self.held.remove(&lane);
            }
        }
    }

    /// A job that limits count is under lease here.
    pub(crate) fn count(&mut self, job: i64, lane: i32) {
        self.counted.insert(job, lane);
    }

    /// A job leaves with the next exchange, which makes room for another one of its lane.
    pub(crate) fn leave(&mut self, job: i64) {
        let Some(lane) = self.counted.remove(&job) else {
            return;
        };
        let Some(ahead) = self.place_of.get(&lane).map(|at| &mut self.ahead[*at]) else {
            return;
        };
        match ahead.standing {
            Standing::Full => {
                ahead.lane.room = Some(1);
                ahead.standing = Standing::In;
            }
            Standing::In if !ahead.lane.paced => {
                ahead.lane.room = ahead.lane.room.map(|room| room + 1);
            }
            Standing::In | Standing::Out => {}
        }
    }

    /// Nothing is under lease any more.
    pub(crate) fn forget(&mut self) {
        self.counted.clear();
        self.held.clear();
        for ahead in &mut self.ahead {
            if ahead.standing == Standing::Full {
                ahead.standing = Standing::Out;
            }
        }
    }

    /// Whether limits count the jobs of a lane.
    pub(crate) fn is_limited(&self, lane: i32) -> bool {
        let ahead = self.place_of.get(&lane).map(|at| &self.ahead[*at]);
        ahead.is_some_and(|ahead| ahead.is_in() && ahead.lane.is_limited())
    }

    /// Whether no lane may be asked now.
    pub(crate) fn is_empty(&self) -> bool {
        !self.ahead.iter().any(Ahead::is_in)
    }

    /// Whether a lane may be asked again when a job of this pump leaves.
    pub(crate) fn come_back(&self) -> bool {
        let mut ahead = self.ahead.iter();
        ahead.any(|ahead| ahead.standing == Standing::Full)
    }
}

/// The lanes of a fresh list that have room, and those without that wait for a job here to leave.
fn still_known<'a>(fresh: &'a [LaneAhead], old: &'a [Ahead]) -> Vec<(&'a LaneAhead, Standing)> {
    let fresh = fresh.iter().filter(|lane| lane.is_open());
    let mut known: Vec<_> = fresh.map(|lane| (lane, Standing::In)).collect();
    let full = old.iter().filter(|ahead| ahead.standing == Standing::Full);
    let full: Vec<&Ahead> = full.collect();
    if !full.is_empty() {
        let ids: HashSet<i32> = known.iter().map(|(lane, _)| lane.id).collect();
        let full = full
            .into_iter()
            .filter(|ahead| !ids.contains(&ahead.lane.id));
        known.extend(full.map(|ahead| (&ahead.lane, Standing::Full)));
    }
    known
}

impl Level {
    fn new(name: Name, share: ShareAhead, time: f64) -> Self {
        Self { name, share, time }
    }
}

/// Weights are above nothing; one that is not counts as 1.
fn over(got: usize, weight: f64) -> f64 {
    got as f64 / if weight > 0.0 { weight } else { 1.0 }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
