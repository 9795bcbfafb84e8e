//! A service that is read page by page, by a keeper, over a real server that breaks and lies.

#[path = "../../../workflows/tests/vectors/kit.rs"]
mod kit;
mod stage;

use axum::http::StatusCode;
use serde_json::{Value as Json, json};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

use crate::outside::stage::{Scene, cursor, now, over, pages, source};

#[tokio::test]
async fn all_pages_become_members_and_each_is_asked_once() {
    let scene = Scene::new(|uri| now(pages(&uri))).await;

    let view = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect("planned");

    assert_eq!((view.planned.members, view.planned.jobs), (1_503, 1_503));
    let first = "/v2/rows?of=notes";
    assert_eq!(
        scene.asked(),
        [
            first.to_owned(),
            format!("{first}&after=b+c"),
            format!("{first}&after=d")
        ]
    );
    let seen = scene.seen.lock().expect("no panic");
    assert!(
        seen.iter()
            .all(|(_, line)| line.as_deref() == Some("Bearer s3cret"))
    );
}

#[tokio::test]
async fn a_page_that_fails_is_asked_again() {
    let failed = Mutex::new(false);
    let scene = Scene::new(move |uri| {
        let mut failed = failed.lock().expect("no panic");
        let fails =
            uri.contains("after=b") && !std::mem::replace(&mut *failed, uri.contains("after=b"));
        match fails {
            true => now((StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "0")])),
            false => now(pages(&uri)),
        }
    })
    .await;

    let view = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect("planned");

    assert_eq!(view.planned.members, 1_503);
    assert_eq!(scene.asked().len(), 4);
}

#[tokio::test]
async fn a_keeper_that_ends_leaves_its_place_to_the_next() {
    let (reached, goes_on) = (Arc::new(Notify::new()), Arc::new(Mutex::new(false)));
    let (told, opened) = (reached.clone(), goes_on.clone());
    let scene = Scene::new(move |uri| {
        if uri.contains("after=d") && !*opened.lock().expect("no panic") {
            told.notify_one();
            return Box::pin(std::future::pending());
        }
        now(pages(&uri))
    })
    .await;
    let batch = scene
        .create(source(cursor(), json!({})))
        .await
        .expect("created");

    let (stop, keeper) = scene.keep();
    reached.notified().await;
    stop.cancel();
    keeper.await.expect("it ends");
    assert_eq!(
        scene
            .database
            .count("select count(*) from source_row")
            .await,
        1_502
    );
    assert_eq!(
        scene
            .database
            .count("select count(*) from batch where source_claim is null and source_tries = 0")
            .await,
        1
    );
    *goes_on.lock().expect("no panic") = true;
    let (stop, keeper) = scene.keep();
    let view = scene.until(batch, &["running", "failed"]).await;
    stop.cancel();
    keeper.await.expect("it ends");

    assert_eq!(
        (view.state.as_str(), view.planned.members),
        ("running", 1_503)
    );
    let lasts = scene
        .asked()
        .iter()
        .filter(|uri| uri.contains("after=d"))
        .count();
    assert_eq!((scene.asked().len(), lasts), (4, 2));
}

#[tokio::test]
async fn a_service_that_stops_half_way_fails_the_batch_whole() {
    let scene = Scene::new(|uri| match uri.contains("after=d") {
        true => now(StatusCode::FORBIDDEN),
        false => now(pages(&uri)),
    })
    .await;

    let problem = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect_err("failed");

    assert_eq!(problem["code"], "source_failed");
    assert!(
        problem["message"].as_str().expect("text").contains("403"),
        "{problem}"
    );
}

#[tokio::test]
async fn pages_that_lead_in_a_circle_or_elsewhere_are_refused() {
    let circle =
        Scene::new(|_| now(axum::Json(json!({ "data": [], "meta": { "next": "b" } })))).await;
    let problem = circle
        .comes_to(source(cursor(), json!({})))
        .await
        .expect_err("failed");
    assert_eq!(problem["code"], "source_loops");
    assert_eq!(circle.asked().len(), 2);

    let of = "HTTP next link points to a page already read";
    let mut case = kit::one_of_batches("selection", "case", of);
    let link = Scene::new(|_| {
        now(axum::Json(
            json!({ "data": [], "next": "/v2/rows?of=notes" }),
        ))
    })
    .await;
    let problem = link
        .comes_to(source(json!({ "link": ".next" }), json!({})))
        .await
        .expect_err("failed");
    let code = problem["code"].as_str().expect("a code");
    assert_eq!(case.text("expect"), format!("plan failed({code})"));
    assert_eq!(problem["pointer"], "/selection/http/next");

    let elsewhere = Scene::new(|_| {
        now(axum::Json(
            json!({ "data": [], "next": "http://198.51.100.7/" }),
        ))
    })
    .await;
    let link = json!({ "link": ".next" });
    let problem = elsewhere
        .comes_to(source(link, json!({})))
        .await
        .expect_err("failed");
    assert_eq!(problem["code"], "source_failed");
    assert!(
        problem["message"]
            .as_str()
            .expect("text")
            .contains("not on the host"),
        "{problem}"
    );
}

#[tokio::test]
async fn an_address_that_no_step_may_reach_no_source_may() {
    let mut scene = Scene::new(|uri| now(pages(&uri))).await;
    scene.private = false;

    let problem = scene
        .comes_to(source(cursor(), json!({})))
        .await
        .expect_err("failed");

    assert_eq!(problem["code"], "source_failed");
    assert!(
        problem["message"]
            .as_str()
            .expect("text")
            .contains("out of reach"),
        "{problem}"
    );
    assert!(scene.asked().is_empty());
}

#[tokio::test]
async fn a_page_that_repeats_a_key_goes_by_what_rows_says() {
    let scene =
        Scene::new(|_| now(axum::Json(json!([{ "id": 1 }, { "id": 2 }, { "id": 2 }])))).await;
    let http = json!({ "connection": "feed", "path": "/rows", "items": ".", "key": "id" });
    let problem = scene
        .comes_to(over(json!({ "http": http })))
        .await
        .expect_err("failed");
    assert_eq!(problem["code"], "duplicate_keys");

    let rows = json!({ "duplicate": "first" });
    let view = scene
        .comes_to(over(json!({ "http": http, "rows": rows })))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, view.planned.left_out), (2, 1));
}

#[tokio::test]
async fn links_and_numbers_lead_on_and_a_limit_ends_it() {
    let scene = Scene::new(|uri| {
        let page: i64 = uri
            .split("page=")
            .nth(1)
            .and_then(|n| n.parse().ok())
            .unwrap_or(1);
        let items: Vec<Json> = (0..3)
            .filter(|_| page < 4)
            .map(|n| json!({ "id": page * 10 + n }))
            .collect();
        let link = format!("<?page={}>; rel=\"next\"", page + 1);
        let headers = [("link", if page < 4 { link } else { String::new() })];
        now((headers, axum::Json(json!({ "data": items }))))
    })
    .await;

    let counted = json!({ "page": { "param": "page" } });
    let view = scene
        .comes_to(source(counted.clone(), json!({})))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, scene.asked().len()), (9, 4));
    let view = scene
        .comes_to(source(json!({ "link": "header" }), json!({})))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, scene.asked().len()), (9, 8));
    let http = json!({ "connection": "feed", "path": "/rows", "items": ".data", "key": "id", "next": counted });
    let view = scene
        .comes_to(over(json!({ "http": http, "limit": 4 })))
        .await
        .expect("planned");
    assert_eq!((view.planned.members, scene.asked().len()), (4, 10));
}

#[tokio::test]
async fn a_query_is_read_with_the_secret_of_its_connection_and_previewed() {
    let scene = Scene::new(|uri| now(pages(&uri))).await;
    let sql = "select n as id, current_setting('transaction_read_only') as only from generate_series(1, $1) n";
    let query = json!({ "connection": "warehouse", "sql": sql, "params": [ 2500 ], "key": "id" });
    let source = over(json!({ "query": query, "filter": ".only == \"on\" and .id > 500" }));

    let preview = scene
        .sources()
        .preview(&scene.store, 1, &source, None)
        .await
        .expect("a preview");
    assert_eq!((preview.members, preview.at_least), (2_000, false));
    assert_eq!(scene.database.count("select count(*) from batch").await, 0);
    let view = scene.comes_to(source).await.expect("planned");
    assert_eq!(view.planned.members, 2_000);

    let wrong =
        over(json!({ "query": { "connection": "warehouse", "sql": "select * from nowhere" } }));
    let problem = scene.comes_to(wrong).await.expect_err("failed");
    assert!(
        problem["message"].as_str().expect("text").contains("42P01"),
        "{problem}"
    );
}
