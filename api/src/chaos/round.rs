//! One round: load and faults together, then healing, draining and judging.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::sleep;
use windlass_engine::chaos::{Evidence, Witness};

use super::check::{Records, Verdict, check};
use super::draw::Round;
use super::journal::{Journal, Story};
use super::load::Driver;
use super::proxy::Proxy;
use super::site::{CONNECTIONS_MAX, Site};
use super::strike::{Blows, strike};
use super::{fleet, plant, receipts};
use crate::cli::error::CliError;

/// A round that finished less proves nothing.
const FINISHED_MIN: usize = 200;
/// After everything was healed, all work has ended within this; slow handlers come on top.
const DRAINED_WITHIN: Duration = Duration::from_secs(40);
/// The slowest handler outlasts so many leases.
const SLOWEST_LEASES: u32 = 20;
/// A lease may be lost and its jobs expire a few times while work drains.
const DRAIN_LEASES: u32 = 10;
/// Sessions are tidy again within this.
const TIDY_WITHIN: Duration = Duration::from_secs(30);
/// Between two snapshots of all holders.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(250);
const LOOK: Duration = Duration::from_millis(100);
/// Starts after the end of a lease that a freeze may cause, by striking just between look and start.
const LATE_STARTS_MAX: usize = 2;
/// Every so many rounds the tables and indexes are checked page by page.
const AMCHECK_EVERY: u64 = 10;

/// What a round came to.
pub struct Played {
    /// The judgement.
    pub verdict: Verdict,
    /// What was struck.
    pub blows: Blows,
    /// Requests that were without an answer at some time.
    pub unknown: usize,
    /// Commits whose answers were swallowed.
    pub swallowed: u64,
    /// Snapshots of all holders that were looked at.
    pub snapshots: u64,
    /// Deadlocks that Postgres told of.
    pub deadlocks: usize,
    /// From healing until nothing was open.
    pub drained: Duration,
    /// Planted faults, and those that the checker saw.
    pub planted: usize,
    /// The latter.
    pub planted_seen: usize,
}

impl Played {
    /// One line for people.
    pub fn told(&self, round: &Round) -> String {
        let faults: Vec<String> = round
            .strikes
            .iter()
            .map(|strike| strike.fault.to_string())
            .collect();
        let verdict = &self.verdict;
        format!(
            "round {:>3}  {:<60} {:>4} jobs  {:>3} unknown  {:>3} leases lost  {:>3} surplus  drained {:>5.1} s  {}",
            round.number,
            faults.join(if round.is_compound { " » " } else { " + " }),
            verdict.finished,
            self.unknown,
            verdict.leases_lost,
            verdict.surplus,
            self.drained.as_secs_f64(),
            if verdict.violations.is_empty() {
                "ok"
            } else {
                "BROKEN"
            },
        )
    }
}

fn folder_of(folder: &Path, round: &Round) -> PathBuf {
    folder.join(format!("round-{}", round.number))
}

/// Plays a round on a healthy site.
///
/// # Errors
/// What keeps it from being played or judged.
pub async fn play(
    site: &Site,
    round: &Round,
    folder: &Path,
    is_tested: bool,
) -> Result<Played, CliError> {
    let folder = folder_of(folder, round);
    fs::create_dir_all(&folder)?;
    fs::write(
        folder.join("schedule.json"),
        serde_json::to_vec_pretty(round).map_err(std::io::Error::from)?,
    )?;
    let journal = Journal::create(&folder.join("journal.ndjson"))?;
    let log_from = postgres_log(site).len();
    let workers = usize::try_from(round.workers).unwrap_or(2);
    site.fleet.scale("worker", workers).await?;
    let driver = Driver::new(&site.server, journal.clone(), round, site.lease)?;
    let seen = Arc::new(Mutex::new(Seen::default()));
    let looking = tokio::spawn(look(site.url.clone(), seen.clone()));
    let strikes = round.strikes.iter().map(|blow| strike(site, &driver, blow));
    let ((), struck) = tokio::join!(driver.run(), futures::future::join_all(strikes));
    let mut blows = Blows::default();
    struck.into_iter().for_each(|blow| blows.add(blow));
    site.heal().await?;
    let healed = Instant::now();
    let stood = stood(site, &driver).await?;
    driver.settle().await;
    let is_drained = drain(site, round).await;
    let drained = healed.elapsed();
    looking.abort();
    let mut verdict = judge(site, &journal, &stood).await?;
    progress(&mut verdict, blows, is_drained);
    let snapshots = seen.lock().await.report(&mut verdict);
    surroundings(site, round, &mut verdict).await?;
    let deadlocks = postgres_log(site)[log_from..]
        .matches("deadlock detected")
        .count();
    let (planted, planted_seen) = match is_tested {
        true => plant::test(site, &journal, &stood, &mut verdict).await?,
        false => (0, 0),
    };
    Ok(Played {
        unknown: Story::read(journal.path())?.unknown.len(),
        swallowed: swallowed(site).await,
        verdict,
        blows,
        snapshots,
        deadlocks,
        drained,
        planted,
        planted_seen,
    })
}

/// I14 and P9: something was killed, work went on, and nobody began what belonged to others.
fn progress(verdict: &mut Verdict, blows: Blows, is_drained: bool) {
    if !is_drained {
        verdict.add(
            "I14",
            "work was still open long after everything was healed",
        );
    }
    if !blows.killed() {
        verdict.add("I14", "nothing was killed: the round proves nothing");
    }
    if verdict.finished < FINISHED_MIN {
        let finished = verdict.finished;
        verdict.add("I14", format!("only {finished} jobs were finished"));
    }
    if verdict.late_starts > LATE_STARTS_MAX * usize::try_from(blows.freezes).unwrap_or(0) {
        let late = verdict.late_starts;
        verdict.add(
            "I5",
            format!("{late} executions began under leases that others had"),
        );
    }
}

/// Commits whose answers were swallowed since the last round.
async fn swallowed(site: &Site) -> u64 {
    let sum = AtomicU64::new(0);
    let add = |proxy: &Proxy| {
        sum.fetch_add(proxy.take_counts(), Ordering::Relaxed);
    };
    site.fleet.proxies(|_| true, add).await;
    sum.into_inner()
}

fn postgres_log(site: &Site) -> String {
    let bytes = fs::read(site.folder.join("postgres/data.log")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the snapshots of all holders said.
#[derive(Default)]
struct Seen {
    snapshots: u64,
    torn: Vec<(i64, String)>,
}

impl Seen {
    fn report(&self, verdict: &mut Verdict) -> u64 {
        for (job, places) in &self.torn {
            verdict.doubled += 1;
            verdict.add("I10", format!("in one snapshot job {job}: {places}"));
        }
        self.snapshots
    }
}

/// Looks at all holders in one snapshot, again and again, whatever becomes of the server.
async fn look(url: String, seen: Arc<Mutex<Seen>>) {
    loop {
        if let Ok(mut witness) = Witness::connect(&url).await {
            while let Ok(torn) = witness.torn().await {
                let mut seen = seen.lock().await;
                seen.snapshots += 1;
                seen.torn.extend(torn);
                drop(seen);
                sleep(SNAPSHOT_EVERY).await;
            }
        }
        sleep(SNAPSHOT_EVERY).await;
    }
}

/// Ids that stand in the database for keys without an answer.
async fn stood(site: &Site, driver: &Driver) -> Result<BTreeMap<String, Vec<i64>>, CliError> {
    let open = driver.unanswered().await;
    let evidence = Witness::connect(&site.url).await?.evidence().await?;
    let mut stood: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let jobs = evidence.jobs.iter().map(|job| (job.key.clone(), job.id));
    let batches = evidence
        .batches
        .iter()
        .map(|batch| (Some(batch.name.clone()), batch.id));
    for (key, id) in jobs.chain(batches) {
        if let Some(key) = key.filter(|key| open.contains(key)) {
            stood.entry(key).or_default().push(id);
        }
    }
    Ok(stood)
}

/// Waits until nothing is open, within the bound.
async fn drain(site: &Site, round: &Round) -> bool {
    let slowest = if round.has_hard_handlers() {
        site.lease * SLOWEST_LEASES
    } else {
        Duration::ZERO
    };
    let until = Instant::now() + DRAINED_WITHIN + site.lease * DRAIN_LEASES + slowest;
    while Instant::now() < until {
        let open = async { Witness::connect(&site.url).await?.open().await };
        if matches!(open.await, Ok((0, 0))) {
            return true;
        }
        sleep(LOOK).await;
    }
    false
}

async fn judge(
    site: &Site,
    journal: &Journal,
    stood: &BTreeMap<String, Vec<i64>>,
) -> Result<Verdict, CliError> {
    let evidence = Witness::connect(&site.url).await?.evidence().await?;
    verdict_on(site, journal, stood, &evidence)
}

/// The verdict on some evidence, with the other two records as they lie on disk.
///
/// # Errors
/// When a record cannot be read.
pub fn verdict_on(
    site: &Site,
    journal: &Journal,
    stood: &BTreeMap<String, Vec<i64>>,
    evidence: &Evidence,
) -> Result<Verdict, CliError> {
    let story = Story::read(journal.path())?;
    let receipts = receipts::read(&site.folder.join("receipts"))?;
    Ok(check(&Records {
        story: &story,
        receipts: &receipts,
        evidence,
        stood,
    }))
}

/// I12, I15, I17 and P24: sessions, pages, panics, and processes that ended by themselves.
async fn surroundings(site: &Site, round: &Round, verdict: &mut Verdict) -> Result<(), CliError> {
    let until = Instant::now() + TIDY_WITHIN;
    let mut witness = Witness::connect(&site.url).await?;
    loop {
        let left = witness.sessions().await?;
        let is_tidy = left.idle_in_transaction == 0
            && left.advisory_locks == 0
            && left.connections < CONNECTIONS_MAX - 10;
        if is_tidy {
            break;
        }
        if Instant::now() > until {
            verdict.add("I12", format!("{left:?}"));
            break;
        }
        sleep(LOOK).await;
    }
    for end in site.fleet.own_ends().await {
        verdict.add("P24", end);
    }
    for panic in fleet::panics(&site.folder.join("logs"))? {
        verdict.add("I17", panic);
    }
    if round.number.is_multiple_of(AMCHECK_EVERY)
        && let Some(said) = site.amcheck().await
    {
        verdict.add("I15", said);
    }
    Ok(())
}

/// After a good round: its jobs were judged, its files go.
///
/// # Errors
/// When something cannot be removed.
pub async fn forget(site: &Site, round: &Round, folder: &Path) -> Result<(), CliError> {
    Witness::connect(&site.url).await?.judged().await?;
    for entry in fs::read_dir(site.folder.join("receipts"))? {
        // Processes hold them open for appending, so they are emptied and not removed.
        fs::OpenOptions::new()
            .write(true)
            .open(entry?.path())?
            .set_len(0)?;
    }
    fs::remove_dir_all(folder_of(folder, round))?;
    Ok(())
}

/// After a broken round: everything that tells why goes into its folder.
///
/// # Errors
/// When something cannot be written.
pub fn keep(
    site: &Site,
    round: &Round,
    played: &Played,
    folder: &Path,
    replay: &str,
) -> Result<(), CliError> {
    let folder = folder_of(folder, round);
    let told = json!({"verdict": played.verdict, "blows": played.blows, "replay": replay});
    fs::write(folder.join("verdict.json"), format!("{told:#}\n"))?;
    for part in ["receipts", "logs"] {
        let copy = folder.join(part);
        fs::create_dir_all(&copy)?;
        for entry in fs::read_dir(site.folder.join(part))? {
            let path = entry?.path();
            fs::copy(&path, copy.join(path.file_name().unwrap_or_default()))?;
        }
    }
    fs::write(folder.join("logs/postgres.log"), postgres_log(site))?;
    Ok(())
}
