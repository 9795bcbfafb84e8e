//! `Connection`: services that templates use by profile name, or by their own name, never by address.

mod channel;
mod keys;
mod message;
mod proof;
mod read;
mod source;

use std::time::Duration;

use super::Header;

pub(super) use channel::read_address;
pub use channel::{Address, Channel, Way};
pub(super) use keys::{ANALYSE, CHANNEL, GENERATE, HTTP, POSTGRES};
pub use message::Message;
pub use proof::Proof;
pub(super) use read::{Type, read, read_secret, read_type};
pub use source::{Database, Service};

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub enum Connection {
    /// A Postgres that batches are read from.
    Postgres(Database),
    /// A service that batches are read from.
    Http(Service),
    /// Models that generate text.
    Generate(Generate),
    /// Services that analyse rows.
    Analyse(Analyse),
    /// Where messages leave.
    Channel(Channel),
}

impl Connection {
    /// Name, title, description, labels.
    pub fn header(&self) -> &Header {
        match self {
            Connection::Postgres(connection) => &connection.header,
            Connection::Http(connection) => &connection.header,
            Connection::Generate(connection) => &connection.header,
            Connection::Analyse(connection) => &connection.header,
            Connection::Channel(connection) => &connection.header,
        }
    }

    /// Its profiles; their names are unique per tenant. Channels and sources have none: they are named themselves.
    pub fn profiles(&self) -> Vec<&str> {
        match self {
            Connection::Generate(one) => one.profiles.iter().map(|(name, _)| &**name).collect(),
            Connection::Analyse(one) => one.profiles.iter().map(|(name, _)| &**name).collect(),
            Connection::Channel(_) | Connection::Postgres(_) | Connection::Http(_) => Vec::new(),
        }
    }
}

/// Models that generate text.
#[derive(Clone, Debug, PartialEq)]
pub struct Generate {
    /// Name, title, description, labels.
    pub header: Header,
    /// In fallback order.
    pub providers: Vec<Provider>,
    /// By name.
    pub profiles: Vec<(String, GenerateProfile)>,
}

/// One provider of models.
#[derive(Clone, Debug, PartialEq)]
pub struct Provider {
    /// Its name.
    pub name: String,
    /// Where it answers.
    pub base_url: Plain,
    /// What it wants to see.
    pub api_key: Option<Secret>,
    /// Which model.
    pub model: Plain,
    /// How long a call may take.
    pub timeout: Duration,
    /// What it costs.
    pub price: Option<Price>,
}

/// What a million tokens cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// Of the prompt.
    pub input_per_million: f64,
    /// Of the answer.
    pub output_per_million: f64,
    /// ISO 4217.
    pub currency: String,
}

/// How a template wants its text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GenerateProfile {
    /// The system message.
    pub system: Option<String>,
    /// Longest answer.
    pub max_tokens: Option<u32>,
    /// From 0 to 2.
    pub temperature: Option<f64>,
    /// Providers in fallback order; empty: all.
    pub providers: Vec<String>,
}

/// Services that analyse rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Analyse {
    /// Name, title, description, labels.
    pub header: Header,
    /// Where it answers.
    pub base_url: Plain,
    /// How a request proves who sends it.
    pub proof: Option<Proof>,
    /// By name.
    pub profiles: Vec<(String, AnalyseProfile)>,
}

/// One analysis.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalyseProfile {
    /// Path under the base address.
    pub path: String,
    /// How long a call may take.
    pub timeout: Duration,
}

/// A text, or the name of an environment variable with a default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plain {
    /// As written.
    Text(String),
    /// Looked up where the call is made.
    Env {
        /// Name of the variable.
        name: String,
        /// When it is not set.
        default: Option<String>,
    },
}

/// The name of a secret. Values never stand in documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// May be absent.
    pub is_optional: bool,
}
