//! Where this machine keeps Postgres programs, if it has any.
//!
//! Hints first, then the search path, then what `pg_config` names, then the
//! folders where packages put them, newest version first. A client package
//! alone does not do: both `postgres` and `initdb` must be there.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest major version that Windlass runs on.
pub const VERSION_MIN: u32 = 14;

/// Folders of packages, as (parent, name before the version, what follows it).
const PACKAGES: [(&str, &str, &str); 6] = [
    ("/usr/lib/postgresql", "", "bin"),
    ("/usr", "pgsql-", "bin"),
    ("/opt/homebrew/opt", "postgresql@", "bin"),
    ("/usr/local/opt", "postgresql@", "bin"),
    ("/opt/local/lib", "postgresql", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "", "bin"),
];

/// A folder that holds a usable `postgres` and `initdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    folder: PathBuf,
    version: u32,
}

impl Programs {
    /// The first usable programs: `hints`, then the folders of `path` (the value of the
    /// search path, if the caller has one), then the places where packages put them.
    ///
    /// Runs the programs it considers to ask for their version, so it blocks for some
    /// milliseconds.
    pub fn find(hints: &[PathBuf], path: Option<&OsStr>) -> Option<Self> {
        let path: Vec<PathBuf> = path
            .map(|path| env::split_paths(path).collect())
            .unwrap_or_default();
        let named = path.iter().find_map(|folder| named_by_pg_config(folder));
        hints
            .iter()
            .chain(&path)
            .cloned()
            .chain(named)
            .chain(
                PACKAGES
                    .iter()
                    .flat_map(|(parent, before, after)| versions(parent, before, after)),
            )
            .find_map(|folder| Self::at(&folder))
    }

    /// The programs in `folder`, if they are there and new enough.
    pub fn at(folder: &Path) -> Option<Self> {
        let initdb = folder.join("initdb");
        let version = folder.join("postgres");
        if !initdb.is_file() || !version.is_file() {
            return None;
        }
        let version = major(&says(&version, "--version")?)?;
        (version >= VERSION_MIN).then(|| Self {
            folder: folder.to_owned(),
            version,
        })
    }

    /// The folder of the programs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Their major version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The full path of one of them.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Debian's `pg_config` comes with the client headers, so what it names is only a candidate.
fn named_by_pg_config(folder: &Path) -> Option<PathBuf> {
    let program = folder.join("pg_config");
    program
        .is_file()
        .then(|| says(&program, "--bindir").map(PathBuf::from))?
}

/// Package folders below `parent`, newest version first.
fn versions(parent: &str, before: &str, after: &str) -> Vec<PathBuf> {
    let Ok(entries) = Path::new(parent).read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = leading_number(name.to_str()?.strip_prefix(before)?)?;
            Some((version, entry.path().join(after)))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

/// The trimmed standard output of a program that ended well.
fn says(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .current_dir("/")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// `15` from `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(answer: &str) -> Option<u32> {
    let (_, after) = answer.split_once("(PostgreSQL) ")?;
    leading_number(after)
}

fn leading_number(text: &str) -> Option<u32> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_what_packagers_print() {
        assert_eq!(
            major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major("initdb of something else"), None);
    }

    #[test]
    fn folder_without_a_server_is_passed_over() {
        let clients_only = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(clients_only.path().join("initdb"), "").expect("a file");

        assert_eq!(Programs::at(clients_only.path()), None);
    }
}
