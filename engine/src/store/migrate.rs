//! Brings a database to the schema that this binary knows.
//!
//! Everything of ours, the list of applied migrations included, lives in the
//! schema `windlass`, so Windlass can share a database with other programs.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::AssertSqlSafe;
use sqlx::migrate::{MigrateError, Migrator};
use tokio::time::sleep;

use super::connect::connect_options;
use super::gate::Session;

/// Every migration, in order, embedded at compile time.
static EMBEDDED: Migrator = sqlx::migrate!("../migrations");
/// How often a lock that others hold is asked for again.
const ATTEMPTS_MAX: u32 = 5;
/// Pause between two attempts, longer each time.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// `lock_not_available`, by which Postgres reports a passed `lock_timeout`.
const LOCK_TIMEOUT_CODE: &str = "55P03";
/// Names our advisory lock on making the schema; any number that nobody else uses will do.
const SCHEMA_LOCK: i64 = 0x77_69_6e_64_6c_61_73_73;

/// Applies every migration that is missing. Safe to call from many processes at once: they
/// take turns. A schema newer than this binary is left as it is, for rolling updates.
///
/// # Errors
/// [`MigrateError`] when the database refuses, or was migrated from edited files.
///
/// # Cancel safety
/// Each migration is a transaction; dropped, the rest is applied by the next call.
pub async fn migrate(url: &str) -> Result<(), MigrateError> {
    let mut attempt = 1;
    loop {
        match migrate_once(url).await {
            Err(error) if attempt < ATTEMPTS_MAX && is_lock_timeout(&error) => {
                tracing::info!(attempt, "another process is migrating; waiting for it");
                sleep(AGAIN_AFTER * attempt).await;
                attempt += 1;
            }
            answer => return answer,
        }
    }
}

/// The versions and checksums of the embedded migrations, for caches keyed by schema.
pub fn fingerprint() -> impl Iterator<Item = (i64, &'static [u8])> {
    EMBEDDED
        .iter()
        .map(|migration| (migration.version, &*migration.checksum))
}

/// The number, description and checksum of each embedded migration, in order.
pub(super) fn embedded() -> impl Iterator<Item = (i64, &'static str, &'static [u8])> {
    EMBEDDED.iter().map(|migration| {
        (
            migration.version,
            &*migration.description,
            &*migration.checksum,
        )
    })
}

async fn migrate_once(url: &str) -> Result<(), MigrateError> {
    let options = connect_options(url, "windlass migrate")?;
    // Building an index may take as long as it takes; only waiting for others is bounded.
    let options = options.options([("statement_timeout", "0")]);
    let mut connection = Session::connect(&options).await?;
    make_schema(&mut connection).await?;
    migrator().run(connection.past_the_gate()).await?;
    Ok(connection.close().await?)
}

/// `create schema if not exists` alone fails when two processes race.
async fn make_schema(connection: &mut Session) -> Result<(), sqlx::Error> {
    let take_turns = format!("select pg_advisory_xact_lock({SCHEMA_LOCK})");
    let statements = format!("begin; {take_turns}; create schema if not exists windlass; commit");
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await
        .map(drop)
}

fn migrator() -> Migrator {
    let mut migrator = Migrator {
        migrations: Cow::Borrowed(&EMBEDDED.migrations),
        ..Migrator::DEFAULT
    };
    migrator.set_ignore_missing(true);
    migrator
}

fn is_lock_timeout(error: &MigrateError) -> bool {
    let (MigrateError::Execute(cause) | MigrateError::ExecuteMigration(cause, _)) = error else {
        return false;
    };
    let code = cause.as_database_error().and_then(|cause| cause.code());
    code.is_some_and(|code| code == LOCK_TIMEOUT_CODE)
}
