//! Outside `/v1`: whether the process lives, whether it can serve, its metrics; and its version.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::Health;
use windlass_workflows::problem::Problem;

use super::habit::problem::Refusal;
use super::state::ApiState;

/// Seconds after which readiness is worth asking for again.
const AGAIN_AFTER: u32 = 2;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(show_liveness))
        .routes(routes!(show_readiness))
        .routes(routes!(read_metrics))
        .routes(routes!(show_version))
}

/// The process lives and answers; says nothing about the database.
#[utoipa::path(get, path = "/livez", tag = "engine",
    responses((status = 200, description = "`ok`", body = String, content_type = "text/plain")))]
async fn show_liveness() -> &'static str {
    "ok"
}

/// That the process can serve, and what was looked at.
#[derive(Debug, Serialize, ToSchema)]
struct ReadyReply {
    /// Always true; otherwise the answer is 503 with the checks that failed.
    is_ready: bool,
    /// What was looked at.
    checks: Vec<ReadyCheckReply>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct ReadyCheckReply {
    /// `database`, `schema`, `fsync`, `full_page_writes` or `synchronous_commit`.
    name: &'static str,
    /// Whether it is as it must be.
    is_ok: bool,
    /// What was found.
    found: String,
    /// What to do, where it is not as it must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'static str>,
}

/// Whether this process can serve: the database is there, has our schema and keeps what it commits.
#[utoipa::path(get, path = "/readyz", tag = "engine",
    responses((status = 200, body = ReadyReply)))]
async fn show_readiness(State(state): State<ApiState>) -> Result<Json<ReadyReply>, Refusal> {
    let checks = checks(&state.store.health().await?);
    match checks.iter().all(|check| check.is_ok) {
        true => Ok(Json(ReadyReply {
            is_ready: true,
            checks,
        })),
        false => Err(not_ready(&checks)),
    }
}

fn checks(health: &Health) -> Vec<ReadyCheckReply> {
    let schema = ReadyCheckReply {
        name: "schema",
        is_ok: health.schema_version >= health.schema_version_needed,
        found: format!(
            "version {}, needed {}",
            health.schema_version, health.schema_version_needed
        ),
        hint: Some("start one process with `--migrate`"),
    };
    let database = ReadyCheckReply {
        name: "database",
        is_ok: !health.in_recovery,
        found: format!("Postgres {}", health.server_version),
        hint: Some("this server is a standby: connect to the primary"),
    };
    let setting = |name, found: &str, hint| ReadyCheckReply {
        name,
        is_ok: found != "off",
        found: found.to_owned(),
        hint: Some(hint),
    };
    let all = [
        database,
        schema,
        setting(
            "fsync",
            &health.fsync,
            "without it a power cut loses or corrupts what was acknowledged",
        ),
        setting(
            "full_page_writes",
            &health.full_page_writes,
            "without it a power cut can tear pages",
        ),
        setting(
            "synchronous_commit",
            &health.synchronous_commit,
            "without it a crash loses acknowledged work",
        ),
    ];
    all.map(|check| ReadyCheckReply {
        hint: check.hint.filter(|_| !check.is_ok),
        ..check
    })
    .to_vec()
}

fn not_ready(checks: &[ReadyCheckReply]) -> Refusal {
    let failed = checks.iter().filter(|check| !check.is_ok).map(|check| {
        let message = format!("{}: {}", check.name, check.found);
        let problem = Problem::new(format!("readiness.{}", check.name), "", message);
        problem.hint(check.hint.unwrap_or_default())
    });
    Refusal {
        problems: failed.collect(),
        retry_after: Some(AGAIN_AFTER),
        ..Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "not_ready",
            "a check of readiness failed",
        )
    }
}

/// Metrics of this process in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "engine",
    responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain")))]
async fn read_metrics(State(state): State<ApiState>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4")],
        (state.metrics)(),
    )
}

/// What serves.
#[derive(Debug, Serialize, ToSchema)]
struct VersionReply {
    /// This binary's version.
    version: &'static str,
    /// The version of the schema that it needs.
    schema_version: i64,
}

/// What serves.
#[utoipa::path(get, path = "/v1/version", tag = "engine",
    responses((status = 200, body = VersionReply)))]
async fn show_version() -> Json<VersionReply> {
    Json(VersionReply {
        version: env!("CARGO_PKG_VERSION"),
        schema_version: Health::schema_version_needed(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> Health {
        Health {
            server_version: "18.0".into(),
            in_recovery: false,
            fsync: "on".into(),
            full_page_writes: "on".into(),
            synchronous_commit: "local".into(),
            schema_version: 3,
            schema_version_needed: 3,
        }
    }

    #[test]
    fn a_durable_server_with_our_schema_is_ready() {
        assert!(
            checks(&healthy())
                .iter()
                .all(|check| check.is_ok && check.hint.is_none())
        );
    }

    #[test]
    fn each_thing_that_is_not_as_it_must_be_is_named() {
        let broken = Health {
            fsync: "off".into(),
            schema_version: 2,
            ..healthy()
        };

        let refusal = not_ready(&checks(&broken));

        let codes: Vec<&str> = refusal
            .problems
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, ["readiness.schema", "readiness.fsync"]);
        assert!(
            refusal
                .problems
                .iter()
                .all(|problem| problem.hint.is_some())
        );
    }
}
