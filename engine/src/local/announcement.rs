//! What a running server says of itself, in `postmaster.pid`.
//!
//! The lines are process, data folder, start time, port, socket folder,
//! listen address, shared memory and status, in this order since version 10.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::process;

/// How long a connection to our own machine may take before the server counts as mute.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);

/// The contents of `postmaster.pid`, as far as the server has written them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announcement {
    pub pid: u32,
    pub port: u16,
    pub sockets: Option<PathBuf>,
    pub segment: Option<u32>,
    pub is_ready: bool,
}

impl Announcement {
    /// The file that holds it.
    pub fn path(data: &Path) -> PathBuf {
        data.join("postmaster.pid")
    }

    /// What stands in the data folder, if a server has got far enough to write it.
    pub fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(Self::path(data)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let filled = |at: usize| lines.get(at).filter(|line| !line.is_empty());
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            port: filled(3)?.parse().ok()?,
            sockets: filled(4).map(PathBuf::from),
            segment: filled(6).and_then(|line| line.split_whitespace().nth(1)?.parse().ok()),
            is_ready: filled(7).is_some_and(|status| *status == "ready"),
        })
    }

    /// True when the server takes connections now.
    pub fn answers(&self) -> bool {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        self.is_ready
            && process::lives(self.pid)
            && TcpStream::connect_timeout(&address, CONNECT_WITHIN).is_ok()
    }

    /// True while processes of this server, living or orphaned, still hold its memory.
    pub fn holds_memory(&self) -> bool {
        self.segment.is_some_and(process::shares_memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str =
        "4711\n/data\n1700000000\n5433\n/sockets\n127.0.0.1\n  5432001         7\nready   \n";

    #[test]
    fn announcement_is_read_line_by_line() {
        let read = Announcement::parse(READY).expect("a whole announcement");

        assert_eq!((read.pid, read.port, read.segment), (4711, 5433, Some(7)));
        assert_eq!(read.sockets.as_deref(), Some(Path::new("/sockets")));
        assert!(read.is_ready);
    }

    #[test]
    fn half_written_announcement_is_not_ready() {
        let starting = READY.replace("ready", "starting");

        assert!(
            !Announcement::parse(&starting)
                .expect("an announcement")
                .is_ready
        );
        assert_eq!(Announcement::parse("4711\n/data\n"), None);
    }
}
