//! Does what a round's schedule says: each fault at its moment, and its end.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use tokio::time::sleep;
use windlass_engine::chaos::Witness;

use super::draw::{Cut, Dice, Fault, Strike};
use super::load::Driver;
use super::site::{CONNECTIONS_MAX, Site};

/// Submissions that are under way when the API dies.
const BURST: u64 = 50;
/// Sessions that an administrator ends at once.
const SESSIONS: usize = 3;

/// What was struck.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Blows {
    /// Processes of ours that were killed.
    pub kills: u64,
    /// Crashes of Postgres.
    pub crashes: u64,
    /// Sessions that were ended.
    pub sessions: u64,
    /// Processes that were frozen past their lease, and server processes that were frozen.
    pub freezes: u64,
    /// Networks that were cut.
    pub cuts: u64,
    /// Times that no connection was left.
    pub exhausted: u64,
}

impl Blows {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.crashes += other.crashes;
        self.sessions += other.sessions;
        self.freezes += other.freezes;
        self.cuts += other.cuts;
        self.exhausted += other.exhausted;
    }

    /// Whether something was killed, so that the round proves something.
    pub fn killed(&self) -> bool {
        self.kills + self.crashes + self.sessions > 0
    }
}

/// One fault from its moment to its end. What could not be struck counts for nothing.
pub async fn strike(site: &Site, driver: &Driver, strike: &Strike) -> Blows {
    sleep(strike.at).await;
    let mut blows = Blows::default();
    match strike.fault {
        Fault::KillWorker => blows.kills = one(site, "worker", strike).await,
        Fault::KillApi => {
            driver.burst(BURST, strike.victim).await;
            sleep(Duration::from_millis(1 + strike.victim % 25)).await;
            blows.kills = site.fleet.kill(strike.lasts, |role, _| role == "api").await;
        }
        Fault::KillAll => blows.kills = site.fleet.kill(strike.lasts, |_, _| true).await,
        Fault::StopPostgres | Fault::KillPostmaster => {
            let is_kill = strike.fault == Fault::KillPostmaster;
            blows.crashes = u64::from(matches!(site.end_postgres(is_kill).await, Ok(true)));
            sleep(strike.lasts).await;
            let _ = site.start_postgres().await;
        }
        Fault::KillBackend => blows.crashes = backend(site, strike, Signal::SIGKILL).await,
        Fault::Terminate => blows.sessions = terminate(site, strike).await,
        Fault::FreezeWorker => blows.freezes = freeze(site, strike).await,
        Fault::FreezeBackend => blows.freezes = freeze_backend(site, strike).await,
        Fault::Exhaust => blows.exhausted = exhaust(site, strike.lasts).await,
        Fault::Network(cut) => blows.cuts = network(site, cut, strike).await,
        Fault::Handlers => {}
    }
    blows
}

async fn victim(site: &Site, role: &str, strike: &Strike) -> Option<usize> {
    let places = site.fleet.places(role).await;
    let many = u64::try_from(places.len()).unwrap_or(1).max(1);
    let place = usize::try_from(strike.victim % many).ok()?;
    places.get(place).copied()
}

async fn one(site: &Site, role: &str, strike: &Strike) -> u64 {
    let Some(victim) = victim(site, role, strike).await else {
        return 0;
    };
    site.fleet
        .kill(strike.lasts, |_, place| place == victim)
        .await
}

async fn freeze(site: &Site, strike: &Strike) -> u64 {
    let Some(victim) = victim(site, "worker", strike).await else {
        return 0;
    };
    let frozen = site.fleet.signal(victim, Signal::SIGSTOP).await;
    sleep(strike.lasts).await;
    site.fleet.signal(victim, Signal::SIGCONT).await;
    u64::from(frozen)
}

/// Server processes of ours, busy ones first.
async fn backends(site: &Site, strike: &Strike) -> Vec<i32> {
    let seen = async {
        let mut witness = Witness::connect(&site.url).await?;
        witness.backends(&strike.victim.to_string()).await
    };
    seen.await.unwrap_or_default()
}

async fn backend(site: &Site, strike: &Strike, signal: Signal) -> u64 {
    match backends(site, strike).await.first() {
        Some(pid) => u64::from(kill(Pid::from_raw(*pid), signal).is_ok()),
        None => 0,
    }
}

async fn freeze_backend(site: &Site, strike: &Strike) -> u64 {
    let Some(pid) = backends(site, strike).await.first().copied() else {
        return 0;
    };
    let frozen = kill(Pid::from_raw(pid), Signal::SIGSTOP).is_ok();
    sleep(strike.lasts).await;
    let _ = kill(Pid::from_raw(pid), Signal::SIGCONT);
    u64::from(frozen)
}

/// A few times in a row, the busiest sessions of the moment.
async fn terminate(site: &Site, strike: &Strike) -> u64 {
    let mut ended = 0;
    let mut dice = Dice::new(strike.victim, 7);
    for _ in 0..3 {
        let pids = backends(site, strike).await;
        let Ok(mut witness) = Witness::connect(&site.url).await else {
            continue;
        };
        for pid in pids.into_iter().take(SESSIONS) {
            ended += u64::from(witness.terminate(pid).await.unwrap_or(false));
        }
        sleep(dice.millis(20, 300)).await;
    }
    ended
}

/// Takes every connection that is left, and holds them.
async fn exhaust(site: &Site, lasts: Duration) -> u64 {
    let mut taken = Vec::new();
    for _ in 0..=CONNECTIONS_MAX {
        match Witness::connect(&site.url).await {
            Ok(witness) => taken.push(witness),
            Err(_) => break,
        }
    }
    sleep(lasts).await;
    u64::from(!taken.is_empty())
}

async fn network(site: &Site, cut: Cut, strike: &Strike) -> u64 {
    let many = u64::try_from(site.fleet.len().await).unwrap_or(1).max(1);
    // One in five cuts hits every process at once.
    let is_hit = |place: usize| {
        strike.victim.is_multiple_of(5) || place as u64 == (strike.victim >> 3) % many
    };
    site.fleet
        .proxies(is_hit, |proxy| proxy.cut(cut, strike.victim))
        .await;
    sleep(strike.lasts).await;
    site.fleet.proxies(is_hit, super::proxy::Proxy::heal).await;
    1
}
