//! The times of a list of lanes that is about to be replaced, and where a newcomer starts.

use std::collections::HashMap;

use windlass_engine::store::LaneAhead;

use super::flight::Name;
use super::lanes::{Ahead, Level};

/// What is known of earlier times, by name.
pub(super) struct Past<'a> {
    queues: HashMap<&'a str, f64>,
    groups: HashMap<(&'a str, &'a str), f64>,
    lanes: HashMap<i32, f64>,
    queue_floor: f64,
    group_floors: HashMap<&'a str, f64>,
    lane_floors: HashMap<(&'a str, &'a str), f64>,
}

/// A time, and whether what it belongs to has work.
type Sample = (f64, bool);

impl<'a> Past<'a> {
    pub(super) fn of(ahead: &'a [Ahead], groups: &'a [Level], queues: &'a [Level]) -> Self {
        let mut of_all: Vec<Sample> = vec![(0.0, false); queues.len()];
        let mut of_groups: Vec<(Sample, usize)> = vec![((0.0, false), 0); groups.len()];
        let mut of_lanes: Vec<Vec<Sample>> = vec![Vec::new(); groups.len()];
        for ahead in ahead {
            let is_in = ahead.is_in();
            let queue = &mut of_all[ahead.queue];
            *queue = (queues[ahead.queue].time, queue.1 || is_in);
            let group = &mut of_groups[ahead.group];
            *group = ((groups[ahead.group].time, group.0.1 || is_in), ahead.queue);
            of_lanes[ahead.group].push((ahead.time, is_in));
        }
        let mut in_queue: Vec<Vec<Sample>> = vec![Vec::new(); queues.len()];
        of_groups
            .iter()
            .for_each(|(sample, queue)| in_queue[*queue].push(*sample));
        let name = |group: usize| {
            let (_, queue) = of_groups[group];
            (text(&queues[queue].name), text(&groups[group].name))
        };
        let numbers = || 0..groups.len();
        Self {
            queues: queues
                .iter()
                .map(|queue| (text(&queue.name), queue.time))
                .collect(),
            groups: numbers()
                .map(|group| (name(group), groups[group].time))
                .collect(),
            lanes: ahead
                .iter()
                .map(|ahead| (ahead.lane.id, ahead.time))
                .collect(),
            queue_floor: floor(&of_all),
            group_floors: queues
                .iter()
                .zip(&in_queue)
                .map(|(queue, samples)| (text(&queue.name), floor(samples)))
                .collect(),
            lane_floors: numbers()
                .map(|group| (name(group), floor(&of_lanes[group])))
                .collect(),
        }
    }

    pub(super) fn of_queue(&self, queue: &str) -> f64 {
        later(self.queues.get(queue), Some(&self.queue_floor))
    }

    pub(super) fn of_group(&self, lane: &LaneAhead) -> f64 {
        let floor = self.group_floors.get(lane.queue.as_str());
        later(self.groups.get(&group_of(lane)), floor)
    }

    pub(super) fn of_lane(&self, lane: &LaneAhead) -> f64 {
        let floor = self.lane_floors.get(&group_of(lane));
        later(self.lanes.get(&lane.id), floor)
    }
}

fn text(name: &Name) -> &str {
    match name {
        Name::Queue(name) | Name::Group(name) => name,
    }
}

fn group_of(lane: &LaneAhead) -> (&str, &str) {
    (&lane.queue, &lane.group)
}

fn later(time: Option<&f64>, floor: Option<&f64>) -> f64 {
    let (time, floor) = (time.copied(), floor.copied());
    time.unwrap_or_default().max(floor.unwrap_or_default())
}

/// Where a newcomer starts: the smallest time of those that have work, else the largest of all.
fn floor(times: &[Sample]) -> f64 {
    let having_work = times.iter().filter(|(_, is_in)| *is_in);
    let smallest = having_work
        .map(|(time, _)| *time)
        .fold(f64::INFINITY, f64::min);
    if smallest.is_finite() {
        smallest
    } else {
        times.iter().map(|(time, _)| *time).fold(0.0, f64::max)
    }
}
