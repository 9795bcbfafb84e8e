//! `windlass export`: what was applied, as documents that can be applied again.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use reqwest::Response;
use serde_json::Value;

use super::context::{Context, items};
use super::error::CliError;
use crate::client::ClientError;
use crate::exit::Exit;

/// Documents of one answer.
const PAGE: usize = 500;

/// `windlass export [KIND…]`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass export > all.yaml\n  windlass export category job_configuration --to exported/"
)]
pub struct ExportArgs {
    /// template, connection, limit, calendar, webhook, category, purpose or job_configuration; all unless given
    #[arg(value_name = "KIND")]
    kind: Vec<String>,
    /// A folder for a file a document, with the rows of categories beside them
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
}

impl ExportArgs {
    /// Exports.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let (mut cursor, mut count) = (None, 0);
        loop {
            let query = self.query(cursor.take());
            let (documents, next) = items(context.client.get(&["export"], &query).await?);
            for document in &documents {
                match &self.to {
                    Some(folder) => keep(context, folder, document).await?,
                    None => print(context, document, count == 0)?,
                }
                count += 1;
                aliases(context, document);
            }
            match next {
                Some(next) => cursor = Some(next),
                None => break,
            }
        }
        if let Some(folder) = &self.to {
            context.say(&format!("{count} documents are in {}", folder.display()));
        }
        Ok(Exit::Done)
    }

    fn query(&self, cursor: Option<String>) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", PAGE.to_string())];
        query.extend(cursor.map(|cursor| ("cursor", cursor)));
        if !self.kind.is_empty() {
            query.push(("kind", self.kind.join(",")));
        }
        if self.to.is_some() {
            query.push(("rows", "true".to_owned()));
        }
        query
    }
}

/// Says what an export cannot hold: which version a name means that people move.
fn aliases(context: &Context, document: &Value) {
    let Some((path, version)) = part(document, "name").split_once('@') else {
        return;
    };
    let named = document.get("aliases").and_then(Value::as_array);
    for alias in named.into_iter().flatten().filter_map(Value::as_str) {
        context.say(&format!(
            "{path}@{alias} means {version}. Elsewhere apply the templates first, then say `windlass template alias {path} \
             {alias}={version}`, then apply the other documents"
        ));
    }
}

/// One document of the stream.
fn print(context: &Context, document: &Value, is_first: bool) -> Result<(), CliError> {
    let text = part(document, "text");
    let text = if is_first {
        text.to_owned()
    } else {
        format!("---\n{text}")
    };
    Ok(context.output.bytes(text.as_bytes())?)
}

/// One document as a file, with the rows that it names.
async fn keep(context: &Context, folder: &Path, document: &Value) -> Result<(), CliError> {
    let (kind, name) = (part(document, "kind"), part(document, "name"));
    let folder = folder.join(kind);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{name}.yaml")), part(document, "text"))?;
    let rows = part(document, "rows");
    if rows.is_empty() {
        return Ok(());
    }
    let path = ["categories", name, "rows"];
    let kind = "application/x-ndjson";
    let mut answer = context.client.stream(&path, &[], kind).await?;
    let mut file = File::create(folder.join(rows))?;
    while let Some(piece) = piece(context, &mut answer).await? {
        file.write_all(&piece)?;
    }
    Ok(())
}

fn part<'a>(document: &'a Value, key: &str) -> &'a str {
    document
        .get(key)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// An answer that fits memory.
pub(super) async fn whole(context: &Context, mut answer: Response) -> Result<Vec<u8>, CliError> {
    let mut whole = Vec::new();
    while let Some(piece) = piece(context, &mut answer).await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// The next piece of an answer.
async fn piece(context: &Context, answer: &mut Response) -> Result<Option<Bytes>, CliError> {
    let server = context.client.server().to_owned();
    let read = answer.chunk().await;
    read.map_err(|source| ClientError::Unreachable { server, source }.into())
}
