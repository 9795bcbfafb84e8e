//! The description of the API, made from the handlers themselves: what is not in it is not served.

use std::sync::Arc;

use axum::Extension;
use axum::http::header;
use axum::response::IntoResponse;
use bytes::Bytes;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Response,
    ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::habit::problem::{Fault, ProblemDetails};
use super::state::ApiState;

/// The description as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Description(Arc<Bytes>);

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show_description))
}

/// What stands at the head of the description.
pub(super) fn header() -> OpenApi {
    let license = LicenseBuilder::new()
        .name("MIT OR Apache-2.0")
        .identifier(Some("MIT OR Apache-2.0"));
    let info = InfoBuilder::new()
        .title("Windlass")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(include_str!("openapi.md").trim()))
        .license(Some(license.build()));
    OpenApiBuilder::new().info(info.build()).build()
}

/// The whole description: every operation may answer with a problem document.
pub(super) fn describe(mut description: OpenApi) -> Description {
    let components = description.components.get_or_insert_default();
    components.schemas.insert(
        ProblemDetails::name().into_owned(),
        ProblemDetails::schema(),
    );
    components
        .schemas
        .insert(Fault::name().into_owned(), Fault::schema());
    for item in description.paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        operations.into_iter().flatten().for_each(add_problem);
    }
    let text = description
        .to_json()
        .expect("a description has only texts as keys");
    Description(Arc::new(Bytes::from(text)))
}

fn add_problem(operation: &mut Operation) {
    let schema = Ref::from_schema_name(ProblemDetails::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let response: Response = ResponseBuilder::new()
        .description("Any error, by its `code`")
        .content("application/problem+json", content)
        .build();
    operation
        .responses
        .responses
        .insert("default".to_owned(), RefOr::T(response));
}

/// This description.
#[utoipa::path(get, path = "/v1/openapi.json", tag = "engine",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")))]
async fn show_description(Extension(description): Extension<Description>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "application/json")],
        Bytes::clone(&description.0),
    )
}
