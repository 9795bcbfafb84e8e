//! Work that finds a key full, under a limit that does not let it wait.
//!
//! Open work of a key, running and due together, is at most what the limit allows. Whoever takes a job
//! under such a key goes one after another, so two of them cannot both take the last place. Running
//! work is never cut off.

use super::Store;
use super::gate::Session;
use super::submit::{Desk, Fate, NewRequest};
use crate::Error;

/// Code of the refusal.
pub(crate) const LIMIT_FULL: &str = "limit_full";

/// So many old jobs give way to one new job at most: a cap that was lowered meets a long queue.
const CANCELLED_MAX: usize = 100;

/// A key with more open work than it allows.
struct Over {
    key: i32,
    name: String,
    value: String,
    overflow: String,
    excess: usize,
}

impl Store {
    /// Stores one request under keys whose limits do not let it wait.
    ///
    /// # Errors
    /// `limit_full` when a limit takes no more; nothing is stored then.
    ///
    /// # Cancel safety
    /// As [`Store::submit`].
    pub(super) async fn submit_bounded(
        &self,
        desk: Desk<'_>,
        request: &NewRequest,
    ) -> Result<Fate, Error> {
        let (tenant, stamp, who) = (desk.tenant, desk.stamp, desk.who.to_owned());
        let (store, request) = (self.clone(), request.clone());
        let stored = self
            .transaction(move |connection| {
                Box::pin(async move {
                    let who = who.as_str();
                    let desk = Desk { tenant, who, stamp };
                    store.submit_bounded_on(connection, desk, &request).await
                })
            })
            .await;
        Fate::of_transaction(stored)
    }

    async fn submit_bounded_on(
        &self,
        connection: &mut Session,
        desk: Desk<'_>,
        request: &NewRequest,
    ) -> Result<Fate, Error> {
        let keys = &request.bounded;
        sqlx::query_file!("queries/limit/lock_taking.sql", desk.tenant, keys)
            .fetch_all(&mut *connection)
            .await?;
        let fate = self.submit_on(connection, desk, request).await?;
        if let Some(job) = fate.new_job() {
            make_room(connection, desk.tenant, keys, job).await?;
        }
        Ok(fate)
    }

    /// Starts one job of ours inside somebody's transaction; its number, or what a limit says that is full.
    /// Nothing is stored then.
    pub(crate) async fn start_on(
        &self,
        connection: &mut Session,
        desk: Desk<'_>,
        request: &NewRequest,
    ) -> Result<Result<i64, String>, Error> {
        let stored = match request.bounded.is_empty() {
            true => self.submit_on(connection, desk, request).await,
            false => {
                connection.remember().await?;
                self.submit_bounded_on(connection, desk, request).await
            }
        };
        match stored {
            Err(Error::Conflict { code, message, .. }) if code == LIMIT_FULL => {
                connection.forget().await?;
                Ok(Err(message))
            }
            Err(error) => Err(error),
            Ok(fate) => {
                let lost = || sqlx::Error::Protocol("a job without a key was not stored".into());
                fate.new_job().map(Ok).ok_or_else(|| lost().into())
            }
        }
    }
}

async fn make_room(
    connection: &mut Session,
    tenant: i32,
    keys: &[String],
    job: i64,
) -> Result<(), Error> {
    let rows = sqlx::query_file!("queries/limit/room_for_new.sql", tenant, keys)
        .fetch_all(&mut *connection)
        .await?;
    let over: Vec<Over> = rows
        .into_iter()
        .filter(|row| row.room < 0)
        .map(|row| Over {
            key: row.key,
            name: row.name,
            value: row.value,
            overflow: row.overflow,
            excess: usize::try_from(-i64::from(row.room)).unwrap_or_default(),
        })
        .collect();
    if let Some(over) = over.iter().find(|over| over.overflow == "reject_new") {
        return Err(full(over));
    }
    if let Some(over) = over.iter().find(|over| over.overflow == "cancel_newest") {
        return cancel(connection, tenant, job, over).await;
    }
    for over in over.iter().filter(|over| over.overflow == "cancel_oldest") {
        let mut excess = over.excess;
        for _ in 0..CANCELLED_MAX {
            if excess == 0 {
                break;
            }
            let oldest = sqlx::query_file!("queries/limit/oldest.sql", over.key, job)
                .fetch_optional(&mut *connection)
                .await?;
            let Some(oldest) = oldest else { break };
            cancel(connection, tenant, oldest.first_id, over).await?;
            excess = excess.saturating_sub(usize::try_from(oldest.cost).unwrap_or(1));
        }
    }
    Ok(())
}

/// Ends a due job; one that was claimed meanwhile runs on.
async fn cancel(connection: &mut Session, tenant: i32, job: i64, over: &Over) -> Result<(), Error> {
    let (who, why) = (format!("limit {}", over.name), over.to_string());
    let order = serde_json::json!({ "order": "cancel", "who": who, "why": why }).to_string();
    let problem =
        serde_json::json!({ "title": "cancelled", "detail": why, "who": who }).to_string();
    sqlx::query_file!(
        "queries/job/cancel_extent.sql",
        tenant,
        job,
        order,
        problem,
        false
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

fn full(over: &Over) -> Error {
    Error::Conflict {
        code: LIMIT_FULL,
        message: over.to_string(),
        hint: Some("submit it again when others have ended".to_owned()),
    }
}

impl std::fmt::Display for Over {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.value.as_str() {
            "" => write!(formatter, "the limit `{}` is full", self.name),
            value => write!(
                formatter,
                "the key `{value}` of the limit `{}` is full",
                self.name
            ),
        }
    }
}
