//! Pages: `?limit=100&cursor=…`, `{items, next_cursor}` and `Link: …; rel="next"`.
//!
//! A cursor is the key of the last item in base64, opaque to callers; pages are stable under inserts.

use axum::Json;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use windlass_engine::store::{PAGE_MAX, Page};
use windlass_workflows::problem::Problem;

use super::problem::Refusal;

/// Items of a page unless the caller says.
const LIMIT_DEFAULT: u32 = 100;

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Items, 1 to 1,000; 100 unless given.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

impl PageQuery {
    /// The number of items asked for.
    pub fn limit(&self) -> Result<u32, Refusal> {
        limit(self.limit)
    }

    /// The key after which the page begins.
    pub fn after<C: DeserializeOwned>(&self) -> Result<Option<C>, Refusal> {
        after(self.cursor.as_deref())
    }
}

/// A bounded number of items.
pub fn limit(asked: Option<u32>) -> Result<u32, Refusal> {
    match asked.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=PAGE_MAX => Ok(limit),
        other => {
            let message = format!("a page has 1 to {PAGE_MAX} items, not {other}");
            let hint = "follow `next_cursor` for more";
            Err(Refusal::malformed(
                Problem::new("limit_out_of_range", "/limit", message).hint(hint),
            ))
        }
    }
}

/// The key in a cursor.
pub fn after<C: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<C>, Refusal> {
    let Some(cursor) = cursor else {
        return Ok(None);
    };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    key.map(Some).ok_or_else(|| {
        let message = "this cursor does not come from this list";
        let hint = "use `next_cursor` of the page before, or none for the first page";
        Refusal::malformed(Problem::new("cursor_malformed", "/cursor", message).hint(hint))
    })
}

/// A page, as JSON shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageReply<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Where the next page begins; null on the last.
    pub next_cursor: Option<String>,
}

/// Answers with a page and the address of the next.
pub fn reply<T: Serialize, U, C: Serialize>(
    uri: &Uri,
    page: Page<U, C>,
    show: impl FnMut(U) -> T,
) -> Response {
    let cursor = page.next.map(|key| {
        let key = serde_json::to_vec(&key).expect("keys are numbers, texts and times");
        URL_SAFE_NO_PAD.encode(key)
    });
    let link = cursor.as_deref().and_then(|cursor| link(uri, cursor));
    let items = page.items.into_iter().map(show).collect();
    let mut response = Json(PageReply {
        items,
        next_cursor: cursor,
    })
    .into_response();
    if let Some(link) = link {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}

/// The same address with another cursor.
fn link(uri: &Uri, cursor: &str) -> Option<HeaderValue> {
    let others = uri.query().unwrap_or_default().split('&');
    let others = others.filter(|pair| !pair.is_empty() && !pair.starts_with("cursor="));
    let query: Vec<&str> = others.collect();
    let separator = if query.is_empty() { "" } else { "&" };
    let query = query.join("&");
    let text = format!(
        "<{}?{query}{separator}cursor={cursor}>; rel=\"next\"",
        uri.path()
    );
    HeaderValue::from_str(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_keeps_the_filters_and_replaces_the_cursor() {
        let uri: Uri = "/v1/jobs?state=failed&cursor=old&limit=5".parse().unwrap();

        let link = link(&uri, "new").unwrap();

        assert_eq!(
            link,
            "</v1/jobs?state=failed&limit=5&cursor=new>; rel=\"next\""
        );
    }

    #[test]
    fn a_page_is_bounded_on_both_sides() {
        assert_eq!(limit(None).unwrap(), 100);
        assert_eq!(limit(Some(1_000)).unwrap(), 1_000);
        assert!(limit(Some(0)).is_err());
        assert!(limit(Some(1_001)).is_err());
    }

    #[test]
    fn foreign_cursors_are_refused() {
        assert!(after::<i64>(Some("???")).is_err());
        assert!(after::<i64>(Some(&URL_SAFE_NO_PAD.encode("\"name\""))).is_err());
        assert_eq!(
            after::<i64>(Some(&URL_SAFE_NO_PAD.encode("17"))).unwrap(),
            Some(17)
        );
    }
}
