//! Categories that are indexed and loads that are merged, over HTTP.

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
