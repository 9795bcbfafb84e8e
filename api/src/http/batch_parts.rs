//! `/v1/batches/{id}/…`: how far a batch is, who is in it, what failed, what came of it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::SecondsFormat;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::time::sleep;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::store::{MemberCursor, MemberView, PAGE_MAX};

use super::habit::extract::{At, Params};
use super::habit::ids::{BatchId, JobId};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::habit::stream as events;
use super::state::ApiState;
use super::view::batch::BatchProgressReply;
use super::view::member::{ErrorReply, ErrorsReply, MemberReply};
use super::view::report::ReportReply;

/// Rows of a manifest that are sent in one piece.
const ROWS_PER_PIECE: usize = 256;
/// The columns of a manifest as CSV.
const COLUMNS: [&str; 12] = [
    "n",
    "key",
    "object",
    "chunk",
    "job",
    "state",
    "code",
    "fingerprint",
    "attempts",
    "restarts",
    "ended_at",
    "result",
];

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(show_progress))
        .routes(routes!(list_members))
        .routes(routes!(list_errors))
        .routes(routes!(show_report))
        .routes(routes!(read_manifest))
}

/// How far a batch is: once, or as `progress` events, at most four a second, until it is final.
#[utoipa::path(get, path = "/v1/batches/{id}/progress", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    responses((status = 200, content(
        (BatchProgressReply = "application/json"), (String = "text/event-stream")))))]
async fn show_progress(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let first = look(&state, id.0).await?;
    if !events::is_asked(&headers) {
        return Ok(Json(first).into_response());
    }
    let place = events::admit(&state.streams)?;
    Ok(events::reply(place, follow(state, id.0, first)))
}

async fn look(state: &ApiState, id: i64) -> Result<BatchProgressReply, Error> {
    let batch = state.store.batch(state.tenant, id).await?;
    let current = state.store.batch_current(&batch).await?;
    Ok(BatchProgressReply::new(batch, current))
}

/// One event now and one for every change, the last when the batch is final.
fn follow(state: ApiState, id: i64, first: BatchProgressReply) -> impl Stream<Item = Event> + Send {
    let changes = stream::unfold(
        (state, Some(first.clone())),
        move |(state, shown)| async move {
            let shown = shown.filter(|shown| !shown.is_final)?;
            let next = change(&state, id, &shown).await?;
            Some((next.clone(), (state, Some(next))))
        },
    );
    stream::once(async { first })
        .chain(changes)
        .map(|progress| {
            let event = Event::default()
                .event("progress")
                .id(progress.progress.settled.to_string());
            event
                .json_data(&progress)
                .expect("replies have texts as keys")
        })
}

/// The next progress that differs; nothing when the server stops or the database is away, upon which
/// readers come again.
async fn change(
    state: &ApiState,
    id: i64,
    shown: &BatchProgressReply,
) -> Option<BatchProgressReply> {
    loop {
        tokio::select! {
            () = sleep(events::PAUSE) => {}
            () = state.stop.cancelled() => return None,
        }
        match look(state, id).await {
            Ok(next) if next != *shown => return Some(next),
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %error, "followed progress could not be read; its reader resumes");
                return None;
            }
        }
    }
}

/// Members in order, then the rows that the plan left out.
#[utoipa::path(get, path = "/v1/batches/{id}/members", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch"), PageQuery),
    responses((status = 200, body = PageReply<MemberReply>)))]
async fn list_members(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<Cursor>()?);
    let cursor = after.map(|cursor| MemberCursor {
        left_out: cursor.left_out,
        after: cursor.after,
        n: cursor.n,
    });
    let found = state
        .store
        .members(state.tenant, id.0, cursor, limit)
        .await?;
    Ok(page::reply(&uri, found, MemberReply::from))
}

/// Where a page of members ends, as it stands in a cursor.
#[derive(Debug, Deserialize)]
struct Cursor {
    left_out: bool,
    after: i64,
    n: i64,
}

/// Why members failed, the largest group first.
#[utoipa::path(get, path = "/v1/batches/{id}/errors", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    responses((status = 200, body = ErrorsReply)))]
async fn list_errors(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
) -> Result<Json<ErrorsReply>, Refusal> {
    state.store.batch(state.tenant, id.0).await?;
    let found = state
        .store
        .batch_errors(state.tenant, id.0, PAGE_MAX)
        .await?;
    Ok(Json(ErrorsReply {
        items: found.into_iter().map(ErrorReply::from).collect(),
    }))
}

/// The figures of a batch, final or so far, with those of the one before.
#[utoipa::path(get, path = "/v1/batches/{id}/report", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    responses((status = 200, body = ReportReply)))]
async fn show_report(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
) -> Result<Json<ReportReply>, Refusal> {
    Ok(Json(state.store.report(state.tenant, id.0).await?.into()))
}

/// In which form to read a manifest.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ManifestQuery {
    /// `ndjson` or `csv`; else the header `Accept` decides, `ndjson` without either.
    #[param(inline)]
    format: Option<ManifestFormat>,
}

/// The forms of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ManifestFormat {
    /// A JSON object a line.
    Ndjson,
    /// RFC 4180 with a header line.
    Csv,
}

/// Every member with its result, then every row that was left out, as a stream.
#[utoipa::path(get, path = "/v1/batches/{id}/manifest", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch"), ManifestQuery),
    responses((status = 200, content(
        (MemberReply = "application/x-ndjson"), (String = "text/csv")))))]
async fn read_manifest(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    Params(query): Params<ManifestQuery>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let rows = state.store.manifest(state.tenant, id.0).await?;
    let format = query.format.unwrap_or_else(|| accepted(&headers));
    let (media_type, extension) = match format {
        ManifestFormat::Ndjson => ("application/x-ndjson", "ndjson"),
        ManifestFormat::Csv => ("text/csv; charset=utf-8", "csv"),
    };
    let name = format!("attachment; filename=\"{id}.{extension}\"");
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(written(rows, format))).into_response())
}

pub(super) fn accepted(headers: &HeaderMap) -> ManifestFormat {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    match accept {
        Some(accept) if accept.contains("text/csv") => ManifestFormat::Csv,
        _ => ManifestFormat::Ndjson,
    }
}

/// Rows as pieces of text. An error ends the stream without its end, so that readers notice.
fn written(
    rows: impl Stream<Item = Result<MemberView, Error>> + Send + 'static,
    format: ManifestFormat,
) -> impl Stream<Item = Result<Bytes, Arc<Error>>> + Send {
    let head = (format == ManifestFormat::Csv).then(|| Ok(Bytes::from(line(COLUMNS))));
    let pieces = rows
        .map_err(Arc::new)
        .ready_chunks(ROWS_PER_PIECE)
        .map(move |rows| {
            let rows: Vec<MemberView> = rows.into_iter().collect::<Result<_, _>>()?;
            let text: String = rows.into_iter().map(|row| text(row, format)).collect();
            Ok(Bytes::from(text))
        });
    stream::iter(head).chain(pieces)
}

fn text(row: MemberView, format: ManifestFormat) -> String {
    let row = MemberReply::from(row);
    match format {
        ManifestFormat::Csv => csv_row(row),
        ManifestFormat::Ndjson => {
            let json = serde_json::to_string(&row).expect("replies have texts as keys");
            json + "\n"
        }
    }
}

fn csv_row(row: MemberReply) -> String {
    line([
        row.n.to_string(),
        cell(row.key),
        cell(row.object.unwrap_or_default()),
        row.chunk.map(|chunk| chunk.to_string()).unwrap_or_default(),
        row.job.as_ref().map(JobId::to_string).unwrap_or_default(),
        row.state,
        cell(row.code.unwrap_or_default()),
        row.fingerprint.unwrap_or_default(),
        row.attempts.to_string(),
        row.restarts.to_string(),
        row.ended_at
            .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            .unwrap_or_default(),
        row.result
            .map(|result| result.get().to_owned())
            .unwrap_or_default(),
    ])
}

/// A text that no spreadsheet takes for a formula.
pub(super) fn cell(text: String) -> String {
    match text.starts_with(['=', '+', '-', '@']) {
        true => format!("'{text}"),
        false => text,
    }
}

/// One line of CSV.
pub(super) fn line<T: AsRef<[u8]>>(cells: impl IntoIterator<Item = T>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(cells)
        .expect("a vector takes everything");
    let bytes = writer.into_inner().expect("a vector takes everything");
    String::from_utf8(bytes).expect("cells are texts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_looks_like_a_formula_is_a_text() {
        let cells = ["=1+1", "+1", "-1", "@a", "a=1"].map(|text| cell(text.to_owned()));

        assert_eq!(cells, ["'=1+1", "'+1", "'-1", "'@a", "a=1"]);
    }

    #[test]
    fn cells_with_quotes_and_commas_are_quoted() {
        assert_eq!(line(["a,b", "c\"d"]), "\"a,b\",\"c\"\"d\"\n");
    }
}
