//! What a job that starts another one must know: the version, the lane, the priority.

use windlass_workflows::value::Value;

use super::work::{Work, priority_seconds};
use crate::{Error, Store};

/// A template resolved for a job that a job starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildWork {
    /// Row of the version.
    pub template_version: i32,
    /// Its lane.
    pub lane: i32,
    /// Seconds by which it may overtake later ones.
    pub priority: i32,
}

impl Store {
    /// The version that a job means by `name`, `namespace.name`; its newest one unless one is given.
    ///
    /// # Errors
    /// `invalid` when there is no such version, or a limit's key cannot be read from the input.
    pub async fn child_work(
        &self,
        tenant: i32,
        name: &str,
        version: Option<&str>,
        input: &Value,
    ) -> Result<ChildWork, Error> {
        let reference = match version {
            Some(version) => format!("{name}@{version}"),
            None => name.to_owned(),
        };
        // A published version never changes; the newest one does.
        let afresh = version.is_none();
        let known = self
            .looked_up(tenant, &Work::Template(reference), afresh)
            .await?;
        let (lane, _) = known.place(self, input).await?;
        Ok(ChildWork {
            template_version: known.resolved.template_version,
            lane,
            priority: priority_seconds(known.resolved.priority),
        })
    }
}
