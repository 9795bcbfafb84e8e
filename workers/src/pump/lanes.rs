//! Which lane a claim takes from: the smallest virtual time among those that have work.
//!
//! A group's time runs on by what it was given over its weight, so groups that always have work get
//! shares in proportion to their weights; one that comes late starts at the smallest time of the
//! others and neither catches up nor waits (start-time fair queueing, Goyal, Vin and Cheng 1996).

use std::collections::HashMap;

use windlass_engine::store::LaneAhead;

/// The lanes with work, as one pump sees them.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    ahead: Vec<LaneAhead>,
    times: HashMap<String, f64>,
}

impl Lanes {
    /// Takes a fresh list of lanes with work.
    pub(crate) fn refresh(&mut self, ahead: &[LaneAhead]) {
        let floor = self.floor();
        self.ahead = ahead.to_vec();
        self.times
            .retain(|group, _| ahead.iter().any(|lane| lane.group == *group));
        for lane in ahead {
            let time = self.times.entry(lane.group.clone()).or_insert(floor);
            *time = time.max(floor);
        }
    }

    /// The lane whose turn it is.
    pub(crate) fn next(&self) -> Option<i32> {
        let first = self
            .ahead
            .iter()
            .min_by(|left, right| self.time(left).total_cmp(&self.time(right)))?;
        Some(first.id)
    }

    /// Books what a claim got. A short claim means that the lane is empty, or its work is being
    /// claimed by others: it is left out until the next look.
    pub(crate) fn book(&mut self, lane: i32, asked: usize, got: usize) {
        let Some(place) = self.ahead.iter().position(|ahead| ahead.id == lane) else {
            return;
        };
        let weight = f64::from(self.ahead[place].weight.max(1));
        *self
            .times
            .entry(self.ahead[place].group.clone())
            .or_default() += got as f64 / weight;
        if got < asked {
            self.ahead.remove(place);
        }
    }

    /// Whether a look at the database is due.
    pub(crate) fn is_empty(&self) -> bool {
        self.ahead.is_empty()
    }

    fn time(&self, lane: &LaneAhead) -> f64 {
        self.times.get(&lane.group).copied().unwrap_or_default()
    }

    fn floor(&self) -> f64 {
        let smallest = self
            .ahead
            .iter()
            .map(|lane| self.time(lane))
            .fold(f64::INFINITY, f64::min);
        if smallest.is_finite() {
            smallest
        } else {
            self.times.values().copied().fold(0.0, f64::max)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(id: i32, group: &str, weight: i32) -> LaneAhead {
        LaneAhead {
            id,
            group: group.into(),
            weight,
            capability: String::new(),
        }
    }

    #[test]
    fn shares_follow_the_weights() {
        let mut lanes = Lanes::default();
        lanes.refresh(&[lane(1, "a", 1), lane(2, "b", 2), lane(3, "c", 4)]);
        let mut given = HashMap::new();

        for _ in 0..7_000 {
            let next = lanes.next().expect("all have work");
            lanes.book(next, 10, 10);
            *given.entry(next).or_insert(0) += 1;
        }

        assert_eq!((given[&1], given[&2], given[&3]), (1_000, 2_000, 4_000));
    }

    #[test]
    fn a_late_group_neither_catches_up_nor_waits() {
        let mut lanes = Lanes::default();
        lanes.refresh(&[lane(1, "a", 1)]);
        lanes.book(1, 1_000, 1_000);

        lanes.refresh(&[lane(1, "a", 1), lane(2, "b", 1)]);
        let mut given = HashMap::new();
        for _ in 0..10 {
            let next = lanes.next().expect("both have work");
            lanes.book(next, 1, 1);
            *given.entry(next).or_insert(0) += 1;
        }

        assert_eq!((given[&1], given[&2]), (5, 5));
    }

    #[test]
    fn a_short_claim_leaves_the_lane_out_until_the_next_look() {
        let mut lanes = Lanes::default();
        lanes.refresh(&[lane(1, "a", 1)]);

        lanes.book(1, 10, 3);

        assert!(lanes.is_empty());
        assert_eq!(lanes.next(), None);
    }
}
