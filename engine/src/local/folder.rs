//! The data folder of a local server: made once, locked while a server is
//! being started on it, and never left half made.
//!
//! Beside `data` stand `data.lock`, `data.log` and, for durable clusters,
//! `data.password`.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::announcement::Announcement;
use super::cluster::Durability;
use super::process::{self, wait_until};
use super::{Account, LocalError, Programs};

/// Name of the database superuser, and of nobody else.
pub(super) const USER: &str = "windlass";
/// Making a data folder takes about a second; a slow disk may need many.
const LOCK_WITHIN: Duration = Duration::from_secs(120);
/// A server that recovers after a crash reads at most one checkpoint's worth of log.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A data folder and the account that owns it.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub data: PathBuf,
    pub account: Account,
}

impl Folder {
    /// The folder at `data`, its parent made if missing, its path made absolute.
    pub fn new(data: &Path, account: Account) -> Result<Self, LocalError> {
        let (Some(parent), Some(name)) = (data.parent(), data.file_name()) else {
            let nameless = std::io::Error::from(std::io::ErrorKind::InvalidInput);
            return Err(LocalError::folder(data)(nameless));
        };
        account.own_folder(parent)?;
        let parent = parent.canonicalize().map_err(LocalError::folder(parent))?;
        let data = parent.join(name);
        Ok(Self { data, account })
    }

    /// A file beside the data folder.
    pub fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.data.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// Keeps other starters out until the file is dropped.
    pub fn lock(&self) -> Result<File, LocalError> {
        let path = self.beside(".lock");
        let file = File::create(&path).map_err(LocalError::folder(&path))?;
        let mut refused = None;
        let free = wait_until(LOCK_WITHIN, || match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => {
                refused = Some(error);
                true
            }
        });
        match refused {
            Some(error) => Err(LocalError::folder(path)(error)),
            None if free => Ok(file),
            None => Err(LocalError::Busy { path }),
        }
    }

    /// The server that already runs on this folder, once it answers.
    ///
    /// A lock file left by a dead server is Postgres' own to replace: it looks for orphans
    /// first. Only when the number has gone to another program, which Postgres would take
    /// for a living server, do we remove the file, and only when no orphan is left.
    pub fn running(&self) -> Result<Option<Announcement>, LocalError> {
        let Some(found) = Announcement::read(&self.data) else {
            return Ok(None);
        };
        if !process::lives(found.pid) {
            return self.without_orphans(&found).map(|()| None);
        }
        if !process::serves(found.pid, &self.data) {
            self.without_orphans(&found)?;
            let path = Announcement::path(&self.data);
            fs::remove_file(&path).map_err(LocalError::folder(path))?;
            return Ok(None);
        }
        self.answering(found.pid)
    }

    fn answering(&self, pid: u32) -> Result<Option<Announcement>, LocalError> {
        let mut answer = None;
        let settled = wait_until(ANSWER_WITHIN, || {
            answer = Announcement::read(&self.data).filter(Announcement::answers);
            answer.is_some() || !process::lives(pid)
        });
        if settled {
            return Ok(answer);
        }
        let path = self.data.clone();
        Err(LocalError::Unresponsive { pid, path })
    }

    fn without_orphans(&self, dead: &Announcement) -> Result<(), LocalError> {
        if wait_until(ANSWER_WITHIN, || !dead.holds_memory()) {
            return Ok(());
        }
        let (pid, path) = (dead.pid, self.data.clone());
        Err(LocalError::Unresponsive { pid, path })
    }

    /// Makes the data folder unless it is there; refuses one of another version.
    pub fn prepare(&self, programs: &Programs, durability: Durability) -> Result<(), LocalError> {
        let Ok(version) = fs::read_to_string(self.data.join("PG_VERSION")) else {
            return self.initialise(programs, durability);
        };
        if version.trim() == programs.version().to_string() {
            return Ok(());
        }
        Err(LocalError::Version {
            path: self.data.clone(),
            actual: version.trim().to_owned(),
            expected: programs.version(),
        })
    }

    /// Runs `initdb` on a folder aside and moves it into place when it is whole.
    fn initialise(&self, programs: &Programs, durability: Durability) -> Result<(), LocalError> {
        let aside = self.beside(".new");
        if aside.exists() {
            fs::remove_dir_all(&aside).map_err(LocalError::folder(&aside))?;
        }
        self.account.own_folder(&aside)?;
        let program = programs.program("initdb");
        let mut command = self.account.command(&program);
        command
            .arg("-D")
            .arg(&aside)
            .args(["-U", USER, "-E", "UTF8", "--no-locale"]);
        match durability {
            Durability::Durable => {
                command
                    .args(["-A", "scram-sha-256", "--pwfile"])
                    .arg(self.make_password()?);
            }
            Durability::Throwaway => {
                command.args(["-A", "trust", "--no-sync"]);
            }
        }
        let output = command
            .output()
            .map_err(|source| LocalError::Run { program, source })?;
        if !output.status.success() {
            let _ = fs::remove_dir_all(&aside);
            let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(LocalError::Initialise {
                path: self.data.clone(),
                output,
            });
        }
        fs::rename(&aside, &self.data).map_err(LocalError::folder(&self.data))
    }

    /// Any account of the machine can reach 127.0.0.1, so data worth keeping has a password.
    fn make_password(&self) -> Result<PathBuf, LocalError> {
        let path = self.beside(".password");
        let _ = fs::remove_file(&path);
        self.account
            .own_file(&path, &hex::encode(rand::random::<[u8; 24]>()))?;
        Ok(path)
    }

    /// The password of the superuser, if the cluster has one.
    pub fn password(&self, durability: Durability) -> Result<Option<String>, LocalError> {
        if durability == Durability::Throwaway {
            return Ok(None);
        }
        let path = self.beside(".password");
        let text = fs::read_to_string(&path).map_err(LocalError::folder(path))?;
        Ok(Some(text.trim().to_owned()))
    }
}
