//! `windlass batch`: many jobs from one selection.

use std::io;

use bytes::Bytes;
use clap::{Subcommand, ValueEnum};
use futures::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};
use uuid::Uuid;

use super::batch_life::BatchLifeCommand;
use super::context::{Context, Paging, query};
use super::error::CliError;
use super::output::Column;
use super::restart::Restart;
use super::{files, watch};
use crate::exit::Exit;

/// `windlass batch`
#[derive(Debug, Subcommand)]
pub enum BatchCommand {
    /// Say what a batch would be; store nothing
    Preview {
        /// A job configuration: its name, or a file with one
        source: String,
    },
    /// Make one
    Create {
        /// A job configuration: its name, or a file with one
        source: String,
        /// A repeat with the same key makes no second batch
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
    /// List many, newest first
    List {
        /// Only those that are not final
        #[arg(long, conflicts_with = "configuration")]
        open: bool,
        /// Of this job configuration
        #[arg(long)]
        configuration: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// b_…
        id: String,
    },
    /// Follow it until it ends
    Watch {
        /// b_…
        id: String,
    },
    /// Its members and where each stands
    Members {
        /// b_…
        id: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Its failures, grouped
    Errors {
        /// b_…
        id: String,
    },
    /// Run again what failed, expired or parked
    Restart(Restart),
    /// Its figures
    Report {
        /// b_…
        id: String,
    },
    /// A row a member, with results
    Manifest {
        /// b_…
        id: String,
        /// How rows are written
        #[arg(long, value_name = "FORMAT", default_value = "ndjson")]
        format: ManifestFormat,
    },
    /// Decisions about one that is open
    #[command(flatten)]
    Life(BatchLifeCommand),
}

/// How a manifest is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManifestFormat {
    /// A JSON object a line.
    Ndjson,
    /// RFC 4180.
    Csv,
}

const BATCHES: &[Column] = &[
    Column("STATE", &["/state"]),
    Column("BATCH", &["/id"]),
    Column("NAME", &["/name"]),
    Column("STRATEGY", &["/strategy"]),
    Column("MEMBERS", &["/planned/members", "/members"]),
    Column("JOBS", &["/planned/jobs", "/jobs"]),
    Column("DONE %", &["/progress/percent"]),
    Column("CREATED", &["/created_at"]),
];

const MEMBERS: &[Column] = &[
    Column("N", &["/n"]),
    Column("STATE", &["/state"]),
    Column("KEY", &["/key"]),
    Column("OBJECT", &["/object"]),
    Column("JOB", &["/job"]),
    Column("TRY", &["/attempts"]),
    Column("ERROR", &["/code"]),
];

const ERRORS: &[Column] = &[
    Column("KIND", &["/kind"]),
    Column("CODE", &["/code"]),
    Column("JOBS", &["/jobs"]),
    Column("FIRST", &["/first_at"]),
    Column("LAST", &["/last_at"]),
    Column("EXAMPLES", &["/sample"]),
];

impl BatchCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Preview { source } => preview(context, &source).await,
            Self::Create { source, key } => {
                let created = create(context, &source, key).await?;
                context.output.item(&created)?;
                Ok(Exit::Done)
            }
            Self::List {
                open,
                configuration,
                paging,
            } => {
                let state = open.then(|| "open".to_owned());
                context
                    .list(
                        &["batches"],
                        query(&[("configuration", &configuration), ("state", &state)]),
                        &paging,
                        BATCHES,
                    )
                    .await
            }
            Self::Show { id } => context.show(&["batches", &id]).await,
            Self::Watch { id } => watch::batch(context, &id, None).await,
            Self::Members { id, paging } => {
                context
                    .list(&["batches", &id, "members"], Vec::new(), &paging, MEMBERS)
                    .await
            }
            Self::Errors { id } => context.whole(&["batches", &id, "errors"], ERRORS).await,
            Self::Restart(restart) => restart.run(context).await,
            Self::Report { id } => context.show(&["batches", &id, "report"]).await,
            Self::Manifest { id, format } => manifest(context, &id, format).await,
            Self::Life(decision) => decision.run(context).await,
        }
    }
}

/// Shows what a batch would be.
pub async fn preview(context: &Context, source: &str) -> Result<Exit, CliError> {
    let answer = sent(context, &["batches", "preview"], source, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// Makes a batch. Without a key of the caller's, one of our own makes a repeat by the network harmless.
pub async fn create(
    context: &Context,
    source: &str,
    key: Option<String>,
) -> Result<Value, CliError> {
    let key = key.unwrap_or_else(|| Uuid::now_v7().to_string());
    sent(context, &["batches"], source, Some(&key)).await
}

/// A name is a name unless it looks like a file.
async fn sent(
    context: &Context,
    path: &[&str],
    source: &str,
    key: Option<&str>,
) -> Result<Value, CliError> {
    let is_file = source == "-" || source.contains('/') || files::is_document(source.as_ref());
    if !is_file {
        let body = json!({"configuration": source});
        return Ok(context.client.post(path, &[], &body, key).await?);
    }
    let text = files::text(source)?;
    let sent = match files::selected_file(&text) {
        Some(named) => {
            let (kind, form) = form(text, &files::beside(source, &named)).await?;
            context.client.pour(path, &kind, form, key).await
        }
        None => {
            context
                .client
                .upload(path, "application/yaml", text.into_bytes(), key)
                .await
        }
    };
    Ok(sent?)
}

/// A recipe and its file as a form, with the media type that says where its parts end.
async fn form(
    recipe: String,
    path: &str,
) -> Result<(String, impl Stream<Item = io::Result<Bytes>> + use<>), CliError> {
    let end = Uuid::now_v7().simple().to_string();
    let name = path
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .replace(['"', '\r', '\n'], "_");
    let part = "content-disposition: form-data; name=";
    let head = format!(
        "--{end}\r\n{part}\"recipe\"\r\n\r\n{recipe}\r\n--{end}\r\n{part}\"file\"; filename=\"{name}\"\r\n\r\n"
    );
    let once = |text: String| stream::iter([Ok(Bytes::from(text))]);
    let body = once(head).chain(files::pieces(path).await?);
    let body = body.chain(once(format!("\r\n--{end}--\r\n")));
    Ok((format!("multipart/form-data; boundary={end}"), body))
}

async fn manifest(context: &Context, id: &str, format: ManifestFormat) -> Result<Exit, CliError> {
    let (kind, name) = match format {
        ManifestFormat::Ndjson => ("application/x-ndjson", "ndjson"),
        ManifestFormat::Csv => ("text/csv", "csv"),
    };
    let query = [("format", name.to_owned())];
    let mut pieces = context
        .client
        .stream(&["batches", id, "manifest"], &query, kind)
        .await?
        .bytes_stream();
    while let Some(piece) = pieces.next().await {
        let lost = |error: reqwest::Error| {
            CliError::new(
                Exit::Unreachable,
                "server_unreachable",
                "the answer broke off",
            )
            .because(&error)
        };
        context.output.bytes(&piece.map_err(lost)?)?;
    }
    Ok(Exit::Done)
}
