//! How a process reaches its database: straight, or through a transaction pooler and past it.
//!
//! Everything goes by `database.url`, but what needs a session of its own, which is to listen and to
//! migrate. What a pooler must do is found out before any role starts.

use std::time::Duration;

use tokio::time::timeout;
use tracing::warn;
use windlass_engine::store::{ConnectOptions, check_pooler, connect_options, pooled_options};

use crate::cli::error::CliError;
use crate::exit::Exit;

/// A few round trips over three connections, on a machine that may be busy.
const CHECKED_WITHIN: Duration = Duration::from_secs(20);

/// The address of a database, or two of them.
#[derive(Debug)]
pub(super) struct Reach {
    url: String,
    /// The way past the pooler, if `url` is one.
    direct: Option<String>,
}

impl Reach {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            direct: None,
        }
    }

    /// Twice the same address is no pooler.
    pub(super) fn behind_pooler(self, direct: &str) -> Self {
        let direct = (direct != self.url).then(|| direct.to_owned());
        Self { direct, ..self }
    }

    /// For everything that ends with its transaction.
    pub(super) fn options(&self, application: &str) -> Result<ConnectOptions, CliError> {
        let made = match self.direct {
            Some(_) => pooled_options(&self.url, application),
            None => connect_options(&self.url, application),
        };
        Ok(made.map_err(windlass_engine::Error::from)?)
    }

    /// For what needs a session of its own.
    pub(super) fn direct(&self, application: &str) -> Result<ConnectOptions, CliError> {
        let url = self.direct.as_deref().unwrap_or(&self.url);
        Ok(connect_options(url, application).map_err(windlass_engine::Error::from)?)
    }

    /// Refuses a pooler that would lose or mix up work, and one that nobody spoke of. A database that
    /// does not answer just now refuses nothing: whoever needs it waits for it.
    pub(super) async fn check(&self) -> Result<(), CliError> {
        let (usual, direct) = (self.options("windlass")?, self.direct("windlass")?);
        let found = match timeout(CHECKED_WITHIN, check_pooler(&usual, &direct)).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if !error.is_transient() => return Err(error.into()),
            Ok(Err(_)) | Err(_) => {
                warn!("the ways to the database could not be compared; they are taken for right");
                return Ok(());
            }
        };
        if found.is_shared && self.direct.is_none() {
            let message = "database.url is a pooler in transaction mode";
            let hint = "name the database itself in database.direct_url";
            return Err(CliError::new(Exit::Failed, "pooler_misconfigured", message).hint(hint));
        }
        if !found.strange.is_empty() {
            let strange: Vec<_> = found
                .strange
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            warn!(
                settings = strange.join(" "),
                "sessions of the pooler lack our settings and may be slow; \
                 `windlass migrate settings` prints what the role needs"
            );
        }
        Ok(())
    }
}
