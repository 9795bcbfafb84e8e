//! The frame of every page: its head, its headers, and how trouble looks.

use std::any::Any;

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use windlass_engine::Error;

use super::Dashboard;
use super::words::When;

/// Nothing runs, loads or frames that is not ours; no inline style or script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const SECURITY: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "private, no-cache"),
];

/// What stands around a page.
pub(super) struct Frame {
    pub title: String,
    /// Which entry of the navigation is this page's.
    pub tab: &'static str,
    pub development: bool,
    /// How far the development clock is ahead, where it was moved.
    pub ahead: Option<String>,
    /// When the page was read; none where the database is away.
    pub read: Option<When>,
    pub version: &'static str,
}

/// When a page is read: the database's own time, and the time that timers go by.
#[derive(Clone, Copy)]
pub(super) struct Now {
    pub real: DateTime<Utc>,
    pub clock: DateTime<Utc>,
}

impl Frame {
    fn bare(title: impl Into<String>, tab: &'static str) -> Self {
        Self {
            title: title.into(),
            tab,
            development: false,
            ahead: None,
            read: None,
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

impl Dashboard {
    /// The frame of a page that is being read now.
    pub(super) async fn frame(
        &self,
        title: impl Into<String>,
        tab: &'static str,
    ) -> Result<(Frame, Now), Trouble> {
        let clock = self.store.clock().await?;
        let real = clock.now - TimeDelta::seconds(clock.offset_seconds);
        let moved = clock.offset_seconds != 0;
        let frame = Frame {
            development: clock.mode == "development",
            ahead: moved.then(|| super::words::length(clock.offset_seconds as f64)),
            read: Some(When::new(real, real)),
            ..Frame::bare(title, tab)
        };
        let now = Now {
            real,
            clock: clock.now,
        };
        Ok((frame, now))
    }
}

/// A page as an answer.
pub(super) fn html(page: &impl Template) -> Result<Response, Trouble> {
    Ok(Html(page.render()?).into_response())
}

/// A page that cannot be shown, and what to do instead.
#[derive(Debug)]
pub(super) struct Trouble {
    status: StatusCode,
    title: &'static str,
    detail: String,
    command: &'static str,
}

impl Trouble {
    /// Nothing goes by this name: 404.
    pub fn missing(noun: &str, name: &str) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            title: "Not found",
            detail: format!("There is no {noun} “{name}” here. It may have been mistyped."),
            command: "windlass batch list",
        }
    }

    fn of(status: StatusCode) -> Self {
        let (title, detail) = match status {
            StatusCode::NOT_FOUND => ("Not found", "Nothing is served at this address."),
            StatusCode::METHOD_NOT_ALLOWED => (
                "Only for reading",
                "Pages are read; changes go through the API or the command line.",
            ),
            StatusCode::GATEWAY_TIMEOUT => (
                "Too slow",
                "The database did not answer in time. Load the page again.",
            ),
            StatusCode::SERVICE_UNAVAILABLE => (
                "The database is away",
                "It cannot be reached at the moment; no work is lost. Load the page again.",
            ),
            status if status.is_client_error() => (
                "Not understood",
                "This address cannot be read. Follow a link instead.",
            ),
            _ => ("This page failed", "The server's log says why."),
        };
        Self {
            status,
            title,
            detail: detail.to_owned(),
            command: "windlass batch list",
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound { noun, name } => Self::missing(noun, &name),
            Error::Conflict { .. } | Error::Invalid { .. } => Self::of(StatusCode::BAD_REQUEST),
            error if error.is_transient() => Self::of(StatusCode::SERVICE_UNAVAILABLE),
            error => {
                tracing::error!(code = error.code(), error = ?error, "a page failed");
                Self::of(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl From<askama::Error> for Trouble {
    fn from(error: askama::Error) -> Self {
        tracing::error!(error = %error, "a page could not be rendered");
        Self::of(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct Message {
    frame: Frame,
    status: u16,
    detail: String,
    command: &'static str,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let message = Message {
            frame: Frame::bare(self.title, ""),
            status: self.status.as_u16(),
            detail: self.detail,
            command: self.command,
        };
        match message.render() {
            Ok(text) => (self.status, Html(text)).into_response(),
            Err(_) => self.status.into_response(),
        }
    }
}

/// Puts the headers on, and a page where a layer answered with a bare status.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let bad = response.status().is_client_error() || response.status().is_server_error();
    if bad && !is(&response, "text/html") {
        response = Trouble::of(response.status()).into_response();
    }
    secured(response)
}

fn secured(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        let entry = headers.entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Gives browsers a page where nothing is served; programs keep the API's answer.
pub(super) async fn explain_missing(request: Request, next: Next) -> Response {
    let accept = request.headers().get(header::ACCEPT);
    let is_person = accept.is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    let is_page = request.method() == Method::GET && !request.uri().path().starts_with("/v1/");
    let response = next.run(request).await;
    let missing = response.status() == StatusCode::NOT_FOUND && !is(&response, "text/html");
    match is_person && is_page && missing {
        true => secured(Trouble::of(StatusCode::NOT_FOUND).into_response()),
        false => response,
    }
}

/// The answer to a page that panicked.
pub(super) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a page panicked");
    Trouble::of(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

fn is(response: &Response, media_type: &str) -> bool {
    let found = response.headers().get(header::CONTENT_TYPE);
    found.is_some_and(|found| found.as_bytes().starts_with(media_type.as_bytes()))
}
