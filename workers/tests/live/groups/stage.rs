//! Templates and looks that the tests of groups share.

use serde_json::{Value, json};

use crate::common::{Site, request};

/// Twice the number; odd ones fail when they are asked to.
pub const DOUBLE: &str = "
  - judge:
      if: '.n == 3 and .odd == true'
      raise: { error: { type: 'https://shop.example/odd', status: 422, title: odd } }
  - double:
      set: { twice: '${ $workflow.input.n * 2 }' }
";
pub const LISTENS: &str = "
  - hear:
      listen: { to: { one: { with: { type: io.windlass.signal.go.v1 } } } }
";

pub fn map_of(template: &str, more: &str) -> String {
    format!(
        "
  - each:
      call: map:1.0.0@default
      with:
        items: '${{ .items }}'
        workflow: {{ namespace: test, name: {template}, version: '1.0.0' }}
        {more}
"
    )
}

pub fn items(count: usize) -> String {
    let items: Vec<Value> = (0..count).map(|n| json!({ "n": n })).collect();
    json!({ "items": items }).to_string()
}

impl Site {
    pub async fn map(&self, input: &str) -> i64 {
        self.send(vec![request("maps", input)]).await.remove(0)
    }

    pub async fn list(&self, job: i64) -> Value {
        self.until(job, "completed").await;
        serde_json::from_str(&self.result(job).await).expect("JSON")
    }

    /// Nothing is left of any group.
    pub async fn has_no_group(&self) {
        for table in ["child_group", "child_item", "child", "inbox", "wait"] {
            let sql = format!("select count(*) from {table}");
            self.until_count(&sql, 0).await;
        }
    }
}
