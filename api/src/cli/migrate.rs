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
    /// The same database past the pooler, where the other is one [WINDLASS_DATABASE_DIRECT_URL]
    #[arg(long, value_name = "URL")]
    database_direct_url: Option<String>,
}

/// `windlass migrate`
#[derive(Debug, Subcommand)]
pub enum MigrateCommand {
    /// Bring the schema up to date; safe beside running servers
    Up(Database),
    /// What is applied and what is not
    Status(Database),
    /// Print the statements that give the role our settings, for a pooler in transaction mode
    Settings(Database),
}

const MIGRATIONS: &[Column] = &[
    Column("VERSION", &["/version"]),
    Column("STATE", &["/state"]),
    Column("DESCRIPTION", &["/description"]),
];

impl MigrateCommand {
    /// The settings that flags give.
    pub fn flags(&self) -> BTreeMap<&'static str, String> {
        let (Self::Up(database) | Self::Status(database) | Self::Settings(database)) = self;
        let url = database.database_url.clone();
        let direct = database.database_direct_url.clone();
        url.map(|url| ("database.url", url))
            .into_iter()
            .chain(direct.map(|url| ("database.direct_url", url)))
            .collect()
    }

    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        if matches!(self, Self::Settings(_)) {
            return settings(context).await;
        }
        let url = direct_url(context)?;
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

/// Statements for the role that sessions have, as `database.url` gives them.
async fn settings(context: &Context) -> Result<Exit, CliError> {
    let pooled = store::pooled_options(database_url(context)?, "windlass migrate");
    let pooled = pooled.map_err(windlass_engine::Error::from)?;
    for statement in store::settings_statements(&pooled).await? {
        context.output.line(&statement)?;
    }
    Ok(Exit::Done)
}

/// The address of the database past any pooler: schemas are changed in sessions of our own.
pub fn direct_url(context: &Context) -> Result<&str, CliError> {
    let url = database_url(context)?;
    Ok(context
        .settings
        .database_direct_url
        .as_deref()
        .unwrap_or(url))
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
