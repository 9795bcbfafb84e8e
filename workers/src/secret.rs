//! Secrets, resolved at the edge and masked everywhere else.
//!
//! A secret is a file of a folder (as containers mount them) or a value given at the start; files
//! win and are read at every use, so a rotated secret needs no restart.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::io::AsyncReadExt;

/// Larger than any key or certificate chain in use.
const SECRET_BYTES_MAX: u64 = 64 * 1024;
/// Longest name.
const NAME_BYTES_MAX: usize = 128;

/// Where secrets come from. Cheap to clone; shows names, never values.
#[derive(Clone, Default)]
pub struct Secrets {
    folder: Option<PathBuf>,
    given: Arc<BTreeMap<String, SecretString>>,
}

/// A secret that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretProblem {
    /// A name is letters, digits, `-`, `_` and inner dots.
    #[error("`{name}` is no secret's name")]
    Name {
        /// As it was written.
        name: String,
    },
    /// The file is there but cannot be used.
    #[error("secret `{name}` cannot be read")]
    Unreadable {
        /// Which one.
        name: String,
        /// Why.
        source: io::Error,
    },
}

impl Secrets {
    /// No secrets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `folder/<name>`.
    pub fn with_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Adds a value.
    pub fn with(mut self, name: impl Into<String>, value: impl Into<SecretString>) -> Self {
        Arc::make_mut(&mut self.given).insert(name.into(), value.into());
        self
    }

    /// The secret of this name, if there is one.
    pub async fn get(&self, name: &str) -> Result<Option<SecretString>, SecretProblem> {
        if !is_name(name) {
            return Err(SecretProblem::Name {
                name: name.to_owned(),
            });
        }
        if let Some(folder) = &self.folder {
            match read(folder.join(name)).await {
                Ok(text) => return Ok(Some(text)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => {
                    return Err(SecretProblem::Unreadable {
                        name: name.to_owned(),
                        source,
                    });
                }
            }
        }
        Ok(self.given.get(name).cloned())
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.given.keys().collect();
        out.debug_struct("Secrets")
            .field("folder", &self.folder)
            .field("given", &names)
            .finish()
    }
}

/// Reads one file; the newline that editors leave at its end is no part of the secret.
async fn read(path: PathBuf) -> io::Result<SecretString> {
    let mut text = String::new();
    let file = tokio::fs::File::open(path).await?;
    file.take(SECRET_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .await?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "larger than 64 KiB",
        ));
    }
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text.into())
}

/// Such as cannot leave the folder.
fn is_name(name: &str) -> bool {
    let fits =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.starts_with('.')
        && name.chars().all(fits)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[tokio::test]
    async fn a_file_wins_and_a_value_stands_in() {
        let folder =
            std::env::temp_dir().join(format!("windlass-secrets-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a folder of our own");
        std::fs::write(folder.join("key"), "from file\n").expect("a file in it");
        let secrets = Secrets::new()
            .with_folder(&folder)
            .with("key", "given")
            .with("other", "given");

        let key = secrets.get("key").await.expect("readable").expect("there");
        let other = secrets
            .get("other")
            .await
            .expect("readable")
            .expect("there");
        std::fs::remove_dir_all(&folder).expect("still ours");

        assert_eq!(key.expose_secret(), "from file");
        assert_eq!(other.expose_secret(), "given");
        assert!(secrets.get("none").await.expect("readable").is_none());
    }

    #[tokio::test]
    async fn a_name_cannot_leave_the_folder() {
        let secrets = Secrets::new().with_folder("/");

        for name in [
            "",
            "..",
            "../etc/passwd",
            "etc/passwd",
            ".hidden",
            "a\0b",
            "a b",
        ] {
            assert!(
                matches!(secrets.get(name).await, Err(SecretProblem::Name { .. })),
                "{name:?}"
            );
        }
    }

    #[test]
    fn values_stay_out_of_debug() {
        let shown = format!("{:?}", Secrets::new().with("key", "hunter2"));

        assert!(shown.contains("key") && !shown.contains("hunter2"));
    }
}
