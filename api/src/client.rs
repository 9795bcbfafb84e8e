//! The API from the command line's side: addresses, waiting, and problems with a type.
//!
//! Bodies stay JSON values: what a newer server adds is shown, never refused.

mod report;

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde_json::Value;

/// A body of any length has arrived by then, or never will.
const POUR_MAX: Duration = Duration::from_secs(3_600);
/// Longer than the server's longest wait (60 s).
const READ_TIMEOUT: Duration = Duration::from_secs(90);
/// A server that is there answers a connection in less.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Characters of an answer that is no JSON which an error shows.
const EXCERPT_MAX: usize = 300;

/// Talks to one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    server: Url,
}

/// Why there is no answer to work with.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("`{server}` is no address of a server")]
    Address {
        /// As it was given.
        server: String,
    },
    /// Nobody answered.
    #[error("no answer from {server}")]
    Unreachable {
        /// Who was asked.
        server: String,
        /// What happened.
        source: reqwest::Error,
    },
    /// The server answered with a problem.
    #[error("{}", .0.detail)]
    Refused(Box<Refusal>),
    /// The server answered with something else than the API does.
    #[error("{server} answered {status} with something else than JSON: {excerpt}")]
    Strange {
        /// Who answered.
        server: String,
        /// How.
        status: u16,
        /// The beginning of what it said.
        excerpt: String,
    },
}

impl ClientError {
    /// Nobody listens at the address: not an answer that got lost.
    pub fn is_nobody(&self) -> bool {
        matches!(self, Self::Unreachable { source, .. } if source.is_connect())
    }
}

/// A problem document of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Stable code.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
    /// Each single problem, as the server wrote it.
    pub problems: Vec<Value>,
    /// The document, unchanged.
    pub document: Value,
}

impl Client {
    /// A client of the server at `server`, such as `http://127.0.0.1:7411`.
    ///
    /// # Errors
    /// [`ClientError::Address`].
    pub fn new(server: &str) -> Result<Self, ClientError> {
        let address = || ClientError::Address {
            server: server.to_owned(),
        };
        let url = Url::parse(server).map_err(|_| address())?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .build()
            .map_err(|_| address())?;
        Ok(Self { http, server: url })
    }

    /// The server's address.
    pub fn server(&self) -> &str {
        self.server.as_str().trim_end_matches('/')
    }

    /// Reads.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value, ClientError> {
        let request = self.request(Method::GET, path).query(query);
        self.json(request).await
    }

    /// Writes a JSON body; `key` makes a repeat harmless.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        body: &Value,
        key: Option<&str>,
    ) -> Result<Value, ClientError> {
        let request = self.request(Method::POST, path).query(query).json(body);
        self.json(keyed(request, key)).await
    }

    /// Any other call with a JSON body or none.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        self.send_if(method, path, HeaderMap::new(), body).await
    }

    /// The same under a condition, `If-Match` or `If-None-Match`.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn send_if(
        &self,
        method: Method,
        path: &[&str],
        condition: HeaderMap,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let mut request = self.request(method, path).headers(condition);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.json(request).await
    }

    /// Writes a body as it is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn upload(
        &self,
        path: &[&str],
        kind: &str,
        body: Vec<u8>,
        key: Option<&str>,
    ) -> Result<Value, ClientError> {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, kind)
            .body(body);
        self.json(keyed(request, key)).await
    }

    /// Posts a body that is too long for memory, and may take an hour.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pour<S, E>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        kind: &str,
        pieces: S,
        key: Option<&str>,
    ) -> Result<Value, ClientError>
    where
        S: futures::TryStream<Ok = bytes::Bytes, Error = E> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let request = self
            .request(Method::POST, path)
            .query(query)
            .header(CONTENT_TYPE, kind)
            .timeout(POUR_MAX)
            .body(reqwest::Body::wrap_stream(pieces));
        self.json(keyed(request, key)).await
    }

    /// Reads something that is too long for memory; its pieces follow.
    ///
    /// # Errors
    /// [`ClientError`] before the first piece.
    pub async fn stream(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        kind: &str,
    ) -> Result<Response, ClientError> {
        let request = self
            .request(Method::GET, path)
            .query(query)
            .header(ACCEPT, kind);
        let response = self.sent(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response).await)
    }

    /// Sends something that is too long for memory, and reads the answer meanwhile; it may be silent
    /// for as long as `silence`.
    ///
    /// # Errors
    /// [`ClientError`] before the first piece of the answer.
    pub async fn exchange<S, E>(
        &self,
        path: &[&str],
        kind: &str,
        pieces: S,
        silence: Duration,
    ) -> Result<Response, ClientError>
    where
        S: futures::TryStream<Ok = bytes::Bytes, Error = E> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let request = self
            .request(Method::POST, path)
            .header(CONTENT_TYPE, kind)
            .header(ACCEPT, kind)
            .timeout(silence)
            .body(reqwest::Body::wrap_stream(pieces));
        let response = self.sent(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response).await)
    }

    /// Any call, by its address below the server's root.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn call(
        &self,
        method: Method,
        address: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let url = self
            .server
            .join(address)
            .map_err(|_| ClientError::Address {
                server: address.to_owned(),
            })?;
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(body);
        }
        self.json(request).await
    }

    /// A request below `/v1`; every segment is escaped.
    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.server.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        self.http.request(method, url)
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            server: self.server().to_owned(),
            source,
        };
        request.send().await.map_err(unreachable)
    }

    async fn json(&self, request: RequestBuilder) -> Result<Value, ClientError> {
        let response = self.sent(request).await?;
        if !response.status().is_success() {
            return Err(self.refused(response).await);
        }
        let status = response.status().as_u16();
        let text = self.text(response).await?;
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).map_err(|_| self.strange(status, &text))
    }

    async fn refused(&self, response: Response) -> ClientError {
        let status = response.status().as_u16();
        match self.text(response).await {
            Ok(text) => match serde_json::from_str(&text) {
                Ok(document @ Value::Object(_)) => {
                    ClientError::Refused(Box::new(Refusal::of(status, document)))
                }
                _ => self.strange(status, &text),
            },
            Err(error) => error,
        }
    }

    async fn text(&self, response: Response) -> Result<String, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            server: self.server().to_owned(),
            source,
        };
        response.text().await.map_err(unreachable)
    }

    fn strange(&self, status: u16, text: &str) -> ClientError {
        let excerpt = text.chars().take(EXCERPT_MAX).collect();
        ClientError::Strange {
            server: self.server().to_owned(),
            status,
            excerpt,
        }
    }
}

fn keyed(request: RequestBuilder, key: Option<&str>) -> RequestBuilder {
    match key {
        Some(key) => request.header("Idempotency-Key", key),
        None => request,
    }
}

impl Refusal {
    fn of(status: u16, document: Value) -> Self {
        let text = |name: &str| {
            document
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let problems = document.get("problems").and_then(Value::as_array).cloned();
        Self {
            status,
            code: text("code").unwrap_or_else(|| format!("http_{status}")),
            detail: text("detail")
                .or_else(|| text("title"))
                .unwrap_or_else(|| format!("the server answered {status}")),
            hint: text("hint"),
            problems: problems.unwrap_or_default(),
            document,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problem_keeps_its_code_and_its_document() {
        let document = serde_json::json!({"code": "not_found", "detail": "job `j_1` does not exist", "new": 1});

        let refusal = Refusal::of(404, document.clone());

        assert_eq!((refusal.code.as_str(), refusal.status), ("not_found", 404));
        assert_eq!(refusal.document, document);
    }

    #[test]
    fn names_stay_one_segment_of_the_path() {
        // Building a client needs a provider; a second installation is refused and harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::new("http://127.0.0.1:1/below/").expect("an address");

        let request = client
            .request(Method::GET, &["jobs", "../x y"])
            .build()
            .expect("complete");

        assert_eq!(request.url().path(), "/below/v1/jobs/..%2Fx%20y");
    }
}
