//! `/v1/doctor`: what is wrong with the rows that the engine keeps, and looking now.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::doctor::{Check, Options};
use windlass_workflows::problem::Problem;

use super::habit::extract::Body;
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::doctor::{DoctorReply, RepairReply, RepairsReply};

/// Time for a run that somebody waits for; what it does not reach it says.
const BUDGET: Duration = Duration::from_secs(20);
/// Repairs that are shown.
const REPAIRS_MAX: u32 = 100;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(show_doctor))
        .routes(routes!(run_doctor))
        .routes(routes!(list_repairs))
}

/// How to look.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunBody {
    /// Whether to put right what is provably safe.
    #[serde(default)]
    repair: bool,
    /// Only these checks; all of them when left out.
    #[serde(default)]
    only: Vec<String>,
}

/// What the doctor found when each check was last made, by a keeper or on demand.
#[utoipa::path(get, path = "/v1/doctor", tag = "engine",
    responses((status = 200, body = DoctorReply)))]
async fn show_doctor(State(state): State<ApiState>) -> Result<Json<DoctorReply>, Refusal> {
    Ok(Json(state.store.doctor_report().await?.into()))
}

/// Looks now, and repairs if asked.
#[utoipa::path(post, path = "/v1/doctor/runs", tag = "engine", request_body = RunBody,
    responses((status = 200, body = DoctorReply)))]
async fn run_doctor(
    State(state): State<ApiState>,
    Body(body): Body<RunBody>,
) -> Result<Json<DoctorReply>, Refusal> {
    let options = Options {
        only: checks(&body.only)?,
        repair: body.repair,
        who: state.who.to_string(),
        lease_time: state.worker_ttl,
        budget: BUDGET,
        ..Options::default()
    };
    let report = state.store.doctor(&options).await?;
    if body.repair {
        state.notifier.tell();
    }
    Ok(Json(report.into()))
}

/// What was put right lately, newest first; at most 100.
#[utoipa::path(get, path = "/v1/doctor/repairs", tag = "engine",
    responses((status = 200, body = RepairsReply)))]
async fn list_repairs(State(state): State<ApiState>) -> Result<Json<RepairsReply>, Refusal> {
    let found = state.store.doctor_repairs(REPAIRS_MAX).await?;
    Ok(Json(RepairsReply {
        items: found.into_iter().map(RepairReply::from).collect(),
    }))
}

fn checks(names: &[String]) -> Result<Vec<Check>, Refusal> {
    let check = |name: &String| {
        Check::of(name).ok_or_else(|| {
            let known = Check::ALL.map(Check::name).join(", ");
            let problem = Problem::new("wrong_value", "/only", format!("`{name}` is no check"));
            Refusal::invalid(vec![problem.hint(format!("one of {known}"))])
        })
    };
    names.iter().map(check).collect()
}
