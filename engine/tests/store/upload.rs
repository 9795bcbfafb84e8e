//! Members from a file that is sent along.

#[path = "../common/parquet.rs"]
pub mod parquet_file;

use std::io::Cursor;

use crate::common::Bench;
use crate::common::recipe::{
    BIRDS, apply, jobs, kept, left, members, new_batch, over, refused, told, with_birds,
};
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{ChildBatch, ChildTerms, CreatedBatch, Planned, Source, Upload};
use windlass_engine::store::{BatchView, DEFAULT_TENANT, OnClose, Tolerated};
use windlass_workflows::value::Value;

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench
}

async fn upload(
    bench: &Bench,
    source: &Source,
    bytes: impl Into<Vec<u8>>,
) -> Result<CreatedBatch, Error> {
    upload_under(bench, source, bytes, Some("once")).await
}

pub async fn upload_under(
    bench: &Bench,
    source: &Source,
    bytes: impl Into<Vec<u8>>,
    key: Option<&str>,
) -> Result<CreatedBatch, Error> {
    let file = Upload {
        name: "birds".into(),
        reader: Box::new(Cursor::new(bytes.into())),
    };
    let mut new = new_batch(source);
    new.idempotency_key = key.map(str::to_owned);
    bench
        .store
        .create_batch_of(DEFAULT_TENANT, new, Some(file))
        .await
}

/// A batch over a file, planned to its end.
async fn planned(bench: &Bench, source: &Source, bytes: impl Into<Vec<u8>>) -> BatchView {
    let batch = upload(bench, source, bytes).await.expect("created").id;
    assert_eq!(
        bench.store.plan().await.expect("planned"),
        Planned::Sealed(batch)
    );
    bench
        .store
        .batch(DEFAULT_TENANT, batch)
        .await
        .expect("its view")
}

#[tokio::test]
async fn a_step_that_names_a_configuration_over_a_file_is_refused() {
    let bench = bench().await;
    let stored = "windlass: v1\nkind: JobConfiguration\nname: sent\npurpose: brief\n\
                  selection: { file: birds.csv, key: name }\nstrategy: individual\n\
                  guards: { min_members: 0 }\n";
    apply(&bench.store, &[stored], "").await;
    let with = Value::from(json!({ "configuration": "sent" }));
    let new = ChildBatch {
        activity: 1,
        with: &with,
        configuration: "sent".into(),
        name: "sent".into(),
        terms: ChildTerms::default(),
        is_awaited: true,
        on_close: OnClose::Cancel,
        tolerated: Tolerated::Count(0),
    };

    let answer = bench.store.child_batch(DEFAULT_TENANT, new).await;

    assert_eq!(refused(answer).code, "file_missing");
}

#[tokio::test]
async fn a_file_gives_members_in_its_own_order_whatever_its_form() {
    let bench = bench().await;
    let forms: [(&str, Vec<u8>); 4] = [
        ("b.csv", b"name,state\nWren,Ohio\nAuk,Utah\n".to_vec()),
        (
            "b.ndjson",
            b"{\"name\":\"Wren\",\"state\":\"Ohio\"}\n\n{\"name\":\"Auk\",\"state\":\"Utah\"}\n"
                .to_vec(),
        ),
        (
            "b.json",
            b"[{\"name\":\"Wren\",\"state\":\"Ohio\"},{\"name\":\"Auk\",\"state\":\"Utah\"}]"
                .to_vec(),
        ),
        (
            "b.parquet",
            parquet_file::birds(&[("Wren", Some("Ohio"), 1), ("Auk", Some("Utah"), 2)]),
        ),
    ];
    for (file, bytes) in forms {
        let source = over(
            json!({ "file": file, "key": "name", "object": "state" }),
            "individual",
        );
        let batch = planned(&bench, &source, bytes).await;

        let found = jobs(&bench.pool, batch.id).await;
        let keys: Vec<_> = found
            .iter()
            .map(|job| (job.0.as_deref(), job.1.as_deref()))
            .collect();
        assert_eq!(
            keys,
            [(Some("Wren"), Some("Ohio")), (Some("Auk"), Some("Utah"))],
            "{file}"
        );
        sqlx::query("update batch set idempotency_key = null")
            .execute(&bench.pool)
            .await
            .expect("room for the next");
    }
}

#[tokio::test]
async fn columns_of_parquet_become_json() {
    let bench = bench().await;
    let rows = [
        ("Wren", Some("Ohio"), -3),
        ("Auk", None, 2),
        ("Tern", Some("Utah"), 1 << 60),
    ];
    let source = over(json!({ "file": "b.parquet" }), "individual");

    let batch = planned(&bench, &source, parquet_file::birds(&rows)).await;

    let inputs: Vec<String> = jobs(&bench.pool, batch.id)
        .await
        .into_iter()
        .map(|job| job.2)
        .collect();
    let row = |name: &str, state: &str, cost: &str| {
        format!(
            r#"{{"language":"en","name":"{name}","state":{state},"cost":{cost},"seen":"2001-01-01T00:01:00"}}"#
        )
    };
    let expected = [
        row("Wren", "\"Ohio\"", "-3"),
        row("Auk", "null", "2"),
        row("Tern", "\"Utah\"", "1152921504606846976"),
    ];
    assert_eq!(inputs, expected);
}

#[tokio::test]
async fn objects_of_a_file_stand_together_in_byte_order() {
    let bench = bench().await;
    let source = over(
        json!({ "file": "b.csv", "key": "name", "object": "state" }),
        "object",
    );

    let batch = planned(
        &bench,
        &source,
        "name,state\na,Utah\nb,Ohio\nc,Utah\nd,Ohio\n",
    )
    .await;

    let objects: Vec<_> = jobs(&bench.pool, batch.id)
        .await
        .into_iter()
        .map(|job| job.1)
        .collect();
    assert_eq!(objects, [Some("Ohio".to_owned()), Some("Utah".to_owned())]);
    let keys: Vec<_> = members(&bench.store, batch.id)
        .await
        .into_iter()
        .map(|one| one.key)
        .collect();
    assert_eq!(keys, ["b", "d", "a", "c"]);
}

#[tokio::test]
async fn keys_that_stand_twice_in_a_file_are_told_with_their_lines_and_nothing_is_kept() {
    let bench = bench().await;
    let text = "id\n7\n8\n7\n9\n7\n8\n";
    let by = |duplicate: &str| {
        over(
            json!({ "file": "b.csv", "key": "id", "rows": { "duplicate": duplicate } }),
            "individual",
        )
    };

    let refusal = refused(upload(&bench, &by("refuse"), text).await);
    assert_eq!(bench.count("select count(*) from batch").await, 0);
    assert_eq!(bench.count("select count(*) from source_row").await, 0);
    let last = planned(&bench, &by("last"), text).await;

    assert_eq!(refusal.code, "duplicate_keys");
    assert_eq!(
        refusal.message,
        "2 keys stand in 5 rows; by line: `7` (3 times from 2 to 6), `8` (3 and 7)"
    );
    let expected = [
        kept(1, "9"),
        kept(2, "7"),
        kept(3, "8"),
        left(1, "7", "duplicate"),
        left(2, "8", "duplicate"),
        left(3, "7", "duplicate"),
    ];
    assert_eq!(told(&bench, last.id).await, expected);
}

#[tokio::test]
async fn ragged_rows_are_told_with_line_and_columns_or_left_out() {
    let bench = bench().await;
    let text = "id,v\n1,a\n2\n,c\n4,d\n";
    let by = |invalid: &str| {
        over(
            json!({ "file": "b.csv", "key": "id", "rows": { "invalid": invalid } }),
            "individual",
        )
    };

    let told_of = match upload(&bench, &by("refuse"), text).await {
        Err(Error::Invalid { problems }) => problems,
        other => panic!("problems expected, {other:?} found"),
    };
    let batch = planned(&bench, &by("leave_out"), text).await;

    let told_of: Vec<_> = told_of
        .iter()
        .map(|one| (one.line, &*one.code, &*one.message))
        .collect();
    assert_eq!(
        told_of[0],
        (
            Some(3),
            "invalid_row",
            "line 3 has 1 columns; the header has 2"
        )
    );
    assert_eq!((told_of[1].0, told_of.len()), (Some(4), 2));
    let expected = [
        kept(1, "1"),
        kept(2, "4"),
        left(2, "", "invalid"),
        left(3, "", "invalid"),
    ];
    assert_eq!(told(&bench, batch.id).await, expected);
}

#[tokio::test]
async fn a_document_over_the_cap_is_an_invalid_row() {
    let bench = bench().await;
    let long = "x".repeat(1 << 20);
    let text = format!("{{\"id\":1}}\n{{\"id\":2,\"text\":\"{long}\"}}\n{{\"id\":3}}\n");
    let selection = json!({ "file": "b.ndjson", "key": "id", "rows": { "invalid": "leave_out" } });

    let batch = planned(&bench, &over(selection, "individual"), text).await;

    let expected = [kept(1, "1"), kept(2, "3"), left(2, "", "invalid")];
    assert_eq!(told(&bench, batch.id).await, expected);
}

#[tokio::test]
async fn a_broken_source_refuses_the_whole_whatever_is_said_of_its_rows() {
    let bench = bench().await;
    let whole = parquet_file::birds(&[("Wren", None, 1), ("Auk", None, 2), ("Tern", None, 3)]);
    let mut mangled = whole.clone();
    mangled[4..40].fill(0xff);
    let cases: [(&str, Vec<u8>); 6] = [
        ("b.ndjson", b"{\"id\":1}\n{\"id\":\n{\"id\":3}\n".to_vec()),
        ("b.json", b"[{\"id\":1},{\"id\":2}".to_vec()),
        ("b.parquet", whole[..whole.len() / 2].to_vec()),
        ("b.parquet", mangled),
        ("b.parquet", Vec::new()),
        ("b.parquet", b"PAR1 no, not at all PAR1".to_vec()),
    ];
    for (file, bytes) in cases {
        let selection = json!({ "file": file, "rows": { "invalid": "leave_out" } });

        let refusal = refused(upload(&bench, &over(selection, "individual"), bytes).await);

        assert_eq!(refusal.code, "source_broken", "{file}: {}", refusal.message);
        assert_eq!(bench.count("select count(*) from batch").await, 0);
    }
}

#[tokio::test]
async fn a_key_finds_its_batch_by_recipe_and_file() {
    let bench = bench().await;
    let source = over(json!({ "file": "b.csv" }), "individual");

    let first = upload(&bench, &source, "id\n1\n").await.expect("made");
    let again = upload(&bench, &source, "id\n1\n").await.expect("found");
    let other = upload(&bench, &source, "id\n2\n").await;
    let none = bench
        .store
        .create_batch(DEFAULT_TENANT, new_batch(&source))
        .await;
    let too_many = upload(
        &bench,
        &over(json!({ "category": "birds" }), "individual"),
        "id\n",
    )
    .await;

    assert!(first.is_new && !again.is_new && first.id == again.id);
    assert_eq!(other.expect_err("another file").code(), "key_reused");
    assert_eq!(refused(none).code, "file_missing");
    assert_eq!(refused(too_many).code, "file_unexpected");
}

#[tokio::test]
async fn rows_of_a_file_stay_until_its_plan_is_made_or_has_failed() {
    let bench = bench().await;
    let filter = "if .id == 2 then \"?\" else true end";
    let faulty = over(
        json!({ "file": "b.ndjson", "filter": filter }),
        "individual",
    );
    let text = "{\"id\":1}\n{\"id\":2}\n";
    let rows = "select count(*) from source_row";

    let failing = upload(&bench, &faulty, text).await.expect("made").id;
    assert_eq!(bench.store.forget_sources().await.expect("nothing yet"), 0);
    assert_eq!(bench.count(rows).await, 2);
    assert_eq!(
        bench.store.plan().await.expect("decided"),
        Planned::Failed(failing)
    );
    // Somebody who holds the batch, as its releaser does, keeps no row from going.
    let mut releaser = bench.pool.begin().await.expect("a transaction");
    let lock = "select from batch for update";
    sqlx::query(lock)
        .execute(&mut *releaser)
        .await
        .expect("held");
    assert_eq!(bench.store.forget_sources().await.expect("two rows"), 2);
    releaser.rollback().await.expect("let go");
    while bench.store.forget_sources().await.expect("forgotten") > 0 {}

    let view = bench
        .store
        .batch(DEFAULT_TENANT, failing)
        .await
        .expect("it");
    assert!(view.reason.expect("why").contains("filter_error"));
    assert_eq!(bench.count(rows).await, 0);
    assert_eq!(
        bench.count("select count(*) from batch where staged").await,
        0
    );
}

#[tokio::test]
async fn the_first_that_pass_are_taken_up_to_a_limit() {
    let bench = bench().await;
    let text: String = (1..=30).map(|n| format!("{{\"id\":{n}}}\n")).collect();
    let selection =
        json!({ "file": "b.ndjson", "key": "id", "filter": ".id % 2 == 0", "limit": 10 });

    let batch = planned(&bench, &over(selection, "individual"), text).await;

    let keys: Vec<_> = members(&bench.store, batch.id)
        .await
        .into_iter()
        .map(|one| one.key)
        .collect();
    assert_eq!(
        keys,
        ["2", "4", "6", "8", "10", "12", "14", "16", "18", "20"]
    );
}
