//! Whom the server runs as.
//!
//! Postgres refuses root. When we are root, the programs run as `postgres`,
//! or as `nobody` where no package made that account; else as ourselves.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::unistd::{User, geteuid};

use super::LocalError;

/// Accounts to lend the server, in order; `initdb` needs a passwd entry, which both have.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The account a local server runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    lent: Option<(u32, u32)>,
}

impl Account {
    /// The account to use: ourselves, or one without rights when we are root.
    ///
    /// # Errors
    /// [`LocalError::AccountMissing`] when we are root and know nobody else.
    pub fn for_server() -> Result<Self, LocalError> {
        if !geteuid().is_root() {
            return Ok(Self { lent: None });
        }
        let user = CANDIDATES
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .ok_or(LocalError::AccountMissing)?;
        let lent = Some((user.uid.as_raw(), user.gid.as_raw()));
        Ok(Self { lent })
    }

    /// True when the server gets another account than ours.
    pub fn is_lent(&self) -> bool {
        self.lent.is_some()
    }

    /// Makes `folder` if it is missing, private to this account.
    ///
    /// # Errors
    /// [`LocalError::Folder`] when the system refuses.
    pub fn own_folder(&self, folder: &Path) -> Result<(), LocalError> {
        if folder.is_dir() {
            return Ok(());
        }
        // Whoever runs the server must pass through the parents; only the last one is private.
        let parent = folder.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(LocalError::folder(parent))?;
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            // Another process was faster; it hands the folder to the same account.
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(LocalError::folder(folder)(error))
            }
            _ => self.take(folder),
        }
    }

    /// Writes a file that only this account, and root, can read.
    pub(super) fn own_file(&self, path: &Path, text: &str) -> Result<(), LocalError> {
        let opened = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        opened
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(LocalError::folder(path))?;
        self.take(path)
    }

    /// Hands `path` over to this account.
    pub(super) fn take(&self, path: &Path) -> Result<(), LocalError> {
        let Some((user, group)) = self.lent else {
            return Ok(());
        };
        chown(path, Some(user), Some(group)).map_err(LocalError::folder(path))
    }

    /// A command that runs as this account, in a folder that every account may enter,
    /// and out of reach of the terminal's Ctrl-C: stopping has an order of its own.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").process_group(0);
        if let Some((user, group)) = self.lent {
            // The standard library drops supplementary groups itself when it leaves root.
            command.uid(user).gid(group);
        }
        command
    }
}
