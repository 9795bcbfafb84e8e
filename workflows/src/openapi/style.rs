//! How a value is written in its place: styles of OpenAPI 3, collection formats of Swagger 2.0.
//!
//! Delimiters stand as they are, what they part is encoded: so a comma in a value is never taken for one
//! between values. Markers of secrets are left whole for whoever sends the request; those have no
//! character that could leave their place.

use serde::{Deserialize, Serialize};

use super::operation::Parameter;
use crate::machine::secret;
use crate::value::Value;

/// How lists and objects are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// `a,b`
    Simple,
    /// `.a.b`
    Label,
    /// `;name=a;name=b`
    Matrix,
    /// `name=a&name=b`, or `name=a,b`
    Form,
    /// `name=a b`
    Space,
    /// With tabs between.
    Tab,
    /// `name=a|b`
    Pipe,
    /// `name[key]=a`
    Deep,
    /// JSON text.
    Json,
}

/// Which characters stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// All: header lines.
    Plain,
    /// The unreserved ones of RFC 3986, section 2.3.
    Part,
    /// Reserved ones too, unless they would end the value.
    Reserved,
}

impl Style {
    const fn delimiter(self) -> char {
        match self {
            Self::Space => ' ',
            Self::Tab => '\t',
            Self::Pipe => '|',
            _ => ',',
        }
    }
}

/// One value, or a list or object with delimiters between: parts of a path, header lines.
pub(super) fn joined(
    parameter: &Parameter,
    value: &Value,
    encoding: Encoding,
) -> Result<String, String> {
    let Parameter { name, explode, .. } = parameter;
    if parameter.style == Style::Json {
        return Ok(encoded(&value.to_json(), encoding));
    }
    let written = match value {
        Value::List(_) => parts(name, value, encoding)?,
        Value::Map(_) => members(name, value, encoding)?
            .into_iter()
            .map(|(key, value)| match explode {
                true => format!("{key}={value}"),
                false => format!("{key},{value}"),
            })
            .collect(),
        value => vec![encoded(&atom(name, value)?, encoding)],
    };
    let is_exploded_list = *explode && matches!(value, Value::List(_));
    Ok(match parameter.style {
        Style::Label if *explode => format!(".{}", written.join(".")),
        Style::Label => format!(".{}", written.join(",")),
        Style::Matrix if is_exploded_list => {
            let each = written.iter().map(|part| format!(";{name}={part}"));
            each.collect()
        }
        Style::Matrix if *explode && matches!(value, Value::Map(_)) => {
            format!(";{}", written.join(";"))
        }
        Style::Matrix => format!(";{name}={}", written.join(",")),
        style => written.join(&encoded(
            &style.delimiter().to_string(),
            delimiting(encoding),
        )),
    })
}

/// A delimiter that no URL takes is encoded, a comma is not.
const fn delimiting(encoding: Encoding) -> Encoding {
    match encoding {
        Encoding::Plain => Encoding::Plain,
        Encoding::Part | Encoding::Reserved => Encoding::Reserved,
    }
}

/// `name=value`, once or several times: queries, forms, cookies.
pub(super) fn pairs(parameter: &Parameter, value: &Value) -> Result<Vec<String>, String> {
    let encoding = match parameter.is_reserved_allowed {
        true => Encoding::Reserved,
        false => Encoding::Part,
    };
    let key = encoded(&parameter.name, Encoding::Part);
    let name = &parameter.name;
    let pair = |value: &str| format!("{key}={value}");
    if parameter.style == Style::Json {
        return Ok(vec![pair(&encoded(&value.to_json(), encoding))]);
    }
    match value {
        Value::List(_) => {
            let parts = parts(name, value, encoding)?;
            Ok(match (parts.is_empty(), parameter.explode) {
                (true, _) if parameter.is_required || parameter.is_empty_allowed => vec![pair("")],
                (true, _) => Vec::new(),
                (false, true) => parts.iter().map(|part| pair(part)).collect(),
                (false, false) => {
                    let delimiter = parameter.style.delimiter().to_string();
                    vec![pair(&parts.join(&encoded(&delimiter, Encoding::Reserved)))]
                }
            })
        }
        Value::Map(_) => {
            let members = members(name, value, encoding)?;
            Ok(match (parameter.style, parameter.explode) {
                (Style::Deep, _) => members
                    .iter()
                    .map(|(member, value)| format!("{key}%5B{member}%5D={value}"))
                    .collect(),
                (_, true) => members
                    .iter()
                    .map(|(member, value)| format!("{member}={value}"))
                    .collect(),
                (style, false) => {
                    let delimiter = style.delimiter().to_string();
                    let delimiter = encoded(&delimiter, Encoding::Reserved);
                    let flat = members.iter().flat_map(|(key, value)| [key, value]);
                    let flat: Vec<&str> = flat.map(String::as_str).collect();
                    match flat.is_empty() {
                        true => Vec::new(),
                        false => vec![pair(&flat.join(&delimiter))],
                    }
                }
            })
        }
        value => Ok(vec![pair(&encoded(&atom(name, value)?, encoding))]),
    }
}

/// The items that are not null, written and encoded.
fn parts(name: &str, value: &Value, encoding: Encoding) -> Result<Vec<String>, String> {
    let items = value.as_list().unwrap_or_default().iter();
    items
        .filter(|item| !item.is_null())
        .map(|item| Ok(encoded(&atom(name, item)?, encoding)))
        .collect()
}

/// The members that are not null, keys and values encoded.
fn members(name: &str, value: &Value, encoding: Encoding) -> Result<Vec<(String, String)>, String> {
    let members = value.as_map().into_iter().flat_map(|map| map.iter());
    let key_encoding = match encoding {
        Encoding::Plain => Encoding::Plain,
        _ => Encoding::Part,
    };
    members
        .filter(|(_, member)| !member.is_null())
        .map(|(key, member)| {
            let text = atom(name, member)?;
            Ok((encoded(key, key_encoding), encoded(&text, encoding)))
        })
        .collect()
}

/// Text as it is, numbers and booleans as JSON writes them.
pub(super) fn atom(name: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::Text(text) => Ok(text.to_string()),
        Value::Null => Ok(String::new()),
        Value::List(_) | Value::Map(_) => Err(format!("`{name}` holds no plain value")),
        value => Ok(value.to_json()),
    }
}

/// The text in its place.
pub(super) fn encoded(text: &str, encoding: Encoding) -> String {
    if encoding == Encoding::Plain {
        return text.to_owned();
    }
    let stays = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || b"-._~".contains(&byte)
            || (encoding == Encoding::Reserved && b":/?@!$'()*,;".contains(&byte))
    };
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(marker) = secret::marker_at(rest) {
            whole.push_str(marker);
            rest = &rest[marker.len()..];
            continue;
        }
        let end = rest
            .char_indices()
            .nth(1)
            .map_or(rest.len(), |(end, _)| end);
        for byte in rest[..end].bytes() {
            match stays(byte) {
                true => whole.push(char::from(byte)),
                false => whole.push_str(&format!("%{byte:02X}")),
            }
        }
        rest = &rest[end..];
    }
    whole
}
