//! Previews: what a plan would hold, and nothing stored.

use std::io::Cursor;

use crate::batch::{MANY, bench, over_birds};
use crate::common::Bench;
use crate::common::recipe::{BIRDS, flock, jobs, plan, recipe, refused};
use serde_json::json;
use windlass_engine::Error;
use windlass_engine::protocol::{BatchPreview, Given, Upload};
use windlass_engine::store::{BatchView, DEFAULT_TENANT};

#[tokio::test]
async fn a_preview_tells_what_the_plan_will_hold_and_stores_nothing() {
    let bench = bench(BIRDS).await;
    let strategies = [
        over_birds("individual"),
        over_birds("object"),
        over_birds("combined"),
    ];
    for source in strategies {
        let preview = bench
            .store
            .preview_batch(DEFAULT_TENANT, &source)
            .await
            .expect("a preview");
        assert_eq!(
            bench
                .count("select count(*) from batch where state = 'planning'")
                .await,
            0
        );
        let batch: BatchView = plan(&bench.store, &source).await;

        assert_eq!(
            (preview.members as i64, preview.jobs as i64),
            (batch.planned.members, batch.planned.jobs)
        );
        assert_eq!(
            (preview.strategy, preview.at_least),
            (batch.strategy.as_str(), false)
        );
        let told: Vec<_> = preview
            .sample
            .into_iter()
            .map(|job| (job.key, job.object, job.input))
            .collect();
        let made = jobs(&bench.pool, batch.id).await;
        let made: Vec<_> = made
            .into_iter()
            .map(|job| (job.0, job.1, serde_json::from_str(&job.2).expect("JSON")))
            .collect();
        assert_eq!(told, made);
    }
}

#[tokio::test]
async fn a_preview_obeys_the_limit_and_renders_twenty_jobs() {
    let bench = bench(&flock(MANY, 7)).await;
    let limited = recipe(
        json!({ "selection": { "category": "birds", "limit": 1_200 }, "strategy": "individual" }),
    );

    let preview = bench
        .store
        .preview_batch(DEFAULT_TENANT, &limited)
        .await
        .expect("a preview");

    assert_eq!(
        (preview.members, preview.jobs, preview.sample.len()),
        (1_200, 1_200, 20)
    );
}

/// A preview over a file that is sent along.
async fn over_file(
    bench: &Bench,
    rows: serde_json::Value,
    strategy: &str,
    csv: &str,
) -> Result<BatchPreview, Error> {
    let selection = json!({ "file": "b.csv", "key": "name", "object": "state", "rows": rows });
    let source = recipe(json!({ "selection": selection, "strategy": strategy }));
    let file = Upload {
        name: "b.csv".to_owned(),
        reader: Box::new(Cursor::new(csv.as_bytes().to_vec())),
    };
    let given = Given::File(file);
    bench
        .store
        .preview_batch_of(DEFAULT_TENANT, &source, given)
        .await
}

#[tokio::test]
async fn a_file_is_previewed_as_it_would_be_planned_and_nothing_of_it_is_kept() {
    let bench = bench(BIRDS).await;
    let rows = json!({ "invalid": "leave_out", "duplicate": "last" });
    let csv = "name,state\nWren,Utah\nAuk,Ohio\n,Ohio\nWren,Ohio\n";

    let each = over_file(&bench, rows.clone(), "individual", csv)
        .await
        .expect("a preview");
    assert_eq!((each.members, each.jobs, each.at_least), (2, 2, false));
    let keys: Vec<_> = each.sample.iter().map(|job| job.key.as_deref()).collect();
    assert_eq!(keys, [Some("Auk"), Some("Wren")]);
    let objects = over_file(&bench, rows, "object", csv)
        .await
        .expect("a preview");
    assert_eq!((objects.members, objects.jobs), (2, 1));
    assert_eq!(objects.sample[0].object.as_deref(), Some("Ohio"));

    let refused = refused(over_file(&bench, json!({}), "individual", csv).await);
    assert_eq!(refused.code, "invalid_row");
    assert_eq!(bench.count("select count(*) from batch").await, 0);
    assert_eq!(bench.count("select count(*) from source_row").await, 0);
    let without = bench
        .store
        .preview_batch(
            DEFAULT_TENANT,
            &recipe(json!({ "selection": { "file": "b.csv" }, "strategy": "individual" })),
        )
        .await;
    assert_eq!(crate::common::recipe::refused(without).code, "file_missing");
}

#[tokio::test]
async fn a_preview_of_a_large_file_says_at_least() {
    let bench = bench(BIRDS).await;
    let csv = flock(60_000, 7);

    let preview = over_file(&bench, json!({}), "individual", &csv)
        .await
        .expect("a preview");

    assert_eq!((preview.members, preview.at_least), (50_000, true));
    assert_eq!(preview.sample.len(), 20);
}
