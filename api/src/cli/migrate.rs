//! `windlass migrate`: the schema of the database, without a server.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde_json::Value;
use windlass_engine::store;

use super::context::Context;
use super::error::CliError;
use super::output::Column;
use crate::config::without_password;
use crate::exit::Exit;

/// Which database.
#[derive(Debug, Args)]
pub struct Database {
    /// Address of the database [WINDLASS_DATABASE_URL]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
}

/// `windlass migrate`
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Bring the schema up to date; safe beside running servers
    Up(Database),
    /// What is applied and what is not
    Status(Database),
}

const MIGRATIONS: &[Column] = &[
    Column("VERSION", &["/version"]),
    Column("STATE", &["/state"]),
    Column("DESCRIPTION", &["/description"]),
];

impl MigrateCommand {
    /// The settings that flags give.
    pub fn flags(&self) -> BTreeMap<&'static str, String> {
        let (Self::Up(database) | Self::Status(database)) = self;
        database
            .database_url
            .iter()
            .map(|url| ("database.url", url.clone()))
            .collect()
    }

    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let url = database_url(context)?;
        if matches!(self, Self::Up(_)) {
            store::migrate(url)
                .await
                .map_err(windlass_engine::Error::from)?;
            context.say(&format!("{} is up to date", without_password(url)));
        }
        let rows = store::migrations(url).await?;
        let pending = rows.iter().any(|row| row.state != "applied");
        let Ok(Value::Array(rows)) = serde_json::to_value(rows) else {
            return Ok(Exit::Failed);
        };
        context.output.list(&rows, MIGRATIONS, true)?;
        Ok(if pending { Exit::Findings } else { Exit::Done })
    }
}

/// The address of the database, which must be said.
pub fn database_url(context: &Context) -> Result<&str, CliError> {
    let missing = || {
        CliError::usage("no database is named").hint(
            "--database-url or WINDLASS_DATABASE_URL; `windlass dev` brings a database of its own",
        )
    };
    context.settings.database_url.as_deref().ok_or_else(missing)
}
