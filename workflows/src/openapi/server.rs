//! Where an operation is: the address that its path is joined to.

use super::document::{Document, Flavour, Found, cut};
use super::operation::Variable;
use super::{Complaint, Subject};
use crate::value::Value;

/// Placeholders of one address.
const VARIABLES_MAX: usize = 16;

impl Document {
    /// The address, and the variables in it. Of several servers the first counts; those of the operation
    /// come before those of its path, and these before the document's.
    pub(super) fn server(&self, found: &Found<'_>) -> Result<(String, Vec<Variable>), Complaint> {
        let (server, variables) = match self.flavour {
            Flavour::Two => (self.address(found), Vec::new()),
            Flavour::Three => self.declared(found)?,
        };
        let filled = super::request::address(&server, &variables, &Value::Null)
            .map_err(|message| refused(&message))?;
        let server = match filled.split_once("://") {
            Some(_) => server,
            None => self.absolute(&server),
        };
        let filled = super::request::address(&server, &variables, &Value::Null);
        let filled = filled.map_err(|message| refused(&message))?;
        let host = filled
            .strip_prefix("https://")
            .or_else(|| filled.strip_prefix("http://"));
        let host = host.and_then(|rest| rest.split('/').next());
        let is_clean =
            !filled.contains(['?', '#', '\\', '@']) && !filled.contains(char::is_whitespace);
        match host.is_some_and(|host| !host.is_empty()) && is_clean {
            true => Ok((server.trim_end_matches('/').to_owned(), variables)),
            false => Err(refused(&format!(
                "`{}` is no address to call",
                cut(&filled)
            ))),
        }
    }

    /// Swagger 2.0: scheme, host and base path; what is missing is where the document came from.
    fn address(&self, found: &Found<'_>) -> String {
        let text = |key: &str| self.root.get(key).and_then(Value::as_str);
        let (own_scheme, own_host) = parts(&self.url);
        let schemes = self.texts(found, "schemes");
        let scheme = ["https", "http"]
            .into_iter()
            .find(|scheme| schemes.contains(scheme))
            .or_else(|| schemes.first().copied());
        let host = text("host").unwrap_or(own_host);
        let base = text("basePath").unwrap_or_default();
        let base = base.trim_start_matches('/');
        format!("{}://{host}/{base}", scheme.unwrap_or(own_scheme))
    }

    fn declared(&self, found: &Found<'_>) -> Result<(String, Vec<Variable>), Complaint> {
        let servers = [found.operation, found.item, &self.root];
        let server = servers
            .into_iter()
            .find_map(|source| source.get("servers")?.as_list()?.first());
        let Some(server) = server else {
            return Ok(("/".to_owned(), Vec::new()));
        };
        let url = server.get("url").and_then(Value::as_str).unwrap_or("/");
        let declared = server.get("variables").and_then(Value::as_map);
        let declared = declared.into_iter().flat_map(|map| map.iter());
        let variables: Vec<Variable> = declared
            .filter(|(name, _)| url.contains(&format!("{{{name}}}")))
            .take(VARIABLES_MAX + 1)
            .map(|(name, declared)| variable(name, declared))
            .collect::<Result<_, _>>()?;
        match variables.len() > VARIABLES_MAX {
            true => Err(refused("its address has too many variables")),
            false => Ok((url.to_owned(), variables)),
        }
    }

    /// A relative address, as it is meant from where the document came from.
    fn absolute(&self, server: &str) -> String {
        let (scheme, host) = parts(&self.url);
        if let Some(rest) = server.strip_prefix("//") {
            return format!("{scheme}://{rest}");
        }
        if server.starts_with('/') {
            return format!("{scheme}://{host}{server}");
        }
        let path = self.url.split(['?', '#']).next().unwrap_or(&self.url);
        let start = format!("{scheme}://{host}");
        let folder = match path.get(start.len()..).and_then(|path| path.rfind('/')) {
            Some(end) => &path[..start.len() + end],
            None => start.as_str(),
        };
        format!("{folder}/{}", server.trim_start_matches("./"))
    }
}

fn variable(name: &str, declared: &Value) -> Result<Variable, Complaint> {
    let default = declared.get("default").and_then(Value::as_str);
    let allowed = declared.get("enum").and_then(Value::as_list);
    let allowed = allowed.unwrap_or_default().iter();
    let default = default.ok_or_else(|| {
        let message = format!("variable `{}` of its address has no default", cut(name));
        refused(&message)
    })?;
    Ok(Variable {
        name: name.to_owned(),
        default: default.to_owned(),
        allowed: allowed
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    })
}

/// Scheme and host of a URL.
fn parts(url: &str) -> (&str, &str) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    (scheme, host)
}

fn refused(message: &str) -> Complaint {
    Complaint::new("openapi.server", Subject::Document, message)
        .hint("the document says in `servers`, or `host` and `basePath`, where its service is")
}
