//! 07 and 08: rows that a ledger takes or not, and an invoice that is charged again and again.

use serde_json::{Value as Json, json};

use crate::samples::time::is_about;
use crate::samples::world::{Answer, Call, World};

const BULK: &str = "POST /v1/bulk";
const CHARGE: &str = "invoice-charge:1.0.0";
const DAY: u64 = 24 * 60 * 60;

/// A ledger that takes rows of at most 100; it answers its first calls with these statuses.
fn ledger(first: &'static [u16]) -> impl Fn(&Call, usize) -> Answer + Send + Sync {
    move |call, before| match first.get(before) {
        Some(status) => Answer::Status(*status),
        None => {
            let rows = call.input["rows"].as_array().cloned().unwrap_or_default();
            let results = rows
                .iter()
                .map(|row| json!({ "id": row["id"], "ok": row["amount"].as_i64() <= Some(100) }));
            Answer::Is(json!({ "results": results.collect::<Json>() }))
        }
    }
}

async fn import(first: &'static [u16], items: Json) -> (World, i64) {
    let world = World::new(ledger(first)).await;
    world.publish("07-import-chunk.yaml").await;
    let job = world
        .submit("imports.import-chunk", json!({ "items": items }))
        .await;
    (world, job)
}

fn rows() -> Json {
    json!([ { "id": 1, "amount": 5 }, { "id": 2, "amount": 500 }, { "id": 3 }, { "amount": 4 }, { "id": 5, "amount": 7 } ])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_sent_once_and_counted_as_the_ledger_answers() {
    let (world, job) = import(&[], rows()).await;

    let result = world.result(job, "completed").await;

    assert_eq!(
        result,
        json!({ "accepted": 2, "refused": [ 2 ], "malformed": 2 })
    );
    let sent = world.of(BULK);
    let good =
        json!([ { "id": 1, "amount": 5 }, { "id": 2, "amount": 500 }, { "id": 5, "amount": 7 } ]);
    assert_eq!((sent.len(), &sent[0].input["rows"]), (1, &good));
    assert_eq!(sent[0].key, format!("j_{job}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_is_away_is_asked_again_later_under_the_same_key() {
    let (world, job) = import(&[503, 503], rows()).await;

    for wait in [10, 20] {
        assert!(is_about(world.pass(job).await, wait));
    }
    let result = world.result(job, "completed").await;

    assert_eq!(result["accepted"], 2);
    let keys: Vec<String> = world.of(BULK).into_iter().map(|call| call.key).collect();
    assert_eq!(keys, vec![format!("j_{job}"); 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_the_ledger_does_not_understand_are_not_sent_again() {
    let (world, job) = import(&[400], rows()).await;

    let result = world.result(job, "failed").await;

    assert_eq!((&result["status"], world.of(BULK).len()), (&json!(400), 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chunk_without_a_good_row_is_not_sent() {
    let (world, job) = import(&[], json!([ { "id": 3 } ])).await;

    let result = world.result(job, "completed").await;

    assert_eq!(
        result,
        json!({ "accepted": 0, "refused": [], "malformed": 1 })
    );
    assert!(world.calls().is_empty());
}

/// An invoice that is declined so often.
async fn invoice(declined: usize) -> (World, i64) {
    let world = World::new(move |call, before| match &*call.what {
        CHARGE if before < declined => Answer::Status(402),
        _ => Answer::Is(json!({ "receipt": "x-1" })),
    })
    .await;
    world.publish("08-renewal-dunning.yaml").await;
    let job = world
        .submit("billing.renewal-dunning", json!({ "invoiceId": "i-1" }))
        .await;
    (world, job)
}

/// Lets a job rest so often; the days that it rested.
async fn days(world: &World, job: i64, times: usize) -> Vec<u64> {
    let mut days = Vec::new();
    for _ in 0..times {
        let rested = world.pass(job).await.as_secs();
        // What passed before the test looked is less than a minute.
        days.push((rested + 60) / DAY);
    }
    days
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_charge_is_tried_again_after_longer_and_longer_waits() {
    let (world, job) = invoice(3).await;

    let waits = days(&world, job, 3).await;
    let result = world.result(job, "completed").await;

    assert_eq!(waits, [1, 3, 7]);
    assert_eq!(
        result,
        json!({ "invoiceId": "i-1", "result": "paid", "attempts": 4 })
    );
    assert_eq!(world.names(), [CHARGE; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_whose_invoice_is_declined_four_times_is_suspended() {
    let (world, job) = invoice(4).await;

    days(&world, job, 3).await;
    let result = world.result(job, "completed").await;

    assert_eq!(result, json!({ "invoiceId": "i-1", "result": "suspended" }));
    assert_eq!(
        world.names(),
        [CHARGE, CHARGE, CHARGE, CHARGE, "account-suspend:1.0.0"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_is_charged_by_one_job_alone() {
    let (world, first) = invoice(0).await;
    world.result(first, "completed").await;

    let second = world
        .submit("billing.renewal-dunning", json!({ "invoiceId": "i-1" }))
        .await;
    let result = world.result(second, "failed").await;

    assert_eq!(result["status"], 409, "{result}");
    assert_eq!(world.of(CHARGE).len(), 1);
}
