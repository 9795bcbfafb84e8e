//! What a request may say of its key and its times; streams that are torn, odd or slow.

use std::io;

use axum::body::{Body, Bytes};
use axum::http::Request;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::site::{Site, codes};

/// Rows of a block, as `http/bulk.rs` has them.
const BLOCK: usize = 5_000;

fn hello(rest: Value) -> Value {
    let mut body = json!({ "template": "examples.hello", "input": { "name": "Ada" } });
    let fields = body.as_object_mut().unwrap();
    fields.extend(rest.as_object().unwrap().clone());
    body
}

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

fn stream_of(body: Body) -> Request<Body> {
    Request::post("/v1/requests")
        .header("content-type", "application/x-ndjson")
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn a_repeat_is_returned_refused_replaced_or_put_off() {
    let site = Site::with_fleet().await;
    let ask = async |rest: Value| site.post("/v1/requests", &hello(rest)).await;
    let later = "2100-01-01T00:00:00Z";

    let first = ask(json!({ "idempotency_key": "k", "start_at": later }))
        .await
        .ok(201);
    let rejected = ask(json!({ "idempotency_key": "k", "on_duplicate": "reject" })).await;
    let extended = ask(json!({ "idempotency_key": "k", "on_duplicate": "extend", "start_at": "2101-01-01T00:00:00Z" }))
        .await
        .ok(200);
    let replaced = ask(json!({ "idempotency_key": "k", "on_duplicate": "replace_queued" }))
        .await
        .ok(201);

    assert_eq!(first["job"]["state"], "scheduled");
    rejected.problem(409, "duplicate");
    assert_eq!(extended["id"], first["id"]);
    assert_eq!(extended["job"]["due"], "2101-01-01T00:00:00Z");
    assert_eq!(replaced["replaced"], first["job"]["id"]);
    assert_eq!(replaced["job"]["state"], "ready");
    let old = first["job"]["id"].as_str().unwrap();
    let old = site.get(&format!("/v1/jobs/{old}")).await.ok(200);
    assert_eq!(
        (&old["state"], &old["outcome"]["code"]),
        (&json!("cancelled"), &json!("replaced"))
    );
}

#[tokio::test]
async fn what_is_said_of_key_and_times_is_kept_and_what_is_wrong_is_told_together() {
    let site = Site::with_fleet().await;
    let said = hello(json!({
        "idempotency_key": "k", "expires_at": "2100-01-01T00:00:00Z",
        "idempotency": { "scope": "batch", "batch": "b_7", "hold": "active" },
    }));
    let wrong = hello(json!({
        "on_duplicate": "fight", "priority": "asap", "idempotency": { "scope": "world", "hold": "long" },
    }));

    let kept = site.post("/v1/requests", &said).await.ok(201);
    let told = site
        .post("/v1/requests", &wrong)
        .await
        .problem(422, "invalid");
    let nameless = hello(json!({ "idempotency": { "scope": "batch" } }));
    let nameless = site.post("/v1/requests", &nameless).await;

    let id = kept["id"].as_str().unwrap();
    let shown = site.get(&format!("/v1/requests/{id}")).await.ok(200);
    assert_eq!(
        shown["job"]["request"]["expires_at"],
        "2100-01-01T00:00:00Z"
    );
    assert_eq!(shown["job"], kept["job"], "the receipt says what is stored");
    assert_eq!(codes(&told), ["wrong_value"; 4]);
    assert_eq!(codes(&nameless.problem(422, "invalid")), ["missing_field"]);
    assert_eq!(site.stored().await.0, 1);
}

#[tokio::test]
async fn an_odd_row_fails_alone() {
    let site = Site::with_fleet().await;
    let row = |name: &str| hello(json!({ "input": { "name": name } })).to_string();
    let mut body: Vec<u8> = Vec::new();
    for line in [
        row("a").into_bytes(),
        b"{\"template\":\"examples.hello\",\"input\":{\"name\":\"\xff\"}}".to_vec(),
        row(&"x".repeat(1 << 20)).into_bytes(),
        hello(json!({ "tags": { "bad": "\u{0}" } }))
            .to_string()
            .into_bytes(),
        hello(json!({ "idempotency_key": "" }))
            .to_string()
            .into_bytes(),
        row("b").into_bytes(),
    ] {
        body.extend(line);
        body.push(b'\n');
    }

    let answer = site.call(stream_of(Body::from(body))).await;

    let lines = lines(&answer.text);
    let statuses: Vec<&str> = lines
        .iter()
        .map(|line| line["status"].as_str().unwrap())
        .collect();
    assert_eq!(
        statuses,
        [
            "created", "invalid", "invalid", "invalid", "invalid", "created"
        ]
    );
    let told: Vec<&str> = lines[1..5]
        .iter()
        .map(|line| line["problems"][0]["code"].as_str().unwrap())
        .collect();
    assert_eq!(
        told,
        [
            "json_malformed",
            "row_too_large",
            "invalid_text",
            "idempotency_key_malformed"
        ]
    );
    assert_eq!(site.stored().await.0, 2);
}

#[tokio::test]
async fn a_torn_upload_leaves_what_was_answered() {
    let site = Site::with_fleet().await;
    let row = format!("{}\n", hello(json!({})));
    let whole: Vec<_> = (0..BLOCK + 700)
        .map(|_| Ok(Bytes::from(row.clone())))
        .collect();
    let torn = Err(io::Error::other("the cable is cut"));
    let body = Body::from_stream(stream::iter(whole).chain(stream::iter([torn])));

    let response = site.router.clone().oneshot(stream_of(body)).await.unwrap();
    let mut pieces = response.into_body().into_data_stream();
    let (mut answered, mut is_broken) = (Vec::new(), false);
    while let Some(piece) = pieces.next().await {
        match piece {
            Ok(piece) => answered.extend_from_slice(&piece),
            Err(_) => is_broken = true,
        }
    }

    let answered = lines(std::str::from_utf8(&answered).unwrap());
    assert!(is_broken, "the sender is told");
    assert!(answered.len() >= BLOCK, "{}", answered.len());
    assert!(answered.iter().all(|line| line["status"] == "created"));
    let mut stored = 0;
    let mut cursor = String::new();
    loop {
        let page = site
            .get(&format!("/v1/jobs?limit=1000{cursor}"))
            .await
            .ok(200);
        stored += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(stored, answered.len(), "no row more, no row less");
}

#[tokio::test]
async fn a_slow_sender_has_its_answer_before_it_sends_the_next_row() {
    let site = Site::with_fleet().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, site.router.clone()).into_future());
    let mut client = TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/requests HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-ndjson\r\n\
        transfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();

    let mut text = String::new();
    for row in 1..=3 {
        let line = format!("{}\n", hello(json!({})));
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        client.write_all(chunk.as_bytes()).await.unwrap();
        let mut part = [0; 4096];
        while !text.contains(&format!("{{\"row\":{row},")) {
            let count = client.read(&mut part).await.unwrap();
            assert_ne!(count, 0, "no answer to row {row}: {text}");
            text.push_str(std::str::from_utf8(&part[..count]).unwrap());
        }
    }
    client.write_all(b"0\r\n\r\n").await.unwrap();
    client.read_to_string(&mut text).await.unwrap();

    assert_eq!(text.matches(r#""status":"created""#).count(), 3, "{text}");
    server.abort();
}

#[tokio::test]
async fn a_request_names_its_lane_alone_and_in_a_stream() {
    let site = Site::with_fleet().await;
    let row = |lane: &str| hello(json!({ "lane": lane })).to_string();

    site.post("/v1/requests", &hello(json!({ "lane": "spring" })))
        .await
        .ok(201);
    let refused = site
        .post("/v1/requests", &hello(json!({ "lane": "" })))
        .await
        .problem(422, "invalid");
    let rows = [row("autumn"), row(&"x".repeat(101))].join("\n");
    let answers = site.call(stream_of(Body::from(rows))).await;

    assert_eq!(codes(&refused), ["lane_malformed"]);
    let answers = lines(&answers.text);
    let said = answers.iter().map(|line| line["status"].as_str().unwrap());
    assert_eq!(said.collect::<Vec<_>>(), ["created", "invalid"]);
    let lanes = site.get("/v1/lanes").await.ok(200);
    for lane in ["spring", "autumn"] {
        assert!(
            lanes.to_string().contains(&format!("\"{lane}\"")),
            "{lanes}"
        );
    }
}
