//! Events: written at any time, and given their position by one publisher at a time, by which everybody finds
//! them. Jobs that rest for them are woken after that, a page at a time.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Store;
use super::gate::Session;
use super::mail::PASS_MAX;
use super::post::{Meeting, NewEvent, Spot};
use crate::Error;

impl Store {
    /// Writes events; [`Store::publish_events`] publishes them. Of two with one id, one is published.
    ///
    /// # Errors
    /// What the database says; then none is written.
    ///
    /// # Cancel safety
    /// Dropped, they may have been written.
    pub async fn append_events(&self, tenant: i32, events: &[NewEvent]) -> Result<(), Error> {
        let events: Vec<_> = events.iter().map(|event| (tenant, event)).collect();
        let mut connection = self.pool().acquire().await?;
        append(&mut connection, &events).await
    }

    /// Publishes up to 500 events, and wakes whom it can in a second; how many events. Nothing while somebody
    /// else does.
    ///
    /// # Errors
    /// What the database says; a keeper does the rest.
    ///
    /// # Cancel safety
    /// Dropped, they may have been published; a keeper does the rest.
    pub async fn publish_events(&self) -> Result<i64, Error> {
        let events = self.position_events().await?;
        self.wake_listeners().await?;
        Ok(events)
    }

    pub(super) async fn position_events(&self) -> Result<i64, Error> {
        self.transaction(|connection| Box::pin(publish(connection)))
            .await
    }

    /// Wakes jobs that rest for what was published; how many in a second. Nothing while somebody else does.
    pub(super) async fn wake_listeners(&self) -> Result<i64, Error> {
        let since = Instant::now();
        let mut jobs = 0;
        loop {
            let row = sqlx::query_file!("queries/event/wake.sql")
                .fetch_one(self.pool())
                .await?;
            jobs += row.jobs;
            if !row.more || since.elapsed() > PASS_MAX {
                return Ok(jobs);
            }
        }
    }

    /// Deletes events that are older than `retention`, a page a pass; how many.
    pub async fn expire_events(&self, retention: Duration) -> Result<u64, Error> {
        let done = sqlx::query_file!("queries/event/expire.sql", retention.as_secs_f64())
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }

    /// Forgets what ended jobs have heard, a page a pass; how many rows.
    pub async fn forget_heard(&self) -> Result<i64, Error> {
        let behind = self.forgot_behind.load(Ordering::Relaxed);
        let row = sqlx::query_file!("queries/event/forget.sql", behind)
            .fetch_one(self.pool())
            .await?;
        self.forgot_behind
            .store(row.last.unwrap_or(0), Ordering::Relaxed);
        Ok(row.rows)
    }
}

/// Writes events in the transaction of the connection.
pub(super) async fn append(
    connection: &mut Session,
    events: &[(i32, &NewEvent)],
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let tenants: Vec<i32> = events.iter().map(|(tenant, _)| *tenant).collect();
    let uids: Vec<Option<&str>> = events
        .iter()
        .map(|(_, event)| event.uid.as_deref())
        .collect();
    let texts = |of: fn(&NewEvent) -> &str| -> Vec<&str> {
        events.iter().map(|(_, event)| of(event)).collect()
    };
    sqlx::query_file!(
        "queries/event/append.sql",
        &tenants,
        &texts(|event| &event.kind) as &[&str],
        &texts(|event| &event.subject) as &[&str],
        &uids as &[Option<&str>],
        &texts(|event| &event.data) as &[&str],
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn publish(connection: &mut Session) -> Result<i64, Error> {
    let head = sqlx::query_file!("queries/event/head.sql")
        .fetch_optional(&mut *connection)
        .await?;
    if head.is_none() {
        return Ok(0);
    }
    let page = sqlx::query_file!("queries/event/page.sql")
        .fetch_all(&mut *connection)
        .await?;
    if page.is_empty() {
        return Ok(0);
    }
    let kinds: BTreeSet<_> = page
        .iter()
        .map(|row| (row.tenant, row.kind.as_str()))
        .collect();
    let mut meeting = Meeting::default();
    for (tenant, kind) in kinds {
        meeting.alone(tenant, Spot::Event(kind));
        meeting.alone(tenant, Spot::Event(""));
    }
    meeting.hold(connection).await?;
    let ids: Vec<i64> = page.iter().map(|row| row.id).collect();
    let row = sqlx::query_file!("queries/event/publish.sql", &ids)
        .fetch_one(connection)
        .await?;
    Ok(row.events)
}
