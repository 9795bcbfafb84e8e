//! `/v1/templates/{name}/aliases`: names of versions that people move.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::AliasView;

use super::habit::extract::{At, Body};
use super::habit::problem::Refusal;
use super::state::ApiState;
use super::view::catalogue::{AliasMove, AliasReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show_alias, put_alias))
}

/// What an alias is to mean.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AliasBody {
    /// A published version, such as `1.2.0`.
    version: String,
}

/// What an alias means now, and what it meant before.
#[utoipa::path(get, path = "/v1/templates/{name}/aliases/{alias}", tag = "configuration",
    params(("name" = String, Path, description = "`namespace.name`"),
        ("alias" = String, Path, description = "A word such as `stable`")),
    responses((status = 200, body = AliasReply)))]
async fn show_alias(
    State(state): State<ApiState>,
    At((name, alias)): At<(String, String)>,
) -> Result<Json<AliasReply>, Refusal> {
    let moves = state.store.alias(state.tenant, &name, &alias).await?;
    Ok(Json(reply(&name, moves)))
}

/// Says which version an alias means. Work that starts from now on runs that one; jobs that exist keep theirs.
/// Repeating it is harmless.
#[utoipa::path(put, path = "/v1/templates/{name}/aliases/{alias}", tag = "configuration",
    params(("name" = String, Path, description = "`namespace.name`"),
        ("alias" = String, Path, description = "A word such as `stable`")),
    request_body = AliasBody,
    responses((status = 200, body = AliasReply)))]
async fn put_alias(
    State(state): State<ApiState>,
    At((name, alias)): At<(String, String)>,
    Body(body): Body<AliasBody>,
) -> Result<Json<AliasReply>, Refusal> {
    let moves = state
        .store
        .set_alias(state.tenant, &state.who, &name, &alias, &body.version)
        .await?;
    Ok(Json(reply(&name, moves)))
}

fn reply(name: &str, moves: Vec<AliasView>) -> AliasReply {
    let mut moves = moves.into_iter().map(AliasMove::from);
    let now = moves.next().expect("an alias that was set means something");
    AliasReply {
        reference: format!("{name}@{}", now.alias),
        now,
        before: moves.collect(),
    }
}
