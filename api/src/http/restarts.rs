//! `/v1/batches/{id}/restart`: what failed in a batch runs again inside of it.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::{NewRestart, RESTART_MEMBERS_MAX};
use windlass_workflows::problem::Problem;

use super::habit::extract::{At, Body};
use super::habit::idempotency;
use super::habit::ids::BatchId;
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::failure::RedriveReply;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(restart_batch))
}

/// Which members run again; all that failed, expired or parked without a choice.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RestartBody {
    /// Only those that this error stopped.
    fingerprint: Option<String>,
    /// Only these: keys of members, or of objects where a job is an object's; 1 to 10,000.
    members: Option<Vec<String>>,
    /// Another version of the batch's template for those that failed or expired: `namespace.name@1.2.4`.
    template: Option<String>,
    /// In their words.
    #[serde(default)]
    reason: String,
}

/// Begins the next generation of a batch. What parked goes on where it stopped; of what failed or expired a new job is
/// made, with the planned input. The batch's own release lets them go, and its totals stay true.
#[utoipa::path(post, path = "/v1/batches/{id}/restart", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch"),
        ("idempotency-key" = Option<String>, Header, description = "At most one restart of the batch per key")),
    request_body = RestartBody,
    responses((status = 202, body = RedriveReply)))]
async fn restart_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    headers: HeaderMap,
    Body(body): Body<RestartBody>,
) -> Result<(StatusCode, HeaderMap, Json<RedriveReply>), Refusal> {
    check(body.members.as_deref())?;
    let new = NewRestart {
        fingerprint: body.fingerprint,
        members: body.members,
        template: body.template,
        who: state.who.to_string(),
        why: body.reason,
        idempotency_key: idempotency::key(&headers, None)?,
    };
    let begun = state.store.restart_batch(state.tenant, id.0, new).await?;
    state.notifier.tell();
    let replayed = idempotency::replayed(!begun.is_new);
    Ok((StatusCode::ACCEPTED, replayed, Json(begun.redrive.into())))
}

fn check(members: Option<&[String]>) -> Result<(), Refusal> {
    match members.map(<[String]>::len) {
        Some(0) => {
            let problem = Problem::new("wrong_value", "/members", "an empty list names nobody");
            Err(Refusal::invalid(vec![
                problem.hint("leave it out to mean all"),
            ]))
        }
        Some(named) if named > RESTART_MEMBERS_MAX => {
            let message = format!("{named} members; one call names at most {RESTART_MEMBERS_MAX}");
            let problem = Problem::new("wrong_value", "/members", message);
            Err(Refusal::invalid(vec![problem.hint(
                "choose by fingerprint, or leave it out to mean all",
            )]))
        }
        _ => Ok(()),
    }
}
