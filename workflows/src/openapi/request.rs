//! Values in their places: from the pinned operation and what a job gives to one request.
//!
//! Values may come from anybody's data, so none of them can leave its place: what has a meaning in a URL
//! or a cookie is encoded, an empty part of a path and one that leads upwards are refused, and a
//! variable of the address is plain.

use super::operation::{Body, Media, Operation, Parameter, Place, Variable};
use super::style::{self, Encoding, Style};
use crate::value::Value;

const FORM: &str = "application/x-www-form-urlencoded";

/// A request without what the template says beside the operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// Upper case.
    pub method: String,
    /// With its query.
    pub url: String,
    /// In declared order.
    pub headers: Vec<(String, String)>,
    /// Text is sent as it is, everything else as JSON.
    pub body: Option<Value>,
}

impl Operation {
    /// The request with these values; null leaves a parameter out.
    ///
    /// # Errors
    /// In words, when a required value is missing or one cannot be written in its place.
    pub fn request(&self, values: &Value) -> Result<Parts, String> {
        let mut url = address(&self.server, &self.variables, values)?;
        url.push_str(&self.filled_path(values)?);
        let query = self.pairs(Place::Query, values)?;
        if !query.is_empty() {
            url.push(if self.path.contains('?') { '&' } else { '?' });
            url.push_str(&query.join("&"));
        }
        let mut headers = self.headers(values)?;
        let body = match self.body(values)? {
            Some((media, body)) => {
                // Swagger may declare it as a parameter, which then says it.
                let is_said = |line: &(String, String)| line.0.eq_ignore_ascii_case("content-type");
                if !headers.iter().any(is_said) {
                    headers.push(("Content-Type".to_owned(), media));
                }
                Some(body)
            }
            None => None,
        };
        Ok(Parts {
            method: self.method.clone(),
            url,
            headers,
            body,
        })
    }

    fn filled_path(&self, values: &Value) -> Result<String, String> {
        let mut filled = String::with_capacity(self.path.len());
        let mut rest = self.path.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, after)) = after.split_once('}') else {
                break;
            };
            filled.push_str(before);
            let declared = |one: &&Parameter| one.place == Place::Path && one.name == name;
            if let Some(parameter) = self.parameters.iter().find(declared) {
                filled.push_str(&in_path(parameter, values)?);
            }
            rest = after;
        }
        filled.push_str(rest);
        let path = filled.split('?').next().unwrap_or(&filled);
        match path.split('/').any(|part| part == "." || part == "..") {
            true => Err("a part of the path leads upwards".to_owned()),
            false => Ok(filled),
        }
    }

    /// `name=value` for each parameter of a place, encoded.
    fn pairs(&self, place: Place, values: &Value) -> Result<Vec<String>, String> {
        let mut pairs = Vec::new();
        for parameter in self.parameters.iter().filter(|one| one.place == place) {
            if let Some(value) = given(parameter, values)? {
                pairs.extend(style::pairs(parameter, value)?);
            }
        }
        Ok(pairs)
    }

    fn headers(&self, values: &Value) -> Result<Vec<(String, String)>, String> {
        let mut headers = Vec::new();
        headers.extend(
            self.accept
                .iter()
                .map(|media| ("Accept".to_owned(), media.clone())),
        );
        let lines = self.parameters.iter();
        for parameter in lines.filter(|one| one.place == Place::Header) {
            if let Some(value) = given(parameter, values)? {
                let text = style::joined(parameter, value, Encoding::Plain)?;
                headers.push((parameter.name.clone(), text));
            }
        }
        let cookies = self.pairs(Place::Cookie, values)?;
        if !cookies.is_empty() {
            headers.push(("Cookie".to_owned(), cookies.join("; ")));
        }
        Ok(headers)
    }

    fn body(&self, values: &Value) -> Result<Option<(String, Value)>, String> {
        let Some(body) = &self.body else {
            let pairs = self.pairs(Place::Form, values)?;
            let form = || (FORM.to_owned(), Value::from(pairs.join("&")));
            return Ok((!pairs.is_empty()).then(form));
        };
        match values.get(&body.name).filter(|value| !value.is_null()) {
            Some(value) => written(body, value).map(Some),
            None if body.is_required => Err(missing(&body.name)),
            None => Ok(None),
        }
    }
}

fn written(body: &Body, value: &Value) -> Result<(String, Value), String> {
    match &body.media {
        // Text is sent as it is: text that is JSON must be written out.
        Media::Json(media) => Ok((
            media.clone(),
            match value {
                Value::Text(_) => Value::from(value.to_json()),
                value => value.clone(),
            },
        )),
        Media::Text(media) => match value.as_str() {
            Some(_) => Ok((media.clone(), value.clone())),
            None => Err(format!("`{}` is {}, not text", body.name, value.kind())),
        },
        Media::Form(fields) => {
            let Some(map) = value.as_map() else {
                return Err(format!(
                    "`{}` is {}, not an object",
                    body.name,
                    value.kind()
                ));
            };
            let mut pairs = Vec::new();
            for (name, value) in map.iter().filter(|(_, value)| !value.is_null()) {
                let known = fields.iter().find(|field| field.name == **name).cloned();
                let usual = || Parameter {
                    // An object in a form is JSON unless the document says otherwise.
                    style: match value {
                        Value::Map(_) => Style::Json,
                        _ => Style::Form,
                    },
                    ..Parameter::plain(name, Place::Form)
                };
                pairs.extend(style::pairs(&known.unwrap_or_else(usual), value)?);
            }
            Ok((FORM.to_owned(), Value::from(pairs.join("&"))))
        }
    }
}

/// The value of a parameter.
fn given<'v>(parameter: &Parameter, values: &'v Value) -> Result<Option<&'v Value>, String> {
    let value = values.get(&parameter.name).filter(|value| !value.is_null());
    match value.is_none() && parameter.is_required {
        true => Err(missing(&parameter.name)),
        false => Ok(value),
    }
}

fn missing(name: &str) -> String {
    format!("the required parameter `{name}` is missing")
}

/// An empty part would ask for something else: for the whole list instead of one of it.
fn in_path(parameter: &Parameter, values: &Value) -> Result<String, String> {
    let name = &parameter.name;
    let value = given(parameter, values)?.ok_or_else(|| missing(name))?;
    let text = style::joined(parameter, value, Encoding::Part)?;
    match text.is_empty() {
        true => Err(format!("`{name}` is empty, and is part of the path")),
        false => Ok(text),
    }
}

/// The address with its variables filled in.
pub(super) fn address(
    server: &str,
    variables: &[Variable],
    values: &Value,
) -> Result<String, String> {
    let mut filled = String::with_capacity(server.len());
    let mut rest = server;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err(format!("`{server}` opens a `{{` and does not close it"));
        };
        let variable = variables.iter().find(|one| one.name == name);
        let variable =
            variable.ok_or_else(|| format!("variable `{name}` of the address is not declared"))?;
        filled.push_str(before);
        filled.push_str(&chosen(variable, values)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn chosen(variable: &Variable, values: &Value) -> Result<String, String> {
    let name = &variable.name;
    let Some(value) = values.get(name).filter(|value| !value.is_null()) else {
        return Ok(variable.default.clone());
    };
    let text = style::atom(name, value)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    let is_allowed = match variable.allowed.is_empty() {
        true => !text.is_empty() && text.chars().all(is_plain),
        false => variable.allowed.contains(&text),
    };
    match is_allowed {
        true => Ok(text),
        false => Err(format!(
            "the variable `{name}` of the address cannot have this value"
        )),
    }
}
