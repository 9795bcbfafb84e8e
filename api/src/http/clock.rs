//! `/v1/clock`: the time that schedules and timers go by; it moves in development only.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::Clock;
use windlass_workflows::configuration::duration;
use windlass_workflows::problem::Problem;

use super::habit::extract::Body;
use super::habit::problem::Refusal;
use super::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show_clock, move_clock))
}

/// What time it is for schedules and timers.
#[derive(Debug, Serialize, ToSchema)]
struct ClockReply {
    /// `production` or `development`.
    mode: String,
    /// The database's time plus the offset.
    now: DateTime<Utc>,
    /// Seconds ahead of the database's time.
    offset_seconds: i64,
}

/// Where to move the clock: one of the two, forward only.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveBody {
    /// By so much: `7d`, `90s`.
    advance: Option<String>,
    /// To this instant.
    set: Option<DateTime<Utc>>,
}

impl From<Clock> for ClockReply {
    fn from(clock: Clock) -> Self {
        Self {
            mode: clock.mode,
            now: clock.now,
            offset_seconds: clock.offset_seconds,
        }
    }
}

/// The time that schedules and timers go by.
#[utoipa::path(get, path = "/v1/clock", tag = "engine",
    responses((status = 200, body = ClockReply)))]
async fn show_clock(State(state): State<ApiState>) -> Result<Json<ClockReply>, Refusal> {
    Ok(Json(state.store.clock().await?.into()))
}

/// Moves the clock forward, in development only.
#[utoipa::path(post, path = "/v1/clock", tag = "engine", request_body = MoveBody,
    responses((status = 200, body = ClockReply)))]
async fn move_clock(
    State(state): State<ApiState>,
    Body(body): Body<MoveBody>,
) -> Result<Json<ClockReply>, Refusal> {
    let instant = match (body.advance.as_deref(), body.set) {
        (Some(length), None) => state.store.clock().await?.now + advance(length)?,
        (None, Some(instant)) => instant,
        _ => {
            let message = "give either `advance` or `set`";
            let hint = r#"write {"advance": "7d"} or {"set": "2026-12-01T06:00:00Z"}"#;
            let problem = Problem::new("one_of_two", "", message).hint(hint);
            return Err(Refusal::invalid(vec![problem]));
        }
    };
    let moved = state.store.set_clock(instant).await?;
    state.notifier.tell();
    Ok(Json(moved.into()))
}

fn advance(length: &str) -> Result<TimeDelta, Refusal> {
    let delta = duration(length).and_then(|length| TimeDelta::from_std(length).ok());
    delta.ok_or_else(|| {
        let message = format!("`{length}` is no length of time");
        let problem = Problem::new("wrong_value", "/advance", message);
        Refusal::invalid(vec![problem.hint("write `7d`, `90s` or `PT1H30M`")])
    })
}
