//! Submission: requests become jobs. An answer is given only after its commit.
//!
//! ```text
//! submit ─┬─ nothing said beside the input ─▶ plain: one statement, or COPY for many
//!         ├─ key, tags, times ──────────────▶ said: one statement, keys in their order
//!         └─ a key that replaces ───────────▶ replace: a short transaction each
//! ```
//!
//! Requests of different kinds never share a statement: a caller's open transaction may hold a key for
//! minutes. A statement that Postgres refuses is halved until the bad request stands alone, so nobody
//! pays for a neighbour.

pub(crate) mod combine;
mod plain;
mod replace;
mod said;
mod terms;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use sha2::{Digest, Sha256};

pub use self::terms::{Hold, OnDuplicate, Terms};
use super::Store;
use super::gate::Session;
use crate::Error;

/// Requests in one statement.
pub const SUBMIT_MAX: usize = 1_000;

/// How a transaction says that nothing may be stored: names may mean something else.
const STALE: &str = "catalogue_changed";

/// How it says that a job that is to be replaced changed hands all the time.
const BUSY: &str = "in_flight";

/// Requests of which nothing is said go up to so many at a time.
const COPY_MAX: usize = 10_000;

/// A request whose template is resolved and whose input is checked.
#[derive(Clone, Debug, Default)]
pub struct NewRequest {
    /// From [`Store::lane`].
    pub lane: i32,
    /// Row of the template version that it is pinned to.
    pub template_version: i32,
    /// JSON text.
    pub input: String,
    /// At most one job per key within its hold.
    pub idempotency_key: Option<String>,
    /// Where the key counts, how long, and what a repeat does.
    pub terms: Terms,
    /// What must be equal for a repeated key to mean the same request; from the columns unless given.
    pub print: Option<Vec<u8>>,
    /// Not before this instant.
    pub start_at: Option<DateTime<Utc>>,
    /// Not started by this instant, it ends `expired`.
    pub expires_at: Option<DateTime<Utc>>,
    /// Where it says no such instant: not started so long after it was due.
    pub expires_after: Option<Duration>,
    /// How long it may take from its start on, where its template says nothing of that.
    pub timeout: Option<Duration>,
    /// The revision of its purpose that says what becomes of failed steps.
    pub retry_revision: Option<i32>,
    /// Seconds by which the job may overtake later ones; negative to fall behind.
    pub priority: i32,
    /// A JSON object of text values.
    pub tags: Option<serde_json::Value>,
    /// Keys of limits that do not let it wait, sorted.
    pub bounded: Vec<String>,
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// A new job.
    Created {
        /// Its id.
        job: i64,
    },
    /// A new job in place of one that nobody had started, which ended.
    Replaced {
        /// The new job's id.
        job: i64,
        /// The ended job.
        old: i64,
    },
    /// A new job behind one that had started.
    Succeeds {
        /// The new job's id.
        job: i64,
        /// The job that had started.
        first: i64,
    },
    /// The queued job starts at the new time.
    Extended {
        /// It keeps its id and its input.
        job: i64,
    },
    /// The key was used before for the same payload.
    Duplicate {
        /// The first job.
        job: i64,
    },
    /// The key was used before for another payload.
    KeyReused {
        /// The first job.
        job: i64,
    },
    /// The key was used before, and the caller wanted no second answer.
    Rejected {
        /// The first job.
        job: i64,
    },
    /// The key's first request is still being stored by somebody else.
    InFlight,
}

/// What a statement did with one request.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It is answered; new jobs were made at this time.
    Answered(Submitted, Option<DateTime<Utc>>),
    /// Names may mean something else since it was resolved; nothing was stored.
    Stale,
    /// Postgres refused it, alone.
    Failed(Error),
}

/// For whom, and under which stamp of the catalogue names were resolved; none trusts them as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Desk<'a> {
    pub(crate) tenant: i32,
    pub(crate) who: &'a str,
    pub(crate) stamp: Option<i64>,
}

impl Store {
    /// Stores up to [`SUBMIT_MAX`] requests, each with its holder; answers in order.
    ///
    /// # Errors
    /// The first one that Postgres gave. Other requests of the call may be stored; a repeat with the
    /// same keys finds them.
    ///
    /// # Cancel safety
    /// Dropped, the statement may still commit; a repeat with the same keys finds its jobs.
    pub async fn submit(
        &self,
        tenant: i32,
        who: &str,
        requests: &[NewRequest],
    ) -> Result<Vec<Submitted>, Error> {
        assert!(
            requests.len() <= SUBMIT_MAX,
            "callers send pages of SUBMIT_MAX"
        );
        let desk = Desk {
            tenant,
            who,
            stamp: None,
        };
        let requests: Vec<&NewRequest> = requests.iter().collect();
        let fates = self.submit_all(desk, &requests).await;
        fates.into_iter().map(Fate::answer).collect()
    }

    /// Each request on its own merits: what is wrong with one stops no other. Answers in order.
    ///
    /// # Cancel safety
    /// As [`Store::submit`].
    pub(crate) async fn submit_all(&self, desk: Desk<'_>, requests: &[&NewRequest]) -> Vec<Fate> {
        let kinds: Vec<Kind> = requests.iter().map(|one| Kind::of(one)).collect();
        if kinds.iter().all(|kind| *kind == Kind::Plain) {
            return self.submit_kind(Kind::Plain, desk, requests).await;
        }
        let mut fates: Vec<Option<Fate>> = Vec::new();
        fates.resize_with(requests.len(), || None);
        for kind in Kind::ALL {
            let places: Vec<usize> = (0..requests.len())
                .filter(|place| kinds[*place] == kind)
                .collect();
            let group: Vec<&NewRequest> = places.iter().map(|place| requests[*place]).collect();
            let answers = self.submit_kind(kind, desk, &group).await;
            for (place, fate) in places.into_iter().zip(answers) {
                fates[place] = Some(fate);
            }
        }
        fates
            .into_iter()
            .map(|fate| fate.unwrap_or(Fate::Stale))
            .collect()
    }

    /// Requests of one kind, in statements of which none meets a key twice.
    async fn submit_kind(&self, kind: Kind, desk: Desk<'_>, requests: &[&NewRequest]) -> Vec<Fate> {
        let mut fates = Vec::with_capacity(requests.len());
        let mut rest = requests;
        while !rest.is_empty() {
            let size = match kind {
                Kind::Replacing | Kind::Bounded => 1,
                Kind::Keyed => distinct_prefix(&rest[..rest.len().min(SUBMIT_MAX)]),
                Kind::Said => rest.len().min(SUBMIT_MAX),
                Kind::Plain => rest.len().min(COPY_MAX),
            };
            let (group, behind) = rest.split_at(size);
            self.submit_group(kind, desk, group, &mut fates).await;
            rest = behind;
        }
        fates
    }

    /// One statement; refused, its halves.
    fn submit_group<'a>(
        &'a self,
        kind: Kind,
        desk: Desk<'a>,
        group: &'a [&'a NewRequest],
        fates: &'a mut Vec<Fate>,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let before = fates.len();
            let error = match self.submit_once(kind, desk, group).await {
                Ok(answers) => return fates.extend(answers),
                Err(error) => error,
            };
            fates.truncate(before);
            if group.len() > 1 && !error.is_transient() {
                let (left, right) = group.split_at(group.len() / 2);
                self.submit_group(kind, desk, left, fates).await;
                self.submit_group(kind, desk, right, fates).await;
            } else if error.is_busy() && group[0].idempotency_key.is_some() {
                fates.push(Fate::Answered(Submitted::InFlight, None));
            } else {
                let said = error.to_string();
                fates.push(Fate::Failed(error));
                // The fate of all is unknown; each hears so.
                let lost = || sqlx::Error::Protocol(said.clone());
                fates.extend(group[1..].iter().map(|_| Fate::Failed(lost().into())));
            }
        })
    }

    async fn submit_once(
        &self,
        kind: Kind,
        desk: Desk<'_>,
        group: &[&NewRequest],
    ) -> Result<Vec<Fate>, Error> {
        let fates = match (kind, group) {
            (_, []) => return Ok(Vec::new()),
            // These tell the workers themselves.
            (Kind::Plain, _) => return self.submit_plain(desk, group).await,
            (Kind::Said | Kind::Keyed, _) => {
                let mut connection = self.pool().acquire().await?;
                let lanes = group.iter().map(|request| request.lane);
                let turn = self.notifier.turn(lanes);
                return said::store(&self.ids, &mut connection, desk, group, turn.says()).await;
            }
            (Kind::Replacing, [one, ..]) => vec![self.submit_replacing(desk, one).await?],
            (Kind::Bounded, [one, ..]) => vec![self.submit_bounded(desk, one).await?],
        };
        self.notifier.tell();
        Ok(fates)
    }

    /// Stores one request inside somebody's transaction.
    pub(super) async fn submit_on(
        &self,
        connection: &mut Session,
        desk: Desk<'_>,
        request: &NewRequest,
    ) -> Result<Fate, Error> {
        if Kind::beside_limits(request) == Kind::Replacing {
            let id = self.ids.take(connection, 1).await?[0];
            return replace::replace(connection, desk, request, id).await;
        }
        let fates = said::store(&self.ids, connection, desk, &[request], None).await?;
        Ok(fates.into_iter().next().unwrap_or(Fate::Stale))
    }
}

/// Which way a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing is said beside the input; who asked is not worth a row of its own.
    Plain,
    /// Something is said, and worth a row.
    Said,
    /// It has an idempotency key.
    Keyed,
    /// Its key may replace or put off another job.
    Replacing,
    /// It is under a limit that does not let it wait.
    Bounded,
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Plain,
        Self::Said,
        Self::Keyed,
        Self::Replacing,
        Self::Bounded,
    ];

    pub(crate) fn of(request: &NewRequest) -> Self {
        match request.bounded.is_empty() {
            true => Self::beside_limits(request),
            false => Self::Bounded,
        }
    }

    fn beside_limits(request: &NewRequest) -> Self {
        let expires = request.expires_at.is_some() || request.expires_after.is_some();
        let timed = request.start_at.is_some()
            || request.timeout.is_some()
            || request.retry_revision.is_some();
        let is_said = timed || expires || request.tags.is_some();
        match &request.idempotency_key {
            Some(_) if request.terms.on_duplicate.replaces() => Self::Replacing,
            Some(_) => Self::Keyed,
            None if is_said => Self::Said,
            None => Self::Plain,
        }
    }
}

impl Fate {
    /// What a transaction that was rolled back by one of our words means.
    pub(super) fn of_transaction(stored: Result<Self, Error>) -> Result<Self, Error> {
        match stored {
            Err(Error::Conflict { code: STALE, .. }) => Ok(Self::Stale),
            Err(Error::Conflict { code: BUSY, .. }) => {
                Ok(Self::Answered(Submitted::InFlight, None))
            }
            other => other,
        }
    }

    /// The job that was made.
    pub(super) fn new_job(&self) -> Option<i64> {
        match self {
            Self::Answered(
                Submitted::Created { job }
                | Submitted::Replaced { job, .. }
                | Submitted::Succeeds { job, .. },
                _,
            ) => Some(*job),
            _ => None,
        }
    }

    fn answer(self) -> Result<Submitted, Error> {
        match self {
            Self::Answered(submitted, _) => Ok(submitted),
            Self::Failed(error) => Err(error),
            Self::Stale => unreachable!("only what has a stamp can be stale"),
        }
    }
}

impl NewRequest {
    /// Its key and the scope in which it counts.
    fn scoped_key(&self) -> Option<(&str, &str)> {
        let key = self.idempotency_key.as_deref()?;
        Some((self.terms.scope.as_str(), key))
    }

    /// What must be equal for a repeated key to mean the same request.
    fn print(&self) -> Vec<u8> {
        if let Some(print) = &self.print {
            return print.clone();
        }
        let mut hash = Sha256::new();
        hash.update(self.lane.to_be_bytes());
        hash.update(self.priority.to_be_bytes());
        hash.update(format!("{:?} {:?}", self.start_at, self.expires_at));
        hash.update(
            self.tags
                .as_ref()
                .map_or_else(String::new, ToString::to_string),
        );
        hash.update(self.input.as_bytes());
        hash.finalize().to_vec()
    }
}

/// How many requests from the front have different keys.
fn distinct_prefix(requests: &[&NewRequest]) -> usize {
    let mut seen = std::collections::HashSet::new();
    requests
        .iter()
        .take_while(|request| request.scoped_key().is_none_or(|key| seen.insert(key)))
        .count()
}
