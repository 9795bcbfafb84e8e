//! A job as whoever changes it finds it: its row, its program, its memory, and whether it may be changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::SubsecRound;
use windlass_workflows::machine::JobFacts;
use windlass_workflows::problem::Problem;
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::value::Value;

use super::Flight;
use crate::store::flight::FlightRow;
use crate::store::{JobView, Loaded};
use crate::vocabulary::JobState;
use crate::{Error, Store};

/// Entries that a rewind or a copy looks back over: further back a job goes to no step.
const ENTRIES_MAX: i32 = 10_000;

/// Programs that are at hand: many jobs follow the same few.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<HashMap<i32, Arc<Program>>>);

impl Shelf {
    fn get(&self, version: i32) -> Option<Arc<Program>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&version).cloned()
    }

    fn put(&self, version: i32, program: &Arc<Program>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(version, program.clone());
    }
}

/// Another version that a job goes on under.
pub(super) struct Version {
    pub(super) id: i32,
    pub(super) capability: String,
    pub(super) label: String,
    pub(super) program: Arc<Program>,
}

/// A job as it is found.
pub(super) struct Standing {
    pub(super) view: JobView,
    pub(super) row: FlightRow,
    /// Its own row, or that of the job that is copied from it.
    pub(super) facts: JobFacts,
    pub(super) to: Option<Version>,
    /// The job that is changed or copied.
    pub(super) of: JobFacts,
    pub(super) program: Arc<Program>,
    pub(super) memory: Loaded,
}

impl Store {
    /// Everything that a change is made of. A copy has the number `copy`.
    pub(super) async fn standing(
        &self,
        tenant: i32,
        job: i64,
        flight: &Flight,
        copy: Option<i64>,
        shelf: &Shelf,
    ) -> Result<Standing, Error> {
        let view = self.job(tenant, job).await?;
        changeable(&view, flight)?;
        let row = self.flight_row(tenant, job).await?;
        let batch = match row.batch {
            Some(batch) => Some(self.batch_of(batch).await?),
            None => None,
        };
        let retry = match row.retry_revision {
            Some(revision) => self.step_retry(row.lane, revision).await?,
            None => None,
        };
        let (key, object) = (row.member_key.clone(), row.object.clone());
        let input = Value::parse(&row.input).map_err(|error| unreadable(job, error.to_string()))?;
        let of = JobFacts {
            id: job,
            nonce: row.nonce,
            input,
            created_at: row.created_at,
            tenant: tenant.to_string(),
            timeout: row
                .timeout
                .and_then(|length| Duration::try_from_secs_f64(length).ok()),
            retry: retry.map(Arc::new),
            item_key: key.clone().filter(|_| row.batch.is_none()),
            batch: batch.map(|batch| batch.facts(job, key, object)),
        };
        let facts = match copy {
            None => of.clone(),
            Some(id) => JobFacts {
                id,
                nonce: rand::random(),
                created_at: row.now.trunc_subsecs(6),
                batch: None,
                item_key: None,
                ..of.clone()
            },
        };
        let to = match flight {
            Flight::Migrate { to, .. } => Some(self.version(tenant, &view, to, shelf).await?),
            _ => None,
        };
        Ok(Standing {
            program: self.program_of(row.template_version, shelf).await?,
            memory: self.history(job, ENTRIES_MAX).await?,
            view,
            row,
            facts,
            to,
            of,
        })
    }

    /// Another version of the same template.
    async fn version(
        &self,
        tenant: i32,
        view: &JobView,
        to: &str,
        shelf: &Shelf,
    ) -> Result<Version, Error> {
        let name = view.template.split('@').next().unwrap_or_default();
        let found = self.template(tenant, &format!("{name}@{to}")).await?;
        let label = format!("{}.{}@{}", found.namespace, found.name, found.version);
        if label == view.template {
            let message = format!("the job is of {label} already");
            return Err(Error::invalid(Problem::new("flight.here", "/to", message)));
        }
        Ok(Version {
            program: self.program_of(found.id, shelf).await?,
            id: found.id,
            capability: found.capability,
            label,
        })
    }

    async fn program_of(&self, version: i32, shelf: &Shelf) -> Result<Arc<Program>, Error> {
        if let Some(program) = shelf.get(version) {
            return Ok(program);
        }
        let pinned = self.pinned(version).await?;
        let unreadable = |message: String| Error::Unreadable {
            noun: "template version",
            name: pinned.label.clone(),
            message,
        };
        let bundle = Bundle::from_json(&pinned.bundle);
        let bundle = bundle.map_err(|error| unreadable(error.to_string()))?;
        let program = Program::build(&bundle).map_err(|error| unreadable(error.to_string()))?;
        let program = Arc::new(program);
        shelf.put(version, &program);
        Ok(program)
    }
}

/// Whether a person may change the job now.
fn changeable(view: &JobView, flight: &Flight) -> Result<(), Error> {
    let copies = matches!(flight, Flight::Fork { .. });
    let refused = |what: &str, hint: &str| {
        Err(Error::Conflict {
            code: "illegal_state",
            message: format!("job j_{} {what}", view.id),
            hint: Some(hint.to_owned()),
        })
    };
    let held = view.held.as_ref().map_or("", |held| held.reason.as_str());
    if !view.journaled {
        return refused(
            "keeps no journal: it has not begun, or begins again from its input",
            "there is nothing to go back to; submit it again with another input",
        );
    }
    if !copies && view.state.is_final() {
        return refused(
            "has already ended",
            "begin a new job from one of its steps: fork",
        );
    }
    if !copies && held == "cancelling" {
        return refused("is being cancelled", "a cancel is stronger");
    }
    match view.state {
        JobState::Running if !copies => Err(super::running(view.id)),
        _ => Ok(()),
    }
}

pub(super) fn unreadable(job: i64, message: String) -> Error {
    Error::Unreadable {
        noun: "job",
        name: format!("j_{job}"),
        message,
    }
}
