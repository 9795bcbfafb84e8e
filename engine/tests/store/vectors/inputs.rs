//! What the jobs of each strategy are given, over the real strikes.

use super::kit::{Case, of_batches};
use super::real::{inputs, over_strikes, strikes};
use crate::common::Bench;
use crate::common::recipe::{apply, plan};
use chrono::SecondsFormat;
use serde_json::{Value as Json, json};
use windlass_engine::protocol::Source;
use windlass_engine::store::BatchView;
use windlass_workflows::plan::{Member, MemberValue};
use windlass_workflows::value::Value;

const ARIZONA: &str = r#"."Origin State" == "Arizona""#;

/// The recipe that a vector speaks of.
fn recipe_of(name: &str) -> Source {
    let first_two = json!({ "category": "strikes", "limit": 2 });
    let arizona = json!({ "category": "strikes", "filter": ARIZONA });
    let first_of_arizona = json!({ "category": "strikes", "filter": ARIZONA, "limit": 2 });
    let nothing = json!({ "category": "strikes", "filter": "false" });
    over_strikes(match name {
        "object, first two members of Arizona, no chunk" => {
            json!({ "selection": first_of_arizona, "strategy": "object" })
        }
        "object with chunk: no items, whatever the size" => {
            json!({ "selection": arizona, "strategy": "object", "chunk": { "max_items": 1_000 } })
        }
        "combined, no chunk, 2 members" => {
            json!({ "selection": first_two, "strategy": "combined" })
        }
        "combined, chunks of 1,000" => {
            json!({ "strategy": "combined", "chunk": { "max_items": 1_000 } })
        }
        "the second chunk of two members" => {
            json!({ "strategy": "combined", "chunk": { "max_items": 2 } })
        }
        "an empty combined selection under min_members 0" => {
            json!({ "selection": nothing, "strategy": "combined", "guards": { "min_members": 0 } })
        }
        other => panic!("a vector that nobody plays: {other}"),
    })
}

#[tokio::test]
async fn the_jobs_of_every_strategy_are_given_what_their_vectors_say() {
    let bench = strikes().await;
    for mut case in of_batches("inputs") {
        let name = case.text("name");
        if name == "individual, member 1" {
            first_of_each(&bench, &mut case).await;
            continue;
        }

        let batch = plan(&bench.store, &recipe_of(&name)).await;

        let given = inputs(&bench, &batch).await;
        if let Some(jobs) = case.take("jobs") {
            assert_eq!(jobs, batch.planned.jobs, "{name}");
            assert_eq!(jobs, given.len(), "{name}");
            assert_eq!(bench.store.finish().await.expect("over"), [batch.id]);
            continue;
        }
        assert_eq!(given.len(), 1, "{name}");
        let found = match case.told().contains(r#""chunk":2"#) {
            true => second_chunk(&bench, &batch, &given[0]).await,
            false => given[0].clone(),
        };
        assert_eq!(found.to_string(), case.need("input").to_string(), "{name}");
    }
}

/// What the second call of a job in chunks is given.
async fn second_chunk(bench: &Bench, batch: &BatchView, input: &Json) -> Json {
    let job: i64 = sqlx::query_scalar("select id from job where batch = $1")
        .bind(batch.id)
        .fetch_one(&bench.pool)
        .await
        .expect("its job");
    let members = bench.store.chunk(job, 2).await.expect("a chunk");
    let members = (1..).zip(members).map(|(n, member)| Member {
        n,
        key: member.key,
        object: member.object,
        document: Value::parse(&member.document).expect("JSON").into(),
    });
    let members: Vec<Member> = members.collect();
    let chunks = bench.store.chunks_of(job).await.expect("chunks");
    assert_eq!(input["chunks"], chunks);
    let value = MemberValue::Chunk {
        object: None,
        chunk: 2,
        chunks: chunks.into(),
        members: &members,
    };
    let value = value.to_value().expect("its input").to_json();
    serde_json::from_str(&value).expect("JSON")
}

/// The first of ten thousand jobs: its input, and what it is told of its batch.
async fn first_of_each(bench: &Bench, case: &mut Case) {
    let Source::Document(document) = over_strikes(json!({ "strategy": "individual" })) else {
        unreachable!("it is a document");
    };
    apply(&bench.store, &[&document.to_json()], "").await;
    let batch = plan(&bench.store, &Source::Named("classify-strikes".to_owned())).await;
    let wanted = case.need("batch");
    sqlx::query("update batch set slot_at = $2::text::timestamptz where id = $1")
        .bind(batch.id)
        .bind(wanted["slot"].as_str().expect("a slot"))
        .execute(&bench.pool)
        .await
        .expect("as if its schedule had made it");
    let sql = "select id, member_key, object, input from job where batch = $1 order by id limit 1";
    let (job, key, object, input): (i64, Option<String>, Option<String>, String) =
        sqlx::query_as(sql)
            .bind(batch.id)
            .fetch_one(&bench.pool)
            .await
            .expect("its first job");

    let told = bench.store.batch_of(batch.id).await.expect("its facts");
    let told = told.facts(job, key, object);

    assert_eq!(input, case.need("input").to_string());
    let slot = told.slot.expect("a slot");
    let found = json!({
        "id": told.id, "configuration": told.configuration, "strategy": told.strategy,
        "index": told.index, "of": told.of, "key": told.key, "object": told.object,
        "slot": slot.to_rfc3339_opts(SecondsFormat::AutoSi, true), "context": told.context,
    });
    assert_eq!(found, wanted);
}
