//! How a request to a connection proves who sends it; the same for every type that is called over HTTP.

use super::read::{read_plain, read_secret};
use super::{Plain, Secret};
use crate::configuration::spot::{Fault, Spot};

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

/// `auth` of a connection: none where it is not given, and the outer none where it is wrong.
pub(super) fn read_auth(document: &Spot<'_>) -> Option<Option<Proof>> {
    match document.get("auth") {
        Some(auth) => auth.object().and_then(read_proof).map(Some),
        None => Some(None),
    }
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
    let name = line.need("name").and_then(|name| read_name(&name));
    let value = line.need("value").and_then(|value| read_secret(&value));
    Some(Proof::Header {
        name: name?,
        value: value?,
    })
}

/// A name of a header (RFC 9110 5.1).
fn read_name(spot: &Spot<'_>) -> Option<String> {
    let name = spot.filled()?;
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    match name.bytes().all(is_token) {
        true => Some(name.to_owned()),
        false => spot.refuse(Fault::new(format!("`{name}` is no name of a header"))),
    }
}
