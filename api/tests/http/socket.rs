//! Once over a real socket: what a client sees of a stream while it runs, and that a stop ends it.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::site::Site;

#[tokio::test]
async fn a_stream_arrives_while_it_runs_and_ends_when_the_server_stops() {
    let stop = CancellationToken::new();
    let handed = stop.clone();
    let site = Site::with(move |state| state.with_stop(handed)).await;
    site.apply_fleet("").await.ok(200);
    let id = site.batch("k").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stopped = stop.clone();
    let server = axum::serve(listener, site.router.clone())
        .with_graceful_shutdown(async move { stopped.cancelled().await });
    let server = tokio::spawn(server.into_future());

    let mut client = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /v1/batches/{id}/progress HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\nconnection: close\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let first = read_until(&mut client, r#""ready":4"#).await;
    let jobs = site
        .get(&format!("/v1/jobs?batch={id}&limit=1"))
        .await
        .ok(200);
    let job = jobs["items"][0]["id"].as_str().unwrap();
    site.post(&format!("/v1/jobs/{job}/cancel"), &json!({}))
        .await
        .ok(202);
    read_until(&mut client, r#""cancelled":1"#).await;
    stop.cancel();
    let mut rest = String::new();
    client.read_to_string(&mut rest).await.unwrap();

    assert!(first.starts_with("HTTP/1.1 200 OK"), "{first}");
    server.await.unwrap().unwrap();
}

async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    let mut part = [0; 4096];
    while !text.contains(end) {
        let count = client.read(&mut part).await.unwrap();
        assert_ne!(count, 0, "the stream ended before {end}: {text}");
        text.push_str(std::str::from_utf8(&part[..count]).unwrap());
    }
    text
}
