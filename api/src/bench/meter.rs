//! What a stretch of work cost: wall time, processor time of both processes, bytes of log.
//!
//! Processor time comes from `/proc`, so it is missing elsewhere. Only the measured server's processes
//! count, and those that it has already collected count through it.

use std::fs;
use std::time::Instant;

use windlass_floor::Server;

use crate::cli::error::CliError;

/// `USER_HZ`, the unit of `/proc/*/stat`: 100 on every Linux that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads the server with this process and our own.
#[derive(Clone, Copy)]
pub struct Meter<'a> {
    server: &'a Server,
    postmaster: u32,
    other: Option<u32>,
}

/// The state of all meters at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    at: Instant,
    wal_bytes: i64,
    server_seconds: Option<f64>,
    own_seconds: Option<f64>,
}

/// What one stretch of work cost.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What was done.
    pub jobs: u64,
    /// Wall time.
    pub seconds: f64,
    /// Bytes of log.
    pub wal_bytes: f64,
    /// Processor time of the database.
    pub server_seconds: Option<f64>,
    /// Processor time of our processes.
    pub own_seconds: Option<f64>,
}

impl<'a> Meter<'a> {
    /// Meters of a server by its first process.
    pub fn new(server: &'a Server, postmaster: u32) -> Self {
        Self {
            server,
            postmaster,
            other: None,
        }
    }

    /// The same, with the processor time of another process of ours.
    pub fn beside(self, other: Option<u32>) -> Self {
        Self { other, ..self }
    }

    /// Reads them all.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read(&self) -> Result<Reading, CliError> {
        let wal_bytes = self.server.wal_bytes().await?;
        Ok(Reading {
            wal_bytes,
            server_seconds: server_seconds(self.postmaster),
            own_seconds: self.own_seconds(),
            at: Instant::now(),
        })
    }

    fn own_seconds(&self) -> Option<f64> {
        let own = Stat::read("self")?.own;
        match self.other {
            Some(other) => Some(own + Stat::read(&other.to_string())?.own),
            None => Some(own),
        }
    }

    /// What was spent on `jobs` since a reading.
    ///
    /// # Errors
    /// What the database says.
    pub async fn since(&self, start: &Reading, jobs: u64) -> Result<Sample, CliError> {
        let at = Instant::now();
        let (server, own) = (server_seconds(self.postmaster), self.own_seconds());
        let wal_bytes = self.server.wal_bytes().await?;
        let spent = |end: Option<f64>, start: Option<f64>| Some(end? - start?);
        Ok(Sample {
            jobs,
            seconds: (at - start.at).as_secs_f64(),
            wal_bytes: (wal_bytes - start.wal_bytes) as f64,
            server_seconds: spent(server, start.server_seconds),
            own_seconds: spent(own, start.own_seconds),
        })
    }
}

impl Sample {
    /// Jobs a second.
    pub fn rate(&self) -> f64 {
        self.jobs as f64 / self.seconds
    }

    /// Microseconds of the database a job.
    pub fn server_us(&self) -> Option<f64> {
        Some(self.server_seconds? * 1e6 / self.jobs as f64)
    }

    /// Microseconds of our processes a job.
    pub fn own_us(&self) -> Option<f64> {
        Some(self.own_seconds? * 1e6 / self.jobs as f64)
    }

    /// Bytes of log a job.
    pub fn wal_bytes_per_job(&self) -> f64 {
        self.wal_bytes / self.jobs as f64
    }
}

/// Forgets the most memory that this process ever had; where that cannot be done, it goes on.
pub fn forget_peak_memory() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process had since then.
pub fn peak_memory_mib() -> Option<f64> {
    Some(kib("/proc/self/status", "VmHWM:")? / 1024.0)
}

/// The machine's memory.
pub fn memory_mib() -> Option<u64> {
    Some((kib("/proc/meminfo", "MemTotal:")? / 1024.0) as u64)
}

/// A figure of a file below `/proc` that is told in KiB.
pub fn kib(file: &str, name: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The first process, its living children, and those that it has collected.
fn server_seconds(postmaster: u32) -> Option<f64> {
    let first = Stat::read(&postmaster.to_string())?;
    let living = children(postmaster).into_iter();
    let living = living.filter_map(|child| Some(Stat::read(&child)?.own));
    Some(first.own + first.collected + living.sum::<f64>())
}

/// The living children of a process, by their numbers.
pub fn children(parent: u32) -> Vec<String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.parse::<u32>().is_ok())
        .filter(|name| Stat::read(name).is_some_and(|stat| stat.parent == parent))
        .collect()
}

/// A line of `/proc/<pid>/stat`, in seconds.
struct Stat {
    parent: u32,
    own: f64,
    collected: f64,
}

impl Stat {
    fn read(process: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
    }

    /// The program's name stands in parentheses and may hold any letter.
    fn parse(line: &str) -> Option<Self> {
        let (_, fields) = line.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
        Some(Self {
            parent: fields.get(1)?.parse().ok()?,
            own: (ticks(11)? + ticks(12)?) / TICKS_PER_SECOND,
            collected: (ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_and_blanks_hides_no_field() {
        let line = "7 (odd) name) S 3 7 7 0 -1 0 1 2 3 4 50 25 100 300 20 0 1 0";

        let stat = Stat::parse(line).expect("a line");

        assert_eq!((stat.parent, stat.own, stat.collected), (3, 0.75, 4.0));
    }

    #[test]
    fn figures_are_per_job() {
        let sample = Sample {
            jobs: 1_000,
            seconds: 0.5,
            wal_bytes: 300_000.0,
            server_seconds: Some(0.004),
            own_seconds: None,
        };

        assert_eq!(
            (sample.rate(), sample.wal_bytes_per_job()),
            (2_000.0, 300.0)
        );
        assert_eq!((sample.server_us(), sample.own_us()), (Some(4.0), None));
    }
}
