//! Requests by the stream: a line in, a line out, a thousand a statement.
//!
//! Rows stand on their own: a wrong one stops no other. Memory holds one page, whatever the length;
//! a reader that is slow slows the writer down.

use std::io;
use std::pin::Pin;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use serde::Serialize;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};
use tokio_util::io::StreamReader;
use utoipa::ToSchema;
use windlass_engine::protocol::Answer;
use windlass_engine::store::SUBMIT_MAX;
use windlass_workflows::problem::Problem;

use super::habit::extract;
use super::habit::ids::{JobId, RequestId};
use super::habit::problem::{Fault, Refusal};
use super::requests::RequestBody;
use super::state::ApiState;

/// Longest line of a stream of requests.
const ROW_BYTES_MAX: usize = 1 << 20;

/// What became of one row.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct RowReply {
    /// The line, from 1.
    row: u64,
    /// `created`, `duplicate`, `key_reused`, `in_flight`, `invalid`, or `failed` for the rows that
    /// were on their way when the database refused; repeat those with the same keys.
    status: &'static str,
    /// The request.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<RequestId>,
    /// Its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobId>,
    /// Every fault of an invalid row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Fault>)]
    problems: Vec<Problem>,
}

type Reader = Pin<Box<dyn AsyncBufRead + Send>>;

/// A stream of rows under way.
struct Bulk {
    state: ApiState,
    reader: Reader,
    row: u64,
    is_over: bool,
}

/// Answers line by line while the body comes in.
pub(super) fn submit(state: ApiState, body: Body) -> Result<Response, Refusal> {
    let chunks = body.into_data_stream().map_err(io::Error::other);
    let reader: Reader = Box::pin(StreamReader::new(chunks));
    let start = Bulk {
        state,
        reader,
        row: 0,
        is_over: false,
    };
    let lines = stream::try_unfold(start, |mut bulk| async move {
        if bulk.is_over {
            return Ok::<_, io::Error>(None);
        }
        let page = bulk.page().await?;
        let text = bulk.answer(page).await;
        Ok(Some((Bytes::from(text), bulk)))
    });
    let media_type = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((media_type, Body::from_stream(lines)).into_response())
}

/// A line that was read, or why it was not kept.
type Row = (u64, Result<Vec<u8>, Box<Problem>>);

impl Bulk {
    /// Up to a page of lines; empty ones are skipped and counted.
    async fn page(&mut self) -> io::Result<Vec<Row>> {
        let mut rows = Vec::new();
        while rows.len() < SUBMIT_MAX {
            let Some(line) = next_line(&mut self.reader).await? else {
                self.is_over = true;
                break;
            };
            self.row += 1;
            if !matches!(&line, Ok(line) if line.trim_ascii().is_empty()) {
                rows.push((self.row, line));
            }
        }
        Ok(rows)
    }

    /// What became of a page, a line a row, in order.
    async fn answer(&mut self, page: Vec<Row>) -> String {
        let (mut asked, mut replies) = (Vec::new(), Vec::new());
        for (row, line) in page {
            match line
                .map_err(|problem| vec![*problem])
                .and_then(|line| read(&line))
            {
                Ok(request) => {
                    asked.push((replies.len(), request));
                    replies.push(RowReply {
                        row,
                        status: "failed",
                        ..RowReply::default()
                    });
                }
                Err(problems) => {
                    replies.push(RowReply {
                        row,
                        status: "invalid",
                        problems,
                        ..RowReply::default()
                    });
                }
            }
        }
        let (places, requests): (Vec<usize>, Vec<_>) = asked.into_iter().unzip();
        let state = &self.state;
        match state
            .store
            .submit_requests(state.tenant, &state.who, requests)
            .await
        {
            Ok(answers) => {
                state.notifier.tell();
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
}

impl RowReply {
    fn set(&mut self, answer: Answer) {
        let (status, job) = match answer {
            Answer::Created { job } => ("created", Some(job)),
            Answer::Duplicate { job } => ("duplicate", Some(job)),
            Answer::KeyReused { job } => ("key_reused", Some(job)),
            Answer::InFlight => ("in_flight", None),
            Answer::Invalid(problems) => {
                self.problems = problems;
                ("invalid", None)
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

fn read(line: &[u8]) -> Result<windlass_engine::protocol::Request, Vec<Problem>> {
    let body: RequestBody = extract::json(line).map_err(|refusal| refusal.problems)?;
    body.into_request()
}

/// The next line without its end; a longer one than allowed is read to its end and refused.
async fn next_line(reader: &mut Reader) -> io::Result<Option<Result<Vec<u8>, Box<Problem>>>> {
    let mut line = Vec::new();
    let (mut has_begun, mut is_long) = (false, false);
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(has_begun.then(|| whole(line, is_long)));
        }
        has_begun = true;
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let part = &chunk[..end.unwrap_or(chunk.len())];
        is_long |= line.len() + part.len() > ROW_BYTES_MAX;
        if !is_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(chunk.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(whole(line, is_long)));
        }
    }
}

fn whole(line: Vec<u8>, is_long: bool) -> Result<Vec<u8>, Box<Problem>> {
    match is_long {
        true => {
            let message = format!("a row has at most {ROW_BYTES_MAX} bytes");
            Err(Box::new(Problem::new("row_too_large", "", message)))
        }
        false => Ok(line),
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
        let mut reader: Reader = Box::pin(io::Cursor::new(text.into_bytes()));

        let first = next_line(&mut reader).await.unwrap().unwrap();
        let second = next_line(&mut reader).await.unwrap().unwrap();
        let third = next_line(&mut reader).await.unwrap().unwrap();
        let fourth = next_line(&mut reader).await.unwrap();

        assert_eq!(first.unwrap(), b"a");
        assert_eq!(second.unwrap_err().code, "row_too_large");
        assert_eq!(third.unwrap().len(), ROW_BYTES_MAX);
        assert!(fourth.is_none());
    }
}
