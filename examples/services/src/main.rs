//! `windlass-sample-services [--listen ADDRESS]`: serves until Ctrl-C or SIGTERM.
//!
//! A program of its own, so that the services can live on after the engine that calls them was killed.

use std::io::Write;

use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const LISTEN_DEFAULT: &str = "127.0.0.1:7420";
const USAGE: &str = "usage: windlass-sample-services [--listen 127.0.0.1:7420]";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Some(address) = listen_address(std::env::args().skip(1))? else {
        return say(USAGE);
    };
    let listener = TcpListener::bind(&address)
        .await
        .with_context(|| format!("cannot listen on {address}"))?;
    say(&format!(
        "sample services on http://{}",
        listener.local_addr()?
    ))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let shutdown = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    windlass_sample_services::serve(listener, shutdown)
        .await
        .context("serving failed")
}

/// The address of `--listen`, or none when help was asked for.
fn listen_address(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<Option<String>> {
    let mut address = LISTEN_DEFAULT.to_owned();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--listen" => address = arguments.next().context("--listen needs an address")?,
            "--help" | "-h" => return Ok(None),
            _ => match argument.strip_prefix("--listen=") {
                Some(given) => address = given.to_owned(),
                None => bail!("unknown argument {argument}; {USAGE}"),
            },
        }
    }
    Ok(Some(address))
}

/// One line to whoever started the program; with port 0 it tells the port.
fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("standard output is closed")
}
