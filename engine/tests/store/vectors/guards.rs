//! Guards over plans that were really made, beside the batch before them.

use super::kit::{Case, of_batches};
use crate::common::Bench;
use crate::common::recipe::{BIRDS, apply, flock, with_birds};
use crate::guards::{asked, completed, configured, load, planned, view};
use serde_json::{Value as Json, json};
use windlass_engine::protocol::Source;

/// Where a vector says nothing of members, there are those that are always there.
fn birds(members: Option<&Json>) -> String {
    let count = members.and_then(Json::as_u64);
    let count = count.map(|count| usize::try_from(count).expect("few"));
    count.map_or_else(|| BIRDS.to_owned(), |count| flock(count, 7))
}

/// The birds with so many rows that have no object, under the strategy that wants one.
async fn with_invalid(bench: &Bench, rules: &str, rows: &Json, count: u64) -> Source {
    let lost = (0..count).map(|n| format!("lost-{n},,1\n"));
    load(bench, &format!("{BIRDS}{}", lost.collect::<String>())).await;
    let text = format!(
        "windlass: v1\nkind: JobConfiguration\nname: briefs\npurpose: brief\n\
         selection: {{ category: birds, rows: {rows} }}\nstrategy: object\n{rules}\n"
    );
    apply(&bench.store, &[&text], "").await;
    Source::Named("briefs".to_owned())
}

/// A store where the batch before is over, as the vector has it.
async fn before(case: &mut Case, members: Option<&Json>) -> Bench {
    let bench = Bench::new().await;
    let last = case.take("last");
    let is_same = case.take("selection_hash_equals_last") == Some(true.into());
    let last = if is_same { members.cloned() } else { last };
    let is_first = !is_same && last.as_ref().is_none_or(Json::is_null);
    with_birds(&bench.store, &birds(last.as_ref())).await;
    if !is_first {
        let source = configured(&bench, "guards: { min_members: 0 }").await;
        completed(&bench, &source).await;
    }
    load(&bench, &birds(members)).await;
    bench
}

#[tokio::test]
async fn plans_ask_where_the_vectors_of_guards_do() {
    for mut case in of_batches("guards") {
        let members = case.take("members");
        let bench = before(&mut case, members.as_ref()).await;
        let rules = format!("guards: {}", case.need("guards"));
        let source = match case.take("rows") {
            Some(rows) => with_invalid(&bench, &rules, &rows, case.number("invalid")).await,
            None => configured(&bench, &rules).await,
        };

        let batch = planned(&bench, &source).await;

        let told = case.told();
        let ask = match &batch.asks {
            Some(_) => json!(asked(&batch)),
            None => json!([]),
        };
        assert_eq!(ask, case.need("ask"), "{told}");
        if let Some(members) = members {
            assert_eq!(members, batch.planned.members, "{told}");
        }
        // What did not trip says no figure: `workflows/tests/batch_life.rs` looks at those as well.
        if let (Some(change), Some(asks)) = (case.take("change"), &batch.asks) {
            let change = format!("a change of {},", change.as_str().expect("a share"));
            assert!(asks.reasons[0].message.contains(&change), "{asks:?}");
        }
        if let Some(state) = case.take("state") {
            assert_eq!(bench.store.finish().await.expect("over"), [batch.id]);
            assert_eq!(state, view(&bench, batch.id).await.state.as_str(), "{told}");
        }
        if let Some(jobs) = case.take("jobs") {
            assert_eq!(jobs, batch.planned.jobs, "{told}");
        }
        case.says("note", "no completed batch of this configuration yet");
    }
}
