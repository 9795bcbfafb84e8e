//! `/v1/templates`: published versions, checks, and publishing one.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::protocol::publish::check_tree;
use windlass_engine::store::{NewTemplate, Published};
use windlass_workflows::check;
use windlass_workflows::problem::Problem;

use super::elsewhere;
use super::habit::extract::{self, At, Params};
use super::habit::page::{self, PageQuery, PageReply};
use super::habit::problem::{Fault, Refusal};
use super::state::ApiState;
use super::view::catalogue::{AliasMove, TemplateReply, TemplateSourceReply};

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_templates))
        .routes(routes!(check_template))
        .routes(routes!(show_template))
        .routes(routes!(show_template_version, publish_template))
}

/// Templates by name, each in its newest version.
#[utoipa::path(get, path = "/v1/templates", tag = "configuration", params(PageQuery),
    responses((status = 200, body = PageReply<TemplateReply>)))]
async fn list_templates(
    State(state): State<ApiState>,
    uri: Uri,
    Params(query): Params<PageQuery>,
) -> Result<Response, Refusal> {
    let (limit, after) = (query.limit()?, query.after::<(String, String)>()?);
    let after = after
        .as_ref()
        .map(|(namespace, name)| (namespace.as_str(), name.as_str()));
    let found = state.store.templates(state.tenant, after, limit).await?;
    Ok(page::reply(&uri, found, TemplateReply::from))
}

/// A template in its newest usable version, with its source, its versions and its aliases.
#[utoipa::path(get, path = "/v1/templates/{name}", tag = "configuration",
    params(("name" = String, Path, description = "`namespace.name`")),
    responses((status = 200, body = TemplateSourceReply)))]
async fn show_template(
    State(state): State<ApiState>,
    At(name): At<String>,
) -> Result<Json<TemplateSourceReply>, Refusal> {
    let template = state.store.template(state.tenant, &name).await?;
    let versions = state
        .store
        .template_versions(state.tenant, &template.namespace, &template.name);
    let versions = versions.await?.into_iter().map(TemplateReply::from);
    let aliases = state
        .store
        .aliases(state.tenant, &template.namespace, &template.name);
    let aliases = aliases.await?.into_iter().map(AliasMove::from).collect();
    let template = TemplateReply::from(template);
    let source = state
        .store
        .template_source(state.tenant, &template.reference)
        .await?;
    Ok(Json(TemplateSourceReply {
        template,
        source,
        versions: versions.collect(),
        aliases,
    }))
}

/// One version, also by an alias, with its source.
#[utoipa::path(get, path = "/v1/templates/{name}/versions/{version}", tag = "configuration",
    params(("name" = String, Path, description = "`namespace.name`"),
        ("version" = String, Path, description = "Semantic version, or an alias")),
    responses((status = 200, body = TemplateSourceReply)))]
async fn show_template_version(
    State(state): State<ApiState>,
    At((name, version)): At<(String, String)>,
) -> Result<Json<TemplateSourceReply>, Refusal> {
    let template = state
        .store
        .template(state.tenant, &format!("{name}@{version}"))
        .await?;
    let template = TemplateReply::from(template);
    let source = state
        .store
        .template_source(state.tenant, &template.reference)
        .await?;
    Ok(Json(TemplateSourceReply {
        template,
        source,
        versions: Vec::new(),
        aliases: Vec::new(),
    }))
}

/// Publishes a version: 201 when it is new, 200 when the same content stood there.
#[utoipa::path(put, path = "/v1/templates/{name}/versions/{version}", tag = "configuration",
    params(("name" = String, Path, description = "`namespace.name`"),
        ("version" = String, Path, description = "The semantic version in the document")),
    request_body(content((String = "application/yaml"), (Object = "application/json"))),
    responses((status = 201, body = PublishedReply), (status = 200, body = PublishedReply)))]
async fn publish_template(
    State(state): State<ApiState>,
    At((name, version)): At<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let checked = check(&state, request).await?;
    let (template, warnings) = checked.map_err(Refusal::invalid)?;
    let path = format!("{name}@{version}");
    let reference = reference(&template);
    if path != reference {
        let message = format!("the document is {reference}, the path says {path}");
        let hint = "put the document at its own name and version";
        let problem = Problem::new("wrong_path", "/document", message).hint(hint);
        return Err(Refusal::invalid(vec![problem]));
    }
    let published = state.store.publish(state.tenant, template).await?;
    let template = TemplateReply::from(state.store.template(state.tenant, &reference).await?);
    let reply = PublishedReply { template, warnings };
    Ok(match published {
        Published::Created(_) => {
            let location = format!("/v1/templates/{name}/versions/{version}");
            (
                StatusCode::CREATED,
                [(header::LOCATION, location)],
                Json(reply),
            )
                .into_response()
        }
        Published::Unchanged(_) => Json(reply).into_response(),
    })
}

/// A version that was published.
#[derive(Debug, Serialize, ToSchema)]
struct PublishedReply {
    /// The version.
    #[serde(flatten)]
    template: TemplateReply,
    /// What may be published and is probably not meant, with line and column.
    #[schema(value_type = Vec<Fault>)]
    warnings: Vec<Problem>,
}

/// What a check found.
#[derive(Debug, Serialize, ToSchema)]
struct CheckReply {
    /// Whether the document could be published.
    is_valid: bool,
    /// `namespace.name@version`, when it is valid.
    template: Option<String>,
    /// Every problem, with line and column.
    #[schema(value_type = Vec<Fault>)]
    problems: Vec<Problem>,
    /// What may be published and is probably not meant; nothing is said of a document with problems.
    #[schema(value_type = Vec<Fault>)]
    warnings: Vec<Problem>,
}

/// Checks a template and stores nothing; all problems at once, with line and column.
#[utoipa::path(post, path = "/v1/templates/check", tag = "configuration",
    request_body(content((String = "application/yaml"), (Object = "application/json"))),
    responses((status = 200, body = CheckReply)))]
async fn check_template(
    State(state): State<ApiState>,
    request: Request,
) -> Result<Json<CheckReply>, Refusal> {
    Ok(Json(match check(&state, request).await? {
        Ok((template, warnings)) => CheckReply {
            is_valid: true,
            template: Some(reference(&template)),
            problems: Vec::new(),
            warnings,
        },
        Err(problems) => CheckReply {
            is_valid: false,
            template: None,
            problems,
            warnings: Vec::new(),
        },
    }))
}

/// A body as a template ready to be published, with what is doubtful in it, or every problem of it.
async fn check(
    state: &ApiState,
    request: Request,
) -> Result<Result<(NewTemplate, Vec<Problem>), Vec<Problem>>, Refusal> {
    require_document(request.headers())?;
    let body = extract::bytes(request, state).await?;
    let source = extract::text(&body)?;
    let tree = match check::read(source) {
        Ok(tree) => tree,
        Err(problems) => return Ok(Err(problems)),
    };
    let resources = elsewhere::resources(state, &tree).await?;
    let catalogue = state.store.catalogue(state.tenant).await?;
    let source = source.to_owned();
    let checked = check_tree(&tree, source, &catalogue, &resources);
    Ok(checked.map(|template| (template, check::warnings(&tree))))
}

/// YAML or JSON, which is YAML; `curl` says something else unless told.
fn require_document(headers: &HeaderMap) -> Result<(), Refusal> {
    match extract::is_document(headers) {
        true => Ok(()),
        false => Err(extract::unsupported("application/yaml or application/json")),
    }
}

fn reference(template: &NewTemplate) -> String {
    let header = &template.header;
    format!("{}.{}@{}", header.namespace, header.name, header.version)
}
