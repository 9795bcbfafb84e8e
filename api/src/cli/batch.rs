//! `windlass batch`: many jobs from one selection.

use std::io;

use bytes::Bytes;
use clap::{Subcommand, ValueEnum};
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use uuid::Uuid;

use super::addition::AdditionCommand;
use super::batch_life::BatchLifeCommand;
use super::context::{Context, Paging, query};
use super::error::CliError;
use super::output::Column;
use super::restart::Restart;
use super::{contexts, files, plan, watch};
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
        /// It takes more members until it is closed
        #[arg(long)]
        open: bool,
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
    /// The contexts that its jobs changed or read
    Contexts {
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
    /// What becomes of one that is open to more members
    #[command(flatten)]
    Addition(AdditionCommand),
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
            Self::Create { source, key, open } => {
                let key = key.unwrap_or_else(|| Uuid::now_v7().to_string());
                let created = sent(context, &["batches"], &source, Some(&key), open).await?;
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
            Self::Contexts { id, paging } => {
                contexts::touched(context, ("batches", &id), &paging).await
            }
            Self::Errors { id } => context.whole(&["batches", &id, "errors"], ERRORS).await,
            Self::Restart(restart) => restart.run(context).await,
            Self::Report { id } => context.show(&["batches", &id, "report"]).await,
            Self::Manifest { id, format } => manifest(context, &id, format).await,
            Self::Life(decision) => decision.run(context).await,
            Self::Addition(addition) => addition.run(context).await,
        }
    }
}

/// Shows what a batch would be.
pub async fn preview(context: &Context, source: &str) -> Result<Exit, CliError> {
    let answer = sent(context, &["batches", "preview"], source, None, false).await?;
    for line in plan::told(&answer, &answer) {
        context.say(&line);
    }
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
    sent(context, &["batches"], source, Some(&key), false).await
}

/// A name is a name unless it looks like a file.
async fn sent(
    context: &Context,
    path: &[&str],
    source: &str,
    key: Option<&str>,
    open: bool,
) -> Result<Value, CliError> {
    let is_file = source == "-" || source.contains('/') || files::is_document(source.as_ref());
    if !is_file {
        let mut body = json!({"configuration": source});
        if open {
            body["open"] = json!(true);
        }
        return Ok(context.client.post(path, &[], &body, key).await?);
    }
    let text = files::text(source)?;
    let named = files::selected_file(&text).map(|named| files::beside(source, &named));
    let client = &context.client;
    if !open && named.is_none() {
        let body = text.into_bytes();
        return Ok(client.upload(path, "application/yaml", body, key).await?);
    }
    let (kind, form) = form(text, named.as_deref(), open).await?;
    Ok(client.pour(path, &[], &kind, form, key).await?)
}

/// A recipe and its file as a form, with the media type that says where its parts end.
async fn form(
    recipe: String,
    path: Option<&str>,
    open: bool,
) -> Result<(String, BoxStream<'static, io::Result<Bytes>>), CliError> {
    let end = Uuid::now_v7().simple().to_string();
    let part = format!("--{end}\r\ncontent-disposition: form-data; name=");
    let mut head = format!("{part}\"recipe\"\r\n\r\n{recipe}\r\n");
    if open {
        head.push_str(&format!("{part}\"open\"\r\n\r\ntrue\r\n"));
    }
    let once = |text: String| stream::iter([Ok(Bytes::from(text))]);
    let last = once(format!("--{end}--\r\n"));
    let body = match path {
        Some(path) => {
            let name = path.rsplit('/').next().unwrap_or_default();
            let name = name.replace(['"', '\r', '\n'], "_");
            head.push_str(&format!("{part}\"file\"; filename=\"{name}\"\r\n\r\n"));
            let file = once(head).chain(files::pieces(path).await?);
            file.chain(once("\r\n".to_owned())).chain(last).boxed()
        }
        None => once(head).chain(last).boxed(),
    };
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
