//! Restart: what failed, expired or parked in a batch runs again inside of it.
//!
//! A restart is a redrive that a batch paces by its own release. Its duty walks the batch page by page: what
//! parked goes back among what is planned, with all that it did; of what failed or expired a new job is made with the
//! planned input. Each page raises what the batch expects in the same transaction, so its totals hold at every
//! moment, and the batch does not end while pages are to come.

mod repeat;

use std::time::Duration;

use windlass_workflows::problem::Problem;

use super::redrive;
use super::work::Work;
use crate::store::ids::next_blocks;
use crate::store::{LaneKey, RedriveView, Session, lane};
use crate::{Error, Store};

/// Jobs of one pass: a block of ids.
const PASS_MAX: i64 = 1_000;
/// Members that one restart may name.
pub const RESTART_MEMBERS_MAX: usize = 10_000;

/// Which members of a batch run again.
#[derive(Clone, Debug, Default)]
pub struct NewRestart {
    /// Only those that this error stopped.
    pub fingerprint: Option<String>,
    /// Only these: keys of members, or of objects where a job is an object's.
    pub members: Option<Vec<String>>,
    /// Another version of the same template, for those that failed or expired: `namespace.name@1.2.4`.
    pub template: Option<String>,
    /// Who wants it.
    pub who: String,
    /// In their words.
    pub why: String,
    /// At most one restart of a batch per key.
    pub idempotency_key: Option<String>,
}

/// A restart that was asked for.
#[derive(Clone, Debug)]
pub struct Restarted {
    /// How far it has come.
    pub redrive: RedriveView,
    /// Whether this call began it.
    pub is_new: bool,
}

/// A restart under its lock.
struct Running {
    id: i64,
    tenant: i32,
    batch: i64,
    fingerprint: Option<String>,
    members: Option<Vec<String>>,
    template_version: Option<i32>,
    phase: String,
    cursor_id: i64,
    upto_id: i64,
}

/// A job that ended badly, and how.
struct Bad {
    job: i64,
    kind: String,
}

impl Store {
    /// Begins the next generation of a batch; a duty puts its jobs back, and the batch's release lets them go.
    ///
    /// # Errors
    /// `nothing_to_restart` when no member that is meant failed, expired or parked; `restart_running` while
    /// another one is; `illegal_state` for a batch that was cancelled or never planned; `invalid` for another template;
    /// `key_reused` when the key began another restart of it.
    ///
    /// # Cancel safety
    /// One transaction; a repeat with the same key finds what it began.
    pub async fn restart_batch(
        &self,
        tenant: i32,
        batch: i64,
        new: NewRestart,
    ) -> Result<Restarted, Error> {
        let version = match &new.template {
            Some(reference) => Some(self.other_version(tenant, batch, reference).await?),
            None => None,
        };
        let (id, is_new) = self
            .transaction(move |connection| {
                Box::pin(async move { once(connection, tenant, batch, &new, version).await })
            })
            .await?;
        Ok(Restarted {
            redrive: self.redrive_view(tenant, id).await?,
            is_new,
        })
    }

    /// One pass of the restart that waited longest; how many jobs it put back, `None` when none is under way.
    ///
    /// # Cancel safety
    /// One transaction.
    pub async fn pace_restarts(&self) -> Result<Option<i64>, Error> {
        self.pace(true).await
    }

    /// The version that new jobs are pinned to: of the template that the batch runs.
    async fn other_version(&self, tenant: i32, batch: i64, reference: &str) -> Result<i32, Error> {
        let pinned = self.batch(tenant, batch).await?.template;
        let runs = pinned.split('@').next().unwrap_or_default();
        let found = self
            .resolve(tenant, &Work::Template(reference.to_owned()))
            .await?;
        if found.template == runs {
            return Ok(found.template_version);
        }
        let message = format!("the batch runs `{runs}`, not `{}`", found.template);
        Err(Error::invalid(
            Problem::new("template_differs", "/template", message)
                .hint("name a version of its own template, or create a new batch"),
        ))
    }
}

/// The restart, and whether this call began it: an earlier one under the same key stands for both.
async fn once(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
    new: &NewRestart,
    version: Option<i32>,
) -> Result<(i64, bool), Error> {
    let row = sqlx::query_file!("queries/restart/lock_batch.sql", tenant, batch)
        .fetch_optional(&mut *connection)
        .await?
        .ok_or_else(|| Error::not_found("batch", format!("b_{batch}")))?;
    if let Some(earlier) = new.begun_before(connection, batch).await? {
        return Ok((earlier, false));
    }
    if !row.sealed || row.is_cancelling || row.state == "cancelled" {
        return Err(closed(&row.state));
    }
    if row.is_failing {
        return Err(failing());
    }
    let begun = begin(connection, tenant, batch, new, version).await?;
    Ok((begun, true))
}

async fn begin(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
    new: &NewRestart,
    version: Option<i32>,
) -> Result<i64, Error> {
    let begun = sqlx::query_file!(
        "queries/restart/begin.sql",
        tenant,
        batch,
        new.fingerprint,
        new.members.as_deref(),
        version,
        new.who,
        new.why,
        new.idempotency_key,
        new.idempotency_key.as_ref().map(|_| new.print())
    )
    .fetch_optional(&mut *connection)
    .await?;
    let id = begun.ok_or_else(under_way)?.id;
    let restart = Running {
        id,
        tenant,
        batch,
        fingerprint: new.fingerprint.clone(),
        members: new.members.clone(),
        template_version: version,
        phase: "parked".into(),
        cursor_id: 0,
        upto_id: i64::MAX,
    };
    let parked = restart.parked(connection, 1).await?;
    if parked.is_empty() && restart.bad(connection, 1).await?.is_empty() {
        return Err(nothing());
    }
    Ok(id)
}

pub(super) async fn pass(connection: &mut Session, id: i64) -> Result<Option<i64>, Error> {
    let Some(restart) = sqlx::query_file_as!(Running, "queries/restart/lock.sql", id)
        .fetch_optional(&mut *connection)
        .await?
    else {
        return Ok(None);
    };
    let row = sqlx::query_file!(
        "queries/restart/lock_batch.sql",
        restart.tenant,
        restart.batch
    )
    .fetch_one(&mut *connection)
    .await?;
    if row.is_cancelling || row.state == "cancelled" {
        restart
            .end(connection, "cancelled", Some("the batch was cancelled"))
            .await?;
        return Ok(Some(0));
    }
    match restart.phase.as_str() {
        "parked" => restart.put_parked_back(connection).await,
        _ => restart.make_anew(connection).await,
    }
    .map(Some)
}

impl Running {
    async fn put_parked_back(&self, connection: &mut Session) -> Result<i64, Error> {
        let jobs = self.parked(connection, PASS_MAX).await?;
        let Some(last) = jobs.last().copied() else {
            self.advance(connection, "failed", 0, 0).await?;
            return Ok(0);
        };
        let held = sqlx::query_file!("queries/restart/hold.sql", self.id, &jobs, self.batch)
            .fetch_one(&mut *connection)
            .await?
            .jobs;
        self.raise(connection, held).await?;
        self.advance(connection, "parked", last, held).await?;
        Ok(held)
    }

    async fn make_anew(&self, connection: &mut Session) -> Result<i64, Error> {
        let bad = self.bad(connection, PASS_MAX).await?;
        let Some(last) = bad.last().map(|bad| bad.job) else {
            self.end(connection, "completed", None).await?;
            return Ok(0);
        };
        let (jobs, kinds): (Vec<i64>, Vec<String>) =
            bad.into_iter().map(|bad| (bad.job, bad.kind)).unzip();
        let (from, to) = self.lanes(connection, &jobs).await?;
        let first = next_blocks(&mut *connection, 1).await?;
        let renewed = sqlx::query_file!(
            "queries/restart/renew.sql",
            self.id,
            &jobs,
            &kinds,
            &from,
            &to,
            first.first().copied().unwrap_or_default(),
            self.template_version,
            self.batch
        )
        .fetch_one(&mut *connection)
        .await?
        .jobs;
        self.raise(connection, renewed).await?;
        self.advance(connection, "failed", last, renewed).await?;
        Ok(renewed)
    }

    async fn parked(&self, connection: &mut Session, most: i64) -> Result<Vec<i64>, Error> {
        let rows = sqlx::query_file!(
            "queries/restart/parked.sql",
            self.batch,
            self.fingerprint,
            self.members.as_deref(),
            self.cursor_id,
            self.upto_id,
            most
        )
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(|row| row.job).collect())
    }

    async fn bad(&self, connection: &mut Session, most: i64) -> Result<Vec<Bad>, Error> {
        let rows = sqlx::query_file_as!(
            Bad,
            "queries/restart/bad.sql",
            self.tenant,
            self.batch,
            self.fingerprint,
            self.members.as_deref(),
            self.cursor_id,
            self.upto_id,
            most
        )
        .fetch_all(connection)
        .await?;
        Ok(rows)
    }

    /// Another version may need other workers: the lanes that its jobs stand in instead of the old ones.
    async fn lanes(
        &self,
        connection: &mut Session,
        jobs: &[i64],
    ) -> Result<(Vec<i32>, Vec<i32>), Error> {
        let Some(version) = self.template_version else {
            return Ok((Vec::new(), Vec::new()));
        };
        let capability = sqlx::query_file!("queries/restart/capability.sql", version)
            .fetch_one(&mut *connection)
            .await?
            .capability;
        let rows = sqlx::query_file!("queries/restart/lanes.sql", jobs)
            .fetch_all(&mut *connection)
            .await?;
        let from: Vec<i32> = rows.into_iter().map(|row| row.lane).collect();
        let mut to = Vec::with_capacity(from.len());
        for lane in &from {
            let key = LaneKey {
                capability: capability.clone(),
                ..lane::key(connection, *lane).await?
            };
            to.push(lane::ensure(connection, &key).await?);
        }
        Ok((from, to))
    }

    async fn raise(&self, connection: &mut Session, jobs: i64) -> Result<(), Error> {
        sqlx::query_file!("queries/restart/raise.sql", self.batch, jobs)
            .execute(connection)
            .await?;
        Ok(())
    }

    async fn advance(
        &self,
        connection: &mut Session,
        phase: &str,
        cursor: i64,
        moved: i64,
    ) -> Result<(), Error> {
        redrive::note(connection, self.id, phase, (cursor, moved), Duration::ZERO).await
    }

    async fn end(
        &self,
        connection: &mut Session,
        state: &str,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        sqlx::query_file!(
            "queries/redrive/stop.sql",
            self.tenant,
            self.id,
            state,
            reason
        )
        .fetch_optional(connection)
        .await?;
        Ok(())
    }
}

fn closed(state: &str) -> Error {
    Error::Conflict {
        code: "illegal_state",
        message: format!(
            "the batch is {state}, or about to be cancelled: none of its members can run again"
        ),
        hint: Some("create a new batch".into()),
    }
}

/// What is made anew would be cancelled with all that has not begun.
fn failing() -> Error {
    Error::Conflict {
        code: "illegal_state",
        message: "too much of the batch failed: what has not begun is cancelled until it ends"
            .into(),
        hint: Some("restart it when it has ended".into()),
    }
}

fn under_way() -> Error {
    Error::Conflict {
        code: "restart_running",
        message: "a restart of this batch is under way".into(),
        hint: Some(
            "see it with `windlass redrive list`; a next one may follow when it is done".into(),
        ),
    }
}

fn nothing() -> Error {
    Error::Conflict {
        code: "nothing_to_restart",
        message: "none of its members that are meant failed, expired or parked".into(),
        hint: Some("see `windlass batch errors` for what can run again".into()),
    }
}
