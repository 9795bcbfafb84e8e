//! What the body of an operation is sent as: JSON, a form, or text.
//!
//! Of several media the first that can be sent is taken, JSON before forms before text. A body that can
//! only be sent otherwise is noted, like a parameter that cannot be sent.

use super::Complaint;
use super::declared::styled;
use super::document::{Document, Found, cut};
use super::operation::{Body, Lack, Media, Parameter, Place};
use crate::value::Value;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The key of `parameters` that is the body where the document gives it no name.
pub(super) const BODY: &str = "body";

impl Document {
    /// Swagger 2.0: the parameter `in: body`, by its name, or all that are `in: formData`.
    pub(super) fn body_of_two(
        &self,
        found: &Found<'_>,
        declared: Option<&Value>,
        parameters: &[Parameter],
        lacks: &mut Vec<Lack>,
    ) -> Option<Body> {
        let consumes = self.texts(found, "consumes");
        let consumes = || consumes.iter().copied();
        if let Some(declared) = declared {
            let name = declared.get("name").and_then(Value::as_str).unwrap_or(BODY);
            let is_required = declared.get("required").and_then(Value::as_bool);
            let is_required = is_required.unwrap_or(false);
            return match media(consumes(), Media::Json(JSON.to_owned())) {
                Ok(media) => Some(Body {
                    name: name.to_owned(),
                    media,
                    is_required,
                }),
                Err(why) => {
                    lacks.push(lack(name, is_required, why));
                    None
                }
            };
        }
        let fields = parameters.iter().filter(|one| one.place == Place::Form);
        let is_form = consumes().next().is_none() || consumes().any(|media| named(media) == FORM);
        if !is_form {
            for field in fields {
                let why = "its form is not sent as application/x-www-form-urlencoded".to_owned();
                lacks.push(lack(&field.name, field.is_required, why));
            }
        }
        None
    }

    /// OpenAPI 3: `requestBody`, given under the key `body`.
    pub(super) fn body_of_three(
        &self,
        found: &Found<'_>,
        lacks: &mut Vec<Lack>,
    ) -> Result<Option<Body>, Complaint> {
        let Some(declared) = found.operation.get("requestBody") else {
            return Ok(None);
        };
        let declared = self.resolved(declared)?;
        let is_required = declared.get("required").and_then(Value::as_bool);
        let is_required = is_required.unwrap_or(false);
        let content = declared.get("content").and_then(Value::as_map);
        let kinds = content.into_iter().flat_map(|content| content.keys());
        let media = media(kinds.map(AsRef::as_ref), Media::Json(JSON.to_owned()));
        let media = media.and_then(|media| match media {
            Media::Form(_) => {
                let form = content.and_then(|content| {
                    let mut entries = content.iter();
                    entries.find(|(kind, _)| named(kind) == FORM)
                });
                fields(form.and_then(|(_, form)| form.get("encoding"))).map(Media::Form)
            }
            media => Ok(media),
        });
        Ok(match media {
            Ok(media) => Some(Body {
                name: BODY.to_owned(),
                media,
                is_required,
            }),
            Err(why) => {
                lacks.push(lack(BODY, is_required, why));
                None
            }
        })
    }
}

fn lack(name: &str, is_required: bool, why: String) -> Lack {
    let name = name.to_owned();
    Lack {
        name,
        is_required,
        why,
    }
}

/// The first of these kinds that can be sent; `unsaid` where none is named.
fn media<'a>(kinds: impl Iterator<Item = &'a str>, unsaid: Media) -> Result<Media, String> {
    let kinds: Vec<&str> = kinds.collect();
    let find = |fits: fn(&str) -> bool| kinds.iter().find(|kind| fits(kind));
    if let Some(kind) = find(|kind| named(kind) == JSON).or_else(|| find(is_json)) {
        return Ok(Media::Json(concrete(kind)));
    }
    if find(|kind| named(kind) == FORM).is_some() {
        return Ok(Media::Form(Vec::new()));
    }
    if let Some(kind) = find(|kind| named(kind).starts_with("text/")) {
        let kind = if named(kind) == "text/*" {
            "text/plain"
        } else {
            kind
        };
        return Ok(Media::Text((*kind).to_owned()));
    }
    match kinds.first() {
        None => Ok(unsaid),
        Some(kind) => Err(format!("a body of `{}` is not sent", cut(kind))),
    }
}

/// How the fields of a form are written that its `encoding` names.
fn fields(encoding: Option<&Value>) -> Result<Vec<Parameter>, String> {
    let entries = encoding.and_then(Value::as_map);
    let entries = entries.into_iter().flat_map(|map| map.iter());
    let fields = entries.map(|(name, declared)| {
        let (style, explode) = styled(declared, Place::Form)?;
        Ok(Parameter {
            style,
            explode,
            ..Parameter::plain(name, Place::Form)
        })
    });
    fields.collect()
}

/// The kind alone, without parameters, in lower case.
fn named(media: &str) -> String {
    let kind = media.split(';').next().unwrap_or(media);
    kind.trim().to_ascii_lowercase()
}

/// Whether it is JSON, or may be.
pub(super) fn is_json(media: &str) -> bool {
    let kind = named(media);
    [JSON, "text/json", "*/*", "application/*"].contains(&kind.as_str()) || kind.ends_with("+json")
}

/// A kind that can be sent: no pattern, nothing that ends a header line.
pub(super) fn concrete(media: &str) -> String {
    let fits = |c: char| c.is_ascii_graphic() || c == ' ';
    match media.contains('*') || !media.chars().all(fits) {
        true => JSON.to_owned(),
        false => media.to_owned(),
    }
}
