//! Previews: what a plan would hold, and nothing stored.

mod common;

use common::Bench;
use common::recipe::{BIRDS, flock, jobs, plan, recipe, with_birds};
use serde_json::json;
use windlass_engine::protocol::Source;
use windlass_engine::store::{BatchView, DEFAULT_TENANT};

/// More than two blocks.
const MANY: usize = 2_500;

async fn bench(csv: &str) -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, csv).await;
    bench
}

fn over_birds(strategy: &str) -> Source {
    recipe(json!({ "selection": { "category": "birds" }, "strategy": strategy }))
}

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
