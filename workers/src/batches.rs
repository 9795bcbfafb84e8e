//! What jobs may know of their batches: read once a batch, kept while it is worked on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use windlass_engine::store::BatchOf;
use windlass_engine::{Error, Store};

/// A worker sees few batches at a time; one is some hundred bytes, and 16 for each block of jobs.
const KEPT_MAX: usize = 64;

/// The batches of one worker process.
pub(crate) struct Batches {
    store: Store,
    kept: Mutex<HashMap<i64, Arc<BatchOf>>>,
}

impl Batches {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            kept: Mutex::default(),
        }
    }

    /// The batch of a job, if it is kept here.
    pub(crate) fn kept(&self, batch: i64, job: i64) -> Option<Arc<BatchOf>> {
        let kept = self.kept.lock().expect("no panic while holding it");
        let batch = kept.get(&batch).filter(|kept| kept.knows(job));
        batch.cloned()
    }

    /// The batch of a job: fixed once its plan is sealed, and no job runs before. To one that is open jobs are added,
    /// which have not been heard of here.
    pub(crate) async fn get(&self, batch: i64, job: i64) -> Result<Arc<BatchOf>, Error> {
        if let Some(batch) = self.kept(batch, job) {
            return Ok(batch);
        }
        let found = Arc::new(self.store.batch_of(batch).await?);
        let mut kept = self.kept.lock().expect("no panic while holding it");
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(batch, found.clone());
        Ok(found)
    }
}
