//! One process of a chaos run: this very program in one role, with a lease shorter than `serve` allows.

use std::path::PathBuf;

use clap::Args;

use super::receipts;
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::migrate::database_url;
use crate::config::{Role, Settings};
use crate::exit::Exit;
use crate::serve::{self, LogLevel, Wiring, start_logs};

/// Pooled connections of a part: all of them together must leave room on a small server.
pub const CONNECTIONS: u32 = 4;

/// `windlass chaos-part`, which only the supervisor types.
#[derive(Debug, Args)]
pub struct PartArgs {
    /// `api`, `worker` or `keeper`
    #[arg(long)]
    role: String,
    /// Seconds of a lease
    #[arg(long)]
    lease_seconds: u32,
    /// Where its handlers keep their receipts
    #[arg(long)]
    receipts: Option<PathBuf>,
}

/// Runs until it is told to stop, its parent is gone, or it is killed.
///
/// # Errors
/// As `serve`.
pub async fn run(arguments: &PartArgs, context: &Context) -> Result<Exit, CliError> {
    start_logs(&context.settings, &context.around, LogLevel::AsSet);
    let role = Role::ALL
        .into_iter()
        .find(|role| role.as_str() == arguments.role);
    let role = role.ok_or_else(|| CliError::usage("a part is api, worker or keeper"))?;
    let settings = Settings {
        roles: vec![role],
        worker_lease_seconds: arguments.lease_seconds,
        worker_grace_seconds: 1,
        database_connections: CONNECTIONS,
        ..context.settings.clone()
    };
    let mut wiring = Wiring::new(database_url(context)?, &settings, &context.around);
    if let Some(path) = &arguments.receipts {
        wiring = wiring.with_catalogue(receipts::catalogue(path)?);
    }
    serve::run_until_told(wiring, true).await
}
