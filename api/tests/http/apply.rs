//! Documents and data: a set is stored whole or not at all, and every fault says where it is.

use axum::http::Method;
use serde_json::{Value, json};

use crate::site::{Answer, FLEET, HELLO, SHIPS, Site, codes};

/// Applies files with the fleet's data and asserts that it is refused and nothing is stored.
async fn refused(files: Value, data: Value) -> Value {
    let site = Site::new().await;
    let answer = site
        .post("/v1/apply", &json!({ "files": files, "data": data }))
        .await;

    let problem = answer.problem(422, "invalid");
    assert_eq!(site.stored().await, (0, 0), "{problem}");
    for one in problem["problems"].as_array().unwrap() {
        assert!(
            one["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{one}"
        );
        assert!(one["pointer"].is_string() || one["line"].is_u64(), "{one}");
    }
    problem
}

#[tokio::test]
async fn a_set_is_applied_once_and_unchanged_the_second_time() {
    let site = Site::new().await;

    let first = site.apply_fleet("").await.ok(200);
    let second = site.apply_fleet("").await.ok(200);

    let actions = |reply: &Value| {
        let changes = reply["changes"].as_array().unwrap().clone();
        changes
            .iter()
            .map(|change| change["action"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(actions(&first), ["created"; 4]);
    assert_eq!(actions(&second), ["unchanged"; 4]);
    assert_eq!(site.get("/v1/categories/ships").await.ok(200)["items"], 4);
    assert_eq!(
        site.get("/v1/purposes/greet").await.ok(200)["document"]["template"],
        "examples.hello"
    );
    assert_eq!(
        site.get("/v1/job-configurations/greet-ships").await.ok(200)["revision"],
        1
    );
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_stores_nothing() {
    let site = Site::new().await;

    let report = site.apply_fleet("?dry_run=true").await.ok(200);

    assert_eq!(report["dry_run"], true);
    assert_eq!(report["changes"].as_array().unwrap().len(), 4);
    assert_eq!(site.stored().await, (0, 0));
}

#[tokio::test]
async fn one_yaml_body_is_one_file() {
    let site = Site::new().await;

    let report = site
        .typed("/v1/apply", "application/yaml", HELLO)
        .await
        .ok(200);

    assert_eq!(report["changes"][0]["name"], "examples.hello@1.0.0");
}

#[tokio::test]
async fn broken_yaml_names_its_file_and_line() {
    let files = json!([{ "name": "a.yaml", "text": "windlass: v1\nkind: [ Purpose\nname: x\n" }]);

    let problem = refused(files, json!([])).await;

    assert_eq!(problem["problems"][0]["file"], "a.yaml");
    assert!(
        problem["problems"][0]["line"]
            .as_u64()
            .is_some_and(|line| line >= 2)
    );
}

#[tokio::test]
async fn unknown_fields_and_functions_are_all_reported_at_once() {
    let purpose =
        "windlass: v1\nkind: Purpose\nname: greet\ntemplate: examples.hello\ntemplat: x\n";
    let template = HELLO.replace(
        "set: { message: '${ \"Hello, \\(.name)\" }' }",
        "call: nobody:1.0.0@default",
    );
    assert_ne!(template, HELLO);

    let unknown = refused(json!([{ "name": "p.yaml", "text": purpose }]), json!([])).await;
    let function = refused(json!([{ "name": "t.yaml", "text": template }]), json!([])).await;

    assert_eq!(unknown["problems"][0]["pointer"], "/templat");
    assert_eq!(unknown["problems"][0]["line"], 5);
    assert!(
        function["problems"][0]["message"]
            .as_str()
            .unwrap()
            .contains("nobody"),
        "{function}"
    );
    assert!(function["problems"][0]["line"].is_u64());
}

#[tokio::test]
async fn ragged_rows_and_duplicate_keys_refuse_the_whole_set() {
    let files =
        json!([{ "name": "hello.yaml", "text": HELLO }, { "name": "fleet.yaml", "text": FLEET }]);
    let ragged = json!([{ "category": "ships", "text": "name,port\nada,kiel\nbea\n" }]);
    let doubled = json!([{ "category": "ships", "text": "name,port\nada,kiel\nada,oslo\n" }]);

    let ragged = refused(files.clone(), ragged).await;
    let doubled = refused(files, doubled).await;

    assert!(
        ragged["problems"][0]["line"].as_u64() == Some(3),
        "{ragged}"
    );
    assert!(
        doubled["problems"][0]["message"]
            .as_str()
            .unwrap()
            .contains("ada"),
        "{doubled}"
    );
}

#[tokio::test]
async fn a_missing_object_key_and_an_unpublished_template_are_named() {
    let files =
        json!([{ "name": "hello.yaml", "text": HELLO }, { "name": "fleet.yaml", "text": FLEET }]);
    let without_port = json!([{ "category": "ships", "text": "name,harbour\nada,kiel\n" }]);

    let object = refused(files, without_port).await;
    let template = refused(
        json!([{ "name": "fleet.yaml", "text": FLEET }]),
        json!([{ "category": "ships", "text": SHIPS }]),
    )
    .await;

    assert!(
        object["problems"][0]["message"]
            .as_str()
            .unwrap()
            .contains("port"),
        "{object}"
    );
    let first = &template["problems"][0];
    assert_eq!(first["pointer"], "/template", "{template}");
    assert!(
        first["message"]
            .as_str()
            .unwrap()
            .contains("examples.hello"),
        "{template}"
    );
}

#[tokio::test]
async fn data_without_its_document_is_refused_not_ignored() {
    let files = json!([{ "name": "hello.yaml", "text": HELLO }]);

    let problem = refused(files, json!([{ "category": "boats", "text": "a\n1\n" }])).await;

    assert_eq!(codes(&problem), ["unknown_category"]);
    assert_eq!(problem["problems"][0]["pointer"], "/data/0/category");
}

#[tokio::test]
async fn a_category_is_loaded_from_a_body_of_each_form_and_paged() {
    let site = Site::with_fleet().await;
    let path = "/v1/categories/ships/items";
    let ndjson = "{\"name\":\"eve\",\"port\":\"bergen\"}\n{\"name\":\"fay\",\"port\":\"bergen\"}\n";

    let csv = site
        .typed(path, "text/csv", "name,port\ngus,bonn\n")
        .await
        .ok(200);
    let same = site
        .typed(path, "text/csv", "name,port\ngus,bonn\n")
        .await
        .ok(200);
    let lines = site
        .typed(path, "application/x-ndjson", ndjson)
        .await
        .ok(200);
    let page = site.get("/v1/categories/ships/items?limit=1").await;
    let next = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let rest = site
        .get(&format!("{path}?limit=1&cursor={next}"))
        .await
        .ok(200);

    assert_eq!(
        (&csv["version"], &csv["items"], &csv["loaded"]),
        (&json!(2), &json!(1), &json!(true))
    );
    assert_eq!(same["loaded"], false);
    assert_eq!(lines["version"], 3);
    assert_eq!(
        page.header("link"),
        format!("<{path}?limit=1&cursor={next}>; rel=\"next\"")
    );
    assert_eq!(rest["items"][0]["key"], "fay");
    assert_eq!(rest["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_refused_load_keeps_what_was_there() {
    let site = Site::with_fleet().await;
    let path = "/v1/categories/ships/items";

    site.typed(path, "text/csv", "name,port\nx,y,z\n")
        .await
        .problem(422, "invalid");
    site.typed(path, "application/pdf", "x")
        .await
        .problem(415, "media_type_unsupported");
    site.typed("/v1/categories/boats/items", "text/csv", SHIPS)
        .await
        .problem(404, "not_found");

    assert_eq!(site.get("/v1/categories/ships").await.ok(200)["version"], 1);
}

#[tokio::test]
async fn a_template_is_published_once_and_never_changed() {
    let site = Site::new().await;
    let path = "/v1/templates/examples.hello/versions/1.0.0";
    let put = async |path: &str, body: &str| -> Answer {
        site.send(
            Method::PUT,
            path,
            &[("content-type", "application/yaml")],
            body,
        )
        .await
    };

    let created = put(path, HELLO).await;
    let again = put(path, HELLO).await;
    let changed = put(path, &HELLO.replace("Hello", "Good day")).await;
    let elsewhere = put("/v1/templates/examples.hello/versions/2.0.0", HELLO).await;

    assert_eq!(created.ok(201)["reference"], "examples.hello@1.0.0");
    assert_eq!(created.header("location"), path);
    again.ok(200);
    changed.problem(409, "template_version_exists");
    assert_eq!(codes(&elsewhere.problem(422, "invalid")), ["wrong_path"]);
    assert_eq!(site.get(path).await.ok(200)["source"], HELLO);
    assert_eq!(
        site.get("/v1/templates/examples.hello").await.ok(200)["versions"][0]["version"],
        "1.0.0"
    );
    site.get("/v1/templates/examples.nobody")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn a_check_reports_every_problem_with_its_line_and_stores_nothing() {
    let site = Site::new().await;
    let broken = HELLO.replace(
        "do:",
        "doo:\n  - x: {}\ndo:\n  - again: { call: nobody:1.0.0@default }",
    );

    let good = site
        .typed("/v1/templates/check", "application/yaml", HELLO)
        .await
        .ok(200);
    let bad = site
        .typed("/v1/templates/check", "application/yaml", &broken)
        .await
        .ok(200);

    assert_eq!(
        (&good["is_valid"], &good["template"]),
        (&json!(true), &json!("examples.hello@1.0.0"))
    );
    assert_eq!(bad["is_valid"], false);
    let problems = bad["problems"].as_array().unwrap();
    assert!(problems.len() >= 2, "{bad}");
    assert!(
        problems
            .iter()
            .all(|one| one["line"].is_u64() && one["column"].is_u64()),
        "{bad}"
    );
    assert_eq!(site.stored().await, (0, 0));
}

#[tokio::test]
async fn secrets_stay_references() {
    let site = Site::new().await;
    let connection = "windlass: v1\nkind: Connection\nname: writer\ntype: generate\nproviders:\n  - { name: main, protocol: openai, base_url: 'http://127.0.0.1:1/v1', api_key: { secret: writer-key }, model: m }\nprofiles: { brief: { system: Be brief. } }\n";

    site.typed("/v1/apply", "application/yaml", connection)
        .await
        .ok(200);

    let shown = site.get("/v1/connections/writer").await.ok(200);
    assert_eq!(
        shown["document"]["providers"][0]["api_key"],
        json!({ "secret": "writer-key" })
    );
}

#[tokio::test]
async fn the_examples_are_applied_in_one_call() {
    let site = Site::new().await;
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");
    let mut files = Vec::new();
    for folder in ["templates", "configurations"] {
        for entry in std::fs::read_dir(format!("{root}/{folder}")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.ends_with(".test.yaml") || !name.ends_with(".yaml") {
                continue;
            }
            files.push(json!({ "name": format!("{folder}/{name}"), "text": std::fs::read_to_string(&path).unwrap() }));
        }
    }
    let data = std::fs::read_to_string(format!("{root}/data/birdstrikes.csv")).unwrap();
    let body = json!({ "files": files, "data": [{ "category": "strikes", "text": data }] });

    let report = site.post("/v1/apply", &body).await.ok(200);

    let changes = report["changes"].as_array().unwrap();
    assert!(
        changes.iter().all(|change| change["action"] == "created"),
        "{report}"
    );
    assert_eq!(
        site.get("/v1/categories/strikes").await.ok(200)["items"],
        10_000
    );
    let preview = async |name: &str| {
        let body = json!({ "configuration": name });
        let preview = site.post("/v1/batches/preview", &body).await.ok(200);
        preview["jobs"].as_u64().unwrap()
    };
    assert_eq!(preview("classify-strikes").await, 10_000);
    assert_eq!(preview("state-briefs").await, 29);
    assert_eq!(preview("national-report").await, 1);
}
