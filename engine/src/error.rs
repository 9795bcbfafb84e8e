//! The one error of this crate. Expected turns of events are return values, not errors.

use windlass_workflows::problem::Problem;

/// Why a verb of the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What was named does not exist.
    #[error("{noun} `{name}` does not exist")]
    NotFound {
        /// The dictionary's word.
        noun: &'static str,
        /// As the caller wrote it.
        name: String,
    },
    /// The state of the thing forbids it.
    #[error("{message}")]
    Conflict {
        /// Stable, such as `illegal_state` or `key_reused`.
        code: &'static str,
        /// What stands in the way.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// What was sent is wrong; every fault of it.
    #[error("{} problems, the first: {}", problems.len(), problems.first().map_or("", |problem| problem.message.as_str()))]
    Invalid {
        /// All of them.
        problems: Vec<Problem>,
    },
    /// A stored document or state cannot be read by this binary.
    #[error("{noun} `{name}` cannot be read: {message}")]
    Unreadable {
        /// The dictionary's word.
        noun: &'static str,
        /// Its identity.
        name: String,
        /// Why not.
        message: String,
    },
    /// The schema could not be brought up to date.
    #[error("the schema could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Postgres refused or could not be reached.
    #[error("the database refused or could not be reached")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// Stable code, the same in JSON bodies, logs, metrics and on the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::Conflict { code, .. } => code,
            Self::Invalid { .. } => "invalid",
            Self::Unreadable { .. } => "unreadable",
            Self::Migrate(_) => "migration_failed",
            Self::Database(error) if is_unavailable(error) => "database_unavailable",
            Self::Database(_) if self.is_bad_text() => "invalid_text",
            Self::Database(_) => "database_error",
        }
    }

    /// Whether repeating the same call later may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Database(error) if is_unavailable(error))
    }

    /// SQLSTATE of what Postgres said (appendix A of its manual).
    pub fn sql_state(&self) -> Option<String> {
        match self {
            Self::Database(sqlx::Error::Database(error)) => error.code().map(Into::into),
            _ => None,
        }
    }

    /// Whether a pooler refused what sessions of ours ask for at their start.
    pub fn is_from_pooler(&self) -> bool {
        let (Self::Database(error)
        | Self::Migrate(
            sqlx::migrate::MigrateError::Execute(error)
            | sqlx::migrate::MigrateError::ExecuteMigration(error, _),
        )) = self
        else {
            return false;
        };
        // Postgres calls them configuration parameters, and has another code for them.
        error.as_database_error().is_some_and(|error| {
            error.code().is_some_and(|code| code == "08P01")
                && error.message().contains("unsupported startup parameter")
        })
    }

    /// Whether others stood in the way: a lock, a deadlock, a time-out.
    pub fn is_busy(&self) -> bool {
        let state = self.sql_state();
        matches!(
            state.as_deref(),
            Some("40001" | "40P01" | "55P03" | "57014")
        )
    }

    /// Whether one statement wanted more memory, disk or temporary files than there are; others may fare well.
    pub fn is_too_much(&self) -> bool {
        matches!(
            self.sql_state().as_deref(),
            Some("53100" | "53200" | "53400")
        )
    }

    /// Whether a text holds what Postgres cannot keep, such as U+0000.
    pub fn is_bad_text(&self) -> bool {
        matches!(self.sql_state().as_deref(), Some("22021" | "22P05"))
    }

    /// Whether a value is what no table takes: data exceptions, too large rows (classes 22 and 54), nulls and checks.
    pub fn is_of_data(&self) -> bool {
        let state = self.sql_state().unwrap_or_default();
        state.starts_with("22") || state.starts_with("54") || state == "23502" || state == "23514"
    }

    /// Whether the caller's own words are at fault, so that repeating them never helps.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::Conflict { .. }
                | Self::Invalid { .. }
                | Self::Unreadable { .. }
        )
    }

    /// The named thing that is missing.
    pub fn not_found(noun: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound {
            noun,
            name: name.into(),
        }
    }

    /// One problem without a place.
    pub fn invalid(problem: Problem) -> Self {
        Self::Invalid {
            problems: vec![problem],
        }
    }
}

/// Classes 08, 57P0x, 53300 and every fault of the connection itself.
pub(crate) fn is_unavailable(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P0") || code.starts_with("53")
        }),
        _ => false,
    }
}
