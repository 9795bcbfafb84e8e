//! Loads whose refusal is a file: what is wrong with each row.

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};

use super::{Client, ClientError, POUR_MAX};

impl Client {
    /// Posts a body that is too long for memory; a refusal may be answered with a file of a kind.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn pour_reporting<S, E>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        kinds: (&str, &str),
        pieces: S,
    ) -> Result<Response, ClientError>
    where
        S: futures::TryStream<Ok = bytes::Bytes, Error = E> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (sent, wanted) = kinds;
        let request = self
            .request(Method::POST, path)
            .query(query)
            .header(CONTENT_TYPE, sent)
            .header(ACCEPT, wanted)
            .timeout(POUR_MAX)
            .body(reqwest::Body::wrap_stream(pieces));
        let response = self.sent(request).await?;
        let kind = response.headers().get(CONTENT_TYPE);
        let is_report = kind.is_some_and(|kind| kind.as_bytes().starts_with(wanted.as_bytes()));
        match response.status().is_success() || is_report {
            true => Ok(response),
            false => Err(self.refused(response).await),
        }
    }
}
