//! What a schedule starts: a batch of a job configuration, or a job of a template.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use windlass_workflows::calendar::{Interval, Overlap, Rule, Schedule};
use windlass_workflows::configuration::{Timing, timing};
use windlass_workflows::plan::SlotScope;
use windlass_workflows::value::Value;

use super::create::{Made, Recipe, Source, insert};
use super::known::Known;
use super::own::is_own;
use super::work::Work;
use crate::store::{Desk, LaneKey, NewRequest, Session, calendar};
use crate::{Error, Store};

/// What was started: one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// A batch of a job configuration.
    pub batch: Option<i64>,
    /// A job of a template.
    pub job: Option<i64>,
    /// Whether an earlier call under the same key started it.
    pub is_repeat: bool,
}

/// What a slot starts.
pub(super) enum Start {
    /// A batch.
    Batch(Box<Recipe>),
    /// A job.
    Job(Box<OwnStart>),
}

/// The job of a template's own schedule.
pub(super) struct OwnStart {
    store: Store,
    tenant: i32,
    name: String,
    revision: i32,
    /// How its slots are judged; of one that counts from the end of its last job, that alone.
    schedule: Option<Schedule>,
    is_after: bool,
    known: Arc<Known>,
    request: NewRequest,
}

impl Store {
    /// What a schedule starts now.
    ///
    /// # Errors
    /// As resolving its template; `not_found`.
    pub(super) async fn start_of(&self, tenant: i32, name: &str) -> Result<Start, Error> {
        if !is_own(name) {
            let recipe = self.recipe(tenant, &Source::Named(name.to_owned())).await?;
            return Ok(Start::Batch(Box::new(recipe)));
        }
        let view = self.schedule(tenant, name).await?;
        let unreadable = |message: String| Error::Unreadable {
            noun: "schedule",
            name: name.to_owned(),
            message,
        };
        let rule = Value::parse(&view.rule).map_err(|error| unreadable(error.to_string()))?;
        let said = timing(&rule).map_err(|problems| unreadable(format!("{problems:?}")))?;
        let label = view.template.unwrap_or_default();
        let known = self.looked_up(tenant, &Work::Template(label), true).await?;
        let nothing = Value::map([] as [(&str, Value); 0]);
        let is_after = matches!(said, Timing::After(_));
        let schedule = match said {
            Timing::Slots(schedule) => Some(*schedule),
            Timing::After(every) => Some(Schedule {
                // Only one that a person started beside it can be open.
                overlap: Overlap::QueueOne,
                ..Schedule::new(Rule::Interval(Interval {
                    every,
                    anchor: None,
                }))
            }),
            Timing::Events => None,
        };
        Ok(Start::Job(Box::new(OwnStart {
            store: self.clone(),
            tenant,
            name: name.to_owned(),
            revision: view.revision,
            schedule,
            is_after,
            request: known.job(self, &nothing).await?,
            known,
        })))
    }
}

impl Start {
    /// How its slots are judged.
    pub(super) fn schedule(&self) -> Option<&Schedule> {
        match self {
            Self::Batch(recipe) => recipe.configuration.schedule.as_ref(),
            Self::Job(own) => own.schedule.as_ref(),
        }
    }

    /// Whether it counts from the end of its last job.
    pub(super) fn is_after(&self) -> bool {
        matches!(self, Self::Job(own) if own.is_after)
    }

    /// Whose rule this is.
    pub(super) fn revision(&self) -> Option<i32> {
        match self {
            Self::Batch(recipe) => recipe.stored.as_ref().map(|(_, revision)| *revision),
            Self::Job(own) => Some(own.revision),
        }
    }

    /// Where its work stands.
    pub(super) fn lane(&self, tenant: i32) -> LaneKey {
        match self {
            Self::Batch(recipe) => recipe.lane(tenant, 0),
            Self::Job(own) => own.known.resolved.lane(tenant, 0),
        }
    }

    /// Whether something that it started is open.
    pub(super) async fn any_open(
        &self,
        connection: &mut Session,
        tenant: i32,
        name: &str,
    ) -> Result<bool, Error> {
        if let Self::Job(_) = self {
            let row = sqlx::query_file!("queries/schedule/open_jobs.sql", tenant, name)
                .fetch_one(connection)
                .await?;
            return Ok(row.any_open);
        }
        let row = sqlx::query_file!("queries/batch/any_open.sql", tenant, name)
            .fetch_one(connection)
            .await?;
        Ok(row.any_open)
    }

    /// Starts it, as a slot or beside them; or what a limit says that is full.
    pub(super) async fn make(
        &self,
        connection: &mut Session,
        tenant: i32,
        slot: Option<DateTime<Utc>>,
        who: &str,
    ) -> Result<Result<Started, String>, Error> {
        match self {
            Self::Batch(recipe) => {
                let made = made(connection, tenant, recipe, slot, who).await?;
                let batch = insert(connection, tenant, recipe, &made).await?;
                Ok(Ok(Started {
                    batch: Some(batch),
                    ..Started::default()
                }))
            }
            Self::Job(own) => own.make(connection, slot, who).await,
        }
    }
}

/// How a batch is called; one beside the slots is nobody's.
async fn made(
    connection: &mut Session,
    tenant: i32,
    recipe: &Recipe,
    slot: Option<DateTime<Utc>>,
    who: &str,
) -> Result<Made, Error> {
    let scope = match slot.zip(recipe.configuration.schedule.as_ref()) {
        Some((at, schedule)) => {
            let calendar = calendar::of(connection, tenant, schedule).await?;
            Some(SlotScope::of(schedule, calendar.as_ref(), at))
        }
        None => None,
    };
    Ok(Made {
        name: scope
            .as_ref()
            .map(|scope| format!("{} {}", recipe.name(), scope.wall.format("%Y-%m-%d %H:%M"))),
        who: who.to_owned(),
        idempotency_key: None,
        schedule: scope.as_ref().map(|_| recipe.name().to_owned()),
        slot: scope,
    })
}

impl OwnStart {
    async fn make(
        &self,
        connection: &mut Session,
        slot: Option<DateTime<Utc>>,
        who: &str,
    ) -> Result<Result<Started, String>, Error> {
        let request = NewRequest {
            tags: Some(tags(&self.name, slot)),
            start_at: self.dark_until(connection).await?,
            ..self.request.clone()
        };
        let desk = Desk {
            tenant: self.tenant,
            who,
            stamp: None,
        };
        let job = match self.store.start_on(connection, desk, &request).await? {
            Ok(job) => job,
            Err(full) => return Ok(Err(full)),
        };
        sqlx::query_file!("queries/schedule/note_job.sql", self.tenant, self.name, job)
            .execute(connection)
            .await?;
        Ok(Ok(Started {
            job: Some(job),
            ..Started::default()
        }))
    }
}

impl OwnStart {
    /// When a blackout of its calendar is over that lies over the present: its job waits for that, as a batch would.
    async fn dark_until(&self, connection: &mut Session) -> Result<Option<DateTime<Utc>>, Error> {
        let Some(schedule) = &self.schedule else {
            return Ok(None);
        };
        let Some(calendar) = calendar::of(connection, self.tenant, schedule).await? else {
            return Ok(None);
        };
        let clock = sqlx::query_file!("queries/cluster/clock.sql")
            .fetch_one(connection)
            .await?;
        // The clock of development moves schedules and not jobs.
        let offset = TimeDelta::seconds(clock.offset_seconds);
        Ok(calendar.dark_until(clock.now).map(|until| until - offset))
    }
}

/// By which people find the jobs of a schedule.
fn tags(schedule: &str, slot: Option<DateTime<Utc>>) -> serde_json::Value {
    let mut tags = json!({ "schedule": schedule });
    if let Some(at) = slot {
        tags["slot"] = at.to_rfc3339_opts(SecondsFormat::AutoSi, true).into();
    }
    tags
}
