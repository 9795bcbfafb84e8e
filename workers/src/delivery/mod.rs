//! Outgoing webhooks: sign, send, back off (Standard Webhooks 1.0.0).
//!
//! A pass takes due deliveries as long as there are any, sends each once through the same guarded way out as steps have, and records what came of
//! it. An answer of 2xx is a success, anything else is not, a redirect included. What is sent and not recorded is sent
//! again under the same id, so receivers see an event at least once and tell repeats by `webhook-id`.

pub mod sign;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::Utc;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use windlass_engine::store::{TakenDelivery, Tried};
use windlass_engine::{Error, Store};
use windlass_workflows::configuration::{Address, Content, Webhook};
use windlass_workflows::notice::pause;

use crate::breaker::BreakerOptions;
use crate::connection::{ConnectionProblem, References, SecretName};
use crate::egress::{EgressRules, Lookup, SystemLookup};
use crate::perform::{
    Incoming, Outgoing, PerformerError, StepFailure, Wire, parse_url, retry_after,
};
use crate::secret::Secrets;

/// How long one try may take (reliability E.3).
const TIMEOUT: Duration = Duration::from_secs(15);
/// Tries under way at once.
const SENT_MAX: usize = 16;
/// While some are under way, it looks this often for others.
const LOOK: Duration = Duration::from_secs(1);
/// Largest event (reliability E.3); a page of advice says 20 KiB.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// Largest answer that is read; none is needed.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// So much of an answer is kept in the log.
const ANSWER_KEPT: usize = 1024;
/// A host that fails is held back by its deliveries' own pauses, so its breaker never opens.
const NO_BREAKER: BreakerOptions = BreakerOptions {
    failure_rate: 1.0,
    window_calls: 10_000,
    probe_calls: 1,
    open: Duration::ZERO,
};

/// What a deliverer may reach and read.
#[derive(Clone)]
pub struct DelivererOptions {
    /// Which addresses may be reached.
    pub egress: EgressRules,
    /// What `{ env: NAME }` of an address may read.
    pub references: References,
    /// Keys, and addresses that are secrets.
    pub secrets: Secrets,
    /// How names become addresses.
    pub lookup: Arc<dyn Lookup>,
    /// How long one try may take.
    pub timeout: Duration,
}

impl Default for DelivererOptions {
    fn default() -> Self {
        Self {
            egress: EgressRules::default(),
            references: References::default(),
            secrets: Secrets::new(),
            lookup: Arc::new(SystemLookup),
            timeout: TIMEOUT,
        }
    }
}

/// Sends what is due.
pub struct Deliverer {
    wire: Wire,
    options: DelivererOptions,
}

/// Why there is no answer.
struct Unsent(String);

impl From<ConnectionProblem> for Unsent {
    fn from(problem: ConnectionProblem) -> Self {
        Self(problem.to_string())
    }
}

impl From<StepFailure> for Unsent {
    fn from(failure: StepFailure) -> Self {
        Self(failure.fault.title.clone().unwrap_or_default())
    }
}

impl Deliverer {
    /// One that may reach what these rules allow.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(options: DelivererOptions) -> Result<Self, PerformerError> {
        let (rules, lookup) = (options.egress.clone(), options.lookup.clone());
        let wire = Wire::new(rules, lookup, NO_BREAKER, ANSWER_BYTES_MAX)?;
        Ok(Self { wire, options })
    }

    /// Sends what is due, each delivery for one try and up to 16 at once, until nothing is due or `stop`; how many. What a
    /// slow webhook is being told keeps its place, and others are told meanwhile.
    ///
    /// # Errors
    /// What the database says; what was sent by then and not recorded is sent again.
    ///
    /// # Cancel safety
    /// As for errors.
    pub async fn deliver(&self, store: &Store, stop: &CancellationToken) -> Result<usize, Error> {
        let (mut tries, mut busy) = (FuturesUnordered::new(), Vec::new());
        let (mut all, mut failed, mut looks) = (0, None, true);
        loop {
            let room = SENT_MAX - tries.len();
            if looks && room > 0 && failed.is_none() && !stop.is_cancelled() {
                match store.take_deliveries(&busy, room).await {
                    Ok(taken) => {
                        all += taken.len();
                        busy.extend(taken.iter().map(webhook_of));
                        tries.extend(taken.into_iter().map(|one| self.tried(store, one)));
                    }
                    Err(error) => failed = Some(error),
                }
            }
            looks = true;
            match timeout(LOOK, tries.next()).await {
                Ok(None) => return failed.map_or(Ok(all), Err),
                Ok(Some((webhook, recorded))) => {
                    failed = failed.or(recorded.err());
                    looks = ended(&mut busy, &webhook);
                }
                Err(_) => {}
            }
        }
    }

    /// Tries one, and says whose it was.
    async fn tried(
        &self,
        store: &Store,
        taken: TakenDelivery,
    ) -> ((i32, String), Result<(), Error>) {
        (webhook_of(&taken), self.try_once(store, &taken).await)
    }

    async fn try_once(&self, store: &Store, taken: &TakenDelivery) -> Result<(), Error> {
        let begun = Instant::now();
        let said = match self.document(store, taken).await {
            Ok(webhook) => self.sent(&webhook, taken).await,
            Err(unsent) => Err(unsent),
        };
        let tried = tried(taken.tries, begun.elapsed(), said);
        let recorded = store.record_delivery(taken, &tried).await?;
        let (webhook, error) = (taken.webhook.as_str(), tried.error.as_deref());
        debug!(webhook, event = taken.event, error, "tried a delivery");
        if recorded.disabled {
            warn!(
                webhook,
                error, "it failed for too long and is told nothing more"
            );
        } else if recorded.is_mine && error.is_some() && tried.again_after.is_none() {
            warn!(
                webhook,
                event = taken.event,
                error,
                "a delivery is given up"
            );
        }
        Ok(())
    }

    async fn document(&self, store: &Store, taken: &TakenDelivery) -> Result<Webhook, Unsent> {
        let unread = |error: Error| Unsent(error.to_string());
        let revision = store.webhook_document(taken.tenant, &taken.webhook).await;
        match revision.map_err(unread)?.content().map_err(unread)? {
            Content::Webhook(webhook) => Ok(webhook),
            _ => Err(Unsent("its document is no webhook".into())),
        }
    }

    async fn sent(&self, webhook: &Webhook, taken: &TakenDelivery) -> Result<Incoming, Unsent> {
        if taken.body.len() > BODY_BYTES_MAX {
            return Err(Unsent(format!(
                "the event is larger than {BODY_BYTES_MAX} bytes"
            )));
        }
        let url = self.address(&webhook.url).await?;
        let key = self.secret(&(&webhook.signing_key).into()).await?;
        let headers = signed(taken, &key)?;
        let outgoing = Outgoing {
            method: Method::POST,
            url: parse_url(url.expose_secret())?,
            headers,
            body: Some(Bytes::from(taken.body.clone())),
            timeout: self.options.timeout,
        };
        let answer = self.wire.send(outgoing).await;
        let answer = answer.map_err(|error| Unsent(error.to_string()))?;
        Ok(match webhook.url {
            Address::Plain(_) => answer,
            // Some services quote what they were asked for.
            Address::Secret(_) => Incoming {
                body: Bytes::new(),
                ..answer
            },
        })
    }

    async fn address(&self, address: &Address) -> Result<SecretString, Unsent> {
        match address {
            Address::Plain(plain) => Ok(self.options.references.resolve(&plain.into())?.into()),
            Address::Secret(secret) => self.secret(&secret.into()).await,
        }
    }

    async fn secret(&self, name: &SecretName) -> Result<SecretString, Unsent> {
        let found = name.resolve(&self.options.secrets).await?;
        found.ok_or_else(|| Unsent(format!("there is no secret `{}`", name.name)))
    }
}

fn webhook_of(taken: &TakenDelivery) -> (i32, String) {
    (taken.tenant, taken.webhook.clone())
}

/// One try of a webhook is over; whether it was the last of those under way, so that it can be told more.
fn ended(busy: &mut Vec<(i32, String)>, webhook: &(i32, String)) -> bool {
    if let Some(place) = busy.iter().position(|one| one == webhook) {
        busy.swap_remove(place);
    }
    !busy.contains(webhook)
}

/// The headers of one try: its id is the event's, its time its own.
fn signed(taken: &TakenDelivery, key: &SecretString) -> Result<HeaderMap, Unsent> {
    let seconds = Utc::now().timestamp();
    let signatures = sign::signatures(key.expose_secret(), &taken.event, seconds, &taken.body)
        .map_err(|problem| Unsent(problem.to_string()))?;
    let lines = [
        ("webhook-id", taken.event.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures),
    ];
    let mut headers =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    for (name, line) in lines {
        let value = HeaderValue::from_str(&line);
        let value = value.map_err(|_| Unsent(format!("`{name}` is no header text")))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// What came of a try, and when the next one is.
fn tried(tries: i32, took: Duration, said: Result<Incoming, Unsent>) -> Tried {
    let (status, answer, asked, error) = match said {
        Err(Unsent(why)) => (None, None, None, Some(why)),
        Ok(incoming) => {
            let status = incoming.status;
            let error = (!status.is_success()).then(|| format!("it answered {}", status.as_u16()));
            let asked = retry_after(&incoming.headers, Utc::now());
            (Some(status), Some(excerpt(&incoming.body)), asked, error)
        }
    };
    let is_gone = status == Some(StatusCode::GONE);
    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
    let again = error.as_ref().filter(|_| !is_gone);
    Tried {
        took,
        status: status.map(|status| status.as_u16()),
        again_after: again.and_then(|_| pause(tries, asked, rand::random())),
        error,
        answer,
        is_gone,
    }
}

/// The beginning of an answer, as text that a database keeps.
fn excerpt(body: &[u8]) -> String {
    let kept = &body[..body.len().min(ANSWER_KEPT)];
    String::from_utf8_lossy(kept).replace('\0', "\u{fffd}")
}
