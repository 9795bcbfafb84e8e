//! How a call of a connection proves who sends it: a bearer token, a name and a password, or a header line of its own.
//!
//! What was sent in secret is masked where the other side repeats it in an answer that refuses or that cannot be read. What
//! a service answers in the place of a result is given as it stands.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use windlass_workflows::configuration::Proof;
use windlass_workflows::value::Value;

use super::failure::StepFailure;
use super::reveal::Revealed;
use super::wire::Incoming;
use super::{Inner, answer};
use crate::connection::SecretName;

/// What a call is sent with.
#[derive(Default)]
pub(super) struct Proved {
    line: Option<(HeaderName, HeaderValue)>,
    guarded: Revealed<'static>,
}

/// What the connection's `auth` sends: nothing where it is not given, or where its secret is absent and may be.
///
/// # Errors
/// `configuration` when a secret or a variable is missing, and when one of them is no text of a header.
pub(super) async fn proved(
    performer: &Inner,
    proof: Option<&Proof>,
) -> Result<Proved, StepFailure> {
    let secret = match proof {
        None => return Ok(Proved::default()),
        Some(Proof::Bearer(secret)) => secret,
        Some(Proof::Basic { password, .. }) => password,
        Some(Proof::Header { value, .. }) => value,
    };
    let found = SecretName::from(secret).resolve(&performer.secrets).await?;
    let (Some(proof), Some(secret)) = (proof, found) else {
        return Ok(Proved::default());
    };
    let mut guarded = Revealed::default();
    guarded.mask(secret.expose_secret());
    let line = match proof {
        Proof::Bearer(_) => (AUTHORIZATION, bearer(&secret)?),
        Proof::Basic { username, .. } => {
            let name = performer.references.resolve(&username.into())?;
            let pair = BASE64_STANDARD.encode(format!("{name}:{}", secret.expose_secret()));
            guarded.mask(&pair);
            (AUTHORIZATION, sensitive(&format!("Basic {pair}"))?)
        }
        Proof::Header { name, .. } => (header_name(name)?, sensitive(secret.expose_secret())?),
    };
    Ok(Proved {
        line: Some(line),
        guarded,
    })
}

impl Proved {
    /// Puts it among the headers of a call.
    pub fn stamp(&self, headers: &mut HeaderMap) {
        if let Some((name, line)) = &self.line {
            headers.insert(name, line.clone());
        }
    }

    /// Masks this too.
    pub fn guard(&mut self, part: &str) {
        self.guarded.mask(part);
    }

    /// The fault of a status that is no success; it quotes nothing of it.
    pub fn unwelcome(&self, incoming: &Incoming) -> StepFailure {
        self.guarded.unwelcome(incoming)
    }

    /// The decoded body.
    ///
    /// # Errors
    /// When it cannot be read; the failure quotes nothing of it.
    pub fn content(&self, incoming: &Incoming) -> Result<Value, StepFailure> {
        answer::content(incoming).map_err(|failure| self.guarded.unreadable(failure, incoming))
    }
}

/// `Authorization: Bearer …`, kept out of every log.
pub(super) fn bearer(key: &SecretString) -> Result<HeaderValue, StepFailure> {
    sensitive(&format!("Bearer {}", key.expose_secret()))
}

fn header_name(name: &str) -> Result<HeaderName, StepFailure> {
    let wrong = |_| StepFailure::configuration(format!("`{name}` is no name of a header"));
    HeaderName::from_bytes(name.as_bytes()).map_err(wrong)
}

/// A header line that is kept out of every log.
fn sensitive(text: &str) -> Result<HeaderValue, StepFailure> {
    let line = HeaderValue::from_str(text);
    let mut line = line.map_err(|_| StepFailure::configuration("a secret is no header text"))?;
    line.set_sensitive(true);
    Ok(line)
}
