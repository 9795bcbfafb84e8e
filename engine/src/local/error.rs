//! What can go wrong with a Postgres of our own, each with a stable code.

use std::io;
use std::path::PathBuf;

/// A local Postgres that could not be prepared, started, reached or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// Root must not run Postgres, and there is no account to run it as.
    #[error("postgres refuses to run as root, and neither `postgres` nor `nobody` is an account")]
    AccountMissing,
    /// A folder or file could not be made, read or handed over.
    #[error("cannot use {}", path.display())]
    Folder {
        /// The folder or file in question.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// Another process has been preparing the same data folder for too long.
    #[error("another process is preparing {}", path.display())]
    Busy {
        /// The lock file that stayed taken.
        path: PathBuf,
    },
    /// `initdb` failed.
    #[error("initdb could not prepare {}: {output}", path.display())]
    Initialise {
        /// The data folder.
        path: PathBuf,
        /// What `initdb` said last.
        output: String,
    },
    /// The data folder was written by another major version of Postgres.
    #[error("{} holds data of postgres {actual}, the programs found are {expected}", path.display())]
    Version {
        /// The data folder.
        path: PathBuf,
        /// Version of the data.
        actual: String,
        /// Version of the programs.
        expected: u32,
    },
    /// A program could not be run at all.
    #[error("cannot run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The server ended, or was not ready in time; its last words are kept.
    #[error("postgres did not start on {}: {log}", path.display())]
    Start {
        /// The data folder.
        path: PathBuf,
        /// The end of the server's log.
        log: String,
    },
    /// A server owns the data folder and does not answer.
    #[error("process {pid} owns {} and does not answer", path.display())]
    Unresponsive {
        /// The server's process.
        pid: u32,
        /// The data folder.
        path: PathBuf,
    },
    /// The server did not end, not even when told to do so at once.
    #[error("postgres process {pid} did not stop")]
    Stop {
        /// The server's process.
        pid: u32,
    },
    /// A statement of ours failed on the local server.
    #[error("the local postgres refused a statement")]
    Database {
        /// What the driver answered.
        #[from]
        source: sqlx::Error,
    },
    /// The task that looked after the server was lost.
    #[error("the task that looks after the local postgres was lost")]
    Task {
        /// What the runtime answered.
        #[from]
        source: tokio::task::JoinError,
    },
}

impl LocalError {
    /// The name of this error in logs, JSON and documents.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AccountMissing => "postgres.account_missing",
            Self::Folder { .. } => "postgres.folder",
            Self::Busy { .. } => "postgres.busy",
            Self::Initialise { .. } => "postgres.initialise",
            Self::Version { .. } => "postgres.version",
            Self::Run { .. } => "postgres.run",
            Self::Start { .. } => "postgres.start",
            Self::Unresponsive { .. } => "postgres.unresponsive",
            Self::Stop { .. } => "postgres.stop",
            Self::Database { .. } => "postgres.database",
            Self::Task { .. } => "postgres.task",
        }
    }

    /// Names the path that a system call was about.
    pub(super) fn folder(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Folder { path, source }
    }
}
