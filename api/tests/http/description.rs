//! The description and the router name the same paths and methods, and the description is kept.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::Method;
use serde_json::Value;

use crate::site::Site;

/// The methods of each path in the description, `HEAD` beside every `GET`.
fn described(description: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = description["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        let mut methods: BTreeSet<String> = item
            .as_object()
            .unwrap()
            .keys()
            .map(|key| key.to_uppercase())
            .collect();
        if methods.contains("GET") {
            methods.insert("HEAD".to_owned());
        }
        methods
    };
    paths
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

/// Every path that the router knows, read from its own debug text: axum offers no list.
fn routed(site: &Site) -> BTreeSet<String> {
    let text = format!("{:?}", site.router);
    let quoted = text.split('"').skip(1).step_by(2);
    quoted
        .filter(|path| path.starts_with('/') && !path.contains("{*") && *path != "/")
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_router_and_the_description_name_the_same_paths_and_methods() {
    let site = Site::new().await;
    let description = site.get("/v1/openapi.json").await.ok(200);
    let described = described(&description);

    let paths: BTreeSet<String> = described.keys().cloned().collect();
    assert_eq!(routed(&site), paths);
    for (path, methods) in &described {
        let concrete = path
            .replace("{id}", "j_1")
            .replace("{name}", "a")
            .replace("{version}", "1.0.0");
        let answer = site.send(Method::TRACE, &concrete, &[], "").await;
        answer.problem(405, "method_not_allowed");
        let allowed: BTreeSet<String> = answer
            .header("allow")
            .split(',')
            .map(str::to_owned)
            .collect();
        assert_eq!(&allowed, methods, "{path}");
    }
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_every_operation_has_a_name_of_its_own() {
    let site = Site::new().await;
    let description = site.get("/v1/openapi.json").await.ok(200);

    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = BTreeSet::new();
    for item in description["paths"].as_object().unwrap().values() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} stands twice");
            assert!(
                operation["responses"]["default"].is_object(),
                "{name} tells its errors"
            );
            assert!(operation["summary"].is_string(), "{name} says what it does");
        }
    }
    assert!(names.len() >= 45, "{}", names.len());
}

#[tokio::test]
async fn every_schema_that_is_named_is_there() {
    let site = Site::new().await;
    let answer = site.get("/v1/openapi.json").await;
    let description = answer.json();

    let schemas = description["components"]["schemas"].as_object().unwrap();
    for part in answer.text.split("#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name} is named and missing");
    }
}

#[tokio::test]
async fn the_description_changes_only_on_purpose() {
    let site = Site::new().await;
    let mut description = site.get("/v1/openapi.json").await.ok(200);
    description["info"]["version"] = "[version]".into();

    insta::assert_json_snapshot!("openapi", description);
}
