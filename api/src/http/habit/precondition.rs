//! `If-Match` and `If-None-Match` of what is about to be written: tags are versions (RFC 9110, 13.1).

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use windlass_engine::store::Expected;

/// The entity tag of a version.
pub fn tag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits in quotes")
}

/// How a caller believes that a thing stands. A tag that is none of ours, or a weak one, matches nothing.
pub fn expected(headers: &HeaderMap) -> Expected {
    if let Some(tags) = tags(headers, &header::IF_MATCH) {
        return match tags.contains(&"*") {
            true => Expected::Exists,
            false => Expected::OneOf(tags.into_iter().filter_map(version).collect()),
        };
    }
    let nothing = tags(headers, &header::IF_NONE_MATCH);
    match nothing.is_some_and(|tags| tags.contains(&"*")) {
        true => Expected::Absent,
        false => Expected::Anything,
    }
}

fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<Vec<&'h str>> {
    let values = headers.get_all(name).iter();
    let texts: Vec<&str> = values.map(|value| value.to_str().unwrap_or("")).collect();
    let split = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
    (!texts.is_empty()).then(|| split.collect())
}

fn version(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: HeaderName, value: &'static str) -> Expected {
        let headers = [(name, HeaderValue::from_static(value))];
        expected(&headers.into_iter().collect())
    }

    #[test]
    fn tags_are_versions_and_a_star_is_any_of_them() {
        let some = of(header::IF_MATCH, r#""3", "x", W/"4", "5""#);

        assert_eq!(some, Expected::OneOf(vec![3, 5]));
        assert_eq!(of(header::IF_MATCH, "*"), Expected::Exists);
        assert_eq!(of(header::IF_MATCH, "3"), Expected::OneOf(vec![]));
        assert_eq!(of(header::IF_NONE_MATCH, "*"), Expected::Absent);
        assert_eq!(expected(&HeaderMap::new()), Expected::Anything);
    }
}
