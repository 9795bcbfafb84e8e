//! Selections that fill more than a page or a block.

use std::io::Cursor;

use crate::common::Bench;
use crate::common::recipe::{BIRDS, flock, jobs, new_batch, over, plan, recipe, with_birds};
use crate::partitions::{RANGE, drop_old, ids_from, run};
use futures::TryStreamExt;
use serde_json::json;
use windlass_engine::protocol::{Planned, Source, Upload};
use windlass_engine::store::{BatchView, DEFAULT_TENANT, MemberView};

async fn planned(bench: &Bench, source: &Source, text: String) -> BatchView {
    let file = Upload {
        name: "birds".into(),
        reader: Box::new(Cursor::new(text.into_bytes())),
    };
    let created = bench
        .store
        .create_batch_of(DEFAULT_TENANT, new_batch(source), Some(file));
    let batch = created.await.expect("created").id;
    let planned = bench.store.plan().await.expect("planned");
    assert_eq!(planned, Planned::Sealed(batch));
    let view = bench.store.batch(DEFAULT_TENANT, batch).await;
    view.expect("its view")
}

async fn manifest(bench: &Bench, batch: i64) -> Vec<MemberView> {
    let rows = bench.store.manifest(DEFAULT_TENANT, batch).await;
    rows.expect("a stream").try_collect().await.expect("rows")
}

#[tokio::test]
async fn a_manifest_of_many_pages_has_each_member_once_in_order_and_then_what_was_left_out() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let selection = json!({ "file": "b.ndjson", "key": "id", "rows": { "duplicate": "first" } });
    let rows = (0..3_300).map(|n| format!("{{\"id\":\"b{}\"}}\n", n % 3_297));

    let batch = planned(&bench, &over(selection, "individual"), rows.collect()).await;

    let rows = manifest(&bench, batch.id).await;
    let told: Vec<_> = rows.iter().map(|row| (row.n, row.key.clone())).collect();
    let members = (0..3_297).map(|n| (n + 1, format!("b{n}")));
    let repeated = (0..3).map(|n| (3_298 + n, format!("b{n}")));
    assert_eq!(told, members.chain(repeated).collect::<Vec<_>>());
    assert!(rows[3_296].job.is_some() && rows[3_297].state == "left_out");
}

#[tokio::test]
async fn the_manifest_of_jobs_of_many_members_counts_them_on_over_its_pages() {
    let bench = Bench::new().await;
    with_birds(&bench.store, &flock(2_400, 3)).await;
    let chunked = recipe(json!({
        "selection": { "category": "birds" }, "strategy": "combined", "chunk": { "max_items": 700 },
    }));
    let by_object = over(json!({ "category": "birds" }), "object");

    for source in [chunked, by_object] {
        let batch = plan(&bench.store, &source).await;

        let rows = manifest(&bench, batch.id).await;
        let ns: Vec<i64> = rows.iter().map(|row| row.n).collect();
        assert_eq!(ns, (1..=2_400).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn heavy_inputs_are_stored_in_several_blocks_and_all_of_them() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let rows =
        (0..80).map(|n| format!("{{\"id\":\"b{n}\",\"text\":\"{}\"}}\n", "x".repeat(256_000)));

    let source = over(json!({ "file": "b.ndjson", "key": "id" }), "individual");
    let batch = planned(&bench, &source, rows.collect()).await;

    let inputs = jobs(&bench.pool, batch.id).await;
    let keys: Vec<_> = inputs.iter().filter_map(|(key, ..)| key.clone()).collect();
    assert_eq!(keys, (0..80).map(|n| format!("b{n}")).collect::<Vec<_>>());
    assert!(inputs.iter().all(|(.., input)| input.len() > 256_000));
    assert_eq!(bench.count("select count(*) from batch_range").await, 2);
}

#[tokio::test]
async fn a_copy_that_is_refused_midway_puts_nothing_else_out_of_step() {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    let rows = (0..900).map(|n| {
        let text = "x".repeat(4_000);
        format!("{{\"id\":\"b{n}\",\"text\":\"{text}\"}}\n")
    });
    let file = Upload {
        name: "birds".into(),
        reader: Box::new(Cursor::new(rows.collect::<String>().into_bytes())),
    };
    let source = over(json!({ "file": "b.ndjson", "key": "id" }), "individual");
    let created = bench
        .store
        .create_batch_of(DEFAULT_TENANT, new_batch(&source), Some(file));
    let batch = created.await.expect("created").id;
    let refuse = "create function refuse() returns trigger language plpgsql as
                      $$ begin raise exception 'not this one'; end $$;
                  create trigger refuse before insert on job for each row execute function refuse()";
    let refuse = sqlx::raw_sql(refuse).execute(&bench.pool).await;
    refuse.expect("a trigger");

    for _ in 0..5 {
        assert!(bench.store.plan().await.is_err());
        for _ in 0..10 {
            let view = bench.store.batch(DEFAULT_TENANT, batch).await;
            assert_eq!(view.expect("its view").state, "planning");
        }
    }

    let allow = sqlx::raw_sql("drop trigger refuse on job");
    allow.execute(&bench.pool).await.expect("dropped");
    let planned = bench.store.plan().await.expect("planned");
    assert_eq!(planned, Planned::Sealed(batch));
    assert_eq!(jobs(&bench.pool, batch).await.len(), 900);
}

#[tokio::test]
async fn a_manifest_of_a_batch_whose_first_jobs_were_dropped_has_the_others_once() {
    let mut bench = Bench::new().await;
    with_birds(&bench.store, &flock(4_000, 2)).await;
    ids_from(&mut bench, RANGE - 2_000).await;
    let source = over(json!({ "category": "birds" }), "individual");
    let batch = plan(&bench.store, &source).await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    let claimed = worker.claim(4_000).await;
    worker.complete(&claimed).await;
    bench.store.finish().await.expect("finished");
    run(
        &bench,
        format!("update outcome set at = now() - interval '40 days' where first_id < {RANGE}"),
    )
    .await;
    ids_from(&mut bench, 3 * RANGE).await;
    assert_eq!(drop_old(&bench).await, Some(0));

    let rows = manifest(&bench, batch.id).await;

    let ns: Vec<i64> = rows.iter().map(|row| row.n).collect();
    assert_eq!(ns, (2_001..=4_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_manifest_of_large_results_has_each_of_them_once() {
    let bench = Bench::new().await;
    with_birds(&bench.store, &flock(40, 2)).await;
    let batch = plan(
        &bench.store,
        &over(json!({ "category": "birds" }), "individual"),
    )
    .await;
    bench.store.release().await.expect("released");
    let mut worker = bench.worker().await;
    worker.lane = batch.lane.expect("a lane");
    let claimed = worker.claim(40).await;
    worker.complete(&claimed).await;
    let large = "update outcome set result = to_json(repeat('x', 900000))::text";
    run(&bench, large.to_owned()).await;

    let rows = manifest(&bench, batch.id).await;

    let ns: Vec<i64> = rows.iter().map(|row| row.n).collect();
    assert_eq!(ns, (1..=40).collect::<Vec<_>>());
    let whole = |row: &MemberView| {
        row.result
            .as_ref()
            .is_some_and(|text| text.len() == 900_002)
    };
    assert!(rows.iter().all(whole));
}
