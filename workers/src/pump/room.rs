//! How much room the bounds of shares leave a pump, at one moment.

use std::collections::{BTreeSet, HashMap};

use super::flight::{Flight, Name, Turn};
use super::lanes::{Ahead, Lanes, Level};

/// What is in flight of groups and queues. No other pump of the worker chooses meanwhile.
pub(super) struct Room<'a> {
    in_hand: HashMap<&'a Name, usize>,
    /// Largest number of jobs of one queue in hand.
    queue_max: usize,
    /// In the hands of this worker's other pumps.
    beside: HashMap<Name, usize>,
    board: Turn<'a>,
}

impl<'a> Room<'a> {
    pub(super) fn of(lanes: &'a Lanes, hold: usize, flight: &'a Flight) -> Self {
        let mut in_hand: HashMap<&Name, usize> = HashMap::new();
        for held in lanes.held.values() {
            *in_hand.entry(&held.group).or_default() += held.jobs;
            *in_hand.entry(&held.queue).or_default() += held.jobs;
        }
        let mut board = flight.take_turn();
        board.say(&in_hand);
        let busy = lanes.ahead.iter().filter(|ahead| ahead.is_in());
        let queues: BTreeSet<usize> = busy.map(|ahead| ahead.queue).collect();
        Self {
            beside: board.beside(),
            in_hand,
            queue_max: match queues.len() {
                0 | 1 => usize::MAX,
                // No queue holds more than three quarters while another has work.
                _ => (hold * 3 / 4).max(1),
            },
            board,
        }
    }

    /// Whether queue and group have their minimum.
    pub(super) fn is_served(&self, lanes: &Lanes, ahead: &Ahead) -> (bool, bool) {
        let is_served = |level: &Level| self.in_flight(level) >= level.share.minimum;
        (
            is_served(&lanes.queues[ahead.queue]),
            is_served(&lanes.groups[ahead.group]),
        )
    }

    /// How many jobs more queue and group may have.
    pub(super) fn free(&self, lanes: &Lanes, ahead: &Ahead) -> usize {
        let (queue, group) = (&lanes.queues[ahead.queue], &lanes.groups[ahead.group]);
        let part = self.queue_max.saturating_sub(self.mine(&queue.name));
        part.min(self.below_maximum(queue))
            .min(self.below_maximum(group))
    }

    fn below_maximum(&self, level: &Level) -> usize {
        level.share.maximum.map_or(usize::MAX, |maximum| {
            maximum.saturating_sub(self.in_flight(level))
        })
    }

    fn in_flight(&self, level: &Level) -> usize {
        let beside = self.beside.get(&level.name).copied().unwrap_or_default();
        level.share.elsewhere + beside + self.mine(&level.name)
    }

    fn mine(&self, name: &Name) -> usize {
        self.in_hand.get(name).copied().unwrap_or_default()
    }

    /// Lets the other pumps, and the rest of this choice, know what this one is about to claim.
    pub(super) fn reserve(&mut self, lanes: &'a Lanes, ahead: &Ahead, asked: usize) {
        for level in [&lanes.queues[ahead.queue], &lanes.groups[ahead.group]] {
            let jobs = self.mine(&level.name) + asked;
            self.in_hand.insert(&level.name, jobs);
            self.board.reserve(&level.name, jobs);
        }
    }
}
