//! Templates and looks that the tests of batches of jobs share.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use windlass_engine::store::BatchView;

use crate::common::{PATIENCE, Site, request};

/// Fails for those that are marked, and says where it stands.
pub const MEMBER: &str = "
  - judge:
      if: .odd == true
      raise: { error: { type: 'https://shop.example/odd', status: 422, title: odd } }
  - tell:
      set: { n: '${ .n }', batch: '${ $runtime.metadata.batch.id }' }
";
pub const LISTENS: &str = "
  - hear:
      listen: { to: { one: { with: { type: io.windlass.signal.go.v1 } } } }
";
/// How many jobs rest.
pub const RESTING: &str = "select count(*) from wait where n = 0";
/// How many jobs of batches were cancelled.
pub const MEMBERS_CANCELLED: &str = "select coalesce(sum(last_id - first_id + 1), 0)::int8 from outcome where batch is not null and kind = 'cancelled'";

/// A step that makes a batch of the items that its job is given.
pub fn batch_of(template: &str, more: &str) -> String {
    format!(
        "
  - all:
      call: batch:1.0.0@default
      with:
        workflow: {{ namespace: test, name: {template}, version: '1.0.0' }}
        selection: {{ items: '${{ .items }}', key: n }}
        {more}
"
    )
}

/// The same inside of a `try`, which gives the error.
pub fn tried(step: &str) -> String {
    let inner = step.replace('\n', "\n      ");
    format!("
  - safe:
      try:{inner}
      catch:
        do: [ {{ said: {{ set: {{ status: '${{ $error.status }}', type: '${{ $error.type }}', title: '${{ $error.title }}', detail: '${{ $error.details }}' }} }} }} ]
")
}

/// Items of which the first so many fail.
pub fn items(all: usize, odd: usize) -> String {
    let items: Vec<Value> = (0..all)
        .map(|n| json!({ "n": n.to_string(), "odd": n < odd }))
        .collect();
    json!({ "items": items }).to_string()
}

impl Site {
    pub async fn run_of(&self, input: &str) -> i64 {
        self.send(vec![request("runs", input)]).await.remove(0)
    }

    pub async fn gives(&self, job: i64) -> Value {
        serde_json::from_str(&self.completed(job).await).expect("JSON")
    }

    /// The only batch.
    pub async fn batch(&self) -> BatchView {
        let id = self.count("select min(id) from batch").await;
        self.store.batch(1, id).await.expect("a batch")
    }

    pub async fn until_batch(&self, state: &str) -> BatchView {
        let since = Instant::now();
        loop {
            let view = self.batch().await;
            if view.state == state {
                return view;
            }
            assert!(since.elapsed() < PATIENCE, "not {state}: {view:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Nobody waits for a batch any more.
    pub async fn has_no_batch(&self) {
        self.until_count("select count(*) from child_batch where not over", 0)
            .await;
        for table in ["inbox", "wait", "ready", "lease", "held"] {
            self.until_count(&format!("select count(*) from {table}"), 0)
                .await;
        }
    }
}
