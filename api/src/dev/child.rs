//! The worker as a process of its own, so that killing it is a real kill.
//!
//! One task owns the process: it starts another when it dies, whoever killed it, and ends it in
//! order when we stop. A parent that is killed itself closes the pipe, which ends the worker too.

use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Command;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::cli::error::CliError;
use crate::exit::Exit;

/// A worker drains in less; then it is killed.
const DRAIN_WITHIN: Duration = Duration::from_secs(12);
/// Pause before another is started, so that one that cannot start does not spin.
const AGAIN_AFTER: Duration = Duration::from_millis(300);

/// What the owner is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Kill it with signal 9.
    Kill,
    /// End it in order, and do not start another.
    Stop,
}

/// A worker process that is replaced when it dies.
#[derive(Debug)]
pub struct Child {
    orders: mpsc::Sender<Order>,
    pid: watch::Receiver<u32>,
    owner: JoinHandle<()>,
}

impl Child {
    /// Starts this very program as a worker with these variables.
    ///
    /// # Errors
    /// When it cannot be started at all.
    pub fn start(variables: Vec<(String, OsString)>) -> Result<Self, CliError> {
        let program = std::env::current_exe()?;
        let (orders, asked) = mpsc::channel(4);
        let mut command = Command::new(program);
        command
            .args(["serve", "--role", "worker", "--until-stdin-closes"])
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0) // Ctrl-C is ours to answer.
            .kill_on_drop(true);
        let first = command.spawn().map_err(|error| {
            CliError::new(
                Exit::Failed,
                "worker_start",
                format!("the worker cannot be started: {error}"),
            )
        })?;
        let (says, pid) = watch::channel(first.id().unwrap_or(0));
        let owner = tokio::spawn(own(command, first, asked, says));
        Ok(Self { orders, pid, owner })
    }

    /// Its process now.
    pub fn pid(&self) -> u32 {
        *self.pid.borrow()
    }

    /// Asks for something; returns whether there is anybody to ask.
    pub fn order(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }

    /// Ends it in order.
    ///
    /// # Cancel safety
    /// Dropped, it goes on ending.
    pub async fn stop(self) {
        // The queue may be full of kills; this order must not be lost.
        let _ = self.orders.send(Order::Stop).await;
        let _ = self.owner.await;
    }
}

async fn own(
    mut command: Command,
    mut child: tokio::process::Child,
    mut asked: mpsc::Receiver<Order>,
    says: watch::Sender<u32>,
) {
    // Waiting for a child closes its standard input, unless somebody else holds it.
    let mut _pipe = child.stdin.take();
    loop {
        let order = tokio::select! {
            order = asked.recv() => order.unwrap_or(Order::Stop),
            _ = child.wait() => Order::Kill,
        };
        if order == Order::Stop {
            return end(child).await;
        }
        let _ = child.kill().await;
        loop {
            sleep(AGAIN_AFTER).await;
            match command.spawn() {
                Ok(next) => {
                    child = next;
                    _pipe = child.stdin.take();
                    break;
                }
                Err(error) => tracing::error!(%error, "the worker cannot be started again"),
            }
        }
        says.send_replace(child.id().unwrap_or(0));
    }
}

/// SIGTERM, a bounded wait, SIGKILL.
async fn end(mut child: tokio::process::Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    if timeout(DRAIN_WITHIN, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
