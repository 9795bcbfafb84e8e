//! `windlass context`: JSON documents under a key that jobs and people share.

use clap::{Args, Subcommand};
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Map, Value, json};

use super::context::{Context, Paging, query};
use super::error::CliError;
use super::files;
use super::output::Column;
use crate::exit::Exit;

/// `windlass context`
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// List many
    List {
        /// Those about this subject alone
        #[arg(long, value_name = "TEXT")]
        subject: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    #[command(visible_alias = "get")]
    Show {
        /// Its key
        key: String,
    },
    /// Make one, or replace it whole
    Put {
        /// Its key
        key: String,
        /// What it is to be.
        #[command(flatten)]
        content: Content,
        /// There must be none yet
        #[arg(long, conflicts_with = "if_version")]
        new: bool,
        /// It must have this version
        #[arg(long, value_name = "N")]
        if_version: Option<i64>,
    },
    /// Merge into one: null takes a member away
    Patch {
        /// Its key
        key: String,
        /// What is merged into it.
        #[command(flatten)]
        content: Content,
        /// It must have this version
        #[arg(long, value_name = "N")]
        if_version: Option<i64>,
    },
    /// Show what made its versions, the newest first
    History {
        /// Its key
        key: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show which batches and jobs touched it, the last first
    References {
        /// Its key
        key: String,
        /// Of batches alone, or of jobs
        #[arg(long, value_name = "KIND", value_parser = ["batch", "job"])]
        kind: Option<String>,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Delete one
    Delete {
        /// Its key
        key: String,
        /// It must have this version
        #[arg(long, value_name = "N")]
        if_version: Option<i64>,
    },
}

/// What a context is to be, or what is merged into it.
#[derive(Debug, Args)]
pub struct Content {
    /// The document, or what is merged into it; - is standard input
    #[arg(short, long, value_name = "F", conflicts_with = "data")]
    file: Option<String>,
    /// The same as JSON
    #[arg(short, long, value_name = "JSON", required_unless_present = "file")]
    data: Option<String>,
    /// What it is about
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// How long it lives from now on, such as 30d
    #[arg(long, value_name = "LENGTH")]
    ttl: Option<String>,
}

const CONTEXTS: &[Column] = &[
    Column("KEY", &["/key"]),
    Column("VERSION", &["/version"]),
    Column("SUBJECT", &["/subject"]),
    Column("BYTES", &["/bytes"]),
    Column("UPDATED", &["/updated_at"]),
    Column("EXPIRES", &["/expires_at"]),
];

const CHANGES: &[Column] = &[
    Column("VERSION", &["/version"]),
    Column("KIND", &["/kind"]),
    Column("AT", &["/at"]),
    Column("WHO", &["/who"]),
    Column("STEP", &["/step"]),
    Column("BATCH", &["/batch"]),
    Column("CHANGE", &["/change"]),
];

const REFERENCES: &[Column] = &[
    Column("KIND", &["/kind"]),
    Column("ID", &["/id"]),
    Column("WHAT", &["/what"]),
    Column("AT", &["/at"]),
];

const TOUCHED: &[Column] = &[
    Column("KEY", &["/key"]),
    Column("WHAT", &["/what"]),
    Column("AT", &["/at"]),
];

/// The contexts that something touched: a batch or a job.
pub async fn touched(
    context: &Context,
    (noun, id): (&str, &str),
    paging: &Paging,
) -> Result<Exit, CliError> {
    let path = [noun, id, "contexts"];
    context.list(&path, Vec::new(), paging, TOUCHED).await
}

impl ContextCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { subject, paging } => {
                let asked = query(&[("subject", &subject)]);
                context.list(&["contexts"], asked, &paging, CONTEXTS).await
            }
            Self::Show { key } => context.show(&["contexts", &key]).await,
            Self::Put {
                key,
                content,
                new,
                if_version,
            } => {
                let mut condition = condition(if_version);
                if new {
                    condition.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
                }
                write(context, Method::PUT, &key, condition, content).await
            }
            Self::Patch {
                key,
                content,
                if_version,
            } => write(context, Method::PATCH, &key, condition(if_version), content).await,
            Self::History { key, paging } => {
                let path = ["contexts", &key, "history"];
                context.list(&path, Vec::new(), &paging, CHANGES).await
            }
            Self::References { key, kind, paging } => {
                let path = ["contexts", &key, "references"];
                let asked = query(&[("kind", &kind)]);
                context.list(&path, asked, &paging, REFERENCES).await
            }
            Self::Delete { key, if_version } => {
                let path = ["contexts", key.as_str()];
                let condition = condition(if_version);
                let client = &context.client;
                client
                    .send_if(Method::DELETE, &path, condition, None)
                    .await?;
                Ok(Exit::Done)
            }
        }
    }
}

fn condition(version: Option<i64>) -> HeaderMap {
    let tag = |version| HeaderValue::from_str(&format!("\"{version}\"")).ok();
    let tag = version.and_then(tag).map(|tag| (IF_MATCH, tag));
    tag.into_iter().collect()
}

async fn write(
    context: &Context,
    method: Method,
    key: &str,
    condition: HeaderMap,
    content: Content,
) -> Result<Exit, CliError> {
    let document = match (content.file, content.data) {
        (Some(file), _) => files::json(&file)?,
        (None, data) => {
            let text = data.unwrap_or_default();
            serde_json::from_str(&text)
                .map_err(|error| CliError::usage(format!("`{text}` is no JSON: {error}")))?
        }
    };
    let mut body = Map::new();
    body.insert("document".into(), document);
    body.extend(content.subject.map(|text| ("subject".into(), json!(text))));
    body.extend(content.ttl.map(|text| ("ttl".into(), json!(text))));
    let path = ["contexts", key];
    let body = Value::Object(body);
    let sent = context
        .client
        .send_if(method, &path, condition, Some(&body));
    context.output.item(&sent.await?)?;
    Ok(Exit::Done)
}
