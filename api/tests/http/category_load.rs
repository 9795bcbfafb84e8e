//! Categories that are indexed and loads that are merged, over HTTP.

use axum::http::Method;

use crate::site::Site;

const PATH: &str = "/v1/categories/ships/items";

#[tokio::test]
async fn a_load_is_merged_where_the_caller_says_so() {
    let site = Site::with_fleet().await;

    let text = "name,port\nbea,oslo\neva,kiel\ncleo,oslo\n";
    let merged = site
        .typed(&format!("{PATH}?mode=merge"), "text/csv", text)
        .await;
    let items = site.get(PATH).await.ok(200);
    let again = site
        .typed(&format!("{PATH}?mode=merge"), "text/csv", text)
        .await;
    let replaced = site
        .typed(&format!("{PATH}?mode=replace"), "text/csv", text)
        .await;
    let wrong = site
        .typed(&format!("{PATH}?mode=both"), "text/csv", text)
        .await;

    let merged = merged.ok(200);
    let counts = |load: &serde_json::Value| {
        [
            "version",
            "items",
            "added",
            "changed",
            "removed",
            "unchanged",
        ]
        .map(|key| load[key].as_i64().unwrap())
    };
    assert_eq!(counts(&merged), [2, 5, 1, 1, 0, 1]);
    let keys = items["items"].as_array().unwrap().iter();
    let keys: Vec<_> = keys.map(|item| item["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["ada", "bea", "cleo", "dido", "eva"]);
    assert_eq!(items["items"][1]["object"], "oslo");
    let again = again.ok(200);
    assert_eq!(
        (&again["loaded"], &again["unchanged"]),
        (&false.into(), &3.into())
    );
    assert_eq!(counts(&replaced.ok(200)), [3, 3, 0, 0, 2, 3]);
    wrong.problem(400, "malformed");
}

#[tokio::test]
async fn what_has_no_key_is_not_merged() {
    let site = Site::with_fleet().await;
    let rows = "windlass: v1\nkind: Category\nname: rows\nkey: { row: true }\n";
    let applied = site.typed("/v1/apply", "application/yaml", rows);
    applied.await.ok(200);

    let path = "/v1/categories/rows/items?mode=merge";
    let refused = site.typed(path, "text/csv", "name\nada\n").await;

    let problem = refused.problem(422, "invalid");
    assert_eq!(problem["problems"][0]["code"], "merge_needs_key");
}

#[tokio::test]
async fn a_category_shows_its_indexes_and_filters_find_by_them() {
    let site = Site::with_fleet().await;
    let text = "windlass: v1\nkind: Category\nname: ports\nkey: name\nindexes: [ sea, size ]\n\
        data: { items: [ { name: oslo, sea: north, size: 1 }, { name: kiel, sea: baltic, size: 1.0 } ] }\n";
    let applied = site.typed("/v1/apply", "application/yaml", text);
    applied.await.ok(200);

    let shown = site.get("/v1/categories/ports").await.ok(200);
    let filter = "filter=.size%20%3D%3D%201%20and%20.sea%20%3D%3D%20%22baltic%22";
    let found = site
        .get(&format!("/v1/categories/ports/items?{filter}"))
        .await
        .ok(200);
    let exported = site.get("/v1/export?kind=category").await.ok(200);

    assert_eq!(
        shown["indexes"],
        serde_json::json!([{ "field": "sea", "is_whole": true }, { "field": "size", "is_whole": true }])
    );
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
    assert_eq!(found["items"][0]["key"], "kiel");
    let texts = exported["items"].as_array().unwrap().iter();
    let mut texts = texts.filter_map(|one| one["text"].as_str());
    assert!(
        texts.any(|text| text.contains("indexes: [ sea, size ]")),
        "{exported}"
    );
}

/// The second and the fourth row are no ships.
const SOME_BAD: &str = "name,port\nada,kiel\n,oslo\nbea,kiel\n\"\",\n";

#[tokio::test]
async fn a_load_goes_on_without_bad_rows_and_answers_with_counts_and_reasons() {
    let site = Site::with_fleet().await;

    let refused = site.typed(PATH, "text/csv", SOME_BAD).await;
    let path = format!("{PATH}?invalid=leave_out");
    let loaded = site.typed(&path, "text/csv", SOME_BAD).await.ok(200);
    let versions = site.get("/v1/categories/ships/versions").await.ok(200);
    let bad = site.typed(&path, "text/csv", "name,port\n,oslo\n").await;

    refused.problem(422, "invalid");
    let counts = ["read", "items", "left_out", "removed", "unchanged"];
    assert_eq!(
        counts.map(|key| loaded[key].as_i64()),
        [4, 2, 2, 2, 2].map(Some)
    );
    let reason = &loaded["reasons"][0];
    assert_eq!(
        (&reason["code"], &reason["pointer"]),
        (&"invalid_row".into(), &"/name".into())
    );
    assert_eq!(
        (&reason["rows"], &reason["example"]["row"]),
        (&2.into(), &2.into())
    );
    assert_eq!(versions["items"][0]["left_out"], 2);
    let problem = bad.problem(422, "invalid");
    assert_eq!(problem["problems"][0]["code"], "nothing_left");
    assert_eq!(site.get("/v1/categories/ships").await.ok(200)["items"], 2);
}

#[tokio::test]
async fn what_was_refused_is_a_file_for_whoever_asks_for_one() {
    let site = Site::with_fleet().await;
    let asked = async |accept: &str, rows: &str| {
        let headers = [("content-type", "text/csv"), ("accept", accept)];
        site.send(Method::POST, PATH, &headers, rows).await
    };

    let table = asked("text/csv", SOME_BAD).await;
    let lines = asked("application/x-ndjson", SOME_BAD).await;
    let doubled = asked("text/csv", "name,port\nada,kiel\nada,oslo\n").await;

    for (answer, rows) in [(&table, 3), (&lines, 2), (&doubled, 2)] {
        assert_eq!(
            (answer.status.as_u16(), answer.text.lines().count()),
            (422, rows)
        );
    }
    assert_eq!(table.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(lines.header("content-type"), "application/x-ndjson");
    assert!(table.text.contains(",/name,invalid_row,"), "{}", table.text);
    assert!(doubled.text.contains(",duplicate_key,"), "{}", doubled.text);
}

#[tokio::test]
async fn what_was_left_out_is_a_file_with_the_counts_beside_it() {
    let site = Site::with_fleet().await;
    let path = format!("{PATH}?invalid=leave_out");
    let asked = async |accept: &str| {
        let headers = [("content-type", "text/csv"), ("accept", accept)];
        site.send(Method::POST, &path, &headers, SOME_BAD).await
    };

    let table = asked("text/csv").await;
    let lines = asked("application/x-ndjson").await;
    let good = site.send(
        Method::POST,
        &path,
        &[("content-type", "text/csv"), ("accept", "text/csv")],
        "name,port\nada,kiel\n",
    );
    let good = good.await;

    assert_eq!(table.status, 200);
    assert!(table.header("content-type").starts_with("text/csv"));
    let mut rows = table.text.lines();
    assert_eq!(rows.next(), Some("file,line,row,pointer,code,message,hint"));
    assert_eq!(
        rows.next(),
        Some("body,3,2,/name,invalid_row,the key `name` is missing or null,")
    );
    assert_eq!(table.text.lines().count(), 3);
    let counts: serde_json::Value = serde_json::from_str(table.header("windlass-load")).unwrap();
    assert_eq!(
        (&counts["read"], &counts["left_out"]),
        (&4.into(), &2.into())
    );
    assert_eq!(counts["loaded"], true);
    // The same bytes are no new version, and their report is given again.
    let row: serde_json::Value = serde_json::from_str(lines.text.lines().nth(1).unwrap()).unwrap();
    assert_eq!((&row["row"], &row["line"]), (&4.into(), &5.into()));
    assert!(lines.header("windlass-load").contains("\"loaded\":false"));
    // Where nothing was left out there is no report.
    assert_eq!(
        (good.header("windlass-load"), &good.ok(200)["left_out"]),
        ("", &0.into())
    );
}

#[tokio::test]
async fn an_applied_document_leaves_rows_out_where_it_says_so() {
    let site = Site::new().await;
    let text = "windlass: v1\nkind: Category\nname: ships\nkey: name\n\
        data: { file: ships.csv, invalid: leave_out }\n";
    let body = serde_json::json!({
        "files": [{ "name": "ships.yaml", "text": text }],
        "data": [{ "category": "ships", "text": SOME_BAD }],
    });

    let applied = site.post("/v1/apply", &body).await.ok(200);
    let again = site.post("/v1/apply", &body).await.ok(200);
    let exported = site.get("/v1/export?kind=category&rows=true").await.ok(200);

    let change = &applied["changes"][0];
    assert_eq!((&change["items"], &change["read"]), (&2.into(), &4.into()));
    let left = &change["left_out"];
    assert_eq!(
        (&left["rows"], &left["reasons"][0]["rows"]),
        (&2.into(), &2.into())
    );
    assert_eq!(left["refused"][1]["row"], 4);
    assert_eq!(again["changes"][0]["action"], "unchanged");
    assert_eq!(&again["changes"][0]["left_out"], left);
    let text = exported["items"][0]["text"].as_str().unwrap();
    assert!(text.contains("invalid: leave_out"), "{text}");
}
