//! Secrets, resolved at the edge and masked everywhere else.
//!
//! A secret is a file of a folder (as containers mount them) or a value given at the start; files
//! win and are read at every use, so a rotated secret needs no restart.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::io::AsyncReadExt;
use windlass_workflows::value::Value;

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

    /// What a template means by `name` or `name.member`: the secret of that name, or of that name as files and
    /// variables spell it (`crmKey` and `crm_key` are `crm-key` too), and of a JSON object that member.
    ///
    /// # Errors
    /// When the secret is there but cannot be read.
    pub async fn meant(&self, path: &str) -> Result<Option<SecretString>, SecretProblem> {
        let (name, members) = match path.split_once('.') {
            Some((name, members)) => (name, Some(members)),
            None => (path, None),
        };
        let mut found = self.get(name).await?;
        let spelled = spelled(name);
        if found.is_none() && spelled != name {
            found = self.get(&spelled).await?;
        }
        let (Some(secret), Some(members)) = (&found, members) else {
            return Ok(found);
        };
        let Ok(whole) = Value::parse(secret.expose_secret()) else {
            return Ok(None);
        };
        let mut keys = members.split('.');
        let member = keys.try_fold(&whole, |value, key| value.get(key));
        Ok(member.and_then(plain).map(SecretString::from))
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

/// `archiveKey` and `archive_key` as `archive-key`.
fn spelled(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        match character {
            '_' => spelled.push('-'),
            _ if character.is_ascii_uppercase() => {
                spelled.push('-');
                spelled.push(character.to_ascii_lowercase());
            }
            _ => spelled.push(character),
        }
    }
    spelled
}

/// A member as text, if it is one plain value.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::List(_) | Value::Map(_) => None,
        value => Some(
            value
                .as_str()
                .map_or_else(|| value.to_json(), ToOwned::to_owned),
        ),
    }
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
    async fn a_template_means_a_secret_or_a_member_of_one() {
        let secrets = Secrets::new().with("archive-key", "abc").with(
            "crm",
            r#"{"user":"ada","port":1,"more":{"key":"k"},"list":[]}"#,
        );
        let meant = async |path: &str| {
            let found = secrets.meant(path).await.expect("readable");
            found.map(|secret| secret.expose_secret().to_owned())
        };

        assert_eq!(meant("archiveKey").await.as_deref(), Some("abc"));
        assert_eq!(meant("archive_key").await.as_deref(), Some("abc"));
        assert_eq!(meant("crm.user").await.as_deref(), Some("ada"));
        assert_eq!(meant("crm.port").await.as_deref(), Some("1"));
        assert_eq!(meant("crm.more.key").await.as_deref(), Some("k"));
        for absent in ["other", "crm.none", "crm.list", "archiveKey.a"] {
            assert_eq!(meant(absent).await, None, "{absent}");
        }
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
