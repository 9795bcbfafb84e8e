//! Ten thousand real strikes: what plans over them hold, beside figures that were counted by another program.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use super::kit::of_batches;
use crate::common::Bench;
use crate::common::recipe::{TEMPLATE, jobs, plan};
use serde_json::{Value as Json, json};
use windlass_engine::protocol::Source;
use windlass_engine::protocol::apply::Application;
use windlass_engine::protocol::load::ReadSeek;
use windlass_engine::store::{BatchView, DEFAULT_TENANT};
use windlass_engine::testing::application;
use windlass_workflows::value::Value;

const CATEGORY: &str = include_str!("../../../../examples/configurations/category-strikes.yaml");
const STRIKES: &str = include_str!("../../../../examples/data/birdstrikes.csv");

/// A store that knows the strikes, and a template without an input of its own.
pub async fn strikes() -> Bench {
    let bench = Bench::new().await;
    let reader: Box<dyn ReadSeek> = Box::new(Cursor::new(STRIKES.as_bytes()));
    let application = Application {
        files: BTreeMap::from([("strikes".to_owned(), reader)]),
        ..application(&[TEMPLATE, CATEGORY])
    };
    bench.store.apply(application).await.expect("applied");
    bench
}

/// A recipe over the strikes, as its jobs' template alone sees them.
pub fn over_strikes(rest: Json) -> Source {
    let mut document = json!({
        "windlass": "v1", "kind": "JobConfiguration", "name": "classify-strikes",
        "template": "strikes.brief", "selection": { "category": "strikes" },
    });
    let keys = document.as_object_mut().expect("a map");
    keys.extend(rest.as_object().expect("a map").clone());
    Source::Document(Value::from(document))
}

/// The inputs of a batch's jobs, in their order.
pub async fn inputs(bench: &Bench, batch: &BatchView) -> Vec<Json> {
    let jobs = jobs(&bench.pool, batch.id).await.into_iter();
    jobs.map(|(_, _, input)| serde_json::from_str(&input).expect("JSON"))
        .collect()
}

async fn members_of(bench: &Bench, filter: &str) -> u64 {
    let selection = json!({ "category": "strikes", "filter": filter });
    let source = over_strikes(json!({ "selection": selection, "strategy": "individual" }));
    let preview = bench.store.preview_batch(DEFAULT_TENANT, &source).await;
    preview.expect("a preview").members
}

#[tokio::test]
async fn plans_over_the_strikes_have_the_figures_that_were_counted_outside() {
    let mut case = of_batches("real_data").remove(0);
    let bench = strikes().await;

    let each = plan(
        &bench.store,
        &over_strikes(json!({ "strategy": "individual" })),
    )
    .await;
    let rows = inputs(&bench, &each).await;
    let objects = plan(&bench.store, &over_strikes(json!({ "strategy": "object" }))).await;

    let distinct: BTreeSet<String> = rows.iter().map(Json::to_string).collect();
    let cost = rows.iter().map(|row| row["Cost Total $"].as_u64());
    let cost: Option<u64> = cost.sum();
    let unknown = |row: &&Json| row["Speed IAS in knots"].is_null();
    let unknown = rows.iter().filter(unknown).count();
    assert_eq!(case.need("members"), each.planned.members);
    assert_eq!(case.need("repeated_rows"), rows.len() - distinct.len());
    assert_eq!(case.need("objects"), objects.planned.jobs);
    assert_eq!(case.need("cost_total"), cost.expect("each has a cost"));
    assert_eq!(case.need("speed_null"), unknown);
    let texas = members_of(&bench, r#"."Origin State" == "Texas""#).await;
    assert_eq!(case.need("rows_of_texas"), texas);

    let filter = case.text("filter");
    assert_eq!(
        members_of(&bench, &filter).await,
        case.number("filter_members")
    );
    let selection = json!({ "category": "strikes", "filter": filter });
    let source = over_strikes(json!({ "selection": selection, "strategy": "object" }));
    let kept = plan(&bench.store, &source).await;
    let kept = inputs(&bench, &kept).await;
    assert_eq!(case.number("filter_objects"), kept.len() as u64);
    let smallest = kept.iter().min_by_key(|input| input["count"].as_u64());
    let smallest = smallest.expect("an object");
    assert_eq!(case.need("filter_smallest_object"), smallest["object"]);
    assert_eq!(case.need("filter_smallest_object_keys"), smallest["keys"]);
}
