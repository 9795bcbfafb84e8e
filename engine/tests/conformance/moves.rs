//! Moves: drawn from one seed and from what the model remembers, so that most of them find something to do.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use uuid::Uuid;
use windlass_engine::model::{Asked, DAY, End, Model, Moment, Settle};
use windlass_engine::store::LeaseKey;

/// A move that goes to both.
#[derive(Clone, Debug)]
pub enum Move {
    Submit {
        jobs: usize,
        asked: Asked,
    },
    Claim {
        worker: usize,
        claim: Uuid,
        lanes: Vec<(i32, i64)>,
    },
    Settle {
        worker: usize,
        entries: Vec<(Settle, LeaseKey)>,
    },
    Die {
        worker: usize,
        heir: Uuid,
    },
    Expire,
    GiveBack {
        worker: usize,
        known: Vec<Uuid>,
    },
    Beat {
        worker: usize,
    },
    Cancel {
        job: i64,
    },
    EndCancelling,
    Wake {
        now: Moment,
    },
    Release,
    Finish,
}

/// The kinds of moves, each of which must be made.
pub const KINDS: [&str; 12] = [
    "submit",
    "claim",
    "settle",
    "die",
    "expire",
    "give back",
    "beat",
    "cancel",
    "end cancelling",
    "wake",
    "release",
    "finish",
];

impl Move {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Submit { .. } => KINDS[0],
            Self::Claim { .. } => KINDS[1],
            Self::Settle { .. } => KINDS[2],
            Self::Die { .. } => KINDS[3],
            Self::Expire => KINDS[4],
            Self::GiveBack { .. } => KINDS[5],
            Self::Beat { .. } => KINDS[6],
            Self::Cancel { .. } => KINDS[7],
            Self::EndCancelling => KINDS[8],
            Self::Wake { .. } => KINDS[9],
            Self::Release => KINDS[10],
            Self::Finish => KINDS[11],
        }
    }
}

/// A job as it was claimed once; its lease may be lost by now.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    pub job: i64,
    pub lease: LeaseKey,
    pub worker: usize,
    pub journaled: bool,
}

/// What draws moves.
pub struct Draw {
    rng: StdRng,
    pub lanes: Vec<i32>,
    pub jobs: Vec<i64>,
    pub held: Vec<Held>,
    claims: u128,
}

impl Draw {
    pub fn new(seed: u64, lanes: Vec<i32>, jobs: Vec<i64>) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            lanes,
            jobs,
            held: Vec::new(),
            claims: 0,
        }
    }

    pub fn next(&mut self, model: &Model) -> Move {
        match self.rng.random_range(0..100) {
            0..14 => self.submit(),
            14..36 => self.claim(),
            36..62 => self.settle(model),
            62..67 => Move::Die {
                worker: self.worker(),
                heir: self.name(),
            },
            67..73 => Move::Expire,
            73..76 => self.give_back(),
            76..78 => Move::Beat {
                worker: self.worker(),
            },
            78..86 => self.cancel(),
            86..89 => Move::EndCancelling,
            89..93 => Move::Wake {
                now: *[6 * DAY, 30 * DAY].choose(&mut self.rng).expect("two"),
            },
            93..97 => Move::Release,
            _ => Move::Finish,
        }
    }

    fn worker(&mut self) -> usize {
        self.rng.random_range(0..super::world::WORKERS)
    }

    fn name(&mut self) -> Uuid {
        self.claims += 1;
        Uuid::from_u128(self.claims)
    }

    fn submit(&mut self) -> Move {
        let start_at = match self.rng.random_range(0..4) {
            0 => None,
            1 => Some(16 * DAY + self.rng.random_range(0..100) * 1_000),
            _ => Some(self.rng.random_range(0..100) * 1_000),
        };
        let asked = Asked {
            lane: self.lanes[self.rng.random_range(0..2)],
            start_at,
            priority: self.rng.random_range(0..3) * 3_600,
        };
        Move::Submit {
            jobs: self.rng.random_range(1..12),
            asked,
        }
    }

    fn claim(&mut self) -> Move {
        let first = self.rng.random_range(0..self.lanes.len());
        let mut lanes = vec![(self.lanes[first], self.rng.random_range(1..9))];
        if self.rng.random_bool(0.3) {
            let second = self.lanes[(first + 1) % self.lanes.len()];
            lanes.push((second, self.rng.random_range(1..9)));
        }
        Move::Claim {
            worker: self.worker(),
            claim: self.name(),
            lanes,
        }
    }

    /// One worker's flush: mostly jobs that it holds, some that it lost.
    fn settle(&mut self, model: &Model) -> Move {
        let worker = self.worker();
        let recent: Vec<Held> = self
            .held
            .iter()
            .rev()
            .filter(|held| held.worker == worker)
            .take(20)
            .copied()
            .collect();
        let size = self.rng.random_range(1..7);
        let mut chosen: Vec<Held> = Vec::new();
        for held in recent.sample(&mut self.rng, size).copied() {
            if chosen.iter().all(|other| other.job != held.job) {
                chosen.push(held);
            }
        }
        let entries = chosen
            .into_iter()
            .map(|held| (self.entry(model, held), held.lease))
            .collect();
        Move::Settle { worker, entries }
    }

    fn entry(&mut self, model: &Model, held: Held) -> Settle {
        let has_journal = held.journaled || model.turns(held.job) > 0;
        let turn = self.rng.random_bool(if has_journal { 0.6 } else { 0.25 });
        let remembers = has_journal || turn;
        let obeys = if model.is_stopped(held.job) {
            self.rng.random_bool(0.5)
        } else {
            self.rng.random_bool(0.03)
        };
        let end = if turn && self.rng.random_bool(0.4) {
            None
        } else {
            Some(self.end(remembers))
        };
        Settle {
            job: held.job,
            claim: held.lease.claim,
            obeys,
            turn,
            remembers,
            end,
        }
    }

    fn end(&mut self, remembers: bool) -> End {
        let soon = 16 * DAY + self.rng.random_range(0..100) * 1_000;
        match self.rng.random_range(0..10) {
            0..3 => End::Outcome {
                kind: "completed",
                code: None,
                has_result: false,
            },
            3..5 => End::Outcome {
                kind: "completed",
                code: None,
                has_result: true,
            },
            5 => End::Outcome {
                kind: "failed",
                code: Some("http_500"),
                has_result: false,
            },
            6 => End::Park,
            7 => End::Back,
            _ if remembers => End::Rest(self.rng.random_bool(0.7).then_some(soon)),
            _ => End::Retry(soon),
        }
    }

    fn give_back(&mut self) -> Move {
        let worker = self.worker();
        let claims = self.held.iter().rev().take(30).map(|held| held.lease.claim);
        let claims: Vec<Uuid> = claims.collect();
        let known = claims
            .into_iter()
            .filter(|_| self.rng.random_bool(0.7))
            .collect();
        Move::GiveBack { worker, known }
    }

    fn cancel(&mut self) -> Move {
        let recent = self.held.iter().rev().take(8).map(|held| held.job);
        let pool: Vec<i64> = if self.rng.random_bool(0.5) {
            recent.collect()
        } else {
            self.jobs.clone()
        };
        let job = pool.choose(&mut self.rng).or(self.jobs.first()).copied();
        Move::Cancel {
            job: job.unwrap_or(1),
        }
    }
}
