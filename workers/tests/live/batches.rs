//! A worker runs steps that make batches, and jobs that wait for their end.

mod chunks;
mod ends;
mod stage;

use crate::common::{LEASE_TIME, SHORT_LEASE, Site};
use serde_json::{Value, json};
use stage::{MEMBER, batch_of, items, tried};
use windlass_engine::testing::application;
use windlass_workers::catalogue::Catalogue;

/// A place where `runs` makes a batch so.
async fn site(runs: &str) -> Site {
    let site = Site::new().await;
    site.publish("member", MEMBER).await;
    site.publish("runs", runs).await;
    site
}

#[tokio::test]
async fn a_step_is_given_what_became_of_its_batch() {
    let site = site(&batch_of(
        "member",
        "parallel: 3\n        tolerate: { percent: 20 }",
    ))
    .await;
    site.run(LEASE_TIME);

    let job = site.run_of(&items(10, 2)).await;

    let given = site.gives(job).await;
    let batch = site.batch().await;
    let id = format!("b_{}", batch.id);
    assert_eq!(
        given,
        json!({
            "id": id, "state": "completed_with_errors", "members": 10, "jobs": 10,
            "counts": { "completed": 8, "failed": 2, "parked": 0, "expired": 0, "cancelled": 0, "suppressed": 0 },
            "manifest": format!("/v1/batches/{id}/manifest"),
        })
    );
    assert_eq!((batch.parent, batch.release_window), (Some(job), 3));
    assert_eq!(batch.created_by, format!("j_{job}"));
    assert_eq!(batch.name, "runs /do/0/all");
    let told = format!("select count(*) from outcome where result like '%\"batch\":\"{id}\"%'");
    assert_eq!(site.count(&told).await, 8, "members know their batch");
    site.has_no_batch().await;
}

#[tokio::test]
async fn more_failures_than_are_tolerated_are_an_error_that_try_catches_with_the_counts() {
    let site = site(&tried(&batch_of("member", "tolerate: { count: 1 }"))).await;
    site.run(LEASE_TIME);

    let job = site.run_of(&items(5, 2)).await;

    let given = site.gives(job).await;
    let id = format!("b_{}", site.batch().await.id);
    assert_eq!(given["status"], 500);
    assert_eq!(
        given["title"],
        json!(format!("2 of 5 jobs of {id} failed; 1 are tolerated"))
    );
    assert!(
        given["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("/runtime"))
    );
    assert_eq!(given["detail"]["child"], json!(id));
    assert_eq!(given["detail"]["detail"]["counts"]["failed"], 2);
    assert_eq!(given["detail"]["detail"]["counts"]["completed"], 3);
    site.has_no_batch().await;
}

#[tokio::test]
async fn a_plan_that_fails_is_an_error_that_says_why() {
    let site = site(&tried(&batch_of("member", "tolerate: { percent: 100 }"))).await;
    site.run(LEASE_TIME);

    let job = site.run_of(&items(0, 0)).await;

    let given = site.gives(job).await;
    let detail = &given["detail"]["detail"];
    assert_eq!(detail["state"], "failed");
    assert_eq!(detail["problem"]["code"], "guard_tripped");
    let title = given["title"].as_str().expect("a title");
    assert!(title.contains("the selection is empty"), "{title}");
    site.has_no_batch().await;
}

#[tokio::test]
async fn a_recipe_that_cannot_be_followed_makes_no_batch() {
    let recipes = [
        (batch_of("nobody", ""), 404, "test.nobody@1.0.0"),
        (
            batch_of("member", "").replace("items: '${ .items }', key: n", "category: stars"),
            404,
            "/selection/category: there is no category `stars`",
        ),
        (
            batch_of("member", "").replace("key: n", "filter: '${ \".n =\" }'"),
            400,
            "/selection/filter",
        ),
        (
            batch_of("member", "parallel: '${ .items | length }'"),
            400,
            "parallel",
        ),
    ];
    for (recipe, status, why) in recipes {
        let site = site(&tried(&recipe)).await;
        site.run(LEASE_TIME);

        let job = site.run_of(&items(0, 0)).await;

        let given = site.gives(job).await;
        assert_eq!(given["status"], json!(status), "{given}");
        let title = given["title"].as_str().expect("a title");
        assert!(title.contains(why), "{title}");
        assert_eq!(site.count("select count(*) from batch").await, 0);
        site.has_no_batch().await;
    }
}

#[tokio::test]
async fn a_batch_that_nobody_awaits_goes_on_when_its_job_has_ended() {
    let site = site(&batch_of("member", "await: false")).await;
    site.work(Catalogue::new(), LEASE_TIME);

    let job = site.run_of(&items(4, 1)).await;

    let given = site.gives(job).await;
    let batch = site.batch().await;
    assert_eq!(given, json!({ "id": format!("b_{}", batch.id) }));
    assert_eq!((&*batch.state, batch.parent), ("planning", Some(job)));
    site.keep(LEASE_TIME);
    let batch = site.until_batch("completed_with_errors").await;
    assert_eq!(batch.progress.now["completed"], 3);
    site.has_no_batch().await;
}

const BIRDS: &str = "
{ windlass: v1, kind: Category, name: birds, key: id, object: kind, data: { items: [
    { id: a, kind: owl, n: 1 }, { id: b, kind: owl, n: 2 }, { id: c, kind: wren, n: 3 }, { id: d, kind: kite, n: 9 } ] } }
";
/// Gives what it was given.
const ECHO: &str = "
  - give: { set: '${ . }' }
";
const BY_OBJECT: &str = "
  - all:
      call: batch:1.0.0@default
      with:
        workflow: { namespace: test, name: echo }
        selection: { category: birds, filter: '${ \".n < \\(.most)\" }' }
        strategy: object
        input: { kind: '${ .object }', count: '${ .count }', of: '${ $configuration }', constant: 7 }
      metadata: { windlass: { priority: high } }
";

#[tokio::test]
async fn objects_of_a_category_are_filtered_by_what_the_step_computes_and_shaped_by_the_recipe() {
    let site = Site::new().await;
    site.store
        .apply(application(&[BIRDS]))
        .await
        .expect("applied");
    site.publish("echo", ECHO).await;
    site.publish("runs", BY_OBJECT).await;
    site.run(LEASE_TIME);

    let job = site.run_of(r#"{"most":5}"#).await;

    let given = site.gives(job).await;
    assert_eq!((&given["members"], &given["jobs"]), (&json!(3), &json!(2)));
    let batch = site.batch().await;
    assert_eq!((batch.priority, &*batch.strategy), (600, "object"));
    let owls = r#"select count(*) from outcome where result::jsonb = '{"kind":"owl","count":2,"of":"runs","constant":7}'"#;
    assert_eq!(site.count(owls).await, 1);
    site.has_no_batch().await;
}

const NIGHTLY: &str = "
{ windlass: v1, kind: JobConfiguration, name: nightly, template: test.echo, strategy: individual,
  selection: { category: birds } }
";
const FOLLOWS: &str = "
  - all:
      call: batch:1.0.0@default
      with: { configuration: nightly, parallel: 2 }
";

#[tokio::test]
async fn a_step_follows_a_stored_recipe_with_another_window() {
    let site = Site::new().await;
    site.publish("echo", ECHO).await;
    let applied = site.store.apply(application(&[BIRDS, NIGHTLY])).await;
    applied.expect("applied");
    site.publish("runs", FOLLOWS).await;
    site.run(LEASE_TIME);

    let job = site.run_of("{}").await;

    assert_eq!(site.gives(job).await["counts"]["completed"], 4);
    let batch = site.batch().await;
    assert_eq!(batch.configuration.as_deref(), Some("nightly"));
    assert_eq!((batch.revision, batch.release_window), (Some(1), 2));
}

#[tokio::test]
async fn two_branches_of_a_job_wait_for_a_batch_each() {
    let step = |name: &str| {
        let step = batch_of("member", "").replace("- all:", &format!("- {name}:"));
        step.replace('\n', "\n        ").trim_end().to_owned()
    };
    let runs = format!(
        "
  - both:
      fork:
        branches:{}{}
",
        step("left"),
        step("right")
    );
    let site = site(&runs).await;
    site.run(LEASE_TIME);

    let job = site.run_of(&items(3, 0)).await;

    let given = site.gives(job).await;
    let completed: Vec<&Value> = given
        .as_array()
        .expect("two")
        .iter()
        .map(|one| &one["counts"]["completed"])
        .collect();
    assert_eq!(completed, [3, 3]);
    assert_ne!(given[0]["id"], given[1]["id"]);
    site.has_no_batch().await;
}

/// The worker dies while the batch is written; the server throws the turn away, or writes it after all.
async fn dies_while_it_opens(is_written: bool) {
    let site = site(&batch_of("member", "")).await;
    site.keep(SHORT_LEASE);
    let job = site.run_of(&items(6, 0)).await;
    let sql = format!(
        "insert into child_batch (batch, parent, activity, on_close, failed_max) values (99999, {job}, 1, 'cancel', 0)"
    );
    site.die_at(sql, is_written).await;

    assert_eq!(site.gives(job).await["counts"]["completed"], 6);
    assert_eq!(site.count("select count(*) from batch").await, 1);
    assert_eq!(
        site.count("select count(*) from job where batch is not null")
            .await,
        6
    );
    site.has_no_batch().await;
}

#[tokio::test]
async fn a_worker_that_dies_while_it_opens_loses_and_doubles_no_batch() {
    dies_while_it_opens(false).await;
}

#[tokio::test]
async fn a_batch_that_is_durable_after_its_worker_died_is_waited_for() {
    dies_while_it_opens(true).await;
}
