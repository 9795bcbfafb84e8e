//! `windlass request submit --file`: requests by the stream, a line in, a line out.
//!
//! The file is read while the answers are written: neither is ever whole in memory, so a file of any
//! length goes through. A pipe may feed it as well; a server waits ten seconds for the next piece.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use futures::StreamExt;
use serde_json::Value;
use tokio_util::io::ReaderStream;

use super::context::Context;
use super::error::CliError;
use super::files::unreadable;
use crate::client::ClientError;
use crate::exit::Exit;

const KIND: &str = "application/x-ndjson";
/// The same words as in the answers that count as stored.
const STORED: [&str; 5] = ["created", "duplicate", "replaced", "succeeds", "extended"];
/// Bytes of a piece that is read.
const PIECE: usize = 64 << 10;
/// A server that stores what it was sent answers in less; a feeder may pause for as long as it wants.
const SILENCE_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Sends the rows of a file and writes what became of each.
pub async fn submit(context: &Context, path: &str) -> Result<Exit, CliError> {
    let file = opened(path).map_err(|error| unreadable(path, &error))?;
    let rows = ReaderStream::with_capacity(tokio::fs::File::from_std(file), PIECE);
    let answer = context
        .client
        .exchange(&["requests"], KIND, rows, SILENCE_MAX)
        .await?;
    let mut pieces = answer.bytes_stream();
    let mut told = Told::default();
    let mut open: Vec<u8> = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|source| broken(context, &told, source))?;
        open.extend_from_slice(&piece);
        let Some(end) = open.iter().rposition(|byte| *byte == b'\n') else {
            continue;
        };
        let rest = open.split_off(end + 1);
        told.count(&open);
        context.output.bytes(&open)?;
        open = rest;
    }
    context.say(&told.summary());
    Ok(told.exit())
}

fn opened(path: &str) -> io::Result<File> {
    match path {
        "-" => io::stdin().as_fd().try_clone_to_owned().map(File::from),
        path => File::open(path),
    }
}

/// The stream broke off: the answers so far are true, what follows them is unknown.
fn broken(context: &Context, told: &Told, source: reqwest::Error) -> CliError {
    context.say(&format!(
        "{}; the stream broke off behind row {}: send the rows from there again, with the same keys",
        told.summary(),
        told.last
    ));
    let server = context.client.server().to_owned();
    ClientError::Unreachable { server, source }.into()
}

/// How many rows had which answer.
#[derive(Debug, Default)]
struct Told {
    by_status: BTreeMap<String, u64>,
    last: u64,
}

impl Told {
    fn count(&mut self, lines: &[u8]) {
        let answers = serde_json::Deserializer::from_slice(lines).into_iter::<Value>();
        for answer in answers.flatten() {
            let status = answer["status"].as_str().unwrap_or("strange").to_owned();
            *self.by_status.entry(status).or_default() += 1;
            self.last = answer["row"].as_u64().unwrap_or(self.last);
        }
    }

    fn summary(&self) -> String {
        if self.by_status.is_empty() {
            return "no rows".to_owned();
        }
        let parts = self.by_status.iter();
        let parts: Vec<String> = parts.map(|(word, n)| format!("{n} {word}")).collect();
        parts.join(", ")
    }

    /// Findings when a row was not stored.
    fn exit(&self) -> Exit {
        let is_stored = |word: &String| STORED.contains(&word.as_str());
        if self.by_status.keys().all(is_stored) {
            Exit::Done
        } else {
            Exit::Findings
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_were_not_stored_are_findings() {
        let mut told = Told::default();
        told.count(b"{\"row\":1,\"status\":\"created\"}\n{\"row\":2,\"status\":\"duplicate\"}\n");
        assert_eq!((told.exit(), told.last), (Exit::Done, 2));

        told.count(b"{\"row\":4,\"status\":\"invalid\"}\n");

        assert_eq!(told.exit(), Exit::Findings);
        assert_eq!(told.summary(), "1 created, 1 duplicate, 1 invalid");
    }
}
