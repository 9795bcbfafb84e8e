//! What a job is, apart from what happened to it: its immutable row.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::policy::step::StepRetry;
use crate::value::Value;

/// The facts of one job. They come from its row and never change.
#[derive(Clone, Debug, Default)]
pub struct JobFacts {
    /// Its id.
    pub id: i64,
    /// Drawn at submission: a restored database may give an id twice, a nonce it does not.
    pub nonce: i64,
    /// Its raw input; absent input is `{}` (ruling 6).
    pub input: Value,
    /// When it was submitted.
    pub created_at: DateTime<Utc>,
    /// Whose it is.
    pub tenant: String,
    /// The batch it belongs to.
    pub batch: Option<BatchFacts>,
    /// How long it may take from its start on, where its template says nothing of that.
    pub timeout: Option<Duration>,
    /// What becomes of a failed step that stands in no `try`.
    pub retry: Option<Arc<StepRetry>>,
    /// What the keys of its steps begin with instead of job and nonce: the item's own idempotency key.
    pub item_key: Option<String>,
}

/// A job's place in its batch, as `$runtime.metadata.batch` shows it.
#[derive(Clone, Debug)]
pub struct BatchFacts {
    /// The batch's id.
    pub id: String,
    /// Name of the job configuration.
    pub configuration: Option<String>,
    /// `individual`, `object` or `combined`.
    pub strategy: String,
    /// Position among the batch's jobs, from 0.
    pub index: u64,
    /// Members of the batch.
    pub of: u64,
    /// The member's key.
    pub key: Option<String>,
    /// The object's key.
    pub object: Option<String>,
    /// The slot that fired the batch.
    pub slot: Option<DateTime<Utc>>,
    /// Key of the shared context.
    pub context: Option<String>,
    /// Chunks of this job, if its strategy has any.
    pub chunks: Option<u32>,
}

impl JobFacts {
    /// How many chunks a `chunks` call reads.
    pub(crate) fn chunks(&self) -> Option<u32> {
        let told = || {
            self.input
                .get("chunks")
                .and_then(Value::as_u64)
                .and_then(|count| u32::try_from(count).ok())
        };
        self.batch
            .as_ref()
            .and_then(|batch| batch.chunks)
            .or_else(told)
    }

    /// Its id, as people meet it.
    pub(crate) fn name(&self) -> String {
        format!("j_{}", self.id)
    }

    /// Stable name of one visit of a step, for remotes that remember what they have done.
    pub(crate) fn key(&self, path: &str, visit: u32) -> String {
        match &self.item_key {
            Some(item) => format!("{item}-{path}-{visit}"),
            None => format!("j{}-{:x}-{path}-{visit}", self.id, self.nonce),
        }
    }

    /// The task that a key belongs to.
    pub(crate) fn path_of<'k>(&self, key: &'k str) -> &'k str {
        let begins = match &self.item_key {
            Some(item) => format!("{item}-"),
            None => format!("j{}-{:x}-", self.id, self.nonce),
        };
        let rest = key.strip_prefix(&begins).unwrap_or(key);
        rest.rsplit_once('-').map_or(rest, |(path, _)| path)
    }
}

impl BatchFacts {
    pub(crate) fn to_value(&self) -> Value {
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::text);
        let slot = self.slot.map_or(Value::Null, |slot| {
            Value::text(slot.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
        });
        Value::map([
            ("id", Value::text(self.id.as_str())),
            ("configuration", text(&self.configuration)),
            ("strategy", Value::text(self.strategy.as_str())),
            ("index", Value::from(self.index as i64)),
            ("of", Value::from(self.of as i64)),
            ("key", text(&self.key)),
            ("object", text(&self.object)),
            ("slot", slot),
            ("context", text(&self.context)),
        ])
    }
}
