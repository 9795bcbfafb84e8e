//! `/v1/schedules`: when what runs by itself, what became of each slot, and starting one by hand.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::Error;
use windlass_engine::protocol::{Hand, Started, Trigger};
use windlass_engine::store::SlotFilter;
use windlass_workflows::calendar::{self, Schedule};
use windlass_workflows::configuration::{Timing, timing};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::habit::extract::{At, Body, Params};
use super::habit::idempotency;
use super::habit::ids::{BatchId, JobId};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::batch::BatchReply;
use super::view::job::JobReply;
use super::view::schedule::{ComingReply, LeftOutReply, NextReply, ScheduleReply, SlotReply};

/// Slots to come unless the caller says.
const NEXT_DEFAULT: usize = 12;
/// Most slots to come: a year of days.
const NEXT_MAX: usize = 366;
/// The words for what becomes of a slot.
const SLOT_STATES: [&str; 6] = ["planned", "fired", "late", "skipped", "missed", "manual"];

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_schedules))
        .routes(routes!(show_schedule))
        .routes(routes!(list_next_slots))
        .routes(routes!(list_slots))
        .routes(routes!(trigger_schedule))
}

/// Schedules by name.
#[utoipa::path(get, path = "/v1/schedules", tag = "schedules", params(PageQuery),
    responses((status = 200, body = PageReply<ScheduleReply>)))]
async fn list_schedules(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let found = state
        .store
        .schedules(state.tenant, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, ScheduleReply::from))
}

/// One schedule.
#[utoipa::path(get, path = "/v1/schedules/{name}", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name, or `namespace/name` of a template")),
    responses((status = 200, body = ScheduleReply)))]
async fn show_schedule(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<ScheduleReply>, Refusal> {
    Ok(Json(
        state.store.schedule(state.tenant, &name).await?.into(),
    ))
}

/// How many slots to come.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NextQuery {
    /// 1 to 366; 12 unless given.
    count: Option<usize>,
}

/// The next slots by the rule in force, with clock changes and closed days noted.
#[utoipa::path(get, path = "/v1/schedules/{name}/next", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name, or `namespace/name` of a template"), NextQuery),
    responses((status = 200, body = NextReply)))]
async fn list_next_slots(
    State(state): State<ApiState>,
    At(name): At<String>,
    Params(query): Params<NextQuery>,
) -> Result<Json<NextReply>, Refusal> {
    let count = query.count.unwrap_or(NEXT_DEFAULT);
    if !(1..=NEXT_MAX).contains(&count) {
        let message = format!("1 to {NEXT_MAX} slots can be shown, not {count}");
        return Err(Refusal::malformed(Problem::new(
            "wrong_value",
            "/count",
            message,
        )));
    }
    let schedule = match rule(&state, &name).await? {
        Timing::Slots(schedule) => {
            state
                .store
                .in_spread(state.tenant, &name, &schedule)
                .await?
        }
        other => return Ok(Json(NextReply::without_slots(name, &other))),
    };
    Ok(Json(coming(&state, name, &schedule, count).await?))
}

/// The slots to come, what is left out among them, and what a pause takes.
async fn coming(
    state: &ApiState,
    name: String,
    schedule: &Schedule,
    count: usize,
) -> Result<NextReply, Error> {
    let (store, tenant) = (&state.store, state.tenant);
    let view = store.schedule(tenant, &name).await?;
    let is_paused = |at: DateTime<Utc>| {
        view.paused_by.is_some() && view.paused_until.is_none_or(|until| at < until)
    };
    let now = store.clock().await?.now;
    let days = store.calendar_of(tenant, schedule).await?;
    let days = days.as_ref();
    let slots = calendar::next(schedule, days, now, count);
    let last = slots.last().filter(|_| !schedule.rule.is_beat());
    let dropped = last.map_or_else(Vec::new, |last| {
        calendar::preview(schedule, days, now, last.at).dropped
    });
    Ok(NextReply {
        words: calendar::words(schedule),
        zone: schedule.zone.name().to_owned(),
        items: slots
            .iter()
            .map(|slot| ComingReply::new(schedule, days, (slot, is_paused(slot.at))))
            .collect(),
        left_out: dropped
            .iter()
            .map(|one| LeftOutReply::new(days, one))
            .collect(),
        schedule: name,
    })
}

/// The rule in force.
async fn rule(state: &ApiState, name: &str) -> Result<Timing, Error> {
    let stored = state.store.schedule(state.tenant, name).await?;
    let read = Value::parse(&stored.rule).ok();
    let read = read.and_then(|rule| timing(&rule).ok());
    read.ok_or_else(|| Error::Unreadable {
        noun: "schedule",
        name: name.to_owned(),
        message: "another release wrote its rule".to_owned(),
    })
}

/// Which slots of the ledger.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SlotsQuery {
    /// Not before; of a row that stands for many slots the last one counts.
    since: Option<DateTime<Utc>>,
    /// Before; the present unless given, or a state is.
    until: Option<DateTime<Utc>>,
    /// `planned`, `fired`, `late`, `skipped`, `missed` or `manual`.
    state: Option<String>,
    /// Items, 1 to 1,000; 100 unless given.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// The ledger of a schedule, latest first.
#[utoipa::path(get, path = "/v1/schedules/{name}/slots", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name, or `namespace/name` of a template"), SlotsQuery),
    responses((status = 200, body = PageReply<SlotReply>)))]
async fn list_slots(
    State(state): State<ApiState>,
    At(name): At<String>,
    uri: Uri,
    Params(query): Params<SlotsQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (
        page::limit(query.limit)?,
        page::after(query.cursor.as_deref())?,
    );
    let unknown = query
        .state
        .as_deref()
        .filter(|word| !SLOT_STATES.contains(word));
    if let Some(word) = unknown {
        let problem = Problem::new(
            "wrong_value",
            "/state",
            format!("`{word}` is no state of a slot"),
        );
        let hint = format!("one of {}", SLOT_STATES.join(", "));
        return Err(Refusal::malformed(problem.hint(hint)));
    }
    state.store.schedule(state.tenant, &name).await?;
    // What is planned for later is `next`'s to tell, unless somebody asks for it.
    let now = state.store.clock().await?.now + TimeDelta::seconds(1);
    let until = query.until.or(query.state.is_none().then_some(now));
    let states = query.state.into_iter().collect();
    let filter = SlotFilter {
        since: query.since,
        until,
        states,
    };
    let found = state
        .store
        .slots(state.tenant, &name, &filter, before, limit)
        .await?;
    Ok(page::reply(&uri, found, SlotReply::from))
}

/// What to start: one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TriggerBody {
    /// As this slot: fills its row of the ledger.
    slot: Option<DateTime<Utc>>,
    /// Beside the schedule: `true` leaves the ledger alone.
    extra: Option<bool>,
}

/// Starts a schedule now, as one of its slots or beside them: a batch, or the job of a template's own.
#[utoipa::path(post, path = "/v1/schedules/{name}/trigger", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name, or `namespace/name` of a template"),
        ("idempotency-key" = Option<String>, Header, description = "At most one start of the schedule per key")),
    request_body = TriggerBody,
    responses((status = 201, body = BatchReply), (status = 200, body = BatchReply)))]
async fn trigger_schedule(
    State(state): State<ApiState>,
    At(name): At<String>,
    headers: HeaderMap,
    Body(body): Body<TriggerBody>,
) -> Result<Response, Refusal> {
    let trigger = match (body.slot, body.extra) {
        (Some(slot), None | Some(false)) => Trigger::Slot(slot),
        (None, Some(true)) => Trigger::Extra,
        _ => {
            let problem = Problem::new("one_of_two", "", "give either `slot` or `extra`");
            let hint = r#"write {"slot": "2026-11-23T11:00:00Z"} or {"extra": true}"#;
            return Err(Refusal::invalid(vec![problem.hint(hint)]));
        }
    };
    let hand = Hand {
        who: state.who.to_string(),
        idempotency_key: idempotency::key(&headers, None)?,
    };
    let started = state.store.trigger(state.tenant, &name, trigger, hand);
    let started = started.await?;
    state.notifier.tell();
    let replayed = idempotency::replayed(started.is_repeat);
    Ok((replayed, answer(&state, started).await?).into_response())
}

/// Whether it was made by this call or by an earlier one under its key.
fn status(started: Started) -> StatusCode {
    match started.is_repeat {
        true => StatusCode::OK,
        false => StatusCode::CREATED,
    }
}

/// What was started, and where it is.
async fn answer(state: &ApiState, started: Started) -> Result<Response, Refusal> {
    let (store, tenant) = (&state.store, state.tenant);
    Ok(match started.job {
        Some(id) => {
            let job = JobReply::from(store.job(tenant, id).await?);
            let location = [(header::LOCATION, format!("/v1/jobs/{}", JobId(id)))];
            (status(started), location, Json(job)).into_response()
        }
        None => {
            let id = started.batch.unwrap_or_default();
            let batch = BatchReply::from(store.batch(tenant, id).await?);
            let location = [(header::LOCATION, format!("/v1/batches/{}", BatchId(id)))];
            (status(started), location, Json(batch)).into_response()
        }
    })
}
