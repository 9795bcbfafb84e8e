//! Where a call ends: time, size, and requests that could be read in two ways.

use std::time::Duration;

use axum::response::Response;
use windlass_workers::perform::{PerformerOptions, StepFailure, Verdict};
use windlass_workflows::machine::command::HttpRequest;

use crate::perform::site::{Site, call, context, context_within, get, local, performer, reply};

async fn failure_of(options: PerformerOptions, request: HttpRequest) -> StepFailure {
    performer(options)
        .perform(&call(request), &context())
        .await
        .expect_err("no success")
}

#[tokio::test]
async fn no_answer_is_a_timeout() {
    let site = Site::silent().await;
    let options = PerformerOptions {
        default_timeout: Duration::from_millis(50),
        ..local()
    };

    let failure = failure_of(options, get(site.url("/"))).await;

    assert_eq!(
        (failure.fault.code(), failure.fault.status),
        ("timeout", 408)
    );
    assert_eq!(failure.title(), "no answer within 50 ms");
}

#[tokio::test]
async fn the_steps_deadline_ends_the_call() {
    let site = Site::silent().await;
    let context = context_within(Duration::from_millis(5));

    let failure = performer(local())
        .perform(&call(get(site.url("/"))), &context)
        .await
        .expect_err("too late");

    assert_eq!(
        (failure.fault.code(), failure.title()),
        ("timeout", "the step's deadline passed")
    );
}

#[tokio::test]
async fn a_stop_interrupts_and_starts_no_effect_afterwards() {
    let site = Site::silent().await;
    let context = context();
    let performer = performer(local());
    let request = call(get(site.url("/")));
    let first = performer.perform(&request, &context);
    let stop = async {
        while site.seen().is_empty() {
            tokio::task::yield_now().await;
        }
        context.stop.cancel();
    };

    let (first, ()) = tokio::join!(first, stop);
    let second = performer.perform(&request, &context).await;

    assert_eq!(first.expect_err("stopped").verdict, Verdict::Interrupted);
    assert_eq!(
        second.expect_err("stopped before").verdict,
        Verdict::Interrupted
    );
    assert_eq!(site.seen().len(), 1);
}

#[tokio::test]
async fn a_body_is_taken_up_to_the_limit_and_not_beyond() {
    let site = Site::answering(|seen| {
        let length: usize = seen.uri.path()[1..].parse().expect("a length");
        // A stream has no content-length, so only reading can tell.
        let chunks = futures::stream::iter(vec![
            Ok::<_, std::io::Error>("x".repeat(length - 1)),
            Ok("x".to_owned()),
        ]);
        reply(200, "text/plain", axum::body::Body::from_stream(chunks))
    })
    .await;
    let options = || PerformerOptions {
        response_bytes_max: 1000,
        ..local()
    };

    let fits = performer(options())
        .perform(&call(get(site.url("/1000"))), &context())
        .await;
    let failure = failure_of(options(), get(site.url("/1001"))).await;

    assert_eq!(
        fits.expect("exactly the limit").as_str().map(str::len),
        Some(1000)
    );
    assert_eq!(failure.title(), "the response is larger than 1000 bytes");
}

#[tokio::test]
async fn a_decompression_bomb_ends_at_the_limit() {
    let bomb = bomb(100 * 1024 * 1024);
    assert!(bomb.len() < 1024 * 1024, "small on the wire");
    let site = Site::answering(move |_| {
        let response = Response::builder().header("content-encoding", "gzip");
        response.body(bomb.clone().into()).expect("well formed")
    })
    .await;

    let failure = failure_of(local(), get(site.url("/"))).await;

    assert_eq!(
        failure.title(),
        "the response is larger than 10485760 bytes"
    );
}

/// Gzip of `length` zeros: one fixed-Huffman block of "repeat the last byte 258 times" (RFC 1951 3.2.6).
fn bomb(length: usize) -> Vec<u8> {
    let (mut bytes, mut bits, mut count) = (vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], 0u64, 0u32);
    // Final block, fixed codes; the literal 0; then length 285 and distance 1, Huffman codes high bit first.
    let start = [(1u64, 1), (1, 2), (0b0000_1100, 8)];
    let again = (0b1010_0011u64, 8 + 5);
    for (code, width) in start
        .into_iter()
        .chain(std::iter::repeat_n(again, length / 258))
    {
        bits |= code << count;
        count += width;
        while count >= 8 {
            bytes.push((bits & 255) as u8);
            bits >>= 8;
            count -= 8;
        }
    }
    bytes
}

#[tokio::test]
async fn json_that_is_none_or_too_deep_is_a_bad_gateway() {
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    for body in ["{oops".to_owned(), deep] {
        let site = Site::answering(move |_| {
            reply(200, "application/problem+json; charset=utf-8", body.clone())
        })
        .await;

        let failure = failure_of(local(), get(site.url("/"))).await;

        assert_eq!(
            (failure.fault.code(), failure.fault.status),
            ("communication", 502)
        );
    }
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused_before_it_is_sent() {
    let site = Site::answering(|_| reply(200, "text/plain", "")).await;
    let header = |name: &str, text: &str| HttpRequest {
        headers: vec![(name.to_owned(), text.to_owned())],
        ..get(site.url("/"))
    };
    let requests = [
        header("X-A", "a\r\nX-B: b"),
        header("X-A\r\nX-B", "a"),
        header("Host", "elsewhere"),
        header("Content-Length", "0"),
        header("Transfer-Encoding", "chunked"),
        get(site.url("/a b")),
        get(site.url("/a\r\nb")),
        get(site.url("\\@elsewhere/")),
        get("no url"),
        get(site.url(&"x".repeat(9000))),
        HttpRequest {
            method: "GET /".to_owned(),
            ..get(site.url("/"))
        },
    ];
    for request in requests {
        let failure = failure_of(local(), request.clone()).await;
        assert_eq!(
            (failure.fault.code(), failure.fault.status),
            ("configuration", 400),
            "{request:?}"
        );
    }

    assert!(site.seen().is_empty());
}
