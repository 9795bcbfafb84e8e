//! Connections that batches are read from: a Postgres, and a service that answers with pages.

use std::time::Duration;

use super::proof::read_auth;
use super::read::{read_plain, read_secret, read_timeout};
use super::{Plain, Proof, Secret};
use crate::configuration::limit::per_second;
use crate::configuration::spot::Spot;
use crate::configuration::{Header, header};

/// A Postgres that is read and never written.
#[derive(Clone, Debug, PartialEq)]
pub struct Database {
    /// Name, title, description, labels.
    pub header: Header,
    /// Its address, password and all.
    pub url: Secret,
    /// So many sessions of one process at once.
    pub max_connections: u32,
    /// How long one statement may take.
    pub statement_timeout: Duration,
}

/// A service that answers with pages.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Name, title, description, labels.
    pub header: Header,
    /// Where it answers.
    pub base_url: Plain,
    /// How a request proves who sends it.
    pub proof: Option<Proof>,
    /// How long one page may take.
    pub timeout: Duration,
    /// Pages a second.
    pub rate: Option<f64>,
}

/// As the schema says.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(5);
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECTIONS_DEFAULT: u32 = 2;

pub(super) fn read_database(document: &Spot<'_>) -> Option<Database> {
    let header = header::read(document);
    let url = document.need("url").and_then(|url| read_secret(&url));
    let most = match document.get("max_connections") {
        Some(most) => most.integer(1, 1_000).and_then(|most| most.try_into().ok()),
        None => Some(CONNECTIONS_DEFAULT),
    };
    let timeout = read_timeout(document, "statement_timeout", STATEMENT_TIMEOUT);
    Some(Database {
        header: header?,
        url: url?,
        max_connections: most?,
        statement_timeout: timeout?,
    })
}

pub(super) fn read_service(document: &Spot<'_>) -> Option<Service> {
    let header = header::read(document);
    let base_url = document.need("base_url").and_then(|url| read_plain(&url));
    let proof = read_auth(document);
    let rate = match document.get("rate") {
        Some(rate) => rate.parsed(per_second).map(Some),
        None => Some(None),
    };
    let timeout = read_timeout(document, "timeout", PAGE_TIMEOUT);
    Some(Service {
        header: header?,
        base_url: base_url?,
        proof: proof?,
        timeout: timeout?,
        rate: rate?,
    })
}
