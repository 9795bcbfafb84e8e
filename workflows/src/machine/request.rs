//! HTTP requests as values: built from a task, kept in the state, read back.

use super::command::{Authentication, HttpRequest};
use super::fault::Fault;
use crate::document::step::HttpOutput;
use crate::program::node::Form;
use crate::value::Value;

/// The words of `output`.
const OUTPUTS: [(HttpOutput, &str); 3] = [
    (HttpOutput::Content, "content"),
    (HttpOutput::Raw, "raw"),
    (HttpOutput::Response, "response"),
];

/// The address: literal text is a template whose `{name}` are top-level keys of the input.
pub(super) fn url(form: &Form, value: &Value, input: &Value) -> Result<String, Fault> {
    let value = value.get("uri").unwrap_or(value);
    let text = value.as_str().ok_or_else(|| {
        Fault::standard(
            "configuration",
            400,
            format!("the endpoint is {}, not text", value.kind()),
        )
    })?;
    let is_literal = match form {
        Form::Constant(_) => true,
        Form::Map(members) => members
            .iter()
            .any(|(key, form)| &**key == "uri" && matches!(form, Form::Constant(_))),
        Form::Same | Form::Site(_) | Form::List(_) => false,
    };
    if is_literal {
        expanded(text, input)
    } else {
        Ok(text.to_owned())
    }
}

/// Missing keys become empty; objects and lists are a mistake.
fn expanded(template: &str, input: &Value) -> Result<String, Fault> {
    let mut url = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let Some(length) = rest[open..].find('}') else {
            break;
        };
        let name = &rest[open + 1..open + length];
        url.push_str(&rest[..open]);
        match input.get(name) {
            None | Some(Value::Null) => {}
            Some(Value::List(_) | Value::Map(_)) => {
                return Err(Fault::standard(
                    "validation",
                    400,
                    format!("`{{{name}}}` of the endpoint is neither text nor number"),
                ));
            }
            Some(value) => push_encoded(&mut url, &plain(value)),
        }
        rest = &rest[open + length + 1..];
    }
    url.push_str(rest);
    Ok(url)
}

/// Everything but the unreserved characters of RFC 3986, section 2.3.
fn push_encoded(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Headers or query parameters: a map of plain values; null leaves one out.
pub(super) fn texts(noun: &str, value: Option<Value>) -> Result<Vec<(String, String)>, Fault> {
    let Some(value) = value else {
        return Ok(Vec::new());
    };
    let Some(map) = value.as_map() else {
        return Err(Fault::standard(
            "configuration",
            400,
            format!("the {noun}s are {}, not an object", value.kind()),
        ));
    };
    let members = map.iter().filter(|(_, value)| !value.is_null());
    Ok(members
        .map(|(key, value)| (key.to_string(), plain(value)))
        .collect())
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_json(), ToOwned::to_owned)
}

/// As the state keeps it.
pub(super) fn to_value(request: &HttpRequest) -> Value {
    let pairs = |pairs: &[(String, String)]| {
        Value::list(pairs.iter().map(|(key, value)| {
            Value::list([Value::text(key.as_str()), Value::text(value.as_str())])
        }))
    };
    let output = OUTPUTS
        .iter()
        .find(|(output, _)| *output == request.output)
        .map_or("content", |(_, word)| word);
    let mut members = vec![
        ("method", Value::text(request.method.as_str())),
        ("url", Value::text(request.url.as_str())),
        ("headers", pairs(&request.headers)),
        ("query", pairs(&request.query)),
        ("output", Value::text(output)),
        ("redirect", Value::from(request.redirect)),
    ];
    members.extend(request.body.clone().map(|body| ("body", body)));
    members.extend(request.authentication.as_ref().map(|policy| {
        let secret = policy.secret.as_deref().map_or(Value::Null, Value::text);
        let policy = Value::map([
            ("scheme", Value::text(policy.scheme.as_str())),
            ("parameters", policy.parameters.clone()),
            ("secret", secret),
        ]);
        ("authentication", policy)
    }));
    Value::map(members)
}

/// As `to_value` wrote it.
pub(super) fn from_value(value: &Value) -> HttpRequest {
    let text = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let pairs = |key: &str| {
        let list = value.get(key).and_then(Value::as_list).unwrap_or_default();
        let part = |pair: &Value, place: usize| {
            pair.at(place)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        list.iter()
            .map(|pair| (part(pair, 0), part(pair, 1)))
            .collect()
    };
    let word = text("output");
    HttpRequest {
        method: text("method"),
        url: text("url"),
        headers: pairs("headers"),
        query: pairs("query"),
        body: value.get("body").cloned(),
        output: OUTPUTS
            .iter()
            .find(|(_, known)| *known == word)
            .map(|(output, _)| *output)
            .unwrap_or_default(),
        redirect: value
            .get("redirect")
            .and_then(Value::as_bool)
            .unwrap_or_default(),
        authentication: value
            .get("authentication")
            .map(|policy| Box::new(authentication_of(policy))),
    }
}

fn authentication_of(value: &Value) -> Authentication {
    let text = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    Authentication {
        scheme: text("scheme").unwrap_or_default(),
        parameters: value.get("parameters").cloned().unwrap_or(Value::Null),
        secret: text("secret"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_encoded() {
        let input = Value::parse(r#"{"id":"a b/ö","n":7,"none":null}"#).expect("JSON");

        let url = expanded("http://x/{id}/{n}/{none}/{missing}?q={n}", &input).expect("a URL");

        assert_eq!(url, "http://x/a%20b%2F%C3%B6/7//?q=7");
        let object = Value::parse(r#"{"id":{}}"#).expect("JSON");
        assert!(expanded("http://x/{id}", &object).is_err());
    }

    #[test]
    fn a_request_survives_its_state() {
        let request = HttpRequest {
            method: "POST".into(),
            url: "http://x/".into(),
            headers: vec![("a".into(), "1".into()), ("a".into(), "2".into())],
            query: vec![("q".into(), "ü".into())],
            body: Some(Value::Null),
            output: HttpOutput::Response,
            redirect: true,
            authentication: Some(Box::new(Authentication {
                scheme: "bearer".into(),
                parameters: Value::Null,
                secret: Some("key".into()),
            })),
        };

        let again = from_value(&to_value(&request));

        assert_eq!(format!("{again:?}"), format!("{request:?}"));
    }
}
