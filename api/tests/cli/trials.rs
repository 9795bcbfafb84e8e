//! Features that call for real: under the rules of egress, with secrets that nothing shows.

use axum::extract::Path as Segment;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

use super::process::{windlass, windlass_with};
use super::templates::{Folder, last_line};

/// Tells whoever asks which key they had.
async fn keys() -> String {
    let told = async |headers: HeaderMap| {
        let key = headers.get("x-key").and_then(|key| key.to_str().ok());
        Json(json!({"right": key == Some("open-sesame"), "key": key}))
    };
    served(Router::new().route("/", get(told))).await
}

/// The address at which a service answers.
async fn served(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
    address
}

#[tokio::test]
async fn a_secret_of_a_feature_is_sent_and_never_shown() {
    let feature = "Feature: keys
  Background:
    Given a workflow with definition:
      \"\"\"yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      use: { secrets: [ shop ] }
      do:
        - ask: { call: http, with: { method: get, endpoint: 'ADDRESS', headers: { X-Key: '${ $secrets.shop }' } } }
      \"\"\"
  Scenario: given
    Given the secret \"shop\" is \"open-sesame\"
    When the workflow is executed
    Then the workflow should complete with output:
      \"\"\"
      { right: true, key: '[secret]' }
      \"\"\"
    And ask should have been called with:
      \"\"\"
      { method: GET, url: 'ADDRESS', headers: { X-Key: open-sesame } }
      \"\"\"
  Scenario: not given
    When the workflow is executed
    Then the workflow should fault with error:
      \"\"\"
      { type: authorization, status: 403, detail: { code: secret.missing, secret: shop } }
      \"\"\"
";
    let feature = feature.replace("ADDRESS", &keys().await);
    let folder = Folder::with(&[("keys.feature", &feature)]);

    let open = [("WINDLASS_EGRESS_ALLOW_PRIVATE", "true")];
    let ended = windlass_with(&["template", "test", &folder.path("keys.feature")], &open).await;

    assert_eq!(last_line(&ended), "1 passed, 1 failed", "{}", ended.stdout);
    let told = "/headers/X-Key is \"{secret:shop}\"; \"***\" is wanted";
    assert!(ended.stdout.contains(told), "{}", ended.stdout);
    assert!(!ended.stdout.contains("sesame"), "{}", ended.stdout);
}

/// Pets by number; there is one.
async fn pets() -> String {
    let pet = async |Segment(id): Segment<u32>| match id {
        1 => (StatusCode::OK, Json(json!({"id": 1, "name": "Milou"}))),
        _ => (StatusCode::NOT_FOUND, Json(json!({"title": "no such pet"}))),
    };
    served(Router::new().route("/pets/{id}", get(pet))).await
}

#[tokio::test]
async fn a_feature_calls_http_for_real_under_the_rules_of_egress() {
    let feature = "Feature: pets
  Scenario Outline: number <id>
    Given a workflow with definition:
      \"\"\"yaml
      document: { dsl: '1.0.3', namespace: a, name: a, version: 1.0.0 }
      do:
        - tried:
            try: [ { ask: { call: http, with: { method: get, endpoint: 'ADDRESS/pets/{id}' } } } ]
            catch:
              errors: { with: { type: https://serverlessworkflow.io/dsl/errors/types/communication, status: 404 } }
              do: [ { none: { set: { name: nobody, at: '${ $error.instance }' } } } ]
      \"\"\"
    And given the workflow input is:
      \"\"\"yaml
      id: <id>
      \"\"\"
    When the workflow is executed
    Then the workflow should complete
    And the workflow output should have a 'name' property with value:
      \"\"\"yaml
      <name>
      \"\"\"
    And ask should run after tried
    Examples:
      | id | name   |
      | 1  | Milou  |
      | 2  | nobody |
";
    let feature = feature.replace("ADDRESS", &pets().await);
    let folder = Folder::with(&[("pets.feature", &feature)]);
    let path = folder.path("pets.feature");

    let open = [("WINDLASS_EGRESS_ALLOW_PRIVATE", "true")];
    let allowed = windlass_with(&["template", "test", &path], &open).await;
    let refused = windlass(&["template", "test", &path]).await;

    assert_eq!(
        last_line(&allowed),
        "2 passed, 0 failed",
        "{}",
        allowed.stdout
    );
    assert_eq!(
        last_line(&refused),
        "0 passed, 2 failed",
        "{}",
        refused.stdout
    );
    assert!(
        refused.stdout.contains("is out of reach"),
        "{}",
        refused.stdout
    );
}
