//! `windlass template check`: everything that is wrong with documents, from a server or without one.
//!
//! A server knows which handlers are registered and reads what templates take from elsewhere. Without
//! one the same checks run here, and what only a server knows is named instead of guessed. What is doubtful and may
//! be published is said too, and changes nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use windlass_engine::store::offered;
use windlass_workflows::check;
use windlass_workflows::problem::Problem;
use windlass_workflows::resource::Resources;
use windlass_workflows::value::Value as Datum;

use super::context::Context;
use super::error::{CliError, problem_line, warning_line};
use super::files;
use super::output::Format;
use crate::config::Setting;
use crate::exit::Exit;

/// What only a server can judge, and how that is said.
const OPEN: [(&str, &str); 2] = [
    (
        "handler.not_registered",
        "whether its handlers are registered",
    ),
    ("resource.unread", "what stands elsewhere"),
];

/// What a finding says of itself: whether it keeps a document from being published.
const ERROR: &str = "error";
const WARNING: &str = "warning";

/// Problems are data here, so they go to standard output; any of them ends with 9, a warning does not.
pub async fn run(
    context: &Context,
    paths: &[String],
    local: bool,
    handlers: Option<&[String]>,
) -> Result<Exit, CliError> {
    let texts: Vec<(&String, String)> = paths
        .iter()
        .map(|path| Ok((path, files::text(path)?)))
        .collect::<Result<_, CliError>>()?;
    let asked = match local {
        true => None,
        false => asked(context, &texts).await?,
    };
    let found = match asked {
        Some(found) => found,
        None => alone(context, &texts, handlers)?,
    };
    match context.output.format {
        Format::Table | Format::Name => found
            .iter()
            .try_for_each(|found| context.output.line(told(found).trim_start()))?,
        _ => context.output.list(&found, &[], true)?,
    }
    let warnings = found.iter().filter(|found| found["severity"] == WARNING);
    let warnings = warnings.count();
    let problems = found.len() - warnings;
    let mut sum = format!("{} files, {problems} problems", paths.len());
    if warnings > 0 {
        sum.push_str(&format!(", {warnings} warnings"));
    }
    context.say(&sum);
    Ok(if problems == 0 {
        Exit::Done
    } else {
        Exit::Findings
    })
}

fn told(found: &Value) -> String {
    match found["severity"] == WARNING {
        true => warning_line(found),
        false => problem_line(found),
    }
}

/// What the server says; nothing if none was named and nobody listens where one usually does.
async fn asked(
    context: &Context,
    texts: &[(&String, String)],
) -> Result<Option<Vec<Value>>, CliError> {
    let server = context.settings.server.as_str();
    let mut found = Vec::new();
    for (path, text) in texts {
        let body = text.clone().into_bytes();
        let answer = context
            .client
            .upload(&["templates", "check"], "application/yaml", body, None)
            .await;
        let answer = match answer {
            Err(error) if error.is_nobody() && is_usual(server) => {
                context.say(&format!("no server at {server}: checked here"));
                return Ok(None);
            }
            answer => answer?,
        };
        for (key, severity) in [("problems", ERROR), ("warnings", WARNING)] {
            let listed = answer.get(key).and_then(Value::as_array).cloned();
            let listed = listed.unwrap_or_default().into_iter();
            found.extend(listed.map(|one| in_file(one, path, severity)));
        }
    }
    Ok(Some(found))
}

/// Whether this is where a server is looked for unless something else is said.
fn is_usual(server: &str) -> bool {
    Setting::find("server").and_then(|setting| setting.default) == Some(server)
}

/// The same checks here.
fn alone(
    context: &Context,
    texts: &[(&String, String)],
    handlers: Option<&[String]>,
) -> Result<Vec<Value>, CliError> {
    let mut catalogue = offered();
    for handler in handlers.unwrap_or_default() {
        let (name, version) = handler.split_once(':').ok_or_else(|| {
            CliError::usage(format!("`{handler}` is no handler such as enrich:1.0.0"))
        })?;
        let added = catalogue.with(name, version, &Datum::Bool(true));
        catalogue = added.map_err(|error| CliError::usage(error.to_string()))?;
    }
    let is_open = |problem: &Problem| match problem.code.as_str() {
        "handler.not_registered" => handlers.is_none(),
        code => OPEN.iter().any(|(open, _)| *open == code),
    };
    let mut found = Vec::new();
    for (path, text) in texts {
        let read = check::read(text);
        let warnings = read.as_ref().map_or_else(|_| Vec::new(), check::warnings);
        let checked =
            read.and_then(|tree| check::publish_tree(&tree, &catalogue, &Resources::default()));
        let problems = checked.err().unwrap_or_default();
        let (open, problems): (Vec<Problem>, Vec<Problem>) =
            problems.into_iter().partition(is_open);
        let codes: BTreeSet<&str> = open.iter().map(|problem| problem.code.as_str()).collect();
        for (_, what) in OPEN.iter().filter(|(code, _)| codes.contains(code)) {
            context.say(&format!("{path}: not checked: {what}"));
        }
        // Of a document that cannot be published nothing is merely doubtful.
        let warnings = warnings.iter().filter(|_| problems.is_empty());
        let warnings = warnings.map(|warning| in_file(json!(warning), path, WARNING));
        let problems = problems.iter();
        let problems = problems.map(|problem| in_file(json!(problem), path, ERROR));
        found.extend(problems.chain(warnings));
    }
    Ok(found)
}

fn in_file(mut problem: Value, path: &str, severity: &str) -> Value {
    problem["file"] = Value::from(path);
    problem["severity"] = Value::from(severity);
    problem
}
