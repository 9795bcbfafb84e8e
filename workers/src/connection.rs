//! What a profile means: the services behind `analyse` and `generate`, and the channels of `message`.
//!
//! Templates name profiles and channels, configuration says what they are, and this room resolves what must not
//! be stored: `{ env: NAME }` and `{ secret: name }`.

mod configured;

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;
use secrecy::SecretString;
use windlass_workflows::configuration::{Channel, Connection, Proof};
use windlass_workflows::value::Value;

pub use self::configured::{Configured, Documents};
use crate::perform::StepFailure;
use crate::secret::{SecretProblem, Secrets};

/// A text that configuration gives, or the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// As written.
    Plain(String),
    /// `{ env: NAME, default: … }`
    Environment {
        /// The variable.
        name: String,
        /// Where the variable is absent or empty.
        default: Option<String>,
    },
}

/// `{ secret: name, optional: true }`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretName {
    /// Which secret.
    pub name: String,
    /// Its absence is no error.
    pub optional: bool,
}

/// How to reach an analysis service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalyseProfile {
    /// Where the service is.
    pub base_url: Setting,
    /// How a request proves who sends it.
    pub proof: Option<Proof>,
    /// Appended to the base URL.
    pub path: String,
    /// Of one exchange; the performer's own unless given.
    pub timeout: Option<Duration>,
}

/// How to have a text generated.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateProfile {
    /// In fallback order.
    pub providers: Vec<Provider>,
    /// The system message.
    pub system: Option<String>,
    /// Most tokens of the answer.
    pub max_tokens: Option<u32>,
    /// How freely it is sampled.
    pub temperature: Option<f64>,
}

/// One provider that speaks OpenAI's chat completions.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Its name in reports.
    pub name: String,
    /// Up to and with `/v1`.
    pub base_url: Setting,
    /// Sent as bearer token.
    pub api_key: Option<SecretName>,
    /// Which model.
    pub model: Setting,
    /// Of one exchange; the performer's own unless given.
    pub timeout: Option<Duration>,
    /// For the cost of an answer.
    pub price: Option<Price>,
}

/// What tokens cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// For a million tokens of prompt.
    pub input_per_million: f64,
    /// For a million tokens of answer.
    pub output_per_million: f64,
    /// Such as `USD`.
    pub currency: String,
}

/// Why a profile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionProblem {
    /// No connection of the tenant has it.
    #[error("no {kind} connection has a profile `{profile}`")]
    UnknownProfile {
        /// `analyse` or `generate`.
        kind: &'static str,
        /// As the template names it.
        profile: String,
    },
    /// No connection of the tenant is a channel of that name.
    #[error("there is no channel `{channel}`")]
    UnknownChannel {
        /// As the template names it.
        channel: String,
    },
    /// No connection of the tenant has that name.
    #[error("there is no connection `{connection}` that a batch is read from")]
    UnknownSource {
        /// As the selection names it.
        connection: String,
    },
    /// A channel has no text of that name.
    #[error("channel `{channel}` has no message `{message}`")]
    UnknownMessage {
        /// Which channel.
        channel: String,
        /// As the template names it.
        message: String,
    },
    /// The environment lacks a variable.
    #[error("variable `{name}` is not set and has no default")]
    MissingVariable {
        /// Which one.
        name: String,
    },
    /// There is no such secret.
    #[error("there is no secret `{name}`")]
    MissingSecret {
        /// Which one.
        name: String,
    },
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretProblem),
    /// Configuration cannot be read just now.
    #[error("configuration cannot be read: {0}")]
    Unavailable(String),
}

/// Where profiles come from.
pub trait Connections: Send + Sync + 'static {
    /// The profile of an `analyse` connection.
    fn analyse_profile<'a>(
        &'a self,
        tenant: i32,
        profile: &'a str,
    ) -> BoxFuture<'a, Result<AnalyseProfile, ConnectionProblem>>;

    /// The profile of a `generate` connection.
    fn generate_profile<'a>(
        &'a self,
        tenant: i32,
        profile: &'a str,
    ) -> BoxFuture<'a, Result<GenerateProfile, ConnectionProblem>>;

    /// The `channel` connection of that name.
    fn channel<'a>(
        &'a self,
        tenant: i32,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Channel, ConnectionProblem>>;

    /// The connection of that name, of whatever type.
    fn source<'a>(
        &'a self,
        _tenant: i32,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Connection, ConnectionProblem>> {
        Box::pin(async move { Err(ConnectionProblem::unknown_source(name)) })
    }
}

/// No profile at all: for a worker that only runs handlers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoConnections;

impl Connections for NoConnections {
    fn analyse_profile<'a>(
        &'a self,
        _: i32,
        profile: &'a str,
    ) -> BoxFuture<'a, Result<AnalyseProfile, ConnectionProblem>> {
        Box::pin(async move { Err(ConnectionProblem::unknown("analyse", profile)) })
    }

    fn generate_profile<'a>(
        &'a self,
        _: i32,
        profile: &'a str,
    ) -> BoxFuture<'a, Result<GenerateProfile, ConnectionProblem>> {
        Box::pin(async move { Err(ConnectionProblem::unknown("generate", profile)) })
    }

    fn channel<'a>(
        &'a self,
        _: i32,
        channel: &'a str,
    ) -> BoxFuture<'a, Result<Channel, ConnectionProblem>> {
        Box::pin(async move { Err(ConnectionProblem::unknown_channel(channel)) })
    }
}

/// What `{ env: NAME }` may read: variables passed in at the start, since only `main` reads the environment.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// By name.
    pub environment: BTreeMap<String, String>,
}

impl References {
    /// The text of a setting.
    pub fn resolve(&self, setting: &Setting) -> Result<String, ConnectionProblem> {
        let (name, default) = match setting {
            Setting::Plain(text) => return Ok(text.clone()),
            Setting::Environment { name, default } => (name, default),
        };
        let set = self.environment.get(name).filter(|text| !text.is_empty());
        set.or(default.as_ref())
            .cloned()
            .ok_or_else(|| ConnectionProblem::MissingVariable { name: name.clone() })
    }
}

impl SecretName {
    /// The secret, or nothing where that is allowed.
    pub(crate) async fn resolve(
        &self,
        secrets: &Secrets,
    ) -> Result<Option<SecretString>, ConnectionProblem> {
        match secrets.get(&self.name).await? {
            None if !self.optional => Err(ConnectionProblem::MissingSecret {
                name: self.name.clone(),
            }),
            found => Ok(found),
        }
    }
}

impl ConnectionProblem {
    /// No connection of a kind has this profile.
    pub fn unknown(kind: &'static str, profile: &str) -> Self {
        Self::UnknownProfile {
            kind,
            profile: profile.to_owned(),
        }
    }

    /// There is no channel of that name.
    pub fn unknown_channel(channel: &str) -> Self {
        Self::UnknownChannel {
            channel: channel.to_owned(),
        }
    }

    /// There is no connection of that name.
    pub fn unknown_source(connection: &str) -> Self {
        Self::UnknownSource {
            connection: connection.to_owned(),
        }
    }

    /// Stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownProfile { .. } => "connection.unknown_profile",
            Self::UnknownChannel { .. } => "connection.unknown_channel",
            Self::UnknownSource { .. } => "connection.unknown_source",
            Self::UnknownMessage { .. } => "connection.unknown_message",
            Self::MissingVariable { .. } => "connection.missing_variable",
            Self::MissingSecret { .. } => "connection.missing_secret",
            Self::Secret(_) => "connection.secret",
            Self::Unavailable(_) => "connection.unavailable",
        }
    }
}

impl From<ConnectionProblem> for StepFailure {
    fn from(problem: ConnectionProblem) -> Self {
        let code = Value::map([("code", Value::from(problem.code()))]);
        let title = problem.to_string();
        let failure = match problem {
            ConnectionProblem::Unavailable(_) => Self::communication(503, title),
            _ => Self::configuration(title),
        };
        failure.with_detail(code)
    }
}
