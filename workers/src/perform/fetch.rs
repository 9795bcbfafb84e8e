//! Reading what a template takes from elsewhere, when it is published.
//!
//! The same way out as steps have: the guard looks at every address, also at those that an answer leads
//! to, and size and time are bounded. No secret is ever sent.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Url};
use tokio::time::Instant;
use windlass_workflows::check;
use windlass_workflows::document::tree::Tree;
use windlass_workflows::openapi::DOCUMENT_BYTES_MAX;
use windlass_workflows::problem::Problem;
use windlass_workflows::resource::{Resource, Resources};

use super::PerformerError;
use super::http::parse_url;
use super::wire::{Incoming, Outgoing, Wire, WireError};
use crate::breaker::BreakerOptions;
use crate::egress::{EgressRules, SystemLookup};

/// How long one document may take. Whoever publishes waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long all documents of one template may take.
const TIMEOUT_ALL: Duration = Duration::from_secs(30);
/// Answers that lead elsewhere, one after the other.
const REDIRECTS_MAX: usize = 3;
const WANTED: &str = "application/json, application/yaml;q=0.9, */*;q=0.5";

/// Reads documents. One per process is enough, because connections are shared.
pub struct Fetcher {
    wire: Wire,
}

impl Fetcher {
    /// A reader that may reach what these rules allow.
    ///
    /// # Errors
    /// When the HTTP client cannot be built.
    pub fn new(egress: EgressRules) -> Result<Self, PerformerError> {
        let (lookup, breaker) = (Arc::new(SystemLookup), BreakerOptions::default());
        let wire = Wire::new(egress, lookup, breaker, DOCUMENT_BYTES_MAX)?;
        Ok(Self { wire })
    }

    /// Adds all that a template takes from elsewhere, or why it cannot be read. What was read may name more.
    ///
    /// # Cancel safety
    /// Dropped, it has added what was read so far.
    pub async fn read_for(&self, tree: &Tree, resources: &mut Resources) {
        let until = Instant::now() + TIMEOUT_ALL;
        let mut room = usize::MAX;
        while resources.room() < room {
            room = resources.room();
            let wanted = check::wanted(tree, resources);
            self.read_until(until, wanted, resources).await;
        }
    }

    /// Adds what stands at these addresses, or why it cannot be read.
    ///
    /// # Cancel safety
    /// Dropped, it has added what was read so far.
    pub async fn read_all(
        &self,
        urls: impl IntoIterator<Item = String>,
        resources: &mut Resources,
    ) {
        let until = Instant::now() + TIMEOUT_ALL;
        self.read_until(until, urls, resources).await;
    }

    async fn read_until(
        &self,
        until: Instant,
        urls: impl IntoIterator<Item = String>,
        resources: &mut Resources,
    ) {
        for url in urls.into_iter().take(resources.room()) {
            let read = tokio::time::timeout_at(until, self.read(&url)).await;
            let read = read.unwrap_or_else(|_| {
                let seconds = TIMEOUT_ALL.as_secs();
                Err(unreachable(&url, &format!("no answer within {seconds} s")))
            });
            resources.add(
                url,
                match read {
                    Ok(text) => Resource::Read(text.into()),
                    Err(problem) => Resource::Failed(problem),
                },
            );
        }
    }

    /// The text at an address.
    ///
    /// # Errors
    /// `resource.unreachable`, `resource.refused`, `resource.too_large` or `resource.unreadable`.
    ///
    /// # Cancel safety
    /// Dropped, it ends the request under way.
    pub async fn read(&self, url: &str) -> Result<String, Problem> {
        let mut at = parsed(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.asked(url, at.clone()).await?;
            if answer.status.is_success() {
                return String::from_utf8(answer.body.to_vec()).map_err(|_| {
                    Problem::new("resource.unreadable", "", format!("`{url}` is no text"))
                });
            }
            at = match next(&at, &answer) {
                Some(next) => next,
                None => return Err(unreachable(url, &format!("it answers {}", answer.status))),
            };
        }
        let message = format!("it leads elsewhere more than {REDIRECTS_MAX} times");
        Err(unreachable(url, &message))
    }

    async fn asked(&self, url: &str, at: Url) -> Result<Incoming, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(WANTED));
        let request = Outgoing {
            method: Method::GET,
            url: at,
            headers,
            body: None,
            timeout: TIMEOUT,
        };
        let answer = self.wire.send(request).await;
        answer.map_err(|error| match error {
            WireError::Refused(refusal) if !refusal.is_passing() => {
                let message = format!("`{url}` may not be read: {refusal}");
                let hint = "open it with `egress.allow` if the server may reach it";
                Problem::new("resource.refused", "", message).hint(hint)
            }
            WireError::TooLarge { limit } => {
                let message = format!("`{url}` has more than {limit} bytes");
                Problem::new("resource.too_large", "", message)
            }
            error => unreachable(url, &error.to_string()),
        })
    }
}

/// Where an answer leads, unless from a safe place to an open one.
fn next(at: &Url, answer: &Incoming) -> Option<Url> {
    let location = answer.headers.get(LOCATION)?.to_str().ok()?;
    let next = at.join(location).ok()?;
    let is_weaker = at.scheme() == "https" && next.scheme() != "https";
    (answer.status.is_redirection() && !is_weaker).then_some(next)
}

fn parsed(url: &str) -> Result<Url, Problem> {
    parse_url(url).map_err(|failure| {
        let why = failure.fault.title.unwrap_or_default();
        unreachable(url, &why)
    })
}

fn unreachable(url: &str, why: &str) -> Problem {
    let message = format!("`{url}` cannot be read: {why}");
    Problem::new("resource.unreachable", "", message).hint("try again, or ask who serves it")
}
