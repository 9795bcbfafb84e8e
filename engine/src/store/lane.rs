//! Lanes: what starts and stops together. Their ids are kept for ever, so they are cached for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use sqlx::{PgConnection, PgPool};

use super::Store;
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
    /// Handler that the work needs, where it is a step job.
    pub capability: String,
    /// The batch, or 0.
    pub batch: i64,
}

impl LaneKey {
    /// The lane of single requests for a template, or of a batch of them.
    pub fn of_template(tenant: i32, template: &str, purpose: &str, batch: i64) -> Self {
        let share = if purpose.is_empty() {
            template
        } else {
            purpose
        };
        Self {
            tenant,
            queue: "default".into(),
            group: format!("{tenant}/{share}"),
            purpose: purpose.into(),
            template: template.into(),
            capability: String::new(),
            batch,
        }
    }
}

/// A lane that has due work.
#[derive(Clone, Debug)]
pub struct LaneAhead {
    /// Its id.
    pub id: i32,
    /// What it shares fairly with others.
    pub group: String,
    /// Its part of the share.
    pub weight: i32,
    /// Handler that its jobs need, or empty.
    pub capability: String,
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

impl Store {
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

/// The id of a lane inside a transaction; not cached, since the transaction may yet fail.
pub(crate) async fn ensure(connection: &mut PgConnection, key: &LaneKey) -> Result<i32, Error> {
    sqlx::query_file!(
        "queries/lane/ensure.sql",
        key.tenant,
        key.queue,
        key.group,
        key.purpose,
        key.template,
        key.capability,
        key.batch
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
        key.batch
    )
    .fetch_one(connection)
    .await?;
    Ok(found.id)
}

/// Lanes with due work that are not paused.
pub(crate) async fn discover(pool: &PgPool) -> Result<Vec<LaneAhead>, Error> {
    let rows = sqlx::query_file!("queries/lane/discover.sql")
        .fetch_all(pool)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| LaneAhead {
            id: row.id,
            group: row.grp,
            weight: row.weight,
            capability: row.capability,
        })
        .collect())
}

impl Store {
    /// Lanes with due work that are not paused: what a claim may choose from.
    pub async fn lanes_ahead(&self) -> Result<Vec<LaneAhead>, Error> {
        discover(self.pool()).await
    }
}
