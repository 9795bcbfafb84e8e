//! What purposes say of failed steps: read once a revision, kept while jobs bear it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use windlass_engine::{Error, Store};
use windlass_workflows::policy::step::StepRetry;

/// Some hundred bytes each. A purpose has a lane for each of its limits' keys and few revisions at work.
const KEPT_MAX: usize = 1_024;

/// A lane, and the revision of its purpose that a job bears.
type Place = (i32, i32);

/// What the jobs of one worker process were asked for with.
pub(crate) struct Retries {
    store: Store,
    kept: Mutex<HashMap<Place, Option<Arc<StepRetry>>>>,
}

impl Retries {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            kept: Mutex::default(),
        }
    }

    /// What that revision says, if it is kept here.
    pub(crate) fn kept(&self, place: Place) -> Option<Option<Arc<StepRetry>>> {
        let kept = self.kept.lock().expect("no panic while holding it");
        kept.get(&place).cloned()
    }

    /// What that revision says; it never changes.
    pub(crate) async fn get(&self, place: Place) -> Result<Option<Arc<StepRetry>>, Error> {
        if let Some(kept) = self.kept(place) {
            return Ok(kept);
        }
        let (lane, revision) = place;
        let found = self.store.step_retry(lane, revision).await?;
        let found = found.map(Arc::new);
        let mut kept = self.kept.lock().expect("no panic while holding it");
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(place, found.clone());
        Ok(found)
    }
}
