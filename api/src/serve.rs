//! `windlass serve`, and the composition root: who owns which task, and in what order they stop.
//!
//! ```text
//! stop ─▶ api: no new connections, streams end      (10 s)
//!      ─▶ worker: claims nothing, drains            (its grace and 5 s)
//!      ─▶ keeper: ends its pass                     (10 s)
//! all ended, or 40 s past the grace ─▶ the pool is closed
//! ```
//!
//! All three hear the stop at once; what is slow is cut off by its own deadline.

mod arguments;
mod logs;
mod reach;
mod room;

use std::future::pending;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tracing::info;
use windlass_engine::store;

pub use self::arguments::ServeArgs;
pub use self::logs::{LogLevel, start_logs};
pub use self::room::{Server, Wiring, bind, fetcher};
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::migrate::{database_url, direct_url};
use crate::config::without_password;
use crate::exit::Exit;

/// Runs the roles of this process until it is told to stop.
///
/// # Cancel safety
/// Not cancel safe: it is the process.
pub async fn run(arguments: &ServeArgs, context: &Context) -> Result<Exit, CliError> {
    start_logs(&context.settings, &context.around, LogLevel::AsSet);
    let url = database_url(context)?;
    if context.settings.migrate {
        store::migrate(direct_url(context)?)
            .await
            .map_err(windlass_engine::Error::from)?;
    }
    let roles: Vec<_> = context
        .settings
        .roles
        .iter()
        .map(|role| role.as_str())
        .collect();
    info!(
        roles = roles.join(","),
        database = without_password(url),
        version = env!("CARGO_PKG_VERSION"),
        "starting"
    );
    let mut wiring = Wiring::new(url, &context.settings, &context.around);
    if let Some(direct) = &context.settings.database_direct_url {
        wiring = wiring.behind_pooler(direct);
    }
    run_until_told(wiring, arguments.until_stdin_closes).await
}

/// Runs what was wired until a signal, the end of standard input where that is watched, or a failure.
///
/// # Errors
/// What kept a role from starting, or the first task that failed.
pub(crate) async fn run_until_told(mut wiring: Wiring, is_watched: bool) -> Result<Exit, CliError> {
    let stop = CancellationToken::new();
    let mut server = Server::start(&mut wiring, &stop).await?;
    if let Some(address) = server.address() {
        info!(%address, "listening");
    }
    tokio::select! {
        () = told_to_stop() => info!("stopping"),
        () = parent_is_gone(is_watched) => info!("stopping: standard input was closed"),
        failed = server.broken() => {
            stop.cancel();
            server.join().await?;
            return failed.map_or(Ok(Exit::Failed), Err);
        }
    }
    stop.cancel();
    server.join().await
}

/// SIGTERM, SIGINT or SIGHUP.
pub async fn told_to_stop() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signals) => {
            signals.recv().await;
        }
        Err(_) => pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

/// A parent that dies, however it dies, closes the pipe that it gave us.
pub(crate) async fn parent_is_gone(is_watched: bool) {
    if !is_watched {
        return pending().await;
    }
    let (gone, is_gone) = oneshot::channel::<()>();
    // A read of standard input cannot be cancelled, so it has a thread that ends with the process.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(gone);
    });
    let _ = is_gone.await;
}
