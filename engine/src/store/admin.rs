//! What is done to a database as a whole, before there is a store: open, make anew, ask its version.
//!
//! Kept apart from the verbs: a server calls these once at its start, the command line now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnectOptions;

use super::connect::connect_options;
use super::gate::{Gate, Session};
use super::{Store, migrate};
use crate::Error;

/// Longer than a restart of a server that is near; a caller that waits longer should be told.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// One migration, known or applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MigrationView {
    /// Its number.
    pub version: i64,
    /// What it does.
    pub description: String,
    /// `applied`, `pending`, `edited` (its file is not what was applied) or `unknown` (of a newer binary).
    pub state: &'static str,
}

impl Store {
    /// A store with up to `connections` pooled connections of these options. Fails when none can be made.
    ///
    /// # Errors
    /// `database_unavailable` and its like.
    pub async fn open(options: PgConnectOptions, connections: u32) -> Result<Self, Error> {
        Ok(Self::new(
            Gate::open(options, connections, ACQUIRE_TIMEOUT).await?,
        ))
    }

    /// Closes every pooled connection once it is given back.
    pub async fn close(&self) {
        self.pool().close().await;
    }
}

/// Drops the database `name` beside the one of `url`, if it is there, and makes it anew.
///
/// # Errors
/// `database_unavailable`, or what the server says: making one needs the right to do so.
pub async fn make_database_anew(url: &str, name: &str) -> Result<(), Error> {
    let mut connection = Session::connect(&connect_options(url, "windlass")?).await?;
    let name = format!("\"{}\"", name.replace('"', "\"\""));
    for statement in [
        format!("drop database if exists {name} with (force)"),
        format!("create database {name}"),
    ] {
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await?;
    }
    Ok(connection.close().await?)
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerFacts {
    /// `18.1 (Debian …)`
    pub version: String,
    /// Whether what it answered survives a crash of its machine.
    pub durable: bool,
}

/// What the server of `url` says of itself.
///
/// # Errors
/// `database_unavailable` and its like.
pub async fn server_facts(url: &str) -> Result<ServerFacts, Error> {
    let mut connection = Session::connect(&connect_options(url, "windlass")?).await?;
    let (version, durable) = sqlx::query_as(
        "select current_setting('server_version'), current_setting('fsync') = 'on'
            and current_setting('full_page_writes') = 'on' and current_setting('synchronous_commit') <> 'off'",
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok(ServerFacts { version, durable })
}

/// Every migration of this binary and every applied one, in order.
///
/// # Errors
/// `database_unavailable` and its like.
pub async fn migrations(url: &str) -> Result<Vec<MigrationView>, Error> {
    let mut connection = Session::connect(&connect_options(url, "windlass")?).await?;
    let known: bool =
        sqlx::query_scalar("select to_regclass('windlass._sqlx_migrations') is not null")
            .fetch_one(&mut connection)
            .await?;
    let applied: Vec<(i64, String, Vec<u8>)> = if known {
        sqlx::query_as(
            "select version, description, checksum from windlass._sqlx_migrations where success",
        )
        .fetch_all(&mut connection)
        .await?
    } else {
        Vec::new()
    };
    connection.close().await?;
    Ok(compared(applied))
}

fn compared(applied: Vec<(i64, String, Vec<u8>)>) -> Vec<MigrationView> {
    let row = |version, description, state| MigrationView {
        version,
        description,
        state,
    };
    let mut applied: BTreeMap<_, _> = applied
        .into_iter()
        .map(|(version, description, checksum)| (version, (description, checksum)))
        .collect();
    let mut all: Vec<_> = migrate::embedded()
        .map(|(version, description, checksum)| {
            let state = match applied.remove(&version) {
                None => "pending",
                Some((_, stored)) if stored == checksum => "applied",
                Some(_) => "edited",
            };
            row(version, description.to_owned(), state)
        })
        .collect();
    let newer = applied
        .into_iter()
        .map(|(version, (description, _))| row(version, description, "unknown"));
    all.extend(newer);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrations_are_told_apart() {
        let mut embedded = migrate::embedded();
        let (first, _, checksum) = embedded.next().expect("at least two");
        let (second, ..) = embedded.next().expect("at least two");
        let stored = vec![
            (first, String::new(), checksum.to_vec()),
            (second, String::new(), vec![0]),
            (9_999, "of tomorrow".to_owned(), vec![1]),
        ];

        let states: Vec<_> = compared(stored)
            .iter()
            .map(|row| (row.version, row.state))
            .collect();

        assert_eq!(states[..2], [(first, "applied"), (second, "edited")]);
        assert_eq!(states.last(), Some(&(9_999, "unknown")));
        assert_eq!(compared(Vec::new())[0].state, "pending");
    }
}
