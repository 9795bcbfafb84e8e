//! What people judge a plan by before anything of it runs: a preview says it of what it read, and the plan that waits for
//! approval says the same.

use std::io::Cursor;

use serde_json::json;
use windlass_engine::protocol::{BatchPreview, Given, PlanFigures, PlanVerdict, Source, Upload};
use windlass_engine::store::{BatchView, DEFAULT_TENANT, LeftOutCounts};

use crate::common::Bench;
use crate::common::recipe::{BIRDS, apply, plan, recipe, with_birds};

const STRICT: &str = "document: { dsl: '1.0.3', namespace: strikes, name: strict, version: '1.0.0' }\n\
    input: { schema: { document: { type: object, required: [name], properties: { cost: { maximum: 60 } } } } }\n\
    do:\n  - say: { set: { word: hello } }\n";

async fn bench() -> Bench {
    let bench = Bench::new().await;
    with_birds(&bench.store, BIRDS).await;
    bench
}

/// A stored configuration with these keys, so that its batches are compared.
async fn configured(bench: &Bench, keys: &str) -> Source {
    let text = format!(
        "windlass: v1\nkind: JobConfiguration\nname: briefs\nselection: {{ category: birds }}\nstrategy: individual\n{keys}\n"
    );
    apply(&bench.store, &[STRICT, &text], "").await;
    Source::Named("briefs".to_owned())
}

async fn preview(bench: &Bench, source: &Source) -> BatchPreview {
    let preview = bench.store.preview_batch(DEFAULT_TENANT, source).await;
    preview.expect("a preview")
}

async fn figures(bench: &Bench, batch: &BatchView) -> PlanFigures {
    let figures = bench.store.plan_figures(DEFAULT_TENANT, batch).await;
    figures.expect("its figures")
}

fn guards(figures: &PlanFigures) -> Vec<&str> {
    let reasons = figures.reasons.iter();
    reasons.map(|one| one.guard.as_str()).collect()
}

/// A batch that came to its end ten seconds after its first job was let go.
async fn completed(bench: &Bench, source: &Source) -> i64 {
    let batch = plan(&bench.store, source).await;
    let ended = "update batch set state = 'completed', released_at = now(), started_at = now() - interval '10 seconds', \
                 finished_at = now() where id = $1";
    let ended = sqlx::query(ended).bind(batch.id).execute(&bench.pool);
    ended.await.expect("ended");
    batch.id
}

#[tokio::test]
async fn a_preview_counts_what_it_leaves_out_by_why() {
    let bench = bench().await;
    let rows = json!({ "invalid": "leave_out", "duplicate": "last" });
    let selection = json!({ "file": "b.csv", "key": "name", "object": "state", "rows": rows });
    let source = recipe(json!({ "selection": selection, "strategy": "object" }));
    let csv = "name,state\nWren,Utah\nAuk,Ohio\n,Ohio\nWren,Ohio\nJay,Ohio\nOwl,\nJay,Utah\n";
    let file = Upload {
        name: "b.csv".to_owned(),
        reader: Box::new(Cursor::new(csv.as_bytes().to_vec())),
    };

    let found = bench
        .store
        .preview_batch_of(DEFAULT_TENANT, &source, Given::File(file))
        .await
        .expect("a preview");

    let expected = LeftOutCounts {
        duplicate: 2,
        invalid: 2,
    };
    assert_eq!((found.members, found.figures.left_out), (3, expected));
}

#[tokio::test]
async fn the_first_plan_of_a_configuration_has_nothing_to_be_compared_with() {
    let bench = bench().await;
    let source = configured(&bench, "purpose: brief").await;

    let found = preview(&bench, &source).await.figures;

    assert_eq!(found.verdict, PlanVerdict::Runs);
    assert!(found.reasons.is_empty() && found.last.is_none() && found.seconds.is_none());
    assert!(found.sample.iter().all(|job| job.problems.is_empty()));
}

#[tokio::test]
async fn a_plan_is_compared_with_the_last_batch_and_timed_by_it() {
    let bench = bench().await;
    let source = configured(&bench, "purpose: brief").await;
    let before = completed(&bench, &source).await;

    let same = preview(&bench, &source).await.figures;
    let last = same.last.expect("the batch before");
    assert_eq!((last.batch, last.members, last.jobs), (before, 5, 5));
    assert_eq!(
        (last.change_percent, last.same_selection),
        (Some(0.0), Some(true))
    );
    assert_eq!((last.jobs_per_s, same.seconds), (Some(0.5), Some(10.0)));

    with_birds(
        &bench.store,
        "name,state,cost\nGull,Ohio,5\nCrow,Utah,50\nWren,Alabama,8\n",
    )
    .await;
    let fewer = preview(&bench, &source).await.figures;
    let last = fewer.last.expect("the batch before");
    assert_eq!(
        (last.change_percent, last.same_selection),
        (Some(-40.0), Some(false))
    );
    assert_eq!(fewer.seconds, Some(6.0));
}

#[tokio::test]
async fn a_preview_says_which_guards_would_stop_the_plan_and_what_that_means() {
    let bench = bench().await;
    let guard = "purpose: brief\nguards: { max_members: 3 }";

    let asks = configured(&bench, guard).await;
    let found = preview(&bench, &asks).await.figures;
    assert_eq!(
        (guards(&found), found.verdict),
        (vec!["max_members"], PlanVerdict::Asks)
    );

    let refused = configured(&bench, &format!("{guard}\napproval: {{ when: never }}")).await;
    let found = preview(&bench, &refused).await.figures;
    assert_eq!(
        (guards(&found), found.verdict),
        (vec!["max_members"], PlanVerdict::Refused)
    );

    let always = configured(&bench, "purpose: brief\napproval: { when: always }").await;
    let found = preview(&bench, &always).await.figures;
    assert_eq!(
        (guards(&found), found.verdict),
        (vec!["approval"], PlanVerdict::Asks)
    );
}

#[tokio::test]
async fn a_plan_that_asks_says_what_its_preview_said() {
    let bench = bench().await;
    let source = configured(&bench, "template: strikes.strict").await;
    completed(&bench, &source).await;
    let source = configured(
        &bench,
        "template: strikes.strict\nguards: { same_as_last: ask }",
    )
    .await;

    let foreseen = preview(&bench, &source).await.figures;
    let batch = plan(&bench.store, &source).await;
    let stored = figures(&bench, &batch).await;

    assert_eq!(
        (guards(&stored), stored.verdict),
        (vec!["same_as_last"], PlanVerdict::Asks)
    );
    let text = |figures: &PlanFigures| serde_json::to_value(figures).expect("JSON");
    assert_eq!(text(&stored), text(&foreseen));
    let refused: Vec<_> = (stored.sample.iter())
        .filter(|job| !job.problems.is_empty())
        .map(|job| (job.key.as_deref(), job.problems[0].pointer.as_str()))
        .collect();
    assert_eq!(
        refused,
        [(Some("Owl"), "/cost")],
        "it costs 70, and 60 are allowed"
    );
}

#[tokio::test]
async fn what_a_plan_leaves_out_is_counted_when_it_is_sealed_and_not_by_who_looks() {
    let bench = bench().await;
    let items = ["Wren", "Auk", "Wren", "Auk", "Auk"].map(|name| json!({ "name": name }));
    let rows = json!({ "duplicate": "first" });
    let source = recipe(json!({
        "selection": { "items": items, "key": "name", "rows": rows }, "strategy": "individual",
        "approval": { "when": "always" },
    }));
    let batch = plan(&bench.store, &source).await;
    let expected = LeftOutCounts {
        duplicate: 3,
        invalid: 0,
    };
    assert_eq!(figures(&bench, &batch).await.left_out, expected);

    let looked_at = sqlx::query("delete from left_out").execute(&bench.pool);
    looked_at.await.expect("gone");
    assert_eq!(figures(&bench, &batch).await.left_out, expected);
}
