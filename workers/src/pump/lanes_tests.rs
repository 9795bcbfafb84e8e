//! Turns, shares and bounds, without a database.

use super::*;
use crate::pump::flight::Board;

fn lane(id: i32, group: &str, weight: i32) -> LaneAhead {
    LaneAhead {
        id,
        group: group.into(),
        queue: "default".into(),
        weight: 1.0,
        group_share: ShareAhead {
            weight,
            ..ShareAhead::default()
        },
        ..LaneAhead::default()
    }
}

fn in_queue_of(queue: &str, lane: LaneAhead) -> LaneAhead {
    LaneAhead {
        queue: queue.into(),
        ..lane
    }
}

/// Claims `quota` at a time, all of which end at once; what each lane was given.
fn turns(lanes: &mut Lanes, turns: usize, quota: usize) -> HashMap<i32, usize> {
    let flight = Flight::join(&Board::default());
    let mut given = HashMap::new();
    for _ in 0..turns {
        let chosen = lanes.choose(quota, 100, &flight);
        let (lane, got) = *chosen.first().expect("some have work");
        lanes.book(lane, got, got, false);
        (0..got).for_each(|_| lanes.ended(lane));
        *given.entry(lane).or_insert(0) += got;
    }
    given
}

#[test]
fn shares_follow_the_weights() {
    let mut lanes = Lanes::default();
    lanes.refresh(&[lane(1, "a", 1), lane(2, "b", 2), lane(3, "c", 4)]);

    let given = turns(&mut lanes, 7_000, 10);

    assert_eq!((given[&1], given[&2], given[&3]), (10_000, 20_000, 40_000));
}

#[test]
fn a_weight_edited_meanwhile_acts_from_the_next_look_on() {
    let mut lanes = Lanes::default();
    lanes.refresh(&[lane(1, "a", 1), lane(2, "b", 1)]);
    turns(&mut lanes, 100, 10);

    lanes.refresh(&[lane(1, "a", 3), lane(2, "b", 1)]);
    let given = turns(&mut lanes, 400, 10);

    assert_eq!((given[&1], given[&2]), (3_000, 1_000));
}

#[test]
fn a_late_group_neither_catches_up_nor_waits() {
    let mut lanes = Lanes::default();
    lanes.refresh(&[lane(1, "a", 1)]);
    lanes.book(1, 1_000, 1_000, false);

    lanes.refresh(&[lane(1, "a", 1), lane(2, "b", 1)]);
    let given = turns(&mut lanes, 10, 1);

    assert_eq!((given[&1], given[&2]), (5, 5));
}

#[test]
fn lanes_of_one_group_take_turns_inside_its_share() {
    let mut lanes = Lanes::default();
    lanes.refresh(&[lane(1, "a", 1), lane(2, "a", 1), lane(3, "b", 1)]);

    let given = turns(&mut lanes, 400, 10);

    assert_eq!((given[&1], given[&2], given[&3]), (1_000, 1_000, 2_000));
}

#[test]
fn queues_share_before_their_groups_do() {
    let mut lanes = Lanes::default();
    let mail = |id, group| in_queue_of("mail", lane(id, group, 1));
    lanes.refresh(&[lane(1, "a", 1), mail(2, "b"), mail(3, "c"), mail(4, "d")]);

    let given = turns(&mut lanes, 600, 10);

    assert_eq!((given[&1], given[&2], given[&4]), (3_000, 1_000, 1_000));
}

#[test]
fn a_short_claim_leaves_the_lane_out_until_the_next_look() {
    let mut lanes = Lanes::default();
    let flight = Flight::join(&Board::default());
    lanes.refresh(&[lane(1, "a", 1)]);

    lanes.book(1, 10, 3, false);

    assert!(lanes.is_empty());
    assert!(lanes.choose(10, 100, &flight).is_empty());
    lanes.refresh(&[lane(1, "a", 1)]);
    assert_eq!(lanes.choose(10, 100, &flight), [(1, 10)]);
}

fn bounded(lane: LaneAhead, minimum: usize, maximum: Option<usize>, elsewhere: usize) -> LaneAhead {
    let group_share = ShareAhead {
        minimum,
        maximum,
        elsewhere,
        ..lane.group_share
    };
    LaneAhead {
        group_share,
        ..lane
    }
}

#[test]
fn a_group_at_its_maximum_is_passed_over_until_one_of_its_jobs_ends() {
    let mut lanes = Lanes::default();
    let flight = Flight::join(&Board::default());
    lanes.refresh(&[bounded(lane(1, "a", 1), 0, Some(10), 4)]);

    assert_eq!(lanes.choose(50, 100, &flight), [(1, 6)]);
    lanes.book(1, 6, 6, false);
    assert!(lanes.choose(50, 100, &flight).is_empty());
    assert!(!lanes.is_empty());
    lanes.ended(1);
    assert_eq!(lanes.choose(50, 100, &flight), [(1, 1)]);
}

#[test]
fn a_maximum_holds_for_all_pumps_of_a_worker_together() {
    let board = Board::default();
    let (first, second) = (Flight::join(&board), Flight::join(&board));
    let (mut one, mut two) = (Lanes::default(), Lanes::default());
    one.refresh(&[bounded(lane(1, "a", 1), 0, Some(10), 0)]);
    two.refresh(&[bounded(lane(1, "a", 1), 0, Some(10), 0)]);

    assert_eq!(one.choose(7, 100, &first), [(1, 7)]);
    assert_eq!(two.choose(7, 100, &second), [(1, 3)]);
    one.book(1, 7, 2, false);
    assert!(one.choose(0, 100, &first).is_empty());
    assert_eq!(two.choose(7, 100, &second), [(1, 7)]);
}

#[test]
fn a_group_below_its_minimum_goes_first() {
    let mut lanes = Lanes::default();
    let flight = Flight::join(&Board::default());
    lanes.refresh(&[lane(1, "a", 1), bounded(lane(2, "b", 1), 10, None, 0)]);
    lanes.book(2, 5, 5, false);

    assert_eq!(lanes.choose(5, 100, &flight), [(2, 5)]);
    lanes.book(2, 5, 5, false);
    assert_eq!(lanes.choose(5, 100, &flight), [(1, 5)]);
}

#[test]
fn no_queue_holds_more_than_three_quarters_while_another_has_work() {
    let mut lanes = Lanes::default();
    let flight = Flight::join(&Board::default());
    let heavy = LaneAhead {
        queue_share: ShareAhead {
            weight: 1_000,
            ..ShareAhead::default()
        },
        ..lane(1, "a", 1)
    };
    lanes.refresh(&[heavy, in_queue_of("mail", lane(2, "b", 1))]);

    assert_eq!(lanes.choose(100, 100, &flight), [(1, 75)]);
    lanes.book(1, 75, 75, false);
    assert_eq!(lanes.choose(25, 100, &flight), [(2, 25)]);
    lanes.book(2, 25, 3, false);
    assert_eq!(lanes.choose(22, 100, &flight), [(1, 22)]);
}

fn limited(id: i32, room: usize) -> LaneAhead {
    LaneAhead {
        room: Some(room),
        ..lane(id, "a", 1)
    }
}

#[test]
fn lanes_with_little_room_are_asked_together() {
    let mut lanes = Lanes::default();
    let flight = Flight::join(&Board::default());
    lanes.refresh(&[limited(1, 2), limited(2, 0), limited(3, 5), limited(4, 9)]);

    assert_eq!(lanes.choose(10, 100, &flight), [(1, 2), (3, 5), (4, 3)]);
}

#[test]
fn lanes_that_are_asked_together_heed_the_maximum_of_their_group() {
    let mut lanes = Lanes::default();
    let flight = Flight::join(&Board::default());
    let both = [limited(1, 5), limited(3, 5)].map(|lane| bounded(lane, 0, Some(7), 0));
    lanes.refresh(&both);

    assert_eq!(lanes.choose(10, 100, &flight), [(1, 5), (3, 2)]);
}

#[test]
fn a_full_lane_comes_back_with_the_job_that_leaves_it() {
    let mut lanes = Lanes::default();
    let flight = Flight::join(&Board::default());
    lanes.refresh(&[limited(1, 1)]);
    lanes.book(1, 1, 1, false);
    lanes.count(10, 1);
    assert!(lanes.is_empty() && lanes.come_back());

    lanes.refresh(&[limited(1, 0)]);
    assert!(lanes.is_empty(), "its limit is full, as before");
    lanes.leave(10);
    assert_eq!(lanes.choose(5, 100, &flight), [(1, 1)]);

    lanes.book(1, 1, 0, false);
    lanes.leave(10);
    assert!(lanes.is_empty(), "its work was used up");
    assert!(!lanes.come_back());
}

#[test]
fn a_lane_that_prefers_others_gives_what_has_waited_and_no_more() {
    let flight = Flight::join(&Board::default());
    let ripe = |jobs| LaneAhead {
        ripe: Some(jobs),
        ..lane(1, "a", 1)
    };
    let mut lanes = Lanes::default();
    lanes.refresh(&[ripe(0)]);
    assert!(lanes.is_empty());

    lanes.refresh(&[ripe(3)]);
    assert_eq!(lanes.choose(10, 100, &flight), [(1, 3)]);
    lanes.book(1, 3, 3, true);

    assert!(lanes.is_empty(), "the next ones have their patience");
    lanes.leave(1);
    assert!(lanes.is_empty());
}
