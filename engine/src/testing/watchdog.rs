//! Ends a test server once nobody uses it, whatever became of its users.
//!
//! Every process that uses a server holds a shared lock on a file in the
//! server's state folder; the system lets go of it even for a killed one. A
//! detached shell waits until it gets that lock for itself, stops the server
//! and removes the folder. It is started before the server is, so there is no
//! moment at which a crash leaves a server alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::unistd::geteuid;

use crate::local::process;

/// $1 state folder, $2 seconds to linger. `flock` is util-linux, `perl` stands in on macOS.
/// The folder is renamed before it is removed, so that a successor may make it anew.
const SCRIPT: &str = r#"
exec 9<>"$1/users"
if command -v flock >/dev/null
then alone() { flock -x 9; }; leave() { flock -u 9; }; still_alone() { flock -xn 9; }
else lock() { perl -e 'open F, "<&=", 9; exit !flock(F, shift)' "$1"; }
     alone() { lock 2; }; leave() { lock 8; }; still_alone() { lock 6; }
fi
while alone || exit 1; do leave; sleep "$2"; still_alone && break; done
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid" 2>/dev/null
  turns=0
  while [ -e "$1/data/postmaster.pid" ] && kill -0 "$pid" 2>/dev/null && [ $turns -lt 100 ]
  do sleep 0.1; turns=$((turns + 1)); done
  [ $turns -lt 100 ] || kill -KILL "$pid" 2>/dev/null
fi
mv "$1" "$1.gone.$$" && rm -rf "$1.gone.$$"
"#;

/// A state folder in use by this process, and the promise that somebody clears it away.
#[derive(Debug)]
pub(super) struct State {
    folder: PathBuf,
    _users: File,
}

impl State {
    /// Joins the users of the state folder, which is made when missing.
    ///
    /// Waits while the watchdog of a predecessor clears it away. `linger` is how many
    /// seconds the server outlives its last user.
    pub fn join(folder: &Path, linger: u32) -> io::Result<Self> {
        loop {
            let Some(users) = open_users(folder)? else {
                continue;
            };
            users.lock_shared()?;
            if !is_same(&users, &folder.join("users")) {
                continue; // Cleared away while we waited; what we hold is a deleted file.
            }
            let state = Self {
                folder: folder.to_owned(),
                _users: users,
            };
            let _gate = state.gate()?;
            state.watch(linger)?;
            return Ok(state);
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Keeps the other users out until it is dropped, for what must be done once.
    pub fn gate(&self) -> io::Result<File> {
        let gate = File::create(self.folder.join("gate"))?;
        gate.lock()?;
        Ok(gate)
    }

    /// Starts the watchdog unless there is one, and it lives.
    fn watch(&self, linger: u32) -> io::Result<()> {
        let marker = self.folder.join("watchdog.pid");
        let earlier = fs::read_to_string(&marker)
            .ok()
            .and_then(|pid| pid.parse().ok());
        if earlier.is_some_and(process::lives) {
            return Ok(());
        }
        let watchdog = Command::new("sh")
            .args(["-c", SCRIPT, "windlass-test-watchdog"])
            .arg(&self.folder)
            .arg(linger.to_string())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        fs::write(marker, watchdog.id().to_string())
    }
}

/// The file of the users; `None` when the folder is cleared away under our hands.
fn open_users(folder: &Path) -> io::Result<Option<File>> {
    // Others may pass through, for the server may run as another account, but not look.
    match DirBuilder::new().mode(0o711).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let path = folder.join("users");
    let users = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path);
    let users = match users {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        answer => answer?,
    };
    if users.metadata()?.uid() != geteuid().as_raw() {
        let message = format!("{} belongs to somebody else", folder.display());
        return Err(io::Error::new(ErrorKind::PermissionDenied, message));
    }
    Ok(Some(users))
}

fn is_same(file: &File, path: &Path) -> bool {
    let (Ok(held), Ok(named)) = (file.metadata(), fs::metadata(path)) else {
        return false;
    };
    (held.dev(), held.ino()) == (named.dev(), named.ino())
}
