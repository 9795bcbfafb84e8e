//! A pooler between us and the database: what it must do, and whether it does.
//!
//! In transaction mode a pooler lends a server's session for one transaction. Nothing set at the start of
//! a session survives that, so our settings belong to the role ([`settings_statements`]). And a statement
//! that was prepared in one session must be there in the next (PgBouncer 1.21 and later). Found out once
//! at the start of a process, because the first wrong answer would else come at any time later.

use std::time::Duration;

use sqlx::Executor;
use sqlx::postgres::PgConnectOptions;
use tokio::time::timeout;

use super::connect::SETTINGS;
use super::gate::Session;
use crate::Error;

/// A pool of one session makes the second caller wait for ever; what that would show is then shown
/// by the statements before it.
const SECOND_SESSION_MAX: Duration = Duration::from_secs(2);
/// `invalid_sql_statement_name` and `duplicate_prepared_statement`: the pooler mixes up what is prepared.
const MIXED_UP_CODES: [&str; 2] = ["26000", "42P05"];
/// Without it statements find the tables of others.
const NEEDED: &str = "search_path";

/// What a start through a pooler found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolerReport {
    /// Whether sessions are shared: there is a pooler in transaction mode.
    pub is_shared: bool,
    /// Settings that are not ours, by name, with what they are. Statements may be slow by them.
    pub strange: Vec<(&'static str, String)>,
}

/// Statements that give the role of `pooled`, in its database, the settings that a session of ours
/// needs. A role that may change itself can run them; sessions that are open keep the old ones.
///
/// # Errors
/// `database_unavailable` and its like.
pub async fn settings_statements(pooled: &PgConnectOptions) -> Result<Vec<String>, Error> {
    let mut session = Session::connect(pooled).await?;
    let account = sqlx::query_file!("queries/cluster/account.sql")
        .fetch_one(&mut session)
        .await?;
    session.close().await?;
    let statement = |(name, value): (&str, &str)| {
        let value = match name {
            // A list, which quotes would make one strange name.
            NEEDED => value.replace(',', ", "),
            _ => format!("'{value}'"),
        };
        let (role, database) = (&account.role, &account.database);
        format!("alter role {role} in database {database} set {name} = {value};")
    };
    Ok(SETTINGS.into_iter().map(statement).collect())
}

/// Whether work can be trusted to sessions of `pooled`, by comparison with one of `direct`.
///
/// # Errors
/// `pooler_misconfigured`, with what to change: another database, a search path that is not ours, or
/// prepared statements that get lost. `database_unavailable` and its like.
///
/// # Cancel safety
/// It only looks.
pub async fn check_pooler(
    pooled: &PgConnectOptions,
    direct: &PgConnectOptions,
) -> Result<PoolerReport, Error> {
    let wanted = Facts::of(&mut Session::connect(direct).await?).await?;
    let mut one = Session::connect(pooled).await?;
    let mut other = Session::connect(pooled).await?;
    let found = Facts::of(&mut one).await.map_err(told)?;
    if (&found.database, found.server_since) != (&wanted.database, wanted.server_since) {
        return Err(misconfigured(
            "database.url and database.direct_url are not the same database",
            "name one database twice: through the pooler, and past it",
        ));
    }
    let is_shared = is_shared(&mut one, &mut other).await?;
    let strange = found.unlike(&wanted);
    if let Some((_, path)) = strange.iter().find(|(name, _)| *name == NEEDED) {
        return Err(misconfigured(
            &format!("sessions of database.url look for tables in {path:?}, not in windlass"),
            "run what `windlass migrate settings` prints, then RECONNECT the pooler",
        ));
    }
    Ok(PoolerReport { is_shared, strange })
}

/// Whether two sessions get the same process of the server, and find there what they prepared.
async fn is_shared(one: &mut Session, other: &mut Session) -> Result<bool, Error> {
    // Both prepare something else under what may be the same name.
    let first = backend(one).await?;
    let second = sqlx::query_file!("queries/cluster/alive.sql");
    second.fetch_one(&mut *other).await.map_err(told)?;
    let second = backend(other).await?;
    // While one is in a transaction, the other is sent to where its statements are not prepared yet.
    (&mut *one).execute("begin").await?;
    let busy = backend(one).await?;
    let third = timeout(SECOND_SESSION_MAX, backend(other)).await;
    (&mut *one).execute("rollback").await?;
    Ok(match third {
        Ok(third) => first == second || first != busy || second != third?,
        Err(_) => true,
    })
}

async fn backend(session: &mut Session) -> Result<i32, Error> {
    let asked = sqlx::query_file!("queries/cluster/backend.sql");
    Ok(asked.fetch_one(session).await.map_err(told)?.backend)
}

/// What a session says of itself.
struct Facts {
    database: String,
    server_since: f64,
    settings: Vec<String>,
}

impl Facts {
    async fn of(session: &mut Session) -> Result<Self, sqlx::Error> {
        let names = SETTINGS.map(|(name, _)| name.to_owned());
        let found = sqlx::query_file!("queries/cluster/session.sql", &names[..]);
        let row = found.fetch_one(session).await?;
        Ok(Self {
            database: row.database,
            server_since: row.server_since,
            settings: row.settings,
        })
    }

    /// The settings that are another's.
    fn unlike(&self, other: &Self) -> Vec<(&'static str, String)> {
        let pairs = self.settings.iter().zip(&other.settings);
        let named = SETTINGS.iter().map(|(name, _)| *name).zip(pairs);
        named
            .filter(|(_, (ours, theirs))| ours.replace(' ', "") != theirs.replace(' ', ""))
            .map(|(name, (ours, _))| (name, ours.clone()))
            .collect()
    }
}

/// A prepared statement that got lost is the pooler's doing.
fn told(error: sqlx::Error) -> Error {
    let code = error.as_database_error().and_then(|error| error.code());
    if !code.is_some_and(|code| MIXED_UP_CODES.contains(&code.as_ref())) {
        return error.into();
    }
    misconfigured(
        &format!("the pooler of database.url loses prepared statements: {error}"),
        "PgBouncer 1.21 or later with max_prepared_statements of at least 256",
    )
}

fn misconfigured(message: &str, hint: &str) -> Error {
    Error::Conflict {
        code: "pooler_misconfigured",
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
    }
}
