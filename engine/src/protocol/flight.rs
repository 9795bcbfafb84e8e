//! Changes of a job in flight as people ask for them: look at what one would do, then do just that.
//!
//! A preview is made from the journal and bears a token: the entry that it was made for, and a hash of what
//! was asked. Who applies gives the token back. A job that has gone on since, by a single entry, refuses, so
//! nobody gets more than the preview showed. Expressions are evaluated by the job's next worker and never
//! here, so no row is locked while anything is computed.

mod make;
mod stand;

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;
use windlass_workflows::machine::flight::{Again, By};
use windlass_workflows::value::Value;

use self::make::Made;
pub(crate) use self::stand::Shelf;
use self::stand::Standing;
use super::bulk::BulkFilter;
use crate::store::bulk::Ticket;
use crate::store::flight::{Amended, Amendment, CopiedJob};
use crate::store::{LaneKey, Post};
use crate::vocabulary::JobState;
use crate::{Error, Store};

/// What somebody wants to change.
#[derive(Clone, Debug, PartialEq)]
pub enum Flight {
    /// Back to a step: a pointer, or a name that no other task has; `#2` behind it names a visit.
    Rewind {
        /// Which step.
        to: String,
    },
    /// A new job that begins where this one was at a step.
    Fork {
        /// Which step.
        from: String,
    },
    /// A merge patch (RFC 7396) of the context.
    Patch {
        /// What is merged.
        with: Value,
    },
    /// Another version of its template.
    Migrate {
        /// Which one.
        to: String,
        /// Tasks that go on as others, by pointers of the old and the new version.
        steps: BTreeMap<String, String>,
    },
    /// A parked step counts as done.
    Skip {
        /// Which one, where several are parked.
        step: Option<String>,
        /// What it gave.
        output: Value,
    },
}

impl Flight {
    /// The verb.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Rewind { .. } => "rewind",
            Self::Fork { .. } => "fork",
            Self::Patch { .. } => "patch",
            Self::Migrate { .. } => "migrate",
            Self::Skip { .. } => "skip",
        }
    }

    /// It makes a job beside the other one.
    const fn copies(&self) -> bool {
        matches!(self, Self::Fork { .. })
    }

    /// In one line, to the letter: what a token stands for.
    fn said(&self) -> String {
        match self {
            Self::Rewind { to } => to.clone(),
            Self::Fork { from } => from.clone(),
            Self::Patch { with } => with.to_json(),
            Self::Migrate { to, steps } => format!("{to} {steps:?}"),
            Self::Skip { step, output } => format!("{step:?} {}", output.to_json()),
        }
    }

    fn token(&self, job: i64, seq: i32) -> String {
        let said = format!("{job} {} {}", self.verb(), self.said());
        let hash = Sha256::digest(said.as_bytes());
        format!("{seq}-{}", hex::encode(&hash[..8]))
    }
}

/// What a change would do.
#[derive(Clone, Debug, Serialize)]
pub struct FlightPreview {
    /// To be given back by whoever applies it.
    pub token: String,
    /// The entry of the journal that it was made for.
    pub seq: i32,
    /// Where the job stands now.
    pub state: JobState,
    /// Where it would stand then: `ready`, or as before, `parked` or `paused`.
    pub then: JobState,
    /// What would happen, in one line.
    pub what: String,
    /// Tasks at which it would go on, by pointer.
    pub goes_on_at: Vec<String>,
    /// Tasks that have run since and run again: what they did outside has happened.
    pub again: Vec<Again>,
    /// Open steps and children that end.
    pub stops: Vec<String>,
    /// Steps whose undos nobody keeps any more: what they did stays done.
    pub lost_undos: Vec<String>,
    /// Tasks of the present version that the other one does not have.
    pub removed: Vec<String>,
    /// What becomes of the context, a line a value.
    pub context: Vec<String>,
}

/// A change that was made.
#[derive(Clone, Debug)]
pub struct Flown {
    /// What it did.
    pub preview: FlightPreview,
    /// The job that goes on: of a fork, the new one.
    pub job: i64,
}

impl Store {
    /// What a change of a job would do. Nothing is stored.
    ///
    /// # Errors
    /// `not_found`; `invalid` with every reason why the job cannot be changed so; `job_running` while a worker
    /// has it; `illegal_state` for a job that has not begun, is ending or has ended, unless it is copied.
    pub async fn preview_flight(
        &self,
        tenant: i32,
        job: i64,
        flight: &Flight,
    ) -> Result<FlightPreview, Error> {
        let shelf = Shelf::default();
        self.preview_with(tenant, job, flight, &shelf).await
    }

    /// The same with programs that are at hand.
    pub(crate) async fn preview_with(
        &self,
        tenant: i32,
        job: i64,
        flight: &Flight,
        shelf: &Shelf,
    ) -> Result<FlightPreview, Error> {
        let copy = flight.copies().then_some(0);
        let standing = self.standing(tenant, job, flight, copy, shelf).await?;
        let (_, made) = make(standing, flight, By::default()).await?;
        Ok(made.preview)
    }

    /// Makes the change that a preview showed, in the name of `who`, because of `why`.
    ///
    /// # Errors
    /// As of [`Store::preview_flight`]; `preview_required` without its token, or with that of another change;
    /// `moved_on` when the job has gone on since.
    ///
    /// # Cancel safety
    /// One transaction, which ends by itself: the change is made or not.
    pub async fn fly(
        &self,
        tenant: i32,
        job: i64,
        flight: &Flight,
        token: &str,
        (who, why): (&str, &str),
    ) -> Result<Flown, Error> {
        let copy = match flight.copies() {
            true => self.child_ids(1).await?.first().copied(),
            false => None,
        };
        let by = By {
            who: who.to_owned(),
            why: why.to_owned(),
            what: String::new(),
        };
        let shelf = Shelf::default();
        let standing = self.standing(tenant, job, flight, copy, &shelf).await?;
        let (standing, made) = make(standing, flight, by).await?;
        check(job, token, &made.preview)?;
        match copy {
            Some(id) => self.write_copy(tenant, id, standing, made).await,
            None => self.write_change(tenant, standing, made, None).await,
        }
    }

    /// Makes the change of one of many jobs as it stands now, if `filter` still is for it; taken out of its page with that.
    ///
    /// # Cancel safety
    /// As of [`Store::fly`].
    pub(crate) async fn fly_one_of_many(
        &self,
        tenant: i32,
        (job, ticket): (i64, Ticket),
        (flight, by): (&Flight, By),
        shelf: &Shelf,
        filter: &BulkFilter,
    ) -> Result<Flown, Error> {
        let standing = self.standing(tenant, job, flight, None, shelf).await?;
        self.bulk_fits(&standing.view, filter).await?;
        let (standing, made) = make(standing, flight, by).await?;
        self.write_change(tenant, standing, made, Some(ticket))
            .await
    }

    async fn write_copy(
        &self,
        tenant: i32,
        id: i64,
        standing: Standing,
        made: Made,
    ) -> Result<Flown, Error> {
        let key = self.lane_key(standing.row.lane).await?;
        let copy = CopiedJob {
            id,
            tenant,
            lane: self.lane(&LaneKey { batch: 0, ..key }).await?,
            template_version: standing.row.template_version,
            nonce: standing.facts.nonce,
            input: standing.row.input,
            created_at: standing.facts.created_at,
            timeout: standing.row.timeout,
            retry_revision: standing.row.retry_revision,
            entry: made.entry,
            head: made.head,
        };
        self.copy_job(copy).await?;
        Ok(Flown {
            preview: made.preview,
            job: id,
        })
    }

    async fn write_change(
        &self,
        tenant: i32,
        standing: Standing,
        made: Made,
        ticket: Option<Ticket>,
    ) -> Result<Flown, Error> {
        let job = standing.view.id;
        let moved = match standing.to {
            Some(to) => {
                let key = self.lane_key(standing.row.lane).await?;
                let (id, capability) = (to.id, to.capability);
                Some((id, self.lane(&LaneKey { capability, ..key }).await?))
            }
            None => None,
        };
        let amendment = Amendment {
            job,
            entry: made.entry,
            head: made.head,
            post: Post {
                tenant,
                ..made.post
            },
            moved,
            lets_go: made.preview.then == JobState::Ready,
            batch: standing.row.batch,
            ticket,
        };
        match self.amend(tenant, amendment).await? {
            Amended::Written => Ok(Flown {
                preview: made.preview,
                job,
            }),
            Amended::MovedOn => Err(moved_on(job)),
            Amended::Away => Err(running(job)),
        }
    }
}

/// Reading a long journal takes a while: not where others wait.
async fn make(standing: Standing, flight: &Flight, by: By) -> Result<(Standing, Made), Error> {
    let flight = flight.clone();
    let made = spawn_blocking(move || standing.make(&flight, by).map(|made| (standing, made)));
    match made.await {
        Ok(made) => made,
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

/// Whether a token is that of this very preview.
fn check(job: i64, token: &str, preview: &FlightPreview) -> Result<(), Error> {
    if token == preview.token {
        return Ok(());
    }
    let seq = token.split_once('-').and_then(|(seq, _)| seq.parse().ok());
    if seq.is_some_and(|seq: i32| seq != preview.seq) {
        return Err(moved_on(job));
    }
    Err(Error::Conflict {
        code: "preview_required",
        message: format!("a change of job j_{job} needs the token of its preview"),
        hint: Some("ask for the preview of just this change first, and give its token back".into()),
    })
}

fn moved_on(job: i64) -> Error {
    Error::Conflict {
        code: "moved_on",
        message: format!("job j_{job} has gone on since the preview; nothing was changed"),
        hint: Some("look at a new preview".into()),
    }
}

fn running(job: i64) -> Error {
    Error::Conflict {
        code: "job_running",
        message: format!("a worker has job j_{job} at this moment"),
        hint: Some(
            "pause the job, and change it once it is paused; or try again when it waits".into(),
        ),
    }
}
