//! Programs by template version: built once, kept while they are used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use windlass_engine::{Error, Store};
use windlass_workflows::program::{Bundle, Program, Unbuildable};

/// A program is about 1 MB at its largest; fleets run few versions at a time.
const KEPT_MAX: usize = 256;

/// Why there is no program.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoProgram {
    #[error("the database did not give the template version")]
    Store(#[from] Error),
    #[error("the template version cannot be built: {0}")]
    Unbuildable(#[from] Unbuildable),
}

/// The programs of one worker process.
pub(crate) struct Programs {
    store: Store,
    kept: Mutex<HashMap<i32, Arc<Program>>>,
}

impl Programs {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            kept: Mutex::default(),
        }
    }

    /// The program of a version, if it is kept here.
    pub(crate) fn kept(&self, version: i32) -> Option<Arc<Program>> {
        let kept = self.kept.lock().expect("no panic while holding it");
        kept.get(&version).cloned()
    }

    /// The program of a version that a job is pinned to.
    pub(crate) async fn get(&self, version: i32) -> Result<Arc<Program>, NoProgram> {
        if let Some(program) = self.kept(version) {
            return Ok(program);
        }
        let pinned = self.store.pinned(version).await?;
        let bundle = Bundle::from_json(&pinned.bundle)?;
        let program = Arc::new(Program::build(&bundle)?);
        let mut kept = self.kept.lock().expect("no panic while holding it");
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(version, program.clone());
        Ok(program)
    }
}
