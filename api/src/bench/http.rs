//! `submit-http`: single requests over HTTP, each durable before its answer.
//!
//! The server is the real one, in this process, on a port of the loopback. The clients speak HTTP over
//! plain sockets: what a client library costs is not what is asked here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use windlass_floor::Submit;

use super::database::Side;
use super::meter::{Sample, forget_peak_memory};
use super::report::Report;
use super::rounds::Rounds;
use super::site::{INPUT, ONE_STEP, Site};
use super::submit::submit_floor;
use super::{Bench, failed};
use crate::cli::error::CliError;
use crate::config::{Role, Settings};
use crate::serve::{Server, Wiring, bind};

/// Requests of a round.
const JOBS: u64 = 10_000;
/// A part of a round warms up.
const WARM_UP_PART: u64 = 5;
/// Connections of either side.
const CONNECTIONS: usize = 64;
/// The template.
const NAME: &str = "submit-http";
/// Rows of a stream that are written at once.
const STREAM_ROWS: usize = 1_000;
/// Longest head and body of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The real server in this process, on a free port of the loopback.
pub struct Api {
    server: Server,
    stop: CancellationToken,
    pub address: SocketAddr,
}

impl Api {
    /// Starts it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn start(bench: &Bench<'_>) -> Result<Self, CliError> {
        let stop = CancellationToken::new();
        let settings = Settings {
            roles: vec![Role::Api],
            ..bench.context.settings.clone()
        };
        let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let mut wiring = Wiring::new(&bench.database.url, &settings, &bench.context.around)
            .with_listener(listener);
        let server = Server::start(&mut wiring, &stop).await?;
        let address = server.address();
        Ok(Self {
            address: address.ok_or_else(|| failed("the API does not listen"))?,
            server,
            stop,
        })
    }

    /// Stops it.
    ///
    /// # Errors
    /// A part that failed.
    pub async fn stop(self) -> Result<(), CliError> {
        self.stop.cancel();
        self.server.join().await.map(drop)
    }
}

/// Measures it.
pub async fn run(bench: &Bench<'_>) -> Result<Report, CliError> {
    let site = Site::open(&bench.database.url).await?;
    site.publish(NAME, ONE_STEP).await?;
    let api = Api::start(bench).await?;
    let report = measure(bench, api.address).await;
    api.stop().await?;
    report
}

async fn measure(bench: &Bench<'_>, address: SocketAddr) -> Result<Report, CliError> {
    let jobs = bench.jobs.unwrap_or(JOBS);
    let floor = Submit {
        jobs,
        page: 1,
        connections: CONNECTIONS,
    };
    bench.context.say("warming up");
    bench.database.floor.reset().await?;
    post_all(bench, address, jobs.div_ceil(WARM_UP_PART)).await?;
    submit_floor(bench, &floor).await?;
    forget_peak_memory();
    let rounds = Rounds::interleaved(
        bench,
        bench.rounds_or_usual(),
        async || post_all(bench, address, jobs).await,
        async || submit_floor(bench, &floor).await,
    )
    .await?;
    Report::of_rates(bench, &rounds)
}

/// The engine's side of one round.
async fn post_all(bench: &Bench<'_>, address: SocketAddr, jobs: u64) -> Result<Sample, CliError> {
    bench.database.server(Side::Engine).vacuum().await?;
    let left = Arc::new(AtomicI64::new(jobs.cast_signed()));
    let meter = bench.database.meter()?;
    let start = meter.read().await?;
    let mut clients = JoinSet::new();
    for _ in 0..CONNECTIONS {
        clients.spawn(client(address, left.clone()));
    }
    while let Some(ended) = clients.join_next().await {
        ended.map_err(|error| failed(error.to_string()))??;
    }
    meter.since(&start, jobs).await
}

/// One connection that is kept alive: a request, its answer, the next.
async fn client(address: SocketAddr, left: Arc<AtomicI64>) -> Result<(), CliError> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let body = format!(r#"{{"template":"bench.{NAME}","input":{INPUT}}}"#);
    let request = format!(
        "POST /v1/requests HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut answer = Vec::with_capacity(4_096);
    while left.fetch_sub(1, Ordering::Relaxed) > 0 {
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream, &mut answer).await?;
        if !answer.starts_with(b"HTTP/1.1 201 ") {
            let said = String::from_utf8_lossy(&answer);
            return Err(failed(format!("a request was not taken: {said}")));
        }
    }
    Ok(())
}

/// Sends rows of a template as one stream of lines, and counts those that became jobs.
///
/// # Errors
/// When the server ends the connection.
pub async fn stream(address: SocketAddr, template: &str, rows: u64) -> Result<u64, CliError> {
    let row = format!("{{\"template\":\"bench.{template}\",\"input\":{INPUT}}}\n");
    let head = format!(
        "POST /v1/requests HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/x-ndjson\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        row.len() as u64 * rows
    );
    let (reader, mut writer) = TcpStream::connect(address).await?.into_split();
    // Answers come while rows are sent; a sender that did not read would stop the server.
    let sending = tokio::spawn(async move {
        writer.write_all(head.as_bytes()).await?;
        for first in (0..rows).step_by(STREAM_ROWS) {
            let count = (rows - first).min(STREAM_ROWS as u64);
            let lines = row.repeat(count as usize);
            writer.write_all(lines.as_bytes()).await?;
        }
        Ok::<_, std::io::Error>(writer)
    });
    let mut lines = BufReader::new(reader).lines();
    let mut created = 0;
    while let Some(line) = lines.next_line().await? {
        created += u64::from(line.contains(r#""status":"created""#));
    }
    sending.await.map_err(|error| failed(error.to_string()))??;
    Ok(created)
}

/// Reads one answer whole, by its length.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<(), CliError> {
    answer.clear();
    let mut length = None;
    while length.is_none_or(|length| answer.len() < length) {
        let read = stream.read_buf(answer).await?;
        if read == 0 || answer.len() > ANSWER_BYTES_MAX {
            return Err(failed("the server ended a connection within an answer"));
        }
        length = length.or_else(|| whole_length(answer));
    }
    Ok(())
}

/// Bytes of head and body, once the head is there.
fn whole_length(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some(head + body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n{\"a\"";

        assert_eq!(whole_length(answer), Some(answer.len() + 1));
        assert_eq!(whole_length(b"HTTP/1.1 201 Created\r\nContent-"), None);
    }
}
