//! What a round will do, drawn from its seed alone: the same seed gives the same faults and load.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// Numbers from a seed, the same on every machine and with every release of every crate.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// For one round of a run.
    pub fn new(seed: u64, round: u64) -> Self {
        let mut dice = Self(seed ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.next();
        dice
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 up to `below`, which is at least 1.
    pub fn below(&mut self, below: u64) -> u64 {
        self.next() % below.max(1)
    }

    /// Whole milliseconds from `least` to `most`.
    pub fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(least + self.below(most - least + 1))
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, many: &[T]) -> T {
        let place = self.below(many.len() as u64);
        many[usize::try_from(place).unwrap_or_default()]
    }

    /// Whether it happens, in so many of a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }
}

/// How a connection through the proxy is hurt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// Nobody listens; what is open is reset.
    Refuse,
    /// What is open is reset, once.
    Reset,
    /// Nothing passes in either direction until it heals.
    Blackhole,
    /// Requests arrive, answers do not until it heals.
    OneWay,
    /// Everything is late, and comes in small pieces.
    Slow,
    /// The server's side is gone; ours is not told until it heals.
    HalfOpen,
    /// Reset after so many more bytes of answers.
    After(u32),
    /// The next commits happen, and their answers are swallowed whole, up to ReadyForQuery.
    SwallowCommit,
}

/// One kind of fault, by its number in the plan of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", content = "how", rename_all = "snake_case")]
pub enum Fault {
    /// K1: SIGKILL a worker.
    KillWorker,
    /// K2: SIGKILL the API while 50 submissions are under way.
    KillApi,
    /// K3: SIGKILL everything of ours.
    KillAll,
    /// K4: Postgres stops at once, and starts again later.
    StopPostgres,
    /// K5: SIGKILL the postmaster.
    KillPostmaster,
    /// K6: SIGKILL one server process; the whole server resets itself.
    KillBackend,
    /// K7: `pg_terminate_backend` on busy sessions.
    Terminate,
    /// K9: SIGSTOP a worker past its lease, then SIGCONT.
    FreezeWorker,
    /// K9: SIGSTOP a server process that may hold locks, then SIGCONT.
    FreezeBackend,
    /// K12: every connection that the server allows is taken.
    Exhaust,
    /// K14: the network to one of our processes is cut.
    Network(Cut),
    /// K16: slow handlers, one that blocks its thread, one that does not hear of its end.
    Handlers,
}

impl Fault {
    /// Its number in the plan of tests.
    pub fn number(self) -> &'static str {
        match self {
            Self::KillWorker => "K1",
            Self::KillApi => "K2",
            Self::KillAll => "K3",
            Self::StopPostgres => "K4",
            Self::KillPostmaster => "K5",
            Self::KillBackend => "K6",
            Self::Terminate => "K7",
            Self::FreezeWorker | Self::FreezeBackend => "K9",
            Self::Exhaust => "K12",
            Self::Network(_) => "K14",
            Self::Handlers => "K16",
        }
    }

    /// Whether something dies of it.
    #[cfg(test)]
    fn kills(self) -> bool {
        matches!(
            self,
            Self::KillWorker
                | Self::KillApi
                | Self::KillAll
                | Self::StopPostgres
                | Self::KillPostmaster
                | Self::KillBackend
                | Self::Terminate
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(cut) => write!(formatter, "K14 {cut:?}"),
            fault => write!(formatter, "{} {fault:?}", self.number()),
        }
    }
}

/// A fault and its moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Strike {
    /// What.
    pub fault: Fault,
    /// How long after the load began.
    pub at: Duration,
    /// How long it lasts, or how long until the dead come back.
    pub lasts: Duration,
    /// Which victim, among however many there are.
    pub victim: u64,
}

/// What one round does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Round {
    /// Its number, from 1.
    pub number: u64,
    /// Workers that run.
    pub workers: u64,
    /// Requests beside the batch.
    pub requests: u64,
    /// The faults, in the order of their moments.
    pub strikes: Vec<Strike>,
    /// Whether the second comes while the first is being recovered from.
    pub is_compound: bool,
    /// For the driver and its inputs.
    pub seed: u64,
}

/// A round's first fault kills: a round without a kill proves nothing. Weights follow the plan of tests.
const KILLS: [Fault; 14] = [
    Fault::KillWorker,
    Fault::KillWorker,
    Fault::KillWorker,
    Fault::KillWorker,
    Fault::KillApi,
    Fault::KillApi,
    Fault::KillAll,
    Fault::StopPostgres,
    Fault::StopPostgres,
    Fault::KillPostmaster,
    Fault::KillBackend,
    Fault::KillBackend,
    Fault::Terminate,
    Fault::Terminate,
];

/// Bytes of answers after which a connection is reset, at most: a few statements' worth.
const CUT_AFTER_MAX: u64 = 4_000;
/// The load lasts so long; faults fall into it.
const WINDOW_MS: u64 = 4_500;

impl Round {
    /// The round `number` of the run `seed`; `lease` is what a freeze must outlast.
    pub fn draw(seed: u64, number: u64, lease: Duration) -> Self {
        let mut dice = Dice::new(seed, number);
        let workers = 2 + dice.below(3);
        let requests = 180 + dice.below(260);
        let count = 1 + dice.below(3);
        let is_compound = count > 1 && dice.below(2) == 0;
        let first = dice.pick(&KILLS);
        let mut strikes = vec![strike(first, 600 + dice.below(WINDOW_MS), lease, &mut dice)];
        for place in 1..count {
            let fault = any(&mut dice);
            let at = match place {
                // Between the blow and the end of a lease time after it: recovery is under way.
                1 if is_compound => millis(strikes[0].at) + 100 + dice.below(millis(lease) + 1_500),
                _ => 600 + dice.below(WINDOW_MS),
            };
            strikes.push(strike(fault, at, lease, &mut dice));
        }
        strikes.sort_by_key(|strike| strike.at);
        let seed = dice.next();
        Self {
            number,
            workers,
            requests,
            strikes,
            is_compound,
            seed,
        }
    }

    /// Whether handlers misbehave in it.
    pub fn has_hard_handlers(&self) -> bool {
        self.strikes
            .iter()
            .any(|strike| strike.fault == Fault::Handlers)
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn any(dice: &mut Dice) -> Fault {
    match dice.below(20) {
        0..=9 => dice.pick(&KILLS),
        10..=12 => Fault::FreezeWorker,
        13 => Fault::FreezeBackend,
        14 => Fault::Exhaust,
        15 => Fault::Handlers,
        _ => Fault::Network(cut(dice)),
    }
}

fn cut(dice: &mut Dice) -> Cut {
    match dice.below(9) {
        0 => Cut::Refuse,
        1 => Cut::Reset,
        2 => Cut::Blackhole,
        3 => Cut::OneWay,
        4 => Cut::Slow,
        5 => Cut::HalfOpen,
        6 => Cut::After(u32::try_from(dice.below(CUT_AFTER_MAX)).unwrap_or(0)),
        _ => Cut::SwallowCommit,
    }
}

fn strike(fault: Fault, at: u64, lease: Duration, dice: &mut Dice) -> Strike {
    let lasts = match fault {
        Fault::StopPostgres | Fault::KillPostmaster => dice.millis(0, 5_000),
        Fault::FreezeWorker => lease + dice.millis(200, 2_500),
        Fault::FreezeBackend => dice.millis(500, 3_000),
        Fault::Exhaust => dice.millis(1_500, 4_000),
        Fault::Network(_) => dice.millis(300, 4_000),
        _ => dice.millis(0, 3_000),
    };
    Strike {
        fault,
        at: Duration::from_millis(at),
        lasts,
        victim: dice.next() >> 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(2);

    #[test]
    fn same_seed_gives_the_same_schedule_and_another_seed_another() {
        let of = |seed| {
            (1..50)
                .map(|round| Round::draw(seed, round, LEASE))
                .collect::<Vec<_>>()
        };

        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn every_round_kills_and_every_fault_is_drawn_sooner_or_later() {
        let rounds: Vec<_> = (1..2_000)
            .map(|round| Round::draw(1, round, LEASE))
            .collect();

        let mut numbers: Vec<_> = rounds
            .iter()
            .flat_map(|round| &round.strikes)
            .map(|strike| {
                strike
                    .fault
                    .to_string()
                    .split('(')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect();
        numbers.sort();
        numbers.dedup();
        assert_eq!(numbers.len(), 19, "{numbers:?}");
        for round in &rounds {
            assert!(
                round.strikes.iter().any(|strike| strike.fault.kills()),
                "{round:?}"
            );
            assert!((1..=3).contains(&round.strikes.len()));
        }
        let compound = rounds.iter().filter(|round| round.is_compound).count();
        assert!(
            (500..900).contains(&compound),
            "a third are compound: {compound}"
        );
    }
}
