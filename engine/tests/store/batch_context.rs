//! The context that the jobs of a batch share: named by its configuration, fixed with its plan.

use crate::common::recipe::{BIRDS, new_batch, plan, recipe, refused, with_birds};
use serde_json::{Value, json};
use windlass_engine::protocol::Source;
use windlass_engine::store::DEFAULT_TENANT;
use windlass_engine::testing::TestDatabase;

fn sharing(context: &str) -> Source {
    with(json!({ "context": context }))
}

fn with(rest: Value) -> Source {
    let mut keys = json!({ "selection": { "category": "birds" }, "strategy": "individual" });
    let keys_of = keys.as_object_mut().expect("a map");
    keys_of.extend(rest.as_object().expect("a map").clone());
    recipe(keys)
}

#[tokio::test]
async fn the_jobs_of_a_batch_are_told_the_context_that_they_share() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_birds(&store, BIRDS).await;

    let plain = plan(&store, &sharing("briefs/november")).await;
    let named = plan(
        &store,
        &sharing(r#"${ "\($configuration)/\($slot.wall)" }"#),
    )
    .await;
    let without = plan(&store, &with(json!({}))).await;

    assert_eq!(plain.context.as_deref(), Some("briefs/november"));
    assert_eq!(named.context.as_deref(), Some("briefs/null"), "no slot");
    assert_eq!(without.context, None);
    let told = store.batch_of(plain.id).await.expect("its facts");
    assert_eq!(told.context.as_deref(), Some("briefs/november"));
}

#[tokio::test]
async fn a_context_that_cannot_be_is_refused_with_the_batch() {
    let database = TestDatabase::new().await;
    let store = database.store().await;
    with_birds(&store, BIRDS).await;

    for (context, code) in [
        ("${ 7 }", "wrong_value"),
        ("${ \"a\" * 300 }", "wrong_value"),
        ("${ error(\"no\") }", "expression_failed"),
    ] {
        let new = new_batch(&sharing(context));
        let problem = refused(store.create_batch(DEFAULT_TENANT, new).await);
        assert_eq!((&*problem.code, &*problem.pointer), (code, "/context"));
    }
    let later = "${ if now > 0 then 7 else \"k\" end }";
    let none = with(json!({ "context": later, "guards": { "min_members": 0 } }));
    let new = new_batch(&none);
    let problem = refused(store.create_batch(DEFAULT_TENANT, new).await);
    assert_eq!(problem.pointer, "/context");
}
