//! Starting the server program and seeing it ready.
//!
//! It is our child, not a daemon of `pg_ctl`: we see it end, and collect it.

use std::fs::{self, File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::announcement::Announcement;
use super::cluster::ClusterOptions;
use super::folder::Folder;
use super::process::wait_until;
use super::{LocalError, Programs};

/// A free port may be taken between our look and the server's.
const ATTEMPTS_MAX: u32 = 10;
/// Recovery after a crash included.
const READY_WITHIN: Duration = Duration::from_secs(120);
/// Pause before another attempt.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How much of a server's log goes into an error.
const LOG_BYTES_MAX: usize = 2_000;
/// Socket paths end at 103 bytes on macOS, so sockets live in a short folder of their own.
const SOCKET_PARENT: &str = "/tmp";
/// How that folder's name begins, so that it is known again.
const SOCKET_PREFIX: &str = "windlass-socket-";

/// A server that has just become ready.
pub(super) struct Started {
    pub child: Child,
    pub announcement: Announcement,
}

/// Starts the server on `folder` and waits until it takes connections.
pub(super) fn start(
    programs: &Programs,
    folder: &Folder,
    options: &ClusterOptions,
) -> Result<Started, LocalError> {
    let sockets = socket_folder(folder, options)?;
    let mut attempt = 1;
    loop {
        let failed = match start_once(programs, folder, options, &sockets)? {
            Ok(started) => return Ok(started),
            Err(log) => log,
        };
        if attempt == ATTEMPTS_MAX || !is_passing(&failed, options) {
            remove_sockets(&sockets);
            return Err(LocalError::Start {
                path: folder.data.clone(),
                log: failed,
            });
        }
        attempt += 1;
        sleep(AGAIN_AFTER);
    }
}

/// Removes a socket folder that we made; one that the caller named stays.
pub(super) fn remove_sockets(sockets: &Path) {
    let name = sockets.file_name().unwrap_or_default().to_string_lossy();
    if sockets.starts_with(SOCKET_PARENT) && name.starts_with(SOCKET_PREFIX) {
        let _ = fs::remove_dir_all(sockets);
    }
}

fn socket_folder(folder: &Folder, options: &ClusterOptions) -> Result<PathBuf, LocalError> {
    if let Some(named) = &options.sockets {
        folder.account.own_folder(named)?;
        return Ok(named.clone());
    }
    // What a killed server left behind is named in its lock file.
    if let Some(left) = Announcement::read(&folder.data).and_then(|dead| dead.sockets) {
        remove_sockets(&left);
    }
    let made = tempfile::Builder::new()
        .prefix(SOCKET_PREFIX)
        .tempdir_in(SOCKET_PARENT);
    let made = made.map_err(LocalError::folder(SOCKET_PARENT))?.keep();
    folder.account.take(&made)?;
    Ok(made)
}

/// One attempt; the inner error is what the server's log said.
fn start_once(
    programs: &Programs,
    folder: &Folder,
    options: &ClusterOptions,
    sockets: &Path,
) -> Result<Result<Started, String>, LocalError> {
    let port = match options.port {
        Some(port) => port,
        None => free_port()?,
    };
    let log = Log::open(folder)?;
    let program = programs.program("postgres");
    let mut command = folder.account.command(&program);
    arguments(&mut command, folder, options);
    command.arg("-c").arg(format!("port={port}"));
    command
        .arg("-c")
        .arg(format!("unix_socket_directories={}", sockets.display()));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log.writer()?);
    let mut child = command
        .spawn()
        .map_err(|source| LocalError::Run { program, source })?;

    let mut ready = None;
    let settled = wait_until(READY_WITHIN, || {
        ready = Announcement::read(&folder.data)
            .filter(|found| found.pid == child.id() && found.answers());
        ready.is_some() || !matches!(child.try_wait(), Ok(None))
    });
    if let Some(announcement) = ready {
        return Ok(Ok(Started {
            child,
            announcement,
        }));
    }
    if !settled {
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(Err(log.tail()))
}

fn arguments(command: &mut Command, folder: &Folder, options: &ClusterOptions) {
    command.arg("-D").arg(&folder.data);
    let fixed: [(&str, &str); 5] = [
        ("listen_addresses", "127.0.0.1"),
        ("logging_collector", "off"),
        ("log_destination", "stderr"),
        ("log_timezone", "UTC"),
        ("timezone", "UTC"),
    ];
    for (name, value) in fixed.into_iter().chain(options.durability.settings()) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // The last word counts, so the caller's settings come last.
    for (name, value) in &options.settings {
        command.arg("-c").arg(format!("{name}={value}"));
    }
}

/// True for refusals that pass: a port lost to a race, orphans about to end.
fn is_passing(log: &str, options: &ClusterOptions) -> bool {
    let port_lost = options.port.is_none() && log.contains("could not bind");
    port_lost || log.contains("is still in use")
}

fn free_port() -> Result<u16, LocalError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(LocalError::folder("127.0.0.1"))?.port())
}

/// The server's log, and where in it this start begins.
struct Log {
    path: PathBuf,
    file: File,
    from: u64,
}

impl Log {
    fn open(folder: &Folder) -> Result<Self, LocalError> {
        let path = folder.beside(".log");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.map_err(LocalError::folder(&path))?;
        let from = file.metadata().map_err(LocalError::folder(&path))?.len();
        Ok(Self { path, file, from })
    }

    fn writer(&self) -> Result<Stdio, LocalError> {
        let copy = self
            .file
            .try_clone()
            .map_err(LocalError::folder(&self.path))?;
        Ok(copy.into())
    }

    fn tail(&self) -> String {
        let whole = fs::read(&self.path).unwrap_or_default();
        let from = usize::try_from(self.from)
            .unwrap_or(usize::MAX)
            .min(whole.len());
        let from = from.max(whole.len().saturating_sub(LOG_BYTES_MAX));
        String::from_utf8_lossy(&whole[from..]).trim().to_owned()
    }
}
