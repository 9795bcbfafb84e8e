//! `use.secrets`, `use.authentications`: names of what stands elsewhere.

use super::Reader;
use super::shape::shape;
use super::spot::Spot;
use crate::document::step::{Authentication, Shape};
use crate::value::Value;

/// Schemes that a request can be sent with, and their members.
const SCHEMES: [(&str, &[&str]); 3] = [
    ("basic", &["username", "password", "use"]),
    ("bearer", &["token", "use"]),
    (
        "oauth2",
        &[
            "authority",
            "grant",
            "client",
            "endpoints",
            "scopes",
            "audiences",
            "request",
            "issuers",
            "use",
        ],
    ),
];

/// What `oauth2` may say.
const GRANTS: [&str; 1] = ["client_credentials"];
const CLIENTS: [&str; 3] = ["client_secret_post", "client_secret_basic", "none"];
const ENCODINGS: [&str; 2] = ["application/x-www-form-urlencoded", "application/json"];

impl Reader {
    pub fn secrets(&mut self, spot: &Spot<'_>) -> Vec<String> {
        let items = self.items(spot);
        let names = items
            .iter()
            .filter_map(|spot| self.text(spot).map(str::to_owned));
        names.collect()
    }

    pub fn authentications(&mut self, spot: &Spot<'_>) -> Vec<(String, Authentication)> {
        let Some(spot) = self.any_object(spot) else {
            return Vec::new();
        };
        let entries = spot.entries().iter();
        let read = entries.filter_map(|entry| {
            let policy = self.authentication(&spot.of(entry))?;
            Some((entry.key.to_string(), policy))
        });
        read.collect()
    }

    /// A policy written here, or `use: name`.
    pub fn authentication(&mut self, spot: &Spot<'_>) -> Option<Authentication> {
        let fields = self.any_object(spot)?;
        let [entry] = fields.entries() else {
            let message = "an authentication is one scheme, or `use` with a name";
            self.problems
                .push(fields.problem("authentication.scheme", message));
            return None;
        };
        let spot = fields.of(entry);
        if &*entry.key == "use" {
            return Some(Authentication::Named(self.text(&spot)?.to_owned()));
        }
        let Some((scheme, members)) = SCHEMES.iter().find(|(scheme, _)| **scheme == *entry.key)
        else {
            let code = format!("unsupported.authentication.{}", entry.key);
            let message = format!("authentication by `{}` is not supported", entry.key);
            let problem = fields.problem_at(entry, &code, message);
            self.problems.push(problem.hint("basic, bearer or oauth2"));
            return None;
        };
        let policy = self.object(&spot, members)?;
        let secret = policy.get("use").and_then(|spot| self.text(&spot));
        if secret.is_none() {
            self.check_policy(scheme, &policy);
        }
        Some(Authentication::Policy {
            scheme: (*scheme).to_owned(),
            parameters: match secret {
                Some(_) => Shape::Constant(Value::Null),
                None => shape(&policy),
            },
            secret: secret.map(str::to_owned),
        })
    }

    fn check_policy(&mut self, scheme: &str, policy: &Spot<'_>) {
        let wanted: &[&str] = match scheme {
            "basic" => &["username", "password"],
            "bearer" => &["token"],
            _ => &["authority", "grant", "client"],
        };
        for key in wanted {
            self.required(policy, key);
        }
        if scheme == "oauth2" {
            self.check_oauth2(policy);
        }
    }

    /// Of `oauth2` the client's own credentials are supported; what else it knows is refused by name.
    fn check_oauth2(&mut self, policy: &Spot<'_>) {
        let client = policy.get("client").and_then(|spot| self.any_object(&spot));
        if let Some(client) = &client {
            self.required(client, "id");
        }
        let request = policy
            .get("request")
            .and_then(|spot| self.any_object(&spot));
        let parts = [
            (Some(policy), "grant", "grant", &GRANTS[..]),
            (client.as_ref(), "authentication", "client", &CLIENTS[..]),
            (request.as_ref(), "encoding", "encoding", &ENCODINGS[..]),
        ];
        for (fields, key, code, known) in parts {
            if let Some(spot) = fields.and_then(|fields| fields.get(key))
                && let Some(word) = self.text(&spot)
                && !known.contains(&word)
            {
                let message = format!("the {key} `{word}` is not supported");
                let code = format!("unsupported.authentication.{code}");
                let problem = spot.problem(&code, message);
                self.problems.push(problem.hint(known.join(" or ")));
            }
        }
        if let Some(spot) = policy.get("issuers") {
            let message = "who issued a token is not checked";
            let problem = spot.problem("unsupported.authentication.issuers", message);
            self.problems
                .push(problem.hint("leave it out: tokens come from `authority` alone"));
        }
    }
}
