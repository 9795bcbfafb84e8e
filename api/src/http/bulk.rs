//! Requests by the stream: a line in, a line out, a block of them a transaction.
//!
//! Rows stand on their own: a wrong one stops no other. Memory holds two blocks, whatever the length; a
//! reader that is slow slows the writer down. A block ends when it is full, or as soon as the sender
//! pauses while nothing is being stored, so a slow sender gets each answer at once. While a block is
//! stored, the next one is read and checked. Blocks are stored in order, so the first row with a key
//! is the first to have it.

use std::io;
use std::pin::Pin;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{FutureExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio::select;
use tokio::task::JoinHandle;
use tokio_util::io::StreamReader;
use utoipa::ToSchema;
use windlass_engine::protocol::{Answer, Request};
use windlass_engine::store::Submitted;
use windlass_workflows::problem::Problem;

use super::habit::ids::{JobId, RequestId};
use super::habit::problem::{Fault, Refusal};
use super::habit::{extract, idempotency};
use super::requests::RequestBody;
use super::state::ApiState;

/// Longest line of a stream of requests.
const ROW_BYTES_MAX: usize = 1 << 20;
/// Rows of a block: enough for COPY to pay, few enough to be durable in some hundredths of a second.
const BLOCK_ROWS_MAX: usize = 5_000;
/// Bytes of a block, beside its last row.
const BLOCK_BYTES_MAX: usize = 4 << 20;

/// What became of one row.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct RowReply {
    /// The line, from 1.
    row: u64,
    /// `created`, `duplicate`, `replaced`, `succeeds`, `extended`, `key_reused`, `rejected`,
    /// `in_flight`, `limit_full`, `invalid`, or `failed` for a row that was on its way when the
    /// database refused;
    /// repeat that with the same key.
    status: &'static str,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    /// Its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobId>,
    /// The job that ended because this one replaces it.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced: Option<JobId>,
    /// The job that had started when this one came to replace it.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor_of: Option<JobId>,
    /// Every fault of an invalid row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Fault>)]
    problems: Vec<Problem>,
}

type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

/// A row that was read: its line, and what it asks for or every fault of it.
type Row = (u64, Result<Request, Vec<Problem>>);

/// A stream of rows under way.
struct Bulk {
    state: ApiState,
    lines: Lines,
    row: u64,
    block: Vec<Row>,
    bytes: usize,
    storing: Option<JoinHandle<String>>,
    is_over: bool,
    /// Why the body broke off: told behind the answers to what was stored.
    broken: Option<io::Error>,
}

/// Answers line by line while the body comes in.
pub(super) fn submit(state: ApiState, body: Body) -> Result<Response, Refusal> {
    let chunks = body.into_data_stream().map_err(io::Error::other);
    let start = Bulk {
        state,
        lines: Lines::of(Box::pin(StreamReader::new(chunks))),
        row: 0,
        block: Vec::new(),
        bytes: 0,
        storing: None,
        is_over: false,
        broken: None,
    };
    let lines = stream::try_unfold(start, |mut bulk| async move {
        let text = bulk.next().await?;
        Ok::<_, io::Error>(text.map(|text| (Bytes::from(text), bulk)))
    });
    let media_type = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((media_type, Body::from_stream(lines)).into_response())
}

impl Bulk {
    /// The answers to the next block that was stored.
    async fn next(&mut self) -> io::Result<Option<String>> {
        loop {
            if self.is_full() || self.is_over {
                if let Some(storing) = self.storing.take() {
                    return storing.await.map(Some).map_err(io::Error::other);
                }
                if let Some(broken) = self.broken.take() {
                    return Err(broken);
                }
                if self.block.is_empty() {
                    return Ok(None);
                }
                self.store();
                continue;
            }
            match &mut self.storing {
                Some(storing) => select! { biased;
                    text = storing => {
                        self.storing = None;
                        return text.map(Some).map_err(io::Error::other);
                    }
                    line = self.lines.next() => self.take(line),
                },
                None => match self.lines.next().now_or_never() {
                    Some(line) => self.take(line),
                    None if self.block.is_empty() => {
                        let line = self.lines.next().await;
                        self.take(line);
                    }
                    None => self.store(),
                },
            }
        }
    }

    fn is_full(&self) -> bool {
        self.block.len() >= BLOCK_ROWS_MAX || self.bytes >= BLOCK_BYTES_MAX
    }

    /// Puts a line into the block; empty ones are skipped and counted. Of a body that broke off, what
    /// is not under way is not stored.
    fn take(&mut self, line: io::Result<Option<Line>>) {
        let line = match line {
            Ok(Some(line)) => line,
            Ok(None) => return self.is_over = true,
            Err(error) => {
                self.block.clear();
                self.is_over = true;
                return self.broken = Some(error);
            }
        };
        self.row += 1;
        if let Ok(line) = &line {
            if line.trim_ascii().is_empty() {
                return;
            }
            self.bytes += line.len();
        }
        let request = line
            .map_err(|problem| vec![*problem])
            .and_then(|line| read(&line));
        self.block.push((self.row, request));
    }

    /// Stores the block on a task of its own: a sender that vanishes breaks no transaction off.
    fn store(&mut self) {
        let block = std::mem::take(&mut self.block);
        self.bytes = 0;
        self.storing = Some(tokio::spawn(answer(self.state.clone(), block)));
    }
}

/// What became of a block, a line a row, in order.
async fn answer(state: ApiState, block: Vec<Row>) -> String {
    let (mut asked, mut replies) = (Vec::new(), Vec::with_capacity(block.len()));
    for (row, request) in block {
        let mut reply = RowReply {
            row,
            status: "failed",
            ..RowReply::default()
        };
        match request {
            Ok(request) => asked.push((replies.len(), request)),
            Err(problems) => reply.set(Answer::Invalid(problems)),
        }
        replies.push(reply);
    }
    let (places, requests): (Vec<usize>, Vec<_>) = asked.into_iter().unzip();
    match state
        .store
        .submit_requests(state.tenant, &state.who, requests)
        .await
    {
        Ok(answers) => {
            places
                .into_iter()
                .zip(answers)
                .for_each(|(place, answer)| replies[place].set(answer));
        }
        Err(error) => {
            let problem = Refusal::from(error);
            let problem = Problem::new(problem.code, "", problem.detail);
            places
                .into_iter()
                .for_each(|place| replies[place].problems.push(problem.clone()));
        }
    }
    replies.iter().map(to_line).collect()
}

impl RowReply {
    fn set(&mut self, answer: Answer) {
        let (status, job) = match answer {
            Answer::Submitted(Submitted::Created { job }) => ("created", Some(job)),
            Answer::Submitted(Submitted::Replaced { job, old }) => {
                self.replaced = Some(JobId(old));
                ("replaced", Some(job))
            }
            Answer::Submitted(Submitted::Succeeds { job, first }) => {
                self.successor_of = Some(JobId(first));
                ("succeeds", Some(job))
            }
            Answer::Submitted(Submitted::Extended { job }) => ("extended", Some(job)),
            Answer::Submitted(Submitted::Duplicate { job }) => ("duplicate", Some(job)),
            Answer::Submitted(Submitted::KeyReused { job }) => ("key_reused", Some(job)),
            Answer::Submitted(Submitted::Rejected { job }) => ("rejected", Some(job)),
            Answer::Submitted(Submitted::InFlight) => ("in_flight", None),
            Answer::LimitFull { message } => {
                self.problems = vec![Problem::new("limit_full", "", message)];
                ("limit_full", None)
            }
            Answer::Paused { message } => {
                self.problems = vec![Problem::new("paused", "", message)];
                ("paused", None)
            }
            Answer::Invalid(problems) => {
                self.problems = problems;
                ("invalid", None)
            }
            Answer::Failed { code, message } => {
                self.problems = vec![Problem::new(code, "", message)];
                ("failed", None)
            }
        };
        self.status = status;
        self.job = job.map(JobId);
        self.request = job.map(RequestId);
    }
}

fn to_line(reply: &RowReply) -> String {
    serde_json::to_string(reply).expect("replies have texts as keys") + "\n"
}

fn read(line: &[u8]) -> Result<Request, Vec<Problem>> {
    let body: RequestBody = extract::json(line).map_err(|refusal| refusal.problems)?;
    let request = body.into_request()?;
    let key = request.idempotency_key.as_deref();
    key.map_or(Ok(()), idempotency::fits)
        .map_err(|problem| vec![*problem])?;
    Ok(request)
}

/// A line without its end, or why it was not kept.
type Line = Result<Vec<u8>, Box<Problem>>;

/// Cuts a body into lines.
struct Lines {
    reader: Reader,
    line: Vec<u8>,
    has_begun: bool,
    is_long: bool,
}

impl Lines {
    fn of(reader: Reader) -> Self {
        Self {
            reader,
            line: Vec::new(),
            has_begun: false,
            is_long: false,
        }
    }

    /// The next line without its end; a longer one than allowed is read to its end and refused.
    ///
    /// # Cancel safety
    /// Dropped, what was read of the line is kept.
    async fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let chunk = self.reader.fill_buf().await?;
            if chunk.is_empty() {
                return Ok(self.has_begun.then(|| self.whole()));
            }
            self.has_begun = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            self.is_long |= self.line.len() + part.len() > ROW_BYTES_MAX;
            if !self.is_long {
                self.line.extend_from_slice(part);
            }
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.reader.as_mut().consume(used);
            if end.is_some() {
                return Ok(Some(self.whole()));
            }
        }
    }

    fn whole(&mut self) -> Line {
        self.has_begun = false;
        let line = std::mem::take(&mut self.line);
        if !std::mem::take(&mut self.is_long) {
            return Ok(line);
        }
        let message = format!("a row has at most {ROW_BYTES_MAX} bytes");
        Err(Box::new(Problem::new("row_too_large", "", message)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_and_long_ones_refused_without_losing_the_next() {
        let text = [
            "a".to_owned(),
            "b".repeat(ROW_BYTES_MAX + 1),
            "c".repeat(ROW_BYTES_MAX),
        ]
        .join("\n");
        let mut lines = Lines::of(Box::pin(io::Cursor::new(text.into_bytes())));

        let first = lines.next().await.unwrap().unwrap();
        let second = lines.next().await.unwrap().unwrap();
        let third = lines.next().await.unwrap().unwrap();
        let fourth = lines.next().await.unwrap();

        assert_eq!(first.unwrap(), b"a");
        assert_eq!(second.unwrap_err().code, "row_too_large");
        assert_eq!(third.unwrap().len(), ROW_BYTES_MAX);
        assert!(fourth.is_none());
    }
}
