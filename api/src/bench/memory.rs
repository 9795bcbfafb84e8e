//! The most memory of each process during one step: our own, and any one of the database's.
//!
//! The system keeps our own peak. Of the database's processes that would count the buffers that all of them
//! share, so what each has for itself is looked at now and then.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::meter::{children, forget_peak_memory, kib, peak_memory_mib};

/// How often the database's processes are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The most memory of two kinds of processes, in MiB; nothing where the system does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peaks {
    /// This process.
    pub own: Option<f64>,
    /// The largest process of the database, without what is shared.
    pub server: Option<f64>,
}

impl Peaks {
    /// The larger of each.
    pub fn or(self, other: Self) -> Self {
        let larger = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        Self {
            own: larger(self.own, other.own),
            server: larger(self.server, other.server),
        }
    }
}

/// Looks until it is asked.
pub struct Watch {
    stop: CancellationToken,
    server: JoinHandle<Option<f64>>,
}

impl Watch {
    /// From now on.
    pub fn start(postmaster: u32) -> Self {
        forget_peak_memory();
        let stop = CancellationToken::new();
        let server = tokio::spawn(look(postmaster, stop.clone()));
        Self { stop, server }
    }

    /// The peaks since then.
    pub async fn end(self) -> Peaks {
        let own = peak_memory_mib();
        self.stop.cancel();
        Peaks {
            own,
            server: self.server.await.unwrap_or_default(),
        }
    }
}

async fn look(postmaster: u32, stop: CancellationToken) -> Option<f64> {
    let mut most = None;
    loop {
        most = largest(postmaster).into_iter().chain(most).reduce(f64::max);
        tokio::select! {
            () = stop.cancelled() => return most,
            () = sleep(LOOK) => {}
        }
    }
}

fn largest(postmaster: u32) -> Option<f64> {
    let own = |pid: String| kib(&format!("/proc/{pid}/status"), "RssAnon:");
    let processes = children(postmaster).into_iter().filter_map(own);
    processes.reduce(f64::max).map(|kib| kib / 1024.0)
}
