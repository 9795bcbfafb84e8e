//! The parameters of an operation, as they are declared.
//!
//! What the path declares holds for each of its operations unless the operation says otherwise. A
//! parameter that cannot be sent is noted: it matters to a template only if it is given or required.

use super::Complaint;
use super::document::{Document, Flavour, Found, cut};
use super::operation::{Lack, Parameter, Place};
use super::style::Style;
use crate::value::Value;

/// Parameters of one operation; each may be looked up for each key of a template.
const PARAMETERS_MAX: usize = 256;

/// What OpenAPI 3 says of no header parameter: these are made of other parts of the description.
const NO_PARAMETERS: [&str; 3] = ["accept", "content-type", "authorization"];

/// What an operation declares: its parameters, the parameter that is the body (Swagger 2.0), and what
/// cannot be sent.
pub(super) type Declared<'a> = (Vec<Parameter>, Option<&'a Value>, Vec<Lack>);

impl Document {
    pub(super) fn parameters<'a>(&'a self, found: &Found<'a>) -> Result<Declared<'a>, Complaint> {
        let (mut parameters, mut body, mut lacks) = (Vec::new(), None, Vec::new());
        for declared in self.declarations(found)? {
            let (name, place) = identity(declared)?;
            let place = match (place, self.flavour) {
                ("body", Flavour::Two) => {
                    body = Some(declared);
                    continue;
                }
                ("formData", Flavour::Two) => Place::Form,
                ("path", _) => Place::Path,
                ("query", _) => Place::Query,
                ("header", Flavour::Three)
                    if NO_PARAMETERS.contains(&&*name.to_ascii_lowercase()) =>
                {
                    continue;
                }
                ("header", _) => Place::Header,
                ("cookie", Flavour::Three) => Place::Cookie,
                (other, _) => {
                    let message = format!("parameter `{}` is in `{}`", cut(name), cut(other));
                    return Err(Complaint::of_document(message));
                }
            };
            let read = match self.flavour {
                Flavour::Two => of_two(name, place, declared),
                Flavour::Three => of_three(name, place, declared),
            };
            match read {
                Ok(parameter) => parameters.push(parameter),
                Err(why) => lacks.push(Lack {
                    name: name.to_owned(),
                    is_required: is_true(declared, "required"),
                    why,
                }),
            }
        }
        self.keys(found, &mut parameters);
        Ok((parameters, body, lacks))
    }

    /// The operation's own over those of its path, by name and place.
    fn declarations<'a>(&'a self, found: &Found<'a>) -> Result<Vec<&'a Value>, Complaint> {
        let mut all: Vec<&Value> = Vec::new();
        for source in [found.item, found.operation] {
            let list = source.get("parameters").and_then(Value::as_list);
            for declared in list.unwrap_or_default() {
                let declared = self.resolved(declared)?;
                let own = identity(declared)?;
                all.retain(|known| identity(known) != Ok(own));
                all.push(declared);
                if all.len() > PARAMETERS_MAX {
                    let message = format!("an operation has at most {PARAMETERS_MAX} parameters");
                    return Err(Complaint::of_document(message));
                }
            }
        }
        Ok(all)
    }

    /// Keys of an API that its security names are parameters in all but name: one may be given.
    fn keys(&self, found: &Found<'_>, parameters: &mut Vec<Parameter>) {
        let schemes = match self.flavour {
            Flavour::Two => self.root.get("securityDefinitions"),
            Flavour::Three => self.root.pointer("/components/securitySchemes"),
        };
        let wanted = found.operation.get("security");
        let wanted = wanted.or_else(|| self.root.get("security"));
        let wanted = wanted.and_then(Value::as_list).unwrap_or_default().iter();
        let names = wanted.filter_map(Value::as_map).flat_map(|map| map.keys());
        for name in names.take(PARAMETERS_MAX) {
            let scheme = schemes.and_then(|schemes| schemes.get(name));
            let scheme = scheme.and_then(|scheme| self.resolved(scheme).ok());
            let text = |key: &str| scheme.and_then(|scheme| scheme.get(key)?.as_str());
            let (Some("apiKey"), Some(name), Some(place)) =
                (text("type"), text("name"), text("in"))
            else {
                continue;
            };
            let place = match place {
                "query" => Place::Query,
                "cookie" => Place::Cookie,
                _ => Place::Header,
            };
            if parameters.iter().all(|known| known.name != name) {
                parameters.push(Parameter::plain(name, place));
            }
        }
    }
}

fn identity(declared: &Value) -> Result<(&str, &str), Complaint> {
    let text = |key: &str| declared.get(key).and_then(Value::as_str);
    match (text("name"), text("in")) {
        (Some(name), Some(place)) if !name.is_empty() => Ok((name, place)),
        _ => Err(Complaint::of_document(
            "one of its parameters has no `name` or no `in`",
        )),
    }
}

fn is_true(declared: &Value, key: &str) -> bool {
    declared.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn of_two(name: &str, place: Place, declared: &Value) -> Result<Parameter, String> {
    let text = |key: &str| declared.get(key).and_then(Value::as_str);
    if text("type") == Some("file") {
        return Err("files are not sent".to_owned());
    }
    let is_pair = matches!(place, Place::Query | Place::Form);
    let (style, explode) = match text("collectionFormat") {
        None | Some("csv") if is_pair => (Style::Form, false),
        None | Some("csv") => (Style::Simple, false),
        Some("ssv") => (Style::Space, false),
        Some("tsv") => (Style::Tab, false),
        Some("pipes") => (Style::Pipe, false),
        Some("multi") if is_pair => (Style::Form, true),
        Some(other) => return Err(format!("collectionFormat `{}` is unknown", cut(other))),
    };
    Ok(Parameter {
        style,
        explode,
        is_required: is_true(declared, "required") || place == Place::Path,
        is_empty_allowed: is_true(declared, "allowEmptyValue"),
        ..Parameter::plain(name, place)
    })
}

fn of_three(name: &str, place: Place, declared: &Value) -> Result<Parameter, String> {
    let plain = Parameter {
        is_required: is_true(declared, "required") || place == Place::Path,
        is_empty_allowed: is_true(declared, "allowEmptyValue"),
        ..Parameter::plain(name, place)
    };
    if let Some(content) = declared.get("content").and_then(Value::as_map) {
        let is_json = content
            .keys()
            .next()
            .is_some_and(|media| super::body::is_json(media));
        return match is_json {
            true => Ok(Parameter {
                style: Style::Json,
                ..plain
            }),
            false => Err("its content is no JSON".to_owned()),
        };
    }
    let (style, explode) = styled(declared, place)?;
    Ok(Parameter {
        style,
        explode,
        is_reserved_allowed: place == Place::Query && is_true(declared, "allowReserved"),
        ..plain
    })
}

/// `style` and `explode`, with what holds where they are not said.
pub(super) fn styled(declared: &Value, place: Place) -> Result<(Style, bool), String> {
    let style = declared.get("style").and_then(Value::as_str);
    let is_pair = matches!(place, Place::Query | Place::Form);
    let style = match (style, place) {
        (None | Some("form"), Place::Query | Place::Form | Place::Cookie) => Style::Form,
        (None | Some("simple"), Place::Path | Place::Header) => Style::Simple,
        (Some("label"), Place::Path) => Style::Label,
        (Some("matrix"), Place::Path) => Style::Matrix,
        (Some("spaceDelimited"), _) if is_pair => Style::Space,
        (Some("pipeDelimited"), _) if is_pair => Style::Pipe,
        (Some("deepObject"), _) if is_pair => Style::Deep,
        (style, _) => {
            let style = cut(style.unwrap_or_default());
            return Err(format!("style `{style}` has no meaning in its place"));
        }
    };
    let explode = declared.get("explode").and_then(Value::as_bool);
    Ok((style, explode.unwrap_or(style == Style::Form)))
}
