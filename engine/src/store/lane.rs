//! Lanes: what starts and stops together. Their ids are kept for ever, so they are cached for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use uuid::Uuid;

use super::Store;
use super::gate::Session;
use super::lane_facts::interval;
use crate::Error;

/// The natural key of a lane; the empty text and 0 stand for "none".
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneKey {
    /// Whose work.
    pub tenant: i32,
    /// The stream.
    pub queue: String,
    /// Fairness share: tenant and purpose unless told otherwise.
    pub group: String,
    /// Entry point by which the work came.
    pub purpose: String,
    /// `namespace.name`.
    pub template: String,
    /// What a worker must offer, and what it had better: words joined by commas.
    pub capability: String,
    /// The batch, or 0.
    pub batch: i64,
    /// Keys of limits, sorted: `limit` or `limit:key`; `limit*cost:key` where a job takes more than one unit, and
    /// `!limit` for one that it was to take from and is not under.
    pub limit_keys: Vec<String>,
}

impl LaneKey {
    /// The stream of work that names none.
    pub(crate) fn default_queue() -> String {
        "default".into()
    }

    /// The lane of single requests for a template, or of a batch of them.
    pub fn of_template(tenant: i32, template: &str, purpose: &str, batch: i64) -> Self {
        let share = if purpose.is_empty() {
            template
        } else {
            purpose
        };
        Self {
            tenant,
            queue: Self::default_queue(),
            group: format!("{tenant}/{share}"),
            purpose: purpose.into(),
            template: template.into(),
            capability: String::new(),
            batch,
            limit_keys: Vec::new(),
        }
    }
}

/// A lane that has due work.
#[derive(Clone, Debug, Default)]
pub struct LaneAhead {
    /// Its id.
    pub id: i32,
    /// What it shares fairly with others: tenant and purpose.
    pub group: String,
    /// The stream.
    pub queue: String,
    /// Its part inside its group.
    pub weight: f64,
    /// What its group may get.
    pub group_share: ShareAhead,
    /// What its queue may get.
    pub queue_share: ShareAhead,
    /// What a worker must offer, and what it had better: words joined by commas.
    pub capability: String,
    /// How many jobs its limits admit now; none when it has no limits.
    pub room: Option<usize>,
    /// After how long its limits admit the next one, where only time decides that.
    pub opens_in: Option<Duration>,
    /// Whether a rate is among its limits: what ends then makes no room.
    pub paced: bool,
    /// How many jobs have waited long enough for a worker that they prefer to this one; none when there is no such
    /// worker.
    pub ripe: Option<usize>,
}

impl LaneAhead {
    /// Whether limits count its jobs.
    pub fn is_limited(&self) -> bool {
        self.room.is_some()
    }

    /// Whether a claim could get something.
    pub fn is_open(&self) -> bool {
        self.room != Some(0) && self.ripe != Some(0)
    }
}

/// What a group or queue may get, as a claim needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShareAhead {
    /// Its part beside the others.
    pub weight: i32,
    /// With fewer jobs in flight than this it goes first.
    pub minimum: usize,
    /// With so many jobs in flight it gets no more.
    pub maximum: Option<usize>,
    /// Jobs in flight at other workers when we looked; 0 while no share has bounds.
    pub elsewhere: usize,
}

impl Default for ShareAhead {
    fn default() -> Self {
        Self {
            weight: 1,
            minimum: 0,
            maximum: None,
            elsewhere: 0,
        }
    }
}

impl ShareAhead {
    fn new(weight: i32, minimum: i32, maximum: Option<i32>, elsewhere: i64) -> Self {
        Self {
            weight,
            minimum: usize::try_from(minimum).unwrap_or_default(),
            maximum: maximum.map(|maximum| usize::try_from(maximum).unwrap_or_default()),
            elsewhere: usize::try_from(elsewhere).unwrap_or_default(),
        }
    }

    /// Whether somebody has to count what is in flight.
    pub fn is_bounded(&self) -> bool {
        self.minimum > 0 || self.maximum.is_some()
    }
}

/// Ids by natural key.
#[derive(Clone, Debug, Default)]
pub(crate) struct LaneCache(Arc<Mutex<HashMap<LaneKey, i32>>>);

impl LaneCache {
    fn get(&self, key: &LaneKey) -> Option<i32> {
        self.0
            .lock()
            .expect("no panic while holding it")
            .get(key)
            .copied()
    }

    fn put(&self, key: LaneKey, id: i32) {
        let mut ids = self.0.lock().expect("no panic while holding it");
        if ids.len() >= CACHED_MAX {
            ids.clear();
        }
        ids.insert(key, id);
    }
}

/// A batch has a lane of its own, so the cache must not grow with the years: about 2 MB.
const CACHED_MAX: usize = 10_000;

/// How long due work waits for a worker that it prefers, while one lives, before any other takes it.
pub const PREFERENCE_PATIENCE: Duration = Duration::from_secs(5);

/// A rest that a remote asks for, or the pace of a slow rate, is looked at again after a day.
const OPENS_IN_SECONDS_MAX: f64 = 86_400.0;

impl Store {
    /// The natural key of a lane.
    pub(crate) async fn lane_key(&self, id: i32) -> Result<LaneKey, Error> {
        key(&mut self.pool().acquire().await?, id).await
    }

    /// The id of a lane, made when it is new.
    ///
    /// # Cancel safety
    /// A lane made and not used harms nobody.
    pub async fn lane(&self, key: &LaneKey) -> Result<i32, Error> {
        if let Some(id) = self.lanes.get(key) {
            return Ok(id);
        }
        let mut connection = self.pool().acquire().await?;
        let id = ensure(&mut connection, key).await?;
        self.lanes.put(key.clone(), id);
        Ok(id)
    }
}

/// The natural key of a lane, inside a transaction.
pub(crate) async fn key(connection: &mut Session, id: i32) -> Result<LaneKey, Error> {
    let row = sqlx::query_file!("queries/lane/key.sql", id)
        .fetch_one(connection)
        .await?;
    Ok(LaneKey {
        tenant: row.tenant,
        queue: row.queue,
        group: row.grp,
        purpose: row.purpose,
        template: row.template,
        capability: row.capability,
        batch: row.batch,
        limit_keys: row.limit_keys,
    })
}

/// The id of a lane inside a transaction; not cached, since the transaction may yet fail.
pub(crate) async fn ensure(connection: &mut Session, key: &LaneKey) -> Result<i32, Error> {
    if !key.limit_keys.is_empty() {
        sqlx::query_file!("queries/limit/ensure_use.sql", key.tenant, &key.limit_keys)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query_file!(
        "queries/lane/ensure.sql",
        key.tenant,
        key.queue,
        key.group,
        key.purpose,
        key.template,
        key.capability,
        key.batch,
        &key.limit_keys
    )
    .execute(&mut *connection)
    .await?;
    let found = sqlx::query_file!(
        "queries/lane/find.sql",
        key.tenant,
        key.queue,
        key.group,
        key.purpose,
        key.template,
        key.capability,
        key.batch,
        &key.limit_keys
    )
    .fetch_one(connection)
    .await?;
    Ok(found.id)
}

/// Gives the lanes of a batch what its configuration, or an edit, says; lanes that come later are like the first.
pub(crate) async fn weigh(
    connection: &mut Session,
    batch: i64,
    weight: Option<f64>,
) -> Result<(), Error> {
    sqlx::query_file!("queries/lane/weigh.sql", batch, weight.unwrap_or(1.0))
        .execute(connection)
        .await?;
    Ok(())
}

/// Makes the lanes of single requests for a template, or for a purpose, before anybody needs them.
pub(crate) async fn prepare(
    connection: &mut Session,
    tenant: i32,
    template: Option<&str>,
    purpose: Option<&str>,
) -> Result<(), Error> {
    let noted = sqlx::query_file!("queries/lane/prepare.sql", tenant, template, purpose);
    noted.execute(connection).await?;
    Ok(())
}

impl Store {
    /// Lanes with due work that are not paused and whose limits are not full: what a claim may choose
    /// from. One that waits for its next token is there, with the time until it comes.
    pub async fn lanes_ahead(&self) -> Result<Vec<LaneAhead>, Error> {
        self.lanes_ahead_of(Uuid::nil()).await
    }

    /// The same for one worker, which counts what it has in flight itself.
    pub async fn lanes_ahead_of(&self, worker: Uuid) -> Result<Vec<LaneAhead>, Error> {
        let patience = interval(PREFERENCE_PATIENCE);
        let rows = sqlx::query_file!("queries/lane/discover.sql", worker, patience)
            .fetch_all(self.pool())
            .await?;
        let ahead = rows.into_iter().map(|row| LaneAhead {
            id: row.id,
            group: row.grp,
            queue: row.queue,
            weight: row.weight,
            group_share: ShareAhead::new(
                row.group_weight,
                row.group_minimum,
                row.group_maximum,
                row.group_elsewhere,
            ),
            queue_share: ShareAhead::new(
                row.queue_weight,
                row.queue_minimum,
                row.queue_maximum,
                row.queue_elsewhere,
            ),
            capability: row.capability,
            room: row
                .room
                .map(|room| usize::try_from(room).unwrap_or_default()),
            opens_in: match row.ripe {
                Some(0) => row.ripens_in,
                _ => row.opens_in,
            }
            .filter(|seconds| *seconds > 0.0)
            .map(|seconds| Duration::from_secs_f64(seconds.min(OPENS_IN_SECONDS_MAX))),
            paced: row.paced,
            ripe: row
                .ripe
                .map(|jobs| usize::try_from(jobs).unwrap_or_default()),
        });
        Ok(ahead.collect())
    }
}
