//! `/v1/batches/{id}`: a batch as it is, and what people change of it while it runs.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::BatchView;
use windlass_workflows::value::Value;

use super::habit::extract::{At, Body, Params};
use super::habit::ids::BatchId;
use super::habit::problem::Refusal;
use super::habit::wait;
use super::state::ApiState;
use super::view::batch::{BatchReply, is_final};
use super::view::forecast::ForecastReply;
use super::view::plan::PlanFiguresReply;
use super::view::webhook::CallbackReply;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show_batch, edit_batch))
}

/// How long an answer may be held.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WaitQuery {
    /// Hold the answer until the batch's state changes or so long, at most `60s`.
    wait: Option<String>,
}

/// One batch. With `wait` the answer comes when it is final, else when its state changes or time is up.
#[utoipa::path(get, path = "/v1/batches/{id}", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch"), WaitQuery),
    responses((status = 200, body = BatchReply)))]
async fn show_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    Params(query): Params<WaitQuery>,
    headers: HeaderMap,
) -> Result<Json<BatchReply>, Refusal> {
    let wait = wait::asked(query.wait.as_deref(), &headers)?;
    let first = state.store.batch(state.tenant, id.0).await?;
    let seen = match wait.is_zero() || is_final(&first.state) {
        true => first,
        false => {
            let look = || state.store.batch(state.tenant, id.0);
            wait::until(wait, &state.stop, look, |batch| batch.state != first.state).await?
        }
    };
    Ok(Json(whole(&state, seen).await?))
}

/// A batch with its forecast, its rules and its callbacks, and with the figures of a plan that asks.
async fn whole(state: &ApiState, batch: BatchView) -> Result<BatchReply, Refusal> {
    let plan = match batch.asks.as_ref().is_some_and(|asks| asks.is_open) {
        true => Some(state.store.plan_figures(state.tenant, &batch).await?),
        false => None,
    };
    let forecast = state.store.forecast(state.tenant, batch.id).await?;
    let rules = state.store.batch_rules(state.tenant, batch.id).await?;
    let callbacks = state.store.callbacks(state.tenant, batch.id).await?;
    Ok(BatchReply {
        plan: plan.map(PlanFiguresReply::from),
        forecast: forecast.map(ForecastReply::from),
        rules: Some(rules.into()),
        callbacks: Some(callbacks.into_iter().map(CallbackReply::from).collect()),
        ..batch.into()
    })
}

/// What a batch goes by from now on: a merge patch, in which null takes a rule away.
#[derive(Debug, ToSchema)]
#[allow(dead_code, reason = "read as it is sent; this is for the description")]
struct EditBatchBody {
    /// Jobs that may be under way at once.
    window: Option<u64>,
    /// Releases in a time: `20/s`.
    rate: Option<String>,
    /// Stretches of a day in which jobs are let go: `05:00-22:00`, one or a list.
    hours: Option<serde_json::Value>,
    /// Which go first, and what the others wait for; as in a job configuration.
    canary: Option<serde_json::Value>,
    /// How much may fail, and what happens then; as in a job configuration.
    tolerance: Option<serde_json::Value>,
    /// When it is to be done: `07:00` or `4h`, from its slot or its creation.
    deadline: Option<String>,
    /// Of jobs that are not released yet.
    priority: Option<String>,
    /// What its jobs get beside others of their purpose or template; 1 unless given.
    weight: Option<f64>,
}

/// Changes what an open batch goes by, also while it runs. What was released stays released. Forecast, rules, callbacks and
/// plan are left out where they cannot be read in this moment: the change is made all the same.
#[utoipa::path(patch, path = "/v1/batches/{id}", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")), request_body = EditBatchBody,
    responses((status = 200, body = BatchReply)))]
async fn edit_batch(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
    Body(patch): Body<serde_json::Value>,
) -> Result<Json<BatchReply>, Refusal> {
    let (store, patch) = (&state.store, Value::from(patch));
    let edited = store.edit_batch(state.tenant, id.0, &patch).await?;
    state.notifier.tell();
    // The change is made whether what stands beside the batch can be read or not.
    let whole = whole(&state, edited.clone()).await;
    let alone = |error: Refusal| {
        tracing::warn!(batch = %id.0, error = ?error, "what stands beside an edited batch cannot be read");
        edited.into()
    };
    Ok(Json(whole.unwrap_or_else(alone)))
}
