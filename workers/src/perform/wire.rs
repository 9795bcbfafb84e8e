//! One HTTP exchange: guarded, under its host's breaker, bounded in time and size.
//!
//! Redirects are never followed and environment proxies never used, so the address that the guard
//! checked is the only one a request can reach. One client, so connections are shared.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, StatusCode, Url, redirect};

use super::failure::StepFailure;
use crate::breaker::{BreakerOptions, Breakers, Held};
use crate::egress::{Egress, EgressRules, Lookup, Refusal};
use windlass_workflows::value::Value;

/// How long a TCP and TLS handshake may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Idle connections are closed before the 60 s after which common proxies forget them.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most header lines of a response (HTTP/1).
const HEADERS_MAX: usize = 100;
/// Largest header block of a response (HTTP/2).
const HEADER_BYTES_MAX: u32 = 64 * 1024;

/// A request ready to be sent.
#[derive(Clone)]
pub(crate) struct Outgoing {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    pub timeout: Duration,
}

/// A response, read to its end.
pub(crate) struct Incoming {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("circuit open for {}", .0.origin)]
    CircuitOpen(Held),
    #[error("no answer within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("{0}")]
    Broken(String),
    #[error("the response is larger than {limit} bytes")]
    TooLarge { limit: usize },
}

/// What came of an exchange, as the breaker sees it.
enum Trouble {
    /// An answer that says the host is unwell.
    Answer(Box<Incoming>),
    /// No answer.
    Wire(WireError),
}

/// The way out of the process.
pub(crate) struct Wire {
    client: Client,
    egress: Egress,
    breakers: Breakers,
    response_bytes_max: usize,
}

impl Wire {
    pub fn new(
        rules: EgressRules,
        lookup: Arc<dyn Lookup>,
        breaker: BreakerOptions,
        response_bytes_max: usize,
    ) -> reqwest::Result<Self> {
        // A process has one provider; whoever set one before keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let egress = Egress::new(rules, lookup);
        let client = Client::builder()
            .dns_resolver(Arc::new(egress.clone()))
            .redirect(redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http1_max_headers(HEADERS_MAX)
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .build()?;
        Ok(Self {
            client,
            egress,
            breakers: Breakers::new(breaker),
            response_bytes_max,
        })
    }

    /// Sends a request and reads the whole response. Any status is an answer.
    pub async fn send(&self, request: Outgoing) -> Result<Incoming, WireError> {
        self.egress.check_url(&request.url)?;
        let origin = request.url.origin().ascii_serialization();
        let exchange = async {
            let answer = self.timed(request).await.map_err(Trouble::Wire)?;
            if answer.status.is_server_error() {
                return Err(Trouble::Answer(Box::new(answer)));
            }
            Ok(answer)
        };
        match self
            .breakers
            .call(&origin, exchange, Trouble::is_hosts_fault)
            .await
        {
            Ok(answer) => Ok(answer),
            Err(Ok(Trouble::Answer(answer))) => Ok(*answer),
            Err(Ok(Trouble::Wire(error))) => Err(error),
            Err(Err(held)) => Err(WireError::CircuitOpen(held)),
        }
    }

    async fn timed(&self, request: Outgoing) -> Result<Incoming, WireError> {
        let limit = request.timeout;
        match tokio::time::timeout(limit, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(WireError::TimedOut(limit)),
        }
    }

    async fn exchange(&self, request: Outgoing) -> Result<Incoming, WireError> {
        let mut builder = self
            .client
            .request(request.method, request.url)
            .headers(request.headers);
        if let Some(body) = request.body {
            builder = builder.body(body);
        }
        let response = builder
            .send()
            .await
            .map_err(|error| broken(error, request.timeout))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = self.read(response, request.timeout).await?;
        Ok(Incoming {
            status,
            headers,
            body,
        })
    }

    /// Reads the decompressed body chunk by chunk, so that a bomb costs one chunk over the limit.
    async fn read(
        &self,
        response: reqwest::Response,
        timeout: Duration,
    ) -> Result<Bytes, WireError> {
        let limit = self.response_bytes_max;
        if response
            .content_length()
            .is_some_and(|length| length > limit as u64)
        {
            return Err(WireError::TooLarge { limit });
        }
        let mut body = BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| broken(error, timeout))?;
            if body.len() + chunk.len() > limit {
                return Err(WireError::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }
}

impl Trouble {
    /// Only what tells that the host is unwell moves its breaker.
    fn is_hosts_fault(&self) -> bool {
        match self {
            Self::Answer(_) => true,
            Self::Wire(error) => matches!(error, WireError::TimedOut(_) | WireError::Broken(_)),
        }
    }
}

impl From<WireError> for StepFailure {
    fn from(error: WireError) -> Self {
        let title = error.to_string();
        match error {
            WireError::Refused(refusal) if !refusal.is_passing() => {
                let code = Value::map([("code", Value::from(refusal.code()))]);
                Self::failed("authorization", 403, title).with_detail(code)
            }
            WireError::CircuitOpen(held) => {
                Self::communication(503, title).again_after(Some(held.again_after))
            }
            WireError::TimedOut(_) => Self::timeout(title),
            WireError::TooLarge { .. } => Self::communication(502, title),
            WireError::Refused(_) | WireError::Broken(_) => Self::communication(500, title),
        }
    }
}

/// Sorts the client's errors. The URL stays out of the text: its query may carry a secret.
fn broken(error: reqwest::Error, timeout: Duration) -> WireError {
    let error = error.without_url();
    if let Some(refusal) = refusal(&error) {
        return WireError::Refused(refusal);
    }
    if error.is_timeout() {
        return WireError::TimedOut(timeout.min(CONNECT_TIMEOUT));
    }
    WireError::Broken(chain(&error))
}

/// The guard's refusal, if the client's error comes from its resolver.
fn refusal(error: &(dyn Error + 'static)) -> Option<Refusal> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refusal) = error.downcast_ref::<Refusal>() {
            return Some(refusal.clone());
        }
        cause = error.source();
    }
    None
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
