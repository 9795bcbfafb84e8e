//! Tokens of `oauth2`: fetched with the client's own credentials, kept until shortly before they expire.
//!
//! Those who want the same token at once wait for one fetch. Tokens live in this process only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use windlass_workflows::value::Value;

use super::analyse::joined;
use super::authentication::text;
use super::failure::StepFailure;
use super::reveal::in_form;
use super::wire::{Incoming, Outgoing};
use super::{Inner, answer, http};

/// Where an authority gives tokens, unless `endpoints.token` says otherwise.
const ENDPOINT: &str = "/oauth2/token";
/// A token is not used in the last part of its life: a request takes its time to arrive.
const MARGIN_MAX: Duration = Duration::from_secs(30);
/// How long a token is kept whose life is not told.
const LIFE_DEFAULT: Duration = Duration::from_secs(5 * 60);
/// Longest life that is believed.
const LIFE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Clients that are remembered.
const CLIENTS_MAX: usize = 1_000;

/// How the client shows that it is the one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Basic,
    Post,
    None,
}

/// A token that a request was sent with.
pub(super) struct Used(SecretString);

struct Token {
    text: SecretString,
    until: Instant,
}

type Cell = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of a process.
#[derive(Default)]
pub(super) struct Tokens {
    kept: Mutex<HashMap<[u8; 32], Cell>>,
}

impl Tokens {
    /// The client's token; a new one where there is none, or where the other side refused the one that is kept.
    ///
    /// # Errors
    /// `authentication` when the authority refuses the client, `communication` when it does not answer well.
    ///
    /// # Cancel safety
    /// Dropped, it ends the fetch, and the next who waits begins anew.
    pub async fn get(
        &self,
        performer: &Inner,
        client: &Client,
        refused: Option<Used>,
    ) -> Result<(SecretString, Used), StepFailure> {
        let cell = self.cell(client.key());
        let mut kept = cell.lock().await;
        let is_refused = |token: &Token| {
            refused
                .as_ref()
                .is_some_and(|used| used.0.expose_secret() == token.text.expose_secret())
        };
        let usable = kept
            .as_ref()
            .filter(|token| token.until > Instant::now() && !is_refused(token));
        let text = match usable {
            Some(token) => token.text.clone(),
            None => {
                *kept = None;
                let token = fetched(performer, client).await?;
                kept.insert(token).text.clone()
            }
        };
        Ok((text.clone(), Used(text)))
    }

    fn cell(&self, key: [u8; 32]) -> Cell {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= CLIENTS_MAX && !kept.contains_key(&key) {
            // Whoever holds one keeps it; the others are fetched again.
            kept.retain(|_, cell| Arc::strong_count(cell) > 1);
        }
        kept.entry(key).or_default().clone()
    }
}

async fn fetched(performer: &Inner, client: &Client) -> Result<Token, StepFailure> {
    let asked_at = Instant::now();
    let request = client.request(performer.default_timeout)?;
    let incoming = performer.wire.send(request).await?;
    if !incoming.status.is_success() {
        return Err(refusal(client, &incoming));
    }
    let given =
        answer::content(&incoming).map_err(|_| strange("the authority's answer cannot be read"))?;
    let token = given.get("access_token").and_then(Value::as_str);
    let token = token.ok_or_else(|| strange("the authority gave no `access_token`"))?;
    let life = given.get("expires_in").and_then(seconds);
    let life = life.map_or(LIFE_DEFAULT, Duration::from_secs).min(LIFE_MAX);
    Ok(Token {
        text: token.into(),
        until: asked_at + life - MARGIN_MAX.min(life / 10),
    })
}

/// Some authorities write the number as text.
fn seconds(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn strange(title: &str) -> StepFailure {
    let code = Value::map([("code", Value::from("authentication.token"))]);
    StepFailure::communication(502, title).with_detail(code)
}

/// What the authority's status means: one that is unwell may be asked again, one that says no may not.
fn refusal(client: &Client, incoming: &Incoming) -> StepFailure {
    let failure = answer::unwelcome(incoming);
    let status = incoming.status;
    if status.is_server_error() || status.as_u16() == 429 || status.as_u16() == 408 {
        return failure;
    }
    let said = answer::content(incoming).ok();
    let error = said.as_ref().and_then(|said| said.get("error"));
    let detail = Value::map([
        ("code", Value::from("authentication.refused")),
        ("status", Value::from(i64::from(status.as_u16()))),
        ("error", error.cloned().unwrap_or(Value::Null)),
    ]);
    let title = format!("the authority refused the client `{}`", client.id);
    StepFailure::failed("authentication", 401, title).with_detail(detail)
}

/// Who asks for a token, where and for what.
pub(super) struct Client {
    endpoint: String,
    id: String,
    pub(super) secret: SecretString,
    shown: Shown,
    is_json: bool,
    scopes: String,
    audiences: String,
}

impl Client {
    /// As a policy describes it.
    pub fn read(policy: &Value) -> Result<Self, StepFailure> {
        let authority = text(policy, "authority", "oauth2")?;
        let endpoint = policy.pointer("/endpoints/token").and_then(Value::as_str);
        let word = |pointer: &str| policy.pointer(pointer).and_then(Value::as_str);
        if let Some(other) = word("/grant").filter(|grant| *grant != "client_credentials") {
            return Err(unknown("grant", other));
        }
        let shown = match word("/client/authentication") {
            None | Some("client_secret_post") => Shown::Post,
            Some("client_secret_basic") => Shown::Basic,
            Some("none") => Shown::None,
            Some(other) => return Err(unknown("client.authentication", other)),
        };
        let is_json = match word("/request/encoding") {
            None | Some("application/x-www-form-urlencoded") => false,
            Some("application/json") => true,
            Some(other) => return Err(unknown("request.encoding", other)),
        };
        let client = policy.get("client").unwrap_or(&Value::Null);
        let secret = match shown {
            Shown::None => "",
            Shown::Basic | Shown::Post => text(client, "secret", "oauth2 client")?,
        };
        Ok(Self {
            endpoint: joined(authority, endpoint.unwrap_or(ENDPOINT)),
            id: text(client, "id", "oauth2 client")?.to_owned(),
            secret: secret.into(),
            shown,
            is_json,
            scopes: words(policy.get("scopes")),
            audiences: words(policy.get("audiences")),
        })
    }

    /// Names the token: another secret is another token.
    fn key(&self) -> [u8; 32] {
        let secret = self.secret.expose_secret();
        let parts = [&self.endpoint, &self.id, &self.scopes, &self.audiences];
        let mut hash = Sha256::new();
        for part in parts.into_iter().map(String::as_str).chain([secret]) {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }

    /// Its name and secret in one word, each encoded as in a form (RFC 6749 2.3.1).
    pub fn basic(&self) -> String {
        let secret = self.secret.expose_secret();
        BASE64_STANDARD.encode(format!("{}:{}", in_form(&self.id), in_form(secret)))
    }

    fn request(&self, timeout: Duration) -> Result<Outgoing, StepFailure> {
        let secret = self.secret.expose_secret();
        let mut pairs = vec![("grant_type", "client_credentials")];
        let optional = [("scope", &self.scopes), ("audience", &self.audiences)];
        pairs.extend(
            optional
                .into_iter()
                .filter(|(_, words)| !words.is_empty())
                .map(|(key, words)| (key, words.as_str())),
        );
        let mut headers =
            HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        match self.shown {
            Shown::Basic => {
                let line = HeaderValue::from_str(&format!("Basic {}", self.basic()));
                let mut line = line
                    .map_err(|_| StepFailure::configuration("the client's id is no header text"))?;
                line.set_sensitive(true);
                headers.insert(AUTHORIZATION, line);
            }
            Shown::Post => pairs.extend([("client_id", &*self.id), ("client_secret", secret)]),
            Shown::None => pairs.push(("client_id", &self.id)),
        }
        let (media, body) = match self.is_json {
            true => {
                let members = pairs.iter().map(|(key, text)| (*key, Value::from(*text)));
                ("application/json", Value::map(members).to_json())
            }
            false => {
                let pairs = pairs
                    .iter()
                    .map(|(key, text)| format!("{key}={}", in_form(text)));
                let pairs: Vec<String> = pairs.collect();
                ("application/x-www-form-urlencoded", pairs.join("&"))
            }
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        Ok(Outgoing {
            method: Method::POST,
            url: http::parse_url(&self.endpoint)?,
            headers,
            body: Some(Bytes::from(body)),
            timeout,
        })
    }
}

fn unknown(key: &str, word: &str) -> StepFailure {
    StepFailure::configuration(format!("`{word}` is no `{key}` that is supported"))
}

/// A list of texts as the protocol writes it.
fn words(list: Option<&Value>) -> String {
    let items = list.and_then(Value::as_list).unwrap_or_default();
    let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
    words.join(" ")
}
