//! Batches: made once per key, previewed, followed to their end, reported.

#[path = "../../../workflows/tests/vectors/kit.rs"]
mod kit;

use axum::http::Method;
use serde_json::{Value, json};

use crate::site::{Answer, Site};

const INLINE: &str = r#"
windlass: v1
kind: JobConfiguration
name: by-hand
template: examples.hello
selection: { items: [ { name: x }, { name: y } ] }
strategy: individual
"#;

async fn create(site: &Site, media_type: &str, key: &str, body: &str) -> Answer {
    let headers = [("content-type", media_type), ("idempotency-key", key)];
    site.send(Method::POST, "/v1/batches", &headers, body).await
}

#[tokio::test]
async fn a_batch_is_made_once_per_key() {
    let site = Site::with_fleet().await;
    let body = r#"{"configuration":"greet-ships","name":"monday"}"#;

    let first = create(&site, "application/json", "k", body).await;
    let again = create(&site, "application/json", "k", body).await;

    let made = first.ok(201);
    assert_eq!(
        first.header("location"),
        format!("/v1/batches/{}", made["id"].as_str().unwrap())
    );
    assert_eq!(made["batch"]["name"], "monday");
    assert_eq!(
        (&again.ok(200)["id"], &again.json()["deduplicated"]),
        (&made["id"], &json!(true))
    );
    assert_eq!(again.header("idempotency-replayed"), "true");
    create(&site, "application/yaml", "k", INLINE)
        .await
        .problem(422, "key_reused");
}

#[tokio::test]
async fn a_document_of_its_own_is_taken_as_yaml_and_json() {
    let site = Site::with_fleet().await;
    let document = json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "by-hand",
        "template": "examples.hello", "selection": { "items": [{ "name": "x" }] }, "strategy": "individual" });

    create(&site, "application/yaml", "a", INLINE).await.ok(201);
    create(&site, "application/json", "b", &document.to_string())
        .await
        .ok(201);
    site.keep().await;

    let list = site.get("/v1/batches?state=open").await.ok(200);
    let members: Vec<&Value> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|batch| &batch["planned"]["members"])
        .collect();
    assert_eq!(members, [&json!(1), &json!(2)]);
}

#[tokio::test]
async fn what_cannot_become_a_batch_is_refused_and_nothing_stored() {
    let site = Site::with_fleet().await;
    let unpublished = INLINE.replace("examples.hello", "examples.nobody");
    let unknown = INLINE.replace("strategy:", "strategi: x\nstrategy:");

    let no_key = site
        .post("/v1/batches", &json!({ "configuration": "greet-ships" }))
        .await;
    let missing = create(
        &site,
        "application/json",
        "a",
        r#"{"configuration":"nobody"}"#,
    )
    .await;
    let field = create(
        &site,
        "application/json",
        "a",
        r#"{"configuration":"greet-ships","nam":1}"#,
    )
    .await;
    let unpublished = create(&site, "application/yaml", "a", &unpublished).await;
    let unknown = create(&site, "application/yaml", "a", &unknown).await;

    no_key.problem(400, "idempotency_key_required");
    missing.problem(404, "not_found");
    assert_eq!(
        field.problem(422, "invalid")["problems"][0]["pointer"],
        "/nam"
    );
    assert!(
        unpublished.status.is_client_error() && unpublished.text.contains("examples.nobody"),
        "{}",
        unpublished.text
    );
    assert_eq!(
        unknown.problem(422, "invalid")["problems"][0]["pointer"],
        "/strategi"
    );
    assert_eq!(site.get("/v1/batches").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn a_batch_that_asks_nobody_is_not_approved_and_is_cancelled_at_a_word() {
    let site = Site::with_fleet().await;
    let made = create(&site, "application/yaml", "a", INLINE).await.ok(201);
    let address = format!("/v1/batches/{}", made["id"].as_str().unwrap());
    let approve = format!("{address}/approve");

    let no_hash = site.post(&approve, &json!({})).await;
    let not_asked = site.post(&approve, &json!({ "plan": "f00d" })).await;
    let cancel = json!({ "reason": "wrong file" });
    let cancelled = site.post(&format!("{address}/cancel"), &cancel).await;

    let mut case = kit::one_of_batches("approval", "case", "no hash");
    let status = u16::try_from(case.number("expect")).unwrap();
    no_hash.problem(status, "invalid");
    not_asked.problem(409, "illegal_state");
    let cancelled = cancelled.ok(202);
    assert!(cancelled["cancelling_at"].is_string(), "{cancelled}");
    assert_eq!(cancelled["reason"], "cancelled by api: wrong file");
}

#[tokio::test]
async fn a_preview_counts_and_renders_and_stores_nothing() {
    let site = Site::with_fleet().await;

    let preview = site
        .post(
            "/v1/batches/preview",
            &json!({ "configuration": "greet-ships" }),
        )
        .await
        .ok(200);

    assert_eq!(
        (&preview["members"], &preview["jobs"]),
        (&json!(4), &json!(4))
    );
    assert_eq!(preview["sample"][0]["input"]["name"], "ada");
    assert_eq!(preview["left_out"], json!({ "duplicate": 0, "invalid": 0 }));
    assert_eq!(
        (&preview["verdict"], &preview["reasons"]),
        (&json!("runs"), &json!([]))
    );
    assert!(preview["last"].is_null() && preview["forecast_seconds"].is_null());
    assert_eq!(site.get("/v1/batches").await.ok(200)["items"], json!([]));
}

#[tokio::test]
async fn a_batch_that_waits_for_approval_shows_what_its_plan_amounts_to() {
    let site = Site::with_fleet().await;
    let asking = format!("{INLINE}\napproval: {{ when: always }}\n");
    let foreseen = site
        .send(
            Method::POST,
            "/v1/batches/preview",
            &[("content-type", "application/yaml")],
            &asking,
        )
        .await
        .ok(200);
    let made = create(&site, "application/yaml", "a", &asking)
        .await
        .ok(201);
    let address = format!("/v1/batches/{}", made["id"].as_str().unwrap());
    assert!(made["batch"].get("plan").is_none());
    site.store.plan().await.unwrap();

    let batch = site.get(&address).await.ok(200);

    let plan = batch["plan"].as_object().expect("its figures");
    assert_eq!(
        (&plan["verdict"], &foreseen["verdict"]),
        (&json!("asks"), &json!("asks"))
    );
    for (name, figure) in plan {
        assert_eq!(figure, &foreseen[name.as_str()], "{name}");
    }
    let hash = json!({ "plan": batch["plan_hash"] });
    site.post(&format!("{address}/approve"), &hash)
        .await
        .ok(200);
    assert!(site.get(&address).await.ok(200).get("plan").is_none());
}

#[tokio::test]
async fn a_batch_is_followed_to_its_end_and_reported() {
    let site = Site::with_fleet().await;
    let id = site.batch("k").await;
    let path = |part: &str| format!("/v1/batches/{id}{part}");

    let before = site.get(&path("/progress")).await.ok(200);
    let progress = path("/progress");
    let follow = site.send(
        Method::GET,
        &progress,
        &[("accept", "text/event-stream")],
        "",
    );
    let (events, ()) = tokio::join!(follow, cancel_all(&site, &id));
    let shown = site.get(&path("?wait=30s")).await.ok(200);
    let report = site.get(&path("/report")).await.ok(200);

    assert_eq!(
        (&before["progress"]["expected"], &before["ready"]),
        (&json!(4), &json!(4))
    );
    assert_eq!(events.header("content-type"), "text/event-stream");
    let last = events
        .text
        .lines()
        .rfind(|line| line.starts_with("data:"))
        .unwrap();
    assert!(
        events.text.starts_with("event: progress"),
        "{}",
        events.text
    );
    assert!(last.contains(r#""is_final":true"#), "{last}");
    assert_eq!(shown["is_final"], true);
    assert_eq!(report["outcomes"]["cancelled"], 4);
    assert_eq!(report["members"], 4);
    assert_eq!(site.get(&path("/errors")).await.ok(200)["items"], json!([]));
}

/// Ends every job of a batch, then the batch.
async fn cancel_all(site: &Site, id: &str) {
    let jobs = site.get(&format!("/v1/jobs?batch={id}")).await.ok(200);
    for job in jobs["items"].as_array().unwrap() {
        let path = format!("/v1/jobs/{}/cancel", job["id"].as_str().unwrap());
        site.post(&path, &json!({})).await.ok(202);
    }
    site.keep().await;
}

#[tokio::test]
async fn members_come_in_pages_and_the_manifest_in_two_forms() {
    let site = Site::with_fleet().await;
    let id = site.batch("k").await;

    let page = site
        .get(&format!("/v1/batches/{id}/members?limit=3"))
        .await
        .ok(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = site
        .get(&format!("/v1/batches/{id}/members?limit=3&cursor={cursor}"))
        .await
        .ok(200);
    let lines = site.get(&format!("/v1/batches/{id}/manifest")).await;
    let csv = site
        .send(
            Method::GET,
            &format!("/v1/batches/{id}/manifest"),
            &[("accept", "text/csv")],
            "",
        )
        .await;
    let asked = site
        .get(&format!("/v1/batches/{id}/manifest?format=csv"))
        .await;

    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    assert_eq!(rest["items"][0]["key"], "dido");
    assert_eq!(lines.text.lines().count(), 4);
    assert_eq!(
        lines.header("content-disposition"),
        format!("attachment; filename=\"{id}.ndjson\"")
    );
    assert!(
        csv.text.starts_with("n,key,object,chunk,job,state"),
        "{}",
        csv.text
    );
    assert_eq!(csv.text.lines().count(), 5);
    assert_eq!(csv.text, asked.text);
    site.get(&format!("/v1/batches/{id}/manifest?format=xml"))
        .await
        .problem(400, "malformed");
    site.get("/v1/batches/b_99/manifest")
        .await
        .problem(404, "not_found");
}

#[tokio::test]
async fn filters_of_batches_that_no_index_carries_are_refused() {
    let site = Site::with_fleet().await;
    site.batch("k").await;

    let of_configuration = site
        .get("/v1/batches?configuration=greet-ships")
        .await
        .ok(200);

    assert_eq!(of_configuration["items"].as_array().unwrap().len(), 1);
    site.get("/v1/batches?configuration=greet-ships&state=open")
        .await
        .problem(400, "filter_not_indexed");
    site.get("/v1/batches?state=tired")
        .await
        .problem(400, "malformed");
}

const OF_FILE: &str = "windlass: v1\nkind: JobConfiguration\nname: of-file\ntemplate: examples.hello\n\
    selection: { file: ships.ndjson, key: name, rows: { duplicate: last } }\nstrategy: individual\n";

fn form(recipe: &str, file: &str) -> String {
    let part = "content-disposition: form-data; name=";
    format!(
        "--b\r\n{part}\"recipe\"\r\n\r\n{recipe}\r\n\
         --b\r\n{part}\"file\"; filename=\"ships.ndjson\"\r\n\r\n{file}\r\n--b--\r\n"
    )
}

#[tokio::test]
async fn a_file_comes_with_its_recipe_and_one_that_breaks_off_may_come_again() {
    let site = Site::with_fleet().await;
    let kind = "multipart/form-data; boundary=b";
    let rows = "{\"name\":\"ada\"}\n{\"name\":\"bea\"}\n{\"name\":\"ada\"}\n";
    let whole = form(OF_FILE, rows);

    let cut = create(&site, kind, "k", &whole[..whole.len() - 40]).await;
    let made = create(&site, kind, "k", &whole).await;
    let again = create(&site, kind, "k", &whole).await;
    let other = create(&site, kind, "k", &form(OF_FILE, "{\"name\":\"cleo\"}\n")).await;
    let alone = create(&site, "application/yaml", "l", OF_FILE).await;
    site.keep().await;

    cut.problem(400, "source_ended");
    // Nothing runs, and the key is free: the whole file made a batch under it, and that one alone is there.
    let mut case = kit::one_of_batches("selection", "case", "upload cut after half");
    let said = "failed(source_ended), nothing runs; the same Idempotency-Key may try again";
    assert_eq!(case.text("expect"), said);
    let all = site.get("/v1/batches").await.ok(200);
    assert_eq!(all["items"].as_array().unwrap().len(), 1);
    let id = made.ok(201)["id"].as_str().unwrap().to_owned();
    assert_eq!(again.ok(200)["id"], id.as_str());
    other.problem(422, "key_reused");
    assert_eq!(
        alone.problem(422, "invalid")["problems"][0]["code"],
        "file_missing"
    );
    let batch = site.get(&format!("/v1/batches/{id}")).await.ok(200);
    assert_eq!(
        (&batch["planned"]["members"], &batch["planned"]["left_out"]),
        (&json!(2), &json!(1))
    );
    let manifest = site.get(&format!("/v1/batches/{id}/manifest")).await;
    let left_out = manifest.text.lines().last().unwrap().to_owned();
    assert!(
        left_out.contains("\"state\":\"left_out\",\"code\":\"duplicate\""),
        "{left_out}"
    );
}
