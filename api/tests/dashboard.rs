//! The pages as browsers get them: whole without a script, escaped, framed by their policy.

#[path = "dashboard/site.rs"]
mod site;

use axum::http::StatusCode;
use serde_json::json;

use self::site::{PAYLOAD, Site};

#[tokio::test]
async fn an_empty_engine_says_why_its_pages_are_empty_and_what_to_type() {
    let site = Site::new().await;

    let home = site.page("/").await;
    let batches = site.page("/batches").await;
    let schedules = site.page("/schedules").await;

    assert!(home.contains("Nothing has been asked for yet"), "{home}");
    assert!(home.contains("windlass apply -f"), "{home}");
    assert!(batches.contains("windlass batch create"), "{batches}");
    assert!(schedules.contains("windlass apply"), "{schedules}");
}

#[tokio::test]
async fn home_shows_the_batch_under_way_and_that_no_worker_takes_it() {
    let site = Site::with_batch("ships", "ada").await;

    let home = site.page("/").await;

    assert!(
        home.contains(r#"<a href="/batches/b_1">ships</a>"#),
        "{home}"
    );
    assert!(home.contains("no worker is alive"), "{home}");
    assert!(home.contains("windlass serve --role worker"), "{home}");
}

#[tokio::test]
async fn development_is_said_on_every_page_and_production_is_not() {
    let site = Site::new().await;

    let before = site.page("/").await;
    site.store.enter_development().await.expect("entered");
    let after = site.page("/batches").await;

    let badge = r#"<strong class="mode">development</strong>"#;
    assert!(!before.contains(badge) && after.contains(badge));
}

#[tokio::test]
async fn a_batch_tells_its_progress_its_plan_and_its_members() {
    let site = Site::with_batch("ships", "ada").await;

    let page = site.page("/batches/b_1").await;
    let ready = site.page("/batches/b_1?state=ready").await;
    let failed = site.page("/batches/b_1?state=failed").await;

    assert!(
        page.contains(r#"data-progress="/v1/batches/b_1/progress""#),
        "{page}"
    );
    assert!(page.contains(r#"<dd data-live="ready">2</dd>"#), "{page}");
    assert!(page.contains("manifest?format=csv") && page.contains("manifest?format=ndjson"));
    assert!(page.contains("windlass batch watch b_1"));
    assert!(ready.contains(r#"<th scope="row">ada</th>"#), "{ready}");
    assert!(!failed.contains(r#"<th scope="row">ada</th>"#), "{failed}");
}

#[tokio::test]
async fn a_job_says_why_it_waits_and_what_to_type() {
    let site = Site::with_batch("ships", "ada").await;
    let job = site.first_job().await;

    let page = site.page(&format!("/jobs/{job}")).await;

    assert!(page.contains("<code>no_worker</code>"), "{page}");
    assert!(page.contains(&format!("windlass explain {job}")), "{page}");
    assert!(
        page.contains(&format!(
            r#"data-journal="/v1/jobs/{job}/journal?cursor=MA""#
        )),
        "{page}"
    );
}

#[tokio::test]
async fn what_users_write_is_text_on_every_page() {
    let site = Site::with_batch(PAYLOAD, PAYLOAD).await;
    let job = site.first_job().await;
    let request = site.submit(PAYLOAD).await;

    for path in [
        "/".to_owned(),
        "/batches".to_owned(),
        "/batches/b_1".to_owned(),
        "/batches/b_1?state=%22%3E%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        "/batches?configuration=%22%3E%3Cscript%3Ealert(1)%3C/script%3E".to_owned(),
        format!("/jobs/{job}"),
        format!("/jobs/{request}"),
        "/schedules".to_owned(),
    ] {
        let page = site.page(&path).await;
        assert!(!page.contains("<script>alert"), "{path}: {page}");
        assert!(!page.contains("onerror=alert(2)>"), "{path}: {page}");
        assert_eq!(page.matches("<script").count(), 1, "{path}: our own alone");
        assert!(
            !page.contains(" style=") && !page.contains("javascript:"),
            "{path}"
        );
    }
    assert!(
        site.page("/batches/b_1")
            .await
            .contains("&#60;script&#62;alert")
    );
    assert!(
        site.page(&format!("/jobs/{request}"))
            .await
            .contains("&#60;script&#62;alert")
    );
}

#[tokio::test]
async fn what_does_not_exist_is_a_page_that_leads_on() {
    let site = Site::new().await;

    for path in [
        "/batches/b_99",
        "/batches/99",
        "/batches/%3Cscript%3Ealert(1)%3C/script%3E",
        "/jobs/j_99",
        "/jobs/b_99",
        "/jobs/j_99999999999999999999999",
        "/assets/nothing.css",
        "/nowhere",
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(
            answer.header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );
        assert!(answer.text.contains(r#"<a href="/batches">"#), "{path}");
        assert!(!answer.text.contains("<script>"), "{path}");
    }
}

#[tokio::test]
async fn programs_keep_the_answers_of_the_api() {
    let site = Site::new().await;

    let missing = site.get("/v1/jobs/j_99").await;
    let plain = site.get_as("/nowhere", "*/*").await;

    for answer in [missing, plain] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn every_page_has_its_policy_and_its_own_style_and_script() {
    let site = Site::new().await;

    for path in [
        "/",
        "/batches",
        "/schedules",
        "/jobs/j_9",
        "/nowhere",
        "/assets/windlass.js",
    ] {
        let answer = site.get(path).await;
        let policy = answer.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "connect-src 'self'",
            "img-src 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
    for (file, media_type) in [
        ("windlass.css", "text/css"),
        ("windlass.js", "text/javascript"),
        ("windlass.svg", "image/svg+xml"),
    ] {
        let answer = site.get(&format!("/assets/{file}")).await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (StatusCode::OK, media_type)
        );
    }
}

#[tokio::test]
async fn pages_are_only_read() {
    let site = Site::new().await;

    let answer = site.post("/batches", &json!({})).await;

    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.text.contains("Pages are read"), "{}", answer.text);
}
