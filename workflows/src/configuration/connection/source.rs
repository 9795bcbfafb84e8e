//! Connections that batches are read from: a Postgres, and a service that answers with pages.

use std::time::Duration;

use super::read::{read_plain, read_secret, read_timeout};
use super::{Plain, Secret};
use crate::configuration::limit::per_second;
use crate::configuration::spot::{Fault, Spot};
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

/// How a request proves who sends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A bearer token.
    Bearer(Secret),
    /// A name and a password.
    Basic {
        /// Who.
        username: Plain,
        /// The password.
        password: Secret,
    },
    /// A header line of its own.
    Header {
        /// Which.
        name: String,
        /// What it says.
        value: Secret,
    },
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
    let proof = match document.get("auth") {
        Some(auth) => auth.object().and_then(read_proof).map(Some),
        None => Some(None),
    };
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

fn read_proof(auth: &Spot<'_>) -> Option<Proof> {
    let (bearer, basic, line) = (auth.get("bearer"), auth.get("basic"), auth.get("header"));
    match (bearer, basic, line) {
        (Some(token), None, None) => read_secret(&token).map(Proof::Bearer),
        (None, Some(basic), None) => read_basic(basic.object()?),
        (None, None, Some(line)) => read_line(line.object()?),
        _ => auth.refuse(Fault::new(
            "exactly one of `bearer`, `basic` and `header` is needed",
        )),
    }
}

fn read_basic(basic: &Spot<'_>) -> Option<Proof> {
    let username = basic.need("username").and_then(|name| read_plain(&name));
    let password = basic.need("password").and_then(|word| read_secret(&word));
    Some(Proof::Basic {
        username: username?,
        password: password?,
    })
}

fn read_line(line: &Spot<'_>) -> Option<Proof> {
    let name = line.need("name").and_then(|name| name.filled());
    let value = line.need("value").and_then(|value| read_secret(&value));
    Some(Proof::Header {
        name: name?.to_owned(),
        value: value?,
    })
}
