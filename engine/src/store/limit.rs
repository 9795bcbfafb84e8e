//! Limits: their rules, the counters of their keys, and whether those tell the truth.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::configuration::{Content, Document, Figures, Limit};

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;

/// A limit, with what is in use of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LimitView {
    /// Unique in its tenant.
    pub name: String,
    /// `reference`, `tenant`, `purpose`, `template` or `queue`.
    pub scope: String,
    /// The purpose, template or queue.
    pub scope_name: String,
    /// jq over a job's input that tells its keys apart.
    pub expression: Option<String>,
    /// Jobs at once, of each key.
    pub concurrency: Option<i32>,
    /// Starts a second, of each key.
    pub rate: Option<f64>,
    /// Starts that may come together.
    pub burst: Option<i32>,
    /// `queue`, `reject_new`, `cancel_oldest` or `cancel_newest`.
    pub overflow: String,
    /// Keys that had work so far.
    pub keys: i64,
    /// Units that jobs which run under it take: one each, unless they cost more.
    pub used: i64,
    /// Keys that have no slot left.
    pub full_keys: i64,
}

/// One key of a limit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LimitUse {
    /// The key; empty for a limit that has one only.
    pub value: String,
    /// Jobs at once.
    pub cap: Option<i32>,
    /// Units that jobs which run now take.
    pub used: i32,
    /// Starts a second.
    pub rate: Option<f64>,
    /// Starts that may come together.
    pub burst: Option<i32>,
    /// Starts that are saved up.
    pub tokens: Option<f64>,
    /// Nothing starts before.
    pub hold_until: Option<DateTime<Utc>>,
}

/// A counter that does not agree with the leases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitDrift {
    /// The counter.
    pub key: i32,
    /// Whose.
    pub tenant: i32,
    /// The limit.
    pub name: String,
    /// The key's value.
    pub value: String,
    /// What it says.
    pub used: i32,
    /// Units of the jobs under lease.
    pub leased: i32,
}

impl Store {
    /// A page of limits after a name.
    pub async fn limits(
        &self,
        tenant: i32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<LimitView, String>, Error> {
        let rows = sqlx::query_file_as!(
            LimitView,
            "queries/limit/list.sql",
            tenant,
            after.unwrap_or(""),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |row| row.name.clone()))
    }

    /// One limit.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was never applied in this tenant.
    pub async fn limit(&self, tenant: i32, name: &str) -> Result<LimitView, Error> {
        sqlx::query_file_as!(LimitView, "queries/limit/show.sql", tenant, name)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::not_found("limit", name))
    }

    /// A page of a limit's keys after a value.
    pub async fn limit_uses(
        &self,
        tenant: i32,
        name: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<LimitUse, String>, Error> {
        let rows = sqlx::query_file_as!(
            LimitUse,
            "queries/limit/uses.sql",
            tenant,
            name,
            after,
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |row| row.value.clone()))
    }

    /// Counters that do not agree with the leases: none, unless somebody edited rows by hand.
    pub async fn limit_drift(&self) -> Result<Vec<LimitDrift>, Error> {
        let rows = sqlx::query_file_as!(LimitDrift, "queries/limit/drift.sql")
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }

    /// Sets counters to what is leased; gives those that changed. Safe beside claims and settlements.
    pub async fn repair_limit_drift(&self, keys: &[i32]) -> Result<Vec<i32>, Error> {
        let keys = keys.to_vec();
        self.transaction(move |connection| {
            Box::pin(async move {
                sqlx::query_file!("queries/limit/lock.sql", &keys)
                    .fetch_all(&mut *connection)
                    .await?;
                let changed = sqlx::query_file!("queries/limit/recount.sql", &keys)
                    .fetch_all(connection)
                    .await?;
                Ok(changed.into_iter().map(|row| row.key).collect())
            })
        })
        .await
    }

    /// Starts nothing under the keys of a lane for so long: a remote asked for a rest. How many keys.
    ///
    /// # Errors
    /// What the database says; nothing is held then.
    pub async fn hold_limits(&self, lane: i32, rest: Duration) -> Result<u64, Error> {
        let held = sqlx::query_file!("queries/limit/hold.sql", lane, rest.as_secs_f64())
            .execute(self.pool())
            .await?;
        Ok(held.rows_affected())
    }
}

/// Stores the rules of the limits among some documents, and gives their counters the new figures.
pub(crate) async fn keep(
    connection: &mut Session,
    tenant: i32,
    documents: &[Document],
) -> Result<(), Error> {
    let mut limits: Vec<&Limit> = documents
        .iter()
        .filter_map(|document| match &document.content {
            Content::Limit(limit) => Some(limit),
            _ => None,
        })
        .collect();
    limits.sort_by(|left, right| left.header.name.cmp(&right.header.name));
    let mut rules = Vec::with_capacity(limits.len());
    for limit in limits {
        rules.push(keep_rule(connection, tenant, limit).await?);
    }
    if !rules.is_empty() {
        sqlx::query_file!("queries/limit/spread.sql", &rules)
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn keep_rule(connection: &mut Session, tenant: i32, limit: &Limit) -> Result<i32, Error> {
    let (scope, scope_name) = limit.scope.parts();
    let keys: serde_json::Map<String, serde_json::Value> = limit
        .keys
        .iter()
        .map(|(key, figures)| (key.clone(), figures_of(figures)))
        .collect();
    let row = sqlx::query_file!(
        "queries/limit/keep.sql",
        tenant,
        limit.header.name,
        scope,
        scope_name,
        limit.key,
        limit.figures.concurrency,
        limit.figures.rate,
        limit.figures.burst(),
        serde_json::Value::Object(keys),
        limit.overflow.as_str(),
    )
    .fetch_one(connection)
    .await?;
    Ok(row.id)
}

/// What a key says of itself; what it leaves out is the limit's.
fn figures_of(figures: &Figures) -> serde_json::Value {
    serde_json::json!({
        "concurrency": figures.concurrency,
        "rate": figures.rate,
        "burst": figures.burst(),
    })
}
