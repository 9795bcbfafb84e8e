//! `windlass purpose` and `windlass configuration`: why work is done, and recipes of batches.

use clap::Subcommand;

use super::batch;
use super::context::{Context, Paging, query};
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// `windlass purpose`
#[derive(Debug, Subcommand)]
pub enum PurposeCommand {
    /// List many
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// Its name
        name: String,
        /// One of its revisions; the newest unless given
        #[arg(long, value_name = "N")]
        revision: Option<i32>,
    },
    /// Its revisions: who applied what
    Revisions {
        /// Its name
        name: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
}

/// `windlass configuration`
#[derive(Debug, Subcommand)]
pub enum ConfigurationCommand {
    /// List many
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// Its name
        name: String,
    },
    /// Say what its batch would be; store nothing
    Preview {
        /// Its name
        name: String,
    },
    /// Make a batch of it
    Run {
        /// Its name
        name: String,
        /// A repeat with the same key makes no second batch
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
}

const PURPOSES: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("TEMPLATE", &["/document/template", "/template"]),
    Column("REVISION", &["/revision"]),
    Column("TITLE", &["/document/title", "/title"]),
];

const REVISIONS: &[Column] = &[
    Column("REVISION", &["/revision"]),
    Column("TEMPLATE", &["/document/template"]),
    Column("APPLIED", &["/applied_at"]),
    Column("BY", &["/applied_by"]),
    Column("FILE", &["/source_file"]),
];

const CONFIGURATIONS: &[Column] = &[
    Column("NAME", &["/name"]),
    Column("STRATEGY", &["/document/strategy", "/strategy"]),
    Column("PURPOSE", &["/document/purpose", "/purpose"]),
    Column("REVISION", &["/revision"]),
    Column("TITLE", &["/document/title", "/title"]),
];

impl PurposeCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => {
                context
                    .list(&["purposes"], Vec::new(), &paging, PURPOSES)
                    .await
            }
            Self::Show { name, revision } => {
                let query = query(&[("revision", &revision.map(|one| one.to_string()))]);
                let purpose = context.client.get(&["purposes", &name], &query).await?;
                context.output.item(&purpose)?;
                Ok(Exit::Done)
            }
            Self::Revisions { name, paging } => {
                let path = ["purposes", &name, "revisions"];
                context.list(&path, Vec::new(), &paging, REVISIONS).await
            }
        }
    }
}

impl ConfigurationCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::List { paging } => {
                context
                    .list(&["job-configurations"], Vec::new(), &paging, CONFIGURATIONS)
                    .await
            }
            Self::Show { name } => context.show(&["job-configurations", &name]).await,
            Self::Preview { name } => batch::preview(context, &name).await,
            Self::Run { name, key } => {
                context
                    .output
                    .item(&batch::create(context, &name, key).await?)?;
                Ok(Exit::Done)
            }
        }
    }
}
