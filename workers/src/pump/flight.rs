//! What the pumps of one worker have in flight of groups and queues, while a share has bounds.
//!
//! Pumps share nothing else. They meet here once a claim: each says what it has and reads what the
//! others have, one at a time, so a maximum holds for the whole worker.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// What can have bounds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Name {
    /// A stream of work.
    Queue(String),
    /// Tenant and purpose.
    Group(String),
}

/// Jobs in flight, by pump.
type Pumps = Vec<HashMap<Name, usize>>;

/// Where the pumps of a worker meet.
pub(crate) type Board = Arc<Mutex<Pumps>>;

/// One pump's place on the board.
#[derive(Debug)]
pub(crate) struct Flight {
    board: Board,
    place: usize,
}

impl Flight {
    /// A place of one's own.
    pub(crate) fn join(board: &Board) -> Self {
        let mut pumps = board.lock().expect("no panic while holding it");
        pumps.push(HashMap::new());
        Self {
            board: board.clone(),
            place: pumps.len() - 1,
        }
    }

    /// The others wait until the turn is over: one choice, no input or output.
    pub(super) fn take_turn(&self) -> Turn<'_> {
        Turn {
            pumps: self.board.lock().expect("no panic while holding it"),
            place: self.place,
        }
    }
}

/// The board in one pump's hands.
pub(super) struct Turn<'a> {
    pumps: MutexGuard<'a, Pumps>,
    place: usize,
}

impl Turn<'_> {
    /// Says what this pump has.
    pub(super) fn say(&mut self, in_hand: &HashMap<&Name, usize>) {
        let jobs = in_hand.iter().map(|(name, jobs)| ((*name).clone(), *jobs));
        self.pumps[self.place] = jobs.collect();
    }

    /// What the others have.
    pub(super) fn beside(&self) -> HashMap<Name, usize> {
        let mut sums = HashMap::new();
        let others = self.pumps.iter().enumerate();
        for (_, pump) in others.filter(|(place, _)| *place != self.place) {
            for (name, jobs) in pump {
                *sums.entry(name.clone()).or_default() += jobs;
            }
        }
        sums
    }

    /// Says what this pump is about to have.
    pub(super) fn reserve(&mut self, name: &Name, jobs: usize) {
        self.pumps[self.place].insert(name.clone(), jobs);
    }
}
