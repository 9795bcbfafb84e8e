//! What the jobs that one repeats have finished: their chunks do not run again.

use std::sync::Arc;

use tracing::warn;
use windlass_engine::store::Claimed;
use windlass_workflows::machine::{FinishedChunks, JobFacts};
use windlass_workflows::program::Program;

use super::Stuck;
use super::load::{no_program, unread};
use crate::shared::Shared;

/// Whether a job may have predecessors with chunks: one of a batch whose program reads some.
pub(super) fn may_have(claimed: &Claimed, program: &Program) -> bool {
    claimed.batch.is_some() && program.reads_chunks()
}

/// The chunks that the predecessors of a job finished, the latest answer of each.
pub(super) async fn before(
    claimed: &Claimed,
    shared: &Arc<Shared>,
    program: &Program,
    facts: &JobFacts,
) -> Result<FinishedChunks, Stuck> {
    let mut finished = FinishedChunks::default();
    if !may_have(claimed, program) {
        return Ok(finished);
    }
    let lineage = shared.store.lineage(claimed.id).await;
    for earlier in lineage.map_err(|error| unread(claimed.id, &error))? {
        let program = shared.programs.get(earlier.template_version).await;
        let program = program.map_err(|error| no_program(claimed.id, &error))?;
        let memory = shared.store.history_of(earlier.job).await;
        let memory = memory.map_err(|error| unread(claimed.id, &error))?;
        match FinishedChunks::of(&program, facts, memory.head.as_ref(), &memory.entries) {
            Ok(chunks) => finished = finished.or(chunks),
            Err(error) => {
                warn!(job.id = claimed.id, earlier = earlier.job, error = %error, "its chunks run again: the journal of the job that it repeats cannot be read");
            }
        }
    }
    Ok(finished)
}
