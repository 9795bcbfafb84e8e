//! What the system knows of a process that is not our child.
//!
//! `/proc` where there is one, `ps` elsewhere. A zombie counts as gone: in a
//! container nobody may ever collect it, and it holds nothing any more.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How often a state of the system is looked at while waiting for it.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// True while the process runs.
pub(crate) fn lives(pid: u32) -> bool {
    let state = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Ok(stat) => stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next()),
        Err(_) if Path::new("/proc/self/stat").exists() => None,
        Err(_) => ps(pid, "stat=").and_then(|answer| answer.chars().next()),
    };
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

/// True when the process is a server that was started on `data`.
///
/// Process numbers are used again, so a number in a lock file proves nothing by itself.
pub(super) fn serves(pid: u32, data: &Path) -> bool {
    let data = data.to_string_lossy();
    match fs::read_to_string(format!("/proc/{pid}/cmdline")) {
        Ok(line) => line.split('\0').any(|argument| argument == data),
        Err(_) => ps(pid, "command=").is_some_and(|line| line.contains(&*data)),
    }
}

/// Sends a signal; a process that is gone already is no error.
pub(super) fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// True while processes are attached to a shared memory segment: the orphans of a killed
/// server, which must end before another one may use the data. Linux only; elsewhere
/// Postgres' own look at the segment has to do.
pub(super) fn shares_memory(segment: u32) -> bool {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap_or_default();
    attached(&table, segment) > 0
}

/// Waits until `done`, at most `limit`; tells whether it came to pass.
pub(super) fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        if done() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK_EVERY);
    }
}

/// Number of processes attached to `segment`, from the kernel's table, whose columns
/// are named in its first line.
fn attached(table: &str, segment: u32) -> u64 {
    let mut lines = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let Some(names) = lines.next() else { return 0 };
    let column = |name| names.iter().position(|found| *found == name);
    let (Some(id), Some(count)) = (column("shmid"), column("nattch")) else {
        return 0;
    };
    let segment = segment.to_string();
    lines
        .find(|row| row.get(id) == Some(&segment.as_str()))
        .and_then(|row| row.get(count)?.parse().ok())
        .unwrap_or(0)
}

fn ps(pid: u32, column: &str) -> Option<String> {
    let output = Command::new("ps")
        .args(["-o", column, "-p", &pid.to_string()])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_that_is_gone_does_not_live() {
        let mut child = Command::new("true").spawn().expect("a child");
        child.wait().expect("its end");

        assert!(!lives(child.id()));
        assert!(lives(std::process::id()));
    }

    #[test]
    fn attached_processes_are_read_from_the_kernels_table() {
        let table = "       key      shmid perms                  size  cpid  lpid nattch\n\
                     5432001          7   600                    56   101   102      3\n";

        assert_eq!(attached(table, 7), 3);
        assert_eq!(attached(table, 8), 0);
        assert_eq!(attached("", 7), 0);
    }
}
