//! What a job begins with: its program, its memory, what it may know of its batch.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tracing::debug;
use windlass_engine::store::{Claimed, Loaded};
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::{BatchFacts, Execution, JobFacts};
use windlass_workflows::value::Value;

use super::Stuck;
use super::clock::Clock;
use super::conduct::Conduct;
use super::order;
use super::steps::Steps;
use crate::programs::NoProgram;
use crate::pump::outbox::Outbox;
use crate::shared::Shared;

impl Conduct {
    /// Loads the job, and says what happens first.
    pub(super) async fn load(
        claimed: Claimed,
        shared: Arc<Shared>,
        outbox: Rc<Outbox>,
    ) -> Result<(Self, Vec<EventKind>), Stuck> {
        let clock = Clock::starting(claimed.claimed_at);
        let program = shared
            .programs
            .get(claimed.template_version)
            .await
            .map_err(|error| no_program(claimed.id, &error))?;
        let facts = facts_of(&claimed, &shared).await?;
        let memory = memory(&claimed, &shared).await?;
        let remembers = memory.is_some();
        let (execution, first, obeys) = match memory {
            Some(loaded) => {
                let order = order_for(&claimed, &shared).await?;
                let obeys = order.is_some();
                let first = order.into_iter().chain([EventKind::Due]).collect();
                let execution = Execution::load(program, facts, loaded.head, loaded.entries)
                    .map_err(|error| Stuck::Park(error.to_string()))?;
                (execution, first, obeys)
            }
            None => {
                let (attempt, losses) = (attempts(claimed.attempt), attempts(claimed.losses));
                let first = vec![EventKind::Started { attempt, losses }];
                (Execution::new(program, facts), first, false)
            }
        };
        let steps = Steps::new(shared.clone(), claimed.id, claimed.tenant, clock);
        let (job, lease) = (claimed.id, claimed.lease);
        Ok((
            Self {
                job,
                lease,
                shared,
                outbox,
                execution,
                steps,
                clock,
                obeys,
                remembers,
                members: 0,
                chunk_sizes: HashMap::new(),
            },
            first,
        ))
    }
}

/// What the job remembers, if it has a journal. One that came back from a lost lease may have begun it
/// in the very moment in which the lease was taken: its extent does not know, so we look.
async fn memory(claimed: &Claimed, shared: &Shared) -> Result<Option<Loaded>, Stuck> {
    if !claimed.journaled && claimed.losses == 0 {
        return Ok(None);
    }
    let loaded = shared.store.load(claimed.id).await;
    let loaded = loaded.map_err(|error| unread(claimed.id, &error))?;
    let has_begun = loaded.head.is_some() || !loaded.entries.is_empty();
    Ok((claimed.journaled || has_begun).then_some(loaded))
}

/// What somebody ordered while the job had no worker.
async fn order_for(claimed: &Claimed, shared: &Shared) -> Result<Option<EventKind>, Stuck> {
    let order = shared.store.order_of(claimed.id, claimed.lease).await;
    let order = order.map_err(|error| unread(claimed.id, &error))?;
    Ok(order.flatten().map(|order| order::cancel_event(&order)))
}

fn attempts(count: i16) -> u32 {
    u32::try_from(count).unwrap_or_default()
}

async fn facts_of(claimed: &Claimed, shared: &Shared) -> Result<JobFacts, Stuck> {
    let input = Value::parse(&claimed.input)
        .map_err(|error| Stuck::Park(format!("input_unreadable: {error}")))?;
    let batch = match claimed.batch {
        None => None,
        Some(batch) => {
            let of = shared
                .batches
                .get(batch)
                .await
                .map_err(|error| unread(claimed.id, &error))?;
            Some(BatchFacts {
                id: format!("b_{batch}"),
                configuration: of.configuration.clone(),
                strategy: of.strategy.clone(),
                index: of.index_of(claimed.id),
                of: u64::try_from(of.jobs).unwrap_or_default(),
                key: claimed.member_key.clone(),
                object: claimed.object.clone(),
                slot: of.slot,
                context: of.context.clone(),
                chunks: None,
            })
        }
    };
    Ok(JobFacts {
        id: claimed.id,
        nonce: claimed.nonce,
        input,
        created_at: claimed.created_at,
        tenant: claimed.tenant.to_string(),
        batch,
    })
}

fn no_program(job: i64, error: &NoProgram) -> Stuck {
    match error {
        NoProgram::Store(error) => unread(job, error),
        NoProgram::Unbuildable(why) => Stuck::Park(format!("program_unbuildable: {why}")),
    }
}

fn unread(job: i64, error: &windlass_engine::Error) -> Stuck {
    debug!(job.id = job, error = %error, "a job could not be loaded; it is given back");
    Stuck::Back
}
