//! One page of a service that a batch is read from: the same way out as steps have.
//!
//! A page is asked again for a while where the other side, or the way to it, failed; what it says that would be the
//! same again ends the reading.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LINK};
use reqwest::{Method, Url};
use secrecy::SecretString;
use tokio::time::sleep;
use windlass_workflows::configuration::{Connection, Secret, Service};
use windlass_workflows::value::Value;

use super::analyse::joined;
use super::failure::StepFailure;
use super::proof::proved;
use super::wire::Outgoing;
use super::{Performer, http};
use crate::connection::{ConnectionProblem, SecretName};

/// So often one page is asked for before reading breaks off.
const TRIES_MAX: u32 = 4;
/// The pause after the first try that failed; it doubles.
const PAUSE: Duration = Duration::from_millis(500);
/// A service that wants to be left alone for longer is read again later.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// A page, and where its header leads.
pub(crate) struct Served {
    pub body: Value,
    pub link: Option<String>,
}

impl Performer {
    /// The connection of that name.
    pub(crate) async fn source(
        &self,
        tenant: i32,
        name: &str,
    ) -> Result<Connection, ConnectionProblem> {
        self.inner.connections.source(tenant, name).await
    }

    /// A secret that must be there, or may be absent.
    pub(crate) async fn revealed(&self, secret: &Secret) -> Result<SecretString, StepFailure> {
        let name = SecretName::from(secret);
        let found = name.resolve(&self.inner.secrets).await?;
        Ok(found.unwrap_or_default())
    }

    /// Where a service is asked.
    pub(crate) fn address(&self, service: &Service, path: &str) -> Result<Url, StepFailure> {
        let base = self.inner.references.resolve(&(&service.base_url).into())?;
        http::parse_url(&joined(&base, path))
    }

    /// Asks for a page, and again for a while.
    pub(crate) async fn page(&self, service: &Service, url: &Url) -> Result<Served, StepFailure> {
        let mut tries = 1;
        loop {
            let failure = match self.served(service, url.clone()).await {
                Ok(served) => return Ok(served),
                Err(failure) => failure,
            };
            let pause = failure.again_after.unwrap_or(PAUSE * 2_u32.pow(tries - 1));
            if tries >= TRIES_MAX || !passes(&failure) || pause > PAUSE_MAX {
                return Err(failure);
            }
            tries += 1;
            sleep(pause).await;
        }
    }

    async fn served(&self, service: &Service, url: Url) -> Result<Served, StepFailure> {
        let proved = proved(&self.inner, service.proof.as_ref()).await?;
        let accept = (ACCEPT, HeaderValue::from_static("application/json"));
        let mut headers = HeaderMap::from_iter([accept]);
        proved.stamp(&mut headers);
        let outgoing = Outgoing {
            method: Method::GET,
            url,
            headers,
            body: None,
            timeout: service.timeout,
        };
        let incoming = self.inner.wire.send(outgoing).await?;
        if !incoming.status.is_success() {
            return Err(proved.unwelcome(&incoming));
        }
        Ok(Served {
            body: proved.content(&incoming)?,
            link: next_link(&incoming.headers),
        })
    }
}

/// Whether the same request may be answered later.
pub(crate) fn passes(failure: &StepFailure) -> bool {
    match failure.fault.code() {
        "timeout" => true,
        "communication" => {
            matches!(failure.fault.status, 408 | 425 | 429) || failure.fault.status >= 500
        }
        _ => false,
    }
}

/// What the `Link` header calls `next`.
fn next_link(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(LINK).iter();
    let mut links = lines.filter_map(|line| line.to_str().ok()).flat_map(links);
    links.find_map(|(address, is_next)| is_next.then(|| address.to_owned()))
}

/// The addresses of a `Link` header, and whether each is the next page.
fn links(line: &str) -> impl Iterator<Item = (&str, bool)> {
    line.split('<').skip(1).filter_map(|part| {
        let (address, parameters) = part.split_once('>')?;
        let mut parameters = parameters.split([';', ',']).map(str::trim);
        let is_next = parameters.any(|one| {
            let value = one.strip_prefix("rel=").unwrap_or_default();
            let mut words = value.trim_matches('"').split_whitespace();
            words.any(|word| word.eq_ignore_ascii_case("next"))
        });
        Some((address, is_next))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_links() {
        let next = |line: &'static str| {
            next_link(&HeaderMap::from_iter([(
                LINK,
                HeaderValue::from_static(line),
            )]))
        };

        let github = r#"</a?p=1>; rel="prev", </a?p=3,4>; rel="next", </a?p=9>; rel="last""#;
        assert_eq!(next(github).as_deref(), Some("/a?p=3,4"));
        assert_eq!(next("</b>; title=x; rel=next").as_deref(), Some("/b"));
        assert_eq!(next("</b>; rel=\"last nextish\""), None);
    }
}
