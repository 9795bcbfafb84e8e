//! `/v1/schedules/{name}/backfills`: slots of the past that did not run.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::{Backfill, BackfillSlot};

use super::habit::extract::{At, Body};
use super::habit::problem::Refusal;
use super::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create_backfill, show_backfill, cancel_backfill))
}

/// Which slots.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BackfillBody {
    /// The first instant that counts.
    from: DateTime<Utc>,
    /// The first that counts no more; not after now.
    to: DateTime<Utc>,
    /// Say what would happen and do nothing.
    #[serde(default)]
    dry_run: bool,
}

/// What a backfill does.
#[derive(Debug, Serialize, ToSchema)]
struct BackfillReply {
    /// Whether nothing was done.
    dry_run: bool,
    /// How many slots run.
    runs: usize,
    /// Every slot of the range, in order.
    items: Vec<BackfillSlotReply>,
}

/// One slot of the range.
#[derive(Debug, Serialize, ToSchema)]
struct BackfillSlotReply {
    /// Its name.
    at: DateTime<Utc>,
    /// Whether it is run.
    runs: bool,
    /// What the ledger said of it before; nothing where it had no row.
    was: Option<String>,
}

/// What a backfill still has to run.
#[derive(Debug, Serialize, ToSchema)]
struct BackfillingReply {
    /// In order, 1,000 at most.
    items: Vec<AskedReply>,
}

/// A slot that waits for its turn.
#[derive(Debug, Serialize, ToSchema)]
struct AskedReply {
    /// Its name.
    at: DateTime<Utc>,
    /// Who asked for it.
    asked_by: String,
}

/// What was taken back.
#[derive(Debug, Serialize, ToSchema)]
struct TakenBackReply {
    /// Slots that had not run yet.
    slots: i64,
}

/// Runs the slots of a range that did not run, one after another, by today's rule. What ran stays.
#[utoipa::path(post, path = "/v1/schedules/{name}/backfills", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name, or `namespace/name` of a template")),
    request_body = BackfillBody,
    responses((status = 202, body = BackfillReply)))]
async fn create_backfill(
    State(state): State<ApiState>,
    At(name): At<String>,
    Body(body): Body<BackfillBody>,
) -> Result<(StatusCode, Json<BackfillReply>), Refusal> {
    let backfill = Backfill {
        schedule: name,
        from: body.from,
        to: body.to,
        who: state.who.to_string(),
        dry_run: body.dry_run,
    };
    let slots = state.store.backfill(state.tenant, backfill).await?;
    state.notifier.tell();
    let reply = BackfillReply {
        dry_run: body.dry_run,
        runs: slots.iter().filter(|slot| slot.runs).count(),
        items: slots.into_iter().map(BackfillSlotReply::from).collect(),
    };
    Ok((StatusCode::ACCEPTED, Json(reply)))
}

/// The slots that a backfill still has to run.
#[utoipa::path(get, path = "/v1/schedules/{name}/backfills", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name, or `namespace/name` of a template")),
    responses((status = 200, body = BackfillingReply)))]
async fn show_backfill(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<BackfillingReply>, Refusal> {
    let slots = state.store.backfilling(state.tenant, &name).await?;
    let items = slots
        .into_iter()
        .map(|(at, asked_by)| AskedReply { at, asked_by });
    Ok(Json(BackfillingReply {
        items: items.collect(),
    }))
}

/// Takes back what a backfill has not run yet. What runs goes on.
#[utoipa::path(delete, path = "/v1/schedules/{name}/backfills", tag = "schedules",
    params(("name" = String, Path, description = "The job configuration's name, or `namespace/name` of a template")),
    responses((status = 200, body = TakenBackReply)))]
async fn cancel_backfill(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<TakenBackReply>, Refusal> {
    let slots = state.store.cancel_backfill(state.tenant, &name).await?;
    Ok(Json(TakenBackReply { slots }))
}

impl From<BackfillSlot> for BackfillSlotReply {
    fn from(slot: BackfillSlot) -> Self {
        Self {
            at: slot.at,
            runs: slot.runs,
            was: slot.was,
        }
    }
}
