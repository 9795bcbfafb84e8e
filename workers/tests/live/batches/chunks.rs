//! A combined job that failed and runs again: what it finished stays finished.

use std::sync::{Arc, Mutex};

use apalis::prelude::{BoxDynError, task_fn};
use serde_json::{Value, json};
use windlass_engine::protocol::{NewBatch, NewRestart, Source};
use windlass_workers::answer::FailError;
use windlass_workers::catalogue::Catalogue;
use windlass_workflows::value::Value as Plain;

use crate::common::{LEASE_TIME, Site};

const CHUNKS: &str = "
  - all:
      call: chunks:1.0.0@default
      with: { call: 'count:1.0.0@default', parallel: 1 }
";

/// The chunks that were called, in their order; each of `odd` fails when it comes for the first time.
#[derive(Clone, Default)]
struct Called(Arc<Mutex<Vec<i64>>>);

impl Called {
    fn catalogue(&self, odd: &'static [i64]) -> Catalogue {
        let called = self.clone();
        let count = move |input: Value| {
            let called = called.clone();
            async move {
                let chunk = input["chunk"].as_i64().unwrap_or_default();
                let mut called = called.0.lock().expect("no panic");
                let is_first = !called.contains(&chunk);
                called.push(chunk);
                if is_first && odd.contains(&chunk) {
                    return Err(BoxDynError::from(FailError {
                        code: "odd".into(),
                        status: None,
                        message: format!("chunk {chunk} is odd"),
                    }));
                }
                Ok(json!({ "keys": input["keys"] }))
            }
        };
        Catalogue::new().with::<Value, _>("count", "1.0.0", task_fn(count))
    }

    fn all(&self) -> Vec<i64> {
        self.0.lock().expect("no panic").clone()
    }
}

/// A combined batch of five members in chunks of one.
async fn create(site: &Site) {
    let items: Vec<Value> = (1..=5).map(|n| json!({ "n": n.to_string() })).collect();
    let document = json!({ "windlass": "v1", "kind": "JobConfiguration", "name": "all", "template": "test.runs",
        "selection": { "items": items, "key": "n" }, "strategy": "combined", "chunk": { "max_items": 1 } });
    let new = NewBatch {
        source: Source::Document(Plain::from(document)),
        name: None,
        who: "mia".into(),
        idempotency_key: None,
    };
    site.store.create_batch(1, new).await.expect("created");
}

async fn restart(site: &Site) {
    let batch = site.until_batch("completed_with_errors").await;
    let begun = site.store.restart_batch(1, batch.id, NewRestart::default());
    begun.await.expect("begun");
}

#[tokio::test]
async fn a_restarted_job_calls_only_for_the_chunks_that_nobody_finished() {
    let site = Site::new().await;
    site.publish("runs", CHUNKS).await;
    let called = Called::default();
    site.work(called.catalogue(&[3, 5]), LEASE_TIME);
    site.keep(LEASE_TIME);
    create(&site).await;

    restart(&site).await;
    site.until_count("select generation::int8 from batch", 2)
        .await;
    restart_again(&site).await;
    let done = site.until_batch("completed").await;

    assert_eq!(called.all(), [1, 2, 3, 3, 4, 5, 5]);
    assert_eq!((done.generation, done.progress.percent), (3, 100.0));
    let newest = site.count("select max(id) from job").await;
    let answers: Value = serde_json::from_str(&site.result(newest).await).expect("JSON");
    let expected: Vec<Value> = (1..=5)
        .map(|n| json!({ "index": n - 1, "ok": true, "output": { "keys": [n.to_string()] } }))
        .collect();
    assert_eq!(answers, json!(expected));
    let told = "select sum(n)::int8 from tally where kind = 'chunk_members'";
    assert_eq!(site.count(told).await, 5, "each member was finished once");
    let states = states(&site).await;
    assert!(
        states.iter().all(|state| state == "completed"),
        "{states:?}"
    );
}

/// What the members of the only batch read.
async fn states(site: &Site) -> Vec<String> {
    let batch = site.count("select id from batch").await;
    let page = site.store.members(1, batch, None, 100).await;
    let members = page.expect("a page").items;
    members.into_iter().map(|member| member.state).collect()
}

#[tokio::test]
async fn members_of_a_tolerated_chunk_that_failed_say_so() {
    let site = Site::new().await;
    let tolerates = CHUNKS.replace("parallel: 1", "parallel: 2, tolerate: { percent: 20 }");
    site.publish("runs", &tolerates).await;
    site.work(Called::default().catalogue(&[3]), LEASE_TIME);
    site.keep(LEASE_TIME);
    create(&site).await;

    let batch = site.until_batch("completed").await;

    let page = site.store.members(1, batch.id, None, 100).await;
    let members = page.expect("a page").items;
    let (failed, well): (Vec<_>, Vec<_>) = members
        .into_iter()
        .partition(|member| member.state == "failed");
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((failed[0].key.as_str(), failed[0].attempts), ("3", 1));
    assert_eq!(failed[0].code.as_deref(), Some("odd"));
    assert!(failed[0].fingerprint.is_some());
    assert_eq!(well.len(), 4);
    assert!(
        well.iter()
            .all(|member| member.state == "completed" && member.code.is_none())
    );
}

/// The second time it fails.
async fn restart_again(site: &Site) {
    site.until_count("select count(*) from outcome where kind = 'failed'", 2)
        .await;
    restart(site).await;
}
