//! `/v1/webhooks` and `/v1/deliveries`: who is told outside, what they were told, and telling them again. Also what came of
//! the callbacks of a batch.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;
use windlass_engine::protocol::Action;
use windlass_engine::store::NewDelivery;
use windlass_workflows::configuration::Kind;

use super::apply;
use super::habit::extract::{At, Params};
use super::habit::ids::{BatchId, DeliveryId};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::Refusal;
use super::habit::raw::Raw;
use super::state::ApiState;
use super::view::webhook::{
    AskedDeliveryReply, CallbackReply, DeliveryDetailReply, DeliveryReply, DeliveryTryReply,
    WebhookReply,
};

/// What a test sends.
const TEST: &str = "webhook.test";

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_webhooks))
        .routes(routes!(show_webhook, put_webhook, delete_webhook))
        .routes(routes!(test_webhook))
        .routes(routes!(list_deliveries))
        .routes(routes!(show_delivery))
        .routes(routes!(redeliver))
        .routes(routes!(list_callbacks))
}

/// The callbacks of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct CallbacksReply {
    /// By time, at most 100.
    items: Vec<CallbackReply>,
}

/// Webhooks by name, with how they fare.
#[utoipa::path(get, path = "/v1/webhooks", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<WebhookReply>)))]
async fn list_webhooks(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<String>()?);
    let store = &state.store;
    let found = store
        .webhooks(state.tenant, after.as_deref(), limit)
        .await?;
    Ok(page::reply(&uri, found, WebhookReply::from))
}

/// One webhook, with how it fares and its document.
#[utoipa::path(get, path = "/v1/webhooks/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 200, body = WebhookReply)))]
async fn show_webhook(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<WebhookReply>, Refusal> {
    let webhook = state.store.webhook(state.tenant, &name).await?;
    let document = state.store.webhook_document(state.tenant, &name).await?;
    Ok(Json(WebhookReply {
        document: Some(Raw::new(document.document)),
        ..webhook.into()
    }))
}

/// Makes a webhook of its document, or changes it to that: what applying the document does.
#[utoipa::path(put, path = "/v1/webhooks/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name, as the document has it")),
    request_body(content((serde_json::Value = "application/json"), (String = "application/yaml"))),
    responses((status = 200, body = WebhookReply), (status = 201, body = WebhookReply)))]
async fn put_webhook(
    State(state): State<ApiState>,
    At(name): At<String>,
    request: Request,
) -> Result<(StatusCode, Json<WebhookReply>), Refusal> {
    let action = apply::put(&state, (Kind::Webhook, &name), request).await?;
    let status = match action {
        Action::Created => StatusCode::CREATED,
        Action::Changed | Action::Unchanged => StatusCode::OK,
    };
    Ok((status, show_webhook(State(state), At(name)).await?))
}

/// Deletes a webhook with its document and all its deliveries.
#[utoipa::path(delete, path = "/v1/webhooks/{name}", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 204)))]
async fn delete_webhook(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<StatusCode, Refusal> {
    state.store.delete_webhook(state.tenant, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends a webhook an event `webhook.test`, whatever it takes and also when it is disabled: a success lets it go on.
#[utoipa::path(post, path = "/v1/webhooks/{name}/test", tag = "configuration",
    params(("name" = String, Path, description = "Its name")),
    responses((status = 202, body = AskedDeliveryReply)))]
async fn test_webhook(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<(StatusCode, Json<AskedDeliveryReply>), Refusal> {
    let at = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
    let body = json!({ "type": TEST, "timestamp": at, "data": { "webhook": name } });
    let new = NewDelivery {
        webhook: name,
        event: format!("evt_{}", Uuid::new_v4().simple()),
        kind: TEST.to_owned(),
        body: body.to_string(),
    };
    let id = DeliveryId(state.store.ask_delivery(state.tenant, new).await?);
    Ok((StatusCode::ACCEPTED, Json(AskedDeliveryReply { id })))
}

/// Deliveries of a webhook, the latest first. They are kept for 30 days after their end.
#[utoipa::path(get, path = "/v1/webhooks/{name}/deliveries", tag = "configuration",
    params(("name" = String, Path, description = "The webhook's name"), PageQuery),
    responses((status = 200, body = PageReply<DeliveryReply>)))]
async fn list_deliveries(
    State(state): State<ApiState>,
    uri: Uri,
    At(name): At<String>,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, before) = (query.limit()?, query.after::<i64>()?);
    let found = state.store.deliveries(state.tenant, &name, before, limit);
    Ok(page::reply(&uri, found.await?, DeliveryReply::from))
}

/// One delivery with its body and what came of each try.
#[utoipa::path(get, path = "/v1/deliveries/{id}", tag = "configuration",
    params(("id" = DeliveryId, Path, description = "The delivery")),
    responses((status = 200, body = DeliveryDetailReply)))]
async fn show_delivery(
    State(state): State<ApiState>,
    At(id): At<DeliveryId>,
) -> Result<Json<DeliveryDetailReply>, Refusal> {
    let (delivery, body, log) = state.store.delivery(state.tenant, id.0).await?;
    Ok(Json(DeliveryDetailReply {
        delivery: delivery.into(),
        body: Raw::new(body),
        log: log.into_iter().map(DeliveryTryReply::from).collect(),
    }))
}

/// Sends an event once more under the same id, whatever became of it.
#[utoipa::path(post, path = "/v1/deliveries/{id}/redeliver", tag = "configuration",
    params(("id" = DeliveryId, Path, description = "The delivery")),
    responses((status = 202, body = AskedDeliveryReply)))]
async fn redeliver(
    State(state): State<ApiState>,
    At(id): At<DeliveryId>,
) -> Result<(StatusCode, Json<AskedDeliveryReply>), Refusal> {
    state.store.redeliver(state.tenant, id.0).await?;
    Ok((StatusCode::ACCEPTED, Json(AskedDeliveryReply { id })))
}

/// The callbacks of a batch that came, and what was made of each.
#[utoipa::path(get, path = "/v1/batches/{id}/callbacks", tag = "batches",
    params(("id" = BatchId, Path, description = "The batch")),
    responses((status = 200, body = CallbacksReply)))]
async fn list_callbacks(
    State(state): State<ApiState>,
    At(id): At<BatchId>,
) -> Result<Json<CallbacksReply>, Refusal> {
    state.store.batch(state.tenant, id.0).await?;
    let found = state.store.callbacks(state.tenant, id.0).await?;
    let items = found.into_iter().map(CallbackReply::from).collect();
    Ok(Json(CallbacksReply { items }))
}
