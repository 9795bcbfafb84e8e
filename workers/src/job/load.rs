//! What a job begins with: its program, its memory, what it may know of its batch.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tracing::debug;
use windlass_engine::store::{BatchOf, Claimed, Loaded};
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::{Execution, JobFacts, Unloadable};
use windlass_workflows::policy::step::StepRetry;
use windlass_workflows::program::Program;
use windlass_workflows::value::Value;

use super::Stuck;
use super::child::STEP_JOB;
use super::clock::Clock;
use super::conduct::Conduct;
use super::finished;
use super::mailbox::{Mailbox, next_look};
use super::order;
use super::steps::Steps;
use crate::programs::NoProgram;
use crate::pump::outbox::Outbox;
use crate::shared::Shared;

/// A job at its beginning, and what happens first.
type First = (Box<Conduct>, Vec<EventKind>);

impl Conduct {
    /// The job, if all that it needs is at hand: it remembers nothing, and its program and its batch are
    /// kept here. Else nothing, and [`Conduct::load`] must ask the database.
    pub(super) fn at_hand(
        claimed: &Claimed,
        shared: &Arc<Shared>,
        outbox: &Rc<Outbox>,
    ) -> Option<Result<First, Stuck>> {
        if claimed.journaled || claimed.losses > 0 {
            return None;
        }
        let program = shared.programs.kept(claimed.template_version)?;
        if finished::may_have(claimed, &program) {
            return None;
        }
        let batch = match claimed.batch {
            None => None,
            Some(batch) => Some(shared.batches.kept(batch, claimed.id)?),
        };
        let retry = match claimed.retry_revision {
            None => None,
            Some(revision) => shared.retries.kept((claimed.lane, revision))?,
        };
        let facts = facts_of(claimed, &program, batch.as_deref(), retry);
        let execution = facts.map(|facts| Execution::new(program, facts));
        Some(execution.map(|execution| Self::fresh(claimed, shared, outbox, execution)))
    }

    /// Loads the job, and says what happens first.
    pub(super) async fn load(
        claimed: &Claimed,
        shared: &Arc<Shared>,
        outbox: &Rc<Outbox>,
    ) -> Result<First, Stuck> {
        let program = shared.programs.get(claimed.template_version).await;
        let program = program.map_err(|error| no_program(claimed.id, &error))?;
        let batch = match claimed.batch {
            None => None,
            Some(batch) => {
                let found = shared.batches.get(batch, claimed.id).await;
                Some(found.map_err(|error| unread(claimed.id, &error))?)
            }
        };
        let retry = match claimed.retry_revision {
            None => None,
            Some(revision) => {
                let found = shared.retries.get((claimed.lane, revision)).await;
                found.map_err(|error| no_retry(claimed.id, &error))?
            }
        };
        let facts = facts_of(claimed, &program, batch.as_deref(), retry)?;
        let finished = finished::before(claimed, shared, &program, &facts).await?;
        let Some(loaded) = memory(claimed, shared).await? else {
            let execution = Execution::new(program, facts).after(finished);
            return Ok(Self::fresh(claimed, shared, outbox, execution));
        };
        let order = order_for(claimed, shared).await?;
        let obeys = order.is_some();
        let execution =
            Execution::load(program, facts, loaded.head, loaded.entries).map_err(unloadable)?;
        let execution = execution.after(finished);
        let mut conduct = Self::standing(claimed, shared, outbox, execution);
        (conduct.obeys, conduct.remembers) = (obeys, true);
        let told = conduct.told().await?;
        // Whoever was lost was lost before all that; and it is the last that may fail.
        let mut first = conduct.unknown_effects().await?;
        let is_known = first.is_empty();
        first.extend(order);
        first.extend(told);
        // A step that stops here waits for a person; what has fallen due is heard all the same.
        first.extend(is_known.then_some(EventKind::Due));
        Ok((conduct, first))
    }

    fn fresh(
        claimed: &Claimed,
        shared: &Arc<Shared>,
        outbox: &Rc<Outbox>,
        execution: Execution,
    ) -> First {
        let (attempt, losses) = (attempts(claimed.attempt), attempts(claimed.losses));
        let conduct = Self::standing(claimed, shared, outbox, execution);
        (conduct, vec![EventKind::Started { attempt, losses }])
    }

    fn standing(
        claimed: &Claimed,
        shared: &Arc<Shared>,
        outbox: &Rc<Outbox>,
        execution: Execution,
    ) -> Box<Self> {
        let clock = Clock::starting(claimed.claimed_at);
        let steps = Steps::new(shared.clone(), claimed, execution.marks(), clock);
        Box::new(Self {
            job: claimed.id,
            lease: claimed.lease,
            shared: shared.clone(),
            outbox: outbox.clone(),
            execution,
            steps,
            clock,
            obeys: false,
            remembers: false,
            tenant: claimed.tenant,
            lane: claimed.lane,
            parent: claimed.parent,
            mailbox: Mailbox::default(),
            collect_at: next_look(),
            members: 0,
            chunk_sizes: HashMap::new(),
        })
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

fn facts_of(
    claimed: &Claimed,
    program: &Program,
    batch: Option<&BatchOf>,
    retry: Option<Arc<StepRetry>>,
) -> Result<JobFacts, Stuck> {
    // A step's job has the step's call inside its input: three levels more than a value may have.
    let input = Value::parse_within(&claimed.input, 67)
        .map_err(|error| Stuck::Park(format!("input_unreadable: {error}")))?;
    // Its input is a call with the secrets of its template: only the job that asks for it says which, and once.
    if program.is_step() && input.get(STEP_JOB).and_then(Value::as_i64) != Some(claimed.id) {
        return Err(Stuck::Unasked);
    }
    let (key, object) = (claimed.member_key.clone(), claimed.object.clone());
    let item_key = key.clone().filter(|_| claimed.batch.is_none());
    let batch = batch.map(|of| of.facts(claimed.id, key, object));
    Ok(JobFacts {
        id: claimed.id,
        nonce: claimed.nonce,
        input,
        created_at: claimed.created_at,
        tenant: claimed.tenant.to_string(),
        batch,
        timeout: claimed.timeout,
        retry,
        item_key,
    })
}

/// A later binary can go on with the job, a damaged memory needs a person.
fn unloadable(error: Unloadable) -> Stuck {
    match error {
        Unloadable::NewerFormat { .. } => Stuck::Defer(error.to_string()),
        Unloadable::Damaged { .. } => Stuck::Park(error.to_string()),
    }
}

pub(super) fn no_program(job: i64, error: &NoProgram) -> Stuck {
    match error {
        NoProgram::Store(error) => unread(job, error),
        NoProgram::Unbuildable(why) => Stuck::Park(format!("program_unbuildable: {why}")),
    }
}

/// What a later release applied, its own workers can read.
fn no_retry(job: i64, error: &windlass_engine::Error) -> Stuck {
    match error {
        windlass_engine::Error::Unreadable { .. } => Stuck::Defer(error.to_string()),
        _ => unread(job, error),
    }
}

pub(super) fn unread(job: i64, error: &windlass_engine::Error) -> Stuck {
    debug!(job.id = job, error = %error, "a job could not be loaded; it is given back");
    Stuck::Back
}
