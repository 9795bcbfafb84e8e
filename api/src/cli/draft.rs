//! Templates as documents: the drawing of one, the difference of two. A file or a published version.

use std::path::Path;

use serde_json::Value as Json;
use windlass_workflows::document::difference::{Change, Difference, between};
use windlass_workflows::document::graph::mermaid;
use windlass_workflows::document::tree::{self, Format as Form};
use windlass_workflows::value::Value;

use super::context::Context;
use super::error::CliError;
use super::files;
use super::output::{Column, Format};
use super::template::resolved;
use crate::exit::Exit;

const DIFFERENCES: &[Column] = &[
    Column("CHANGE", &["/change"]),
    Column("STEP", &["/step"]),
    Column("KEYS", &["/keys"]),
];

/// `windlass template graph`: a Mermaid flowchart.
pub async fn graph(context: &Context, reference: &str) -> Result<Exit, CliError> {
    let drawing = mermaid(&document(context, reference).await?);
    context.output.bytes(drawing.as_bytes())?;
    Ok(Exit::Done)
}

/// `windlass template diff`: what changed, step by step; ends with 9 if anything did.
pub async fn diff(context: &Context, old: &str, new: &str) -> Result<Exit, CliError> {
    let old = document(context, old).await?;
    let new = document(context, new).await?;
    let found = between(&old, &new);
    let rows = found.iter().map(row).collect::<Result<Vec<Json>, _>>()?;
    match context.output.format {
        Format::Table => context.output.list(&rows, DIFFERENCES, true)?,
        Format::Name => found
            .iter()
            .try_for_each(|one| context.output.line(&one.step))?,
        _ => context.output.list(&rows, &[], true)?,
    }
    let count = |change| found.iter().filter(|one| one.change == change).count();
    context.say(&format!(
        "{} added, {} removed, {} changed, {} moved",
        count(Change::Added),
        count(Change::Removed),
        count(Change::Changed),
        count(Change::Moved),
    ));
    Ok(if found.is_empty() {
        Exit::Done
    } else {
        Exit::Findings
    })
}

fn row(difference: &Difference) -> Result<Json, std::io::Error> {
    let mut row = serde_json::to_value(difference)?;
    if let Some(keys) = row.get("keys").and_then(Json::as_array) {
        let keys: Vec<&str> = keys.iter().filter_map(Json::as_str).collect();
        row["keys"] = Json::from(keys.join(", "));
    }
    Ok(row)
}

/// The document in a file, or that of a published version.
async fn document(context: &Context, reference: &str) -> Result<Value, CliError> {
    if reference == "-" || Path::new(reference).is_file() {
        return read(reference, &files::text(reference)?);
    }
    let name = resolved(context, reference).await?;
    let answer = match name.split_once('@') {
        Some((name, version)) => {
            let path = ["templates", name, "versions", version];
            context.client.get(&path, &[]).await?
        }
        None => context.client.get(&["templates", &name], &[]).await?,
    };
    match answer.get("source").and_then(Json::as_str) {
        Some(source) => read(&name, source),
        None => {
            let message = "the server gave no document";
            Err(CliError::new(Exit::Failed, "strange_answer", message))
        }
    }
}

fn read(name: &str, text: &str) -> Result<Value, CliError> {
    let tree = tree::read_one(text, Form::Yaml).map_err(|problems| {
        let mut error = CliError::new(Exit::Findings, "invalid", format!("{name} cannot be read"));
        let problems = problems.into_iter().map(|problem| problem.in_file(name));
        error.problems = problems
            .filter_map(|one| serde_json::to_value(one).ok())
            .collect();
        error
    })?;
    Ok(tree.to_value())
}
