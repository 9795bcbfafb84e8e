//! A worker runs jobs that load and save contexts: one after the other, beside each other, and when a worker dies.

use std::time::{Duration, Instant};

use crate::common::{PATIENCE, SHORT_LEASE, Site, request};
use windlass_engine::store::{ContextChange, Expected, Unread};
use windlass_workers::catalogue::Catalogue;
use windlass_workflows::value::Value;

const LEASE_TIME: Duration = Duration::from_secs(5);

const COUNTS: &str = "
  - again:
      try:
        - load: { call: 'context-load:1.0.0@default', with: { key: '${ $workflow.input.key }' } }
        - save:
            call: context-save:1.0.0@default
            with:
              key: '${ .key }'
              version: '${ .version }'
              patch: { count: '${ (.document.count // 0) + 1 }' }
      catch:
        errors: { with: { status: 409 } }
        retry: { delay: { milliseconds: 5 }, backoff: { constant: {} }, limit: { attempt: { count: 100 } }, jitter: { from: { milliseconds: 0 }, to: { milliseconds: 20 } } }
";

/// Blindly: whatever stands there, this is merged into it.
const NOTES: &str = "
  - save:
      call: context-save:1.0.0@default
      with: { key: '${ .key }', patch: '${ .patch }' }
  - load: { call: 'context-load:1.0.0@default', with: { key: '${ $workflow.input.key }' } }
";

impl Site {
    async fn document(&self, key: &str) -> Option<String> {
        let context = self.store.context(1, key).await.expect("read");
        context.map(|context| context.document)
    }

    async fn put(&self, key: &str, document: &str) {
        let change = ContextChange {
            expected: Expected::Anything,
            document: Value::parse(document).expect("JSON"),
            merges: false,
            subject: None,
            ttl: None,
        };
        let put = self.store.change_context(1, key, change, "mia").await;
        put.expect("stored");
    }

    async fn ends(&self, template: &str, input: &str, state: &str) -> i64 {
        let job = self.send(vec![request(template, input)]).await.remove(0);
        self.until(job, state).await;
        job
    }
}

#[tokio::test]
async fn a_job_merges_into_a_context_and_reads_what_became_of_it() {
    let site = Site::new().await;
    site.publish("notes", NOTES).await;
    site.put("chat/1", r#"{"a":1,"b":{"c":1.50}}"#).await;
    site.run(LEASE_TIME);

    let input = r#"{"key":"chat/1","patch":{"a":null,"b":{"d":2}}}"#;
    let job = site.ends("notes", input, "completed").await;

    assert_eq!(
        site.result(job).await,
        r#"{"key":"chat/1","version":2,"document":{"b":{"c":1.50,"d":2}},"subject":null}"#
    );
    let history = site.store.context_history(1, "chat/1", None, 10).await;
    let history = history.expect("known").items;
    let last = &history[0];
    assert_eq!((last.version, last.kind.as_str()), (2, "patch"));
    assert_eq!(
        (last.job, last.who.clone()),
        (Some(job), format!("j_{job}"))
    );
    assert_eq!(last.step.as_deref(), Some("/do/0/save"));
    assert_eq!(last.data.as_deref(), Some(r#"{"a":null,"b":{"d":2}}"#));
    assert_eq!(history[1].who, "mia");
    let left = site.store.letters(job, Unread::default()).await;
    assert_eq!(left.expect("read").page, [], "what was heard is gone");
}

#[tokio::test]
async fn sixteen_jobs_that_count_in_one_context_lose_nothing() {
    let site = Site::new().await;
    site.publish("counts", COUNTS).await;
    site.run(LEASE_TIME);
    site.work(Catalogue::new(), LEASE_TIME);

    let requests = (0..16).map(|_| request("counts", r#"{"key":"total"}"#));
    let jobs = site.send(requests.collect()).await;
    for job in &jobs {
        site.until(*job, "completed").await;
    }

    let document = site.document("total").await;
    assert_eq!(document.as_deref(), Some(r#"{"count":16}"#));
    let history = site.store.context_history(1, "total", None, 100).await;
    let by: std::collections::BTreeSet<_> = history
        .expect("known")
        .items
        .into_iter()
        .filter_map(|change| change.job)
        .collect();
    assert_eq!(by, jobs.into_iter().collect());
}

#[tokio::test]
async fn a_version_that_has_passed_fails_the_task_and_nothing_is_saved() {
    let site = Site::new().await;
    let stale = NOTES.replace("patch: '${ .patch }' }", "patch: { n: 1 }, version: 3 }");
    site.publish("stale", &stale).await;
    site.put("k", "{}").await;
    site.run(LEASE_TIME);

    let job = site.ends("stale", r#"{"key":"k"}"#, "failed").await;

    let outcome = site.job(job).await.outcome.expect("an outcome");
    assert_eq!(outcome.code.as_deref(), Some("communication"));
    assert_eq!(site.document("k").await.as_deref(), Some("{}"));
}

#[tokio::test]
async fn what_cannot_be_a_context_fails_its_task_alone() {
    let site = Site::new().await;
    site.publish("notes", NOTES).await;
    site.run(LEASE_TIME);
    let large = format!(
        r#"{{"key":"big","patch":{{"a":"{}"}}}}"#,
        "x".repeat(600_000)
    );
    let long = format!(r#"{{"key":"{}","patch":{{}}}}"#, "k".repeat(300));

    site.ends("notes", &large, "failed").await;
    site.ends("notes", &long, "failed").await;
    site.ends("notes", r#"{"key":"k","patch":{"a":1}}"#, "completed")
        .await;

    assert_eq!(site.document("big").await, None);
}

/// Each item's job counts in the context that all share.
const COUNTS_EACH: &str = "
  - each:
      call: map:1.0.0@default
      with: { items: '${ .items }', workflow: { namespace: test, name: counted } }
";

const COUNTED: &str = "
  - count:
      call: context-save:1.0.0@default
      with: { key: total, change: '.count += 1 | .sum += $input.n', input: '${ . }' }
";

#[tokio::test]
async fn twenty_items_of_a_map_count_in_one_context_and_none_is_lost() {
    let site = Site::new().await;
    site.publish("counted", COUNTED).await;
    site.publish("each", COUNTS_EACH).await;
    site.run(LEASE_TIME);
    site.work(Catalogue::new(), LEASE_TIME);

    let items: Vec<String> = (1..=20).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    let input = format!(r#"{{"items":[{}]}}"#, items.join(","));
    let job = site.ends("each", &input, "completed").await;

    let document = site.document("total").await;
    assert_eq!(document.as_deref(), Some(r#"{"count":20,"sum":210}"#));
    let history = site.store.context_history(1, "total", None, 100).await;
    let history = history.expect("known").items;
    let versions: Vec<i64> = history.iter().map(|change| change.version).collect();
    assert_eq!(versions, (1..=20).rev().collect::<Vec<_>>());
    assert!(history.iter().all(|change| change.kind == "change"));
    let said = site.result(job).await;
    for version in 1..=20 {
        assert!(
            said.contains(&format!(r#""version":{version}}}"#)),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_change_that_gives_no_document_fails_its_task_at_once() {
    let site = Site::new().await;
    site.put("k", r#"{"n":1}"#).await;
    site.run(LEASE_TIME);

    for (name, change, code) in [
        ("number", ".n", "expression"),
        ("fails", "error(\"no\")", "expression"),
        ("long", "[range(1000000)] | {}", "expression"),
        ("large", "{ a: (\"x\" * 600000) }", "validation"),
    ] {
        let task = format!(
            "- a: {{ call: 'context-save:1.0.0@default', with: {{ key: k, change: '{change}' }} }}"
        );
        site.publish(name, &task).await;
        let job = site.ends(name, "{}", "failed").await;
        let outcome = site.job(job).await.outcome.expect("an outcome");
        assert_eq!(outcome.code.as_deref(), Some(code), "{change}");
    }

    assert_eq!(site.document("k").await.as_deref(), Some(r#"{"n":1}"#));
}

/// The letter that says what came of the save cannot be read as long as the gate stands.
const BEFORE_LETTERS: &str = "lock table event in access exclusive mode";

#[tokio::test]
async fn a_worker_that_dies_before_it_hears_of_its_save_has_saved_once() {
    let site = Site::new().await;
    site.publish("notes", NOTES).await;
    let gate = site.database.hold(BEFORE_LETTERS).await;
    let (_stop, worker) = site.work(Catalogue::new(), LEASE_TIME);
    let input = r#"{"key":"k","patch":{"a":1}}"#;
    let job = site.send(vec![request("notes", input)]).await.remove(0);
    let since = Instant::now();
    while site.document("k").await.is_none() {
        assert!(since.elapsed() < PATIENCE, "nothing was saved");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    worker.abort();
    gate.release().await;
    site.run(LEASE_TIME);

    site.until(job, "completed").await;
    let said = site.result(job).await;
    assert!(said.contains(r#""version":1,"document":{"a":1}"#), "{said}");
    let history = site.store.context_history(1, "k", None, 10).await;
    assert_eq!(history.expect("known").items.len(), 1);
}

/// The next document is computed, and waits to be written: the worker dies there, and whoever goes on counts once.
#[tokio::test]
async fn a_worker_that_dies_while_it_counts_has_counted_once() {
    for is_written in [false, true] {
        let site = Site::new().await;
        site.publish("counted", COUNTED).await;
        site.keep(SHORT_LEASE);
        let job = site
            .send(vec![request("counted", r#"{"n":5}"#)])
            .await
            .remove(0);

        site.die_at(
            "lock table context_change in exclusive mode".into(),
            is_written,
        )
        .await;
        site.until(job, "completed").await;

        let document = site.document("total").await;
        assert_eq!(document.as_deref(), Some(r#"{"count":1,"sum":5}"#));
    }
}
