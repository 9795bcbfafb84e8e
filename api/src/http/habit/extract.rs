//! What handlers take out of a request: path, parameters, JSON. What does not fit is refused with its
//! place; of unknown fields, every one is named at once.

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use windlass_workflows::configuration::Format;
use windlass_workflows::problem::Problem;

use super::problem::Refusal;

/// Faults of one body that are looked for.
const FAULTS_MAX: usize = 50;
/// Before what axum says about a body that is JSON and does not fit.
const DATA_PREFIX: &str = "Failed to deserialize the JSON body into the target type: ";
/// Before what axum says about parameters.
const QUERY_PREFIX: &str = "Failed to deserialize query string: ";

/// Parts of the path.
#[derive(Debug)]
pub struct At<T>(pub T);

impl<T, S> FromRequestParts<S> for At<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            let message = text
                .split_once(": ")
                .map_or(text.as_str(), |(_, rest)| rest);
            Refusal::malformed(Problem::new("path_malformed", "", message))
        })
    }
}

/// Parameters behind `?`.
#[derive(Debug)]
pub struct Params<T>(pub T);

impl<T, S> FromRequestParts<S> for Params<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let found = Query::<T>::try_from_uri(&parts.uri);
        found.map(|Query(value)| Self(value)).map_err(|rejection| {
            let text = rejection.body_text();
            let text = text.strip_prefix(QUERY_PREFIX).unwrap_or(&text);
            Refusal::malformed(parameter(text))
        })
    }
}

/// A body that must be JSON.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        if !is_json(request.headers()) {
            return Err(unsupported("application/json"));
        }
        let bytes = bytes(request, state).await?;
        json(&bytes).map(Self)
    }
}

/// No body at all is `None`; one that is there must fit.
impl<T, S> OptionalFromRequest<S> for Body<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Refusal> {
        let is_typed = request.headers().contains_key(header::CONTENT_TYPE);
        let is_json = is_json(request.headers());
        let bytes = bytes(request, state).await?;
        match (bytes.is_empty(), is_json || !is_typed) {
            (true, _) => Ok(None),
            (false, true) => json(&bytes).map(|value| Some(Self(value))),
            (false, false) => Err(unsupported("application/json")),
        }
    }
}

/// The whole body, within its limit.
pub async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Refusal> {
    let read = Bytes::from_request(request, state).await;
    read.map_err(|rejection: BytesRejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = "the body is larger than this path takes";
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
        }
        _ => Refusal::malformed(Problem::new(
            "body_malformed",
            "",
            "the body ended too early",
        )),
    })
}

/// The media type of a body, lower case, without its parameters.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// Whether a body says that it is YAML or JSON.
pub fn is_document(headers: &HeaderMap) -> bool {
    is_yaml(headers) || is_json(headers)
}

/// Whether a body says that it is YAML, under any of its names.
pub fn is_yaml(headers: &HeaderMap) -> bool {
    let names = [
        "application/yaml",
        "application/x-yaml",
        "text/yaml",
        "text/x-yaml",
    ];
    names.contains(&media_type(headers).as_str())
}

/// A body that must be text.
pub fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("the body is not UTF-8 behind byte {}", error.valid_up_to());
        Refusal::malformed(Problem::new("not_utf8", "", message).hint("save it as UTF-8"))
    })
}

/// A body in a form that this path does not take.
pub fn unsupported(expected: &str) -> Refusal {
    let detail = format!("this path takes {expected}");
    Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media_type_unsupported",
        detail,
    )
    .hint("set the header `Content-Type`")
}

/// In which form the rows of a body come.
pub fn rows(headers: &HeaderMap) -> Result<Format, Refusal> {
    match media_type(headers).as_str() {
        "text/csv" => Ok(Format::Csv),
        "application/x-ndjson" | "application/ndjson" => Ok(Format::Ndjson),
        "application/json" => Ok(Format::Json),
        "application/vnd.apache.parquet" => Ok(Format::Parquet),
        _ => Err(unsupported(
            "text/csv, application/x-ndjson, application/json or application/vnd.apache.parquet",
        )),
    }
}

/// Reads JSON; of unknown fields every one is reported.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    // Where in the body a fault is costs a third more to know, and most bodies have none.
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Ok(value);
    }
    let problem = match read(bytes) {
        Ok(value) => return Ok(value),
        Err(Fault::Syntax(problem)) => return Err(Refusal::malformed(*problem)),
        Err(Fault::Data(problem)) => *problem,
    };
    Err(Refusal::invalid(all_faults::<T>(bytes, problem)))
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = media_type(headers);
    media_type == "application/json" || media_type.ends_with("+json")
}

enum Fault {
    Syntax(Box<Problem>),
    Data(Box<Problem>),
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Fault> {
    match axum::Json::<T>::from_bytes(bytes) {
        Ok(axum::Json(value)) => Ok(value),
        Err(JsonRejection::JsonDataError(error)) => {
            Err(Fault::Data(Box::new(field(&error.body_text()))))
        }
        Err(rejection) => Err(Fault::Syntax(Box::new(syntax(&rejection.body_text())))),
    }
}

/// Takes unknown fields away one by one until nothing is wrong or something else is.
fn all_faults<T: DeserializeOwned>(bytes: &[u8], first: Problem) -> Vec<Problem> {
    let mut problems = vec![first];
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return problems;
    };
    while problems.len() < FAULTS_MAX {
        let last = problems.last().expect("it begins with one");
        if last.code != "unknown_field" || !forget(&mut value, &last.pointer) {
            break;
        }
        let text = value.to_string();
        let Err(Fault::Data(problem)) = read::<T>(text.as_bytes()) else {
            break;
        };
        problems.push(Problem {
            line: None,
            column: None,
            ..*problem
        });
    }
    problems
}

fn forget(value: &mut serde_json::Value, pointer: &str) -> bool {
    let Some((parent, key)) = pointer.rsplit_once('/') else {
        return false;
    };
    let parent = value
        .pointer_mut(parent)
        .and_then(serde_json::Value::as_object_mut);
    parent.is_some_and(|parent| parent.remove(key).is_some())
}

/// `files[0].nam: unknown field `nam`, expected `name` or `text` at line 1 column 17`.
fn field(text: &str) -> Problem {
    let text = text.strip_prefix(DATA_PREFIX).unwrap_or(text);
    let (text, place) = placed(text);
    let (path, message) = text.split_once(": ").unwrap_or(("", text));
    let (path, message) = if path.contains(' ') {
        ("", text)
    } else {
        (path, message)
    };
    at(said(message, &pointer(path)), place)
}

fn syntax(text: &str) -> Problem {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    let (message, place) = placed(text);
    at(
        Problem::new(
            "json_malformed",
            "",
            format!("the body is no JSON: {message}"),
        ),
        place,
    )
}

fn parameter(text: &str) -> Problem {
    let (name, message) = match text.split_once(": ") {
        Some((name, message)) if !name.contains(' ') => (name, message),
        _ => (text.split('`').nth(1).unwrap_or_default(), text),
    };
    said(message, &format!("/{name}"))
}

/// One fault in serde's words, as a problem with advice.
fn said(message: &str, pointer: &str) -> Problem {
    let (message, expected) = match message.split_once(", expected ") {
        Some((message, expected)) => (message, Some(expected)),
        None => (message, None),
    };
    let code = match message {
        message if message.starts_with("unknown field") => "unknown_field",
        message if message.starts_with("missing field") => "missing_field",
        _ => "wrong_value",
    };
    let problem = Problem::new(code, pointer, message);
    match expected {
        Some(expected) => problem.hint(format!("expected {expected}")),
        None => problem,
    }
}

fn at(problem: Problem, place: Option<(u32, u32)>) -> Problem {
    match place {
        Some((line, column)) => problem.at(line, column),
        None => problem,
    }
}

/// Cuts off ` at line 1 column 17`.
fn placed(text: &str) -> (&str, Option<(u32, u32)>) {
    let place = || {
        let (message, place) = text.rsplit_once(" at line ")?;
        let (line, column) = place.split_once(" column ")?;
        Some((message, (line.parse().ok()?, column.parse().ok()?)))
    };
    place().map_or((text, None), |(message, place)| (message, Some(place)))
}

/// `files[0].nam` → `/files/0/nam`.
fn pointer(path: &str) -> String {
    let path = path.trim_start_matches('.');
    let parts = path.split(['.', '[']).filter(|part| !part.is_empty());
    parts
        .map(|part| format!("/{}", part.trim_end_matches(']')))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code)]
        items: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code)]
        name: String,
    }

    #[test]
    fn every_unknown_field_is_named_with_its_pointer() {
        let text = br#"{"items":[{"name":"a","nam":1},{"name":"b","x":2}],"itens":3}"#;

        let refusal = json::<Outer>(text).unwrap_err();

        let pointers: Vec<&str> = refusal
            .problems
            .iter()
            .map(|one| one.pointer.as_str())
            .collect();
        assert_eq!(pointers, ["/items/0/nam", "/items/1/x", "/itens"]);
        assert!(
            refusal
                .problems
                .iter()
                .all(|one| one.code == "unknown_field")
        );
        assert!(refusal.problems[0].line.is_some() && refusal.problems[0].hint.is_some());
        assert_eq!(refusal.status, StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn a_wrong_type_names_its_place() {
        let refusal = json::<Outer>(br#"{"items":[{"name":1}]}"#).unwrap_err();

        assert_eq!(refusal.problems[0].pointer, "/items/0/name");
        assert_eq!(refusal.problems[0].code, "wrong_value");
    }

    #[test]
    fn broken_json_is_malformed_and_has_a_line() {
        let refusal = json::<Outer>(b"{\"items\":\n[}").unwrap_err();

        assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
        assert_eq!(refusal.problems[0].line, Some(2));
    }
}
