//! A second process with a worker in it: this program once more, until its input is closed.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc::unbounded_channel;
use tokio::task::spawn_blocking;

use super::site::Site;
use super::worker::{Calls, Running};
use super::{Bench, Scenario, failed};
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::exit::Exit;
use crate::serve::parent_is_gone;

/// This program as a worker in a process of its own; it ends when we let go of it.
pub struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    /// Starts it on the engine's database; it is connected, and works from [`Other::go`] on.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start(bench: &Bench<'_>) -> Result<Self, CliError> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", &bench.name(), "--as-worker"])
            .env("WINDLASS_DATABASE_URL", &bench.database.url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0) // Ctrl-C is ours to answer.
            .kill_on_drop(true)
            .spawn()?;
        let lines = child.stdout.take().ok_or_else(|| failed("no output"))?;
        let mut other = Self {
            child,
            lines: BufReader::new(lines).lines(),
        };
        other.line().await?;
        Ok(other)
    }

    /// Tells it to work.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn go(&mut self) -> Result<(), CliError> {
        let input = self.child.stdin.as_mut().ok_or_else(gone)?;
        Ok(input.write_all(b"go\n").await?)
    }

    /// When the next handler began; told in `latency` only.
    ///
    /// # Errors
    /// When it has ended.
    pub async fn begun(&mut self) -> Result<SystemTime, CliError> {
        let nanos = self.line().await?.parse().map_err(|_| gone())?;
        Ok(UNIX_EPOCH + Duration::from_nanos(nanos))
    }

    async fn line(&mut self) -> Result<String, CliError> {
        self.lines.next_line().await?.ok_or_else(gone)
    }

    /// Its process, or nothing once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Stops it.
    ///
    /// # Errors
    /// What the system says.
    pub async fn stop(mut self) -> Result<(), CliError> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }
}

fn gone() -> CliError {
    failed("the worker process is gone")
}

/// The other process; in `latency` it writes when each handler began.
pub async fn work(scenario: Scenario, context: &Context) -> Result<Exit, CliError> {
    let url = context.settings.database_url.as_deref();
    let site = Site::open(url.ok_or_else(|| CliError::usage("there is no database"))?).await?;
    let (told, mut begun) = unbounded_channel();
    let calls = match scenario {
        Scenario::Latency => Calls::telling(told),
        _ => Calls::until(u64::MAX),
    };
    context.output.line("ready")?;
    // A read of standard input cannot be cancelled: our parent tells us to go, or ends it.
    let go = || std::io::stdin().read_line(&mut String::new());
    let told = spawn_blocking(go).await.map_err(std::io::Error::other)??;
    if told == 0 {
        return Ok(Exit::Done);
    }
    let worker = Running::start(&site, &calls)?;
    let tell = async {
        while let Some(at) = begun.recv().await {
            let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
            context.output.line(&since.as_nanos().to_string())?;
        }
        std::future::pending::<Result<(), CliError>>().await
    };
    tokio::select! {
        told = tell => told?,
        () = parent_is_gone(true) => {}
    }
    worker.stop().await;
    Ok(Exit::Done)
}
