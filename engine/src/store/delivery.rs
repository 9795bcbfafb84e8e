//! Deliveries: one event for one webhook, taken for a try at a time until it succeeded or is dead.
//!
//! Whoever takes a row raises its `tries`, which is the right to record: a straggler whose row somebody else took since
//! changes nothing. What is not recorded in time is tried again under the same id, so it arrives at least once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::gate::Session;
use super::notice::NewDelivery;
use super::page::{Page, fetch};
use super::{Revision, Store};
use crate::Error;
use crate::vocabulary::ConfigurationKind;

/// A try is over within 15 s; four times that, and whoever took it is gone.
const TAKEN_FOR: Duration = Duration::from_mins(1);

/// A delivery taken for one try.
#[derive(Clone, Debug)]
pub struct TakenDelivery {
    /// Its number.
    pub id: i64,
    /// Whose.
    pub tenant: i32,
    /// To which webhook.
    pub webhook: String,
    /// The event's id.
    pub event: String,
    /// Such as `batch.finished`.
    pub kind: String,
    /// What is signed and sent.
    pub body: String,
    /// Which try this is, from 1.
    pub tries: i32,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// How long it took.
    pub took: Duration,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of what was answered.
    pub answer: Option<String>,
    /// When it is tried again; never again without, if something went wrong.
    pub again_after: Option<Duration>,
    /// The other side said that it is gone for ever.
    pub is_gone: bool,
}

impl Tried {
    fn state(&self) -> &'static str {
        match (&self.error, self.again_after) {
            (None, _) => "delivered",
            (Some(_), Some(_)) => "waiting",
            (Some(_), None) => "dead",
        }
    }
}

/// What recording a try did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Whether the try still counted.
    pub is_mine: bool,
    /// Whether its webhook was disabled for it.
    pub disabled: bool,
}

/// A delivery as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryView {
    /// Its number.
    pub id: i64,
    /// To which webhook.
    pub webhook: String,
    /// The event's id.
    pub event: String,
    /// Such as `batch.finished`.
    pub kind: String,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
    /// Tries so far.
    pub tries: i32,
    /// When it is tried next, while it waits.
    pub due: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was delivered or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// Status of the last answer.
    pub status: Option<i32>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// One line of the log of a delivery.
#[derive(Clone, Debug, Serialize)]
pub struct DeliveryTry {
    /// Which try, from 1.
    pub n: i32,
    /// When it was over.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub milliseconds: i32,
    /// The status of the answer.
    pub status: Option<i32>,
    /// What went wrong.
    pub error: Option<String>,
    /// The beginning of what was answered.
    pub answer: Option<String>,
}

impl Store {
    /// Takes up to `most` due deliveries, each for one try, none of the webhooks that are `busy`: each with its tenant.
    ///
    /// # Cancel safety
    /// One statement; what was taken and not recorded is tried again after a minute.
    pub async fn take_deliveries(
        &self,
        busy: &[(i32, String)],
        most: usize,
    ) -> Result<Vec<TakenDelivery>, Error> {
        let (tenants, names): (Vec<i32>, Vec<String>) = busy.iter().cloned().unzip();
        let taken = sqlx::query_file_as!(
            TakenDelivery,
            "queries/delivery/take.sql",
            TAKEN_FOR.as_secs_f64(),
            &names,
            &tenants,
            i64::try_from(most).unwrap_or(i64::MAX)
        );
        Ok(taken.fetch_all(self.pool()).await?)
    }

    /// Records what came of a try.
    ///
    /// # Cancel safety
    /// One statement.
    pub async fn record_delivery(
        &self,
        taken: &TakenDelivery,
        tried: &Tried,
    ) -> Result<Recorded, Error> {
        let again = tried.again_after.unwrap_or_default().as_secs_f64();
        let row = sqlx::query_file!(
            "queries/delivery/record.sql",
            taken.id,
            taken.tries,
            tried.state(),
            again,
            i32::try_from(tried.took.as_millis()).unwrap_or(i32::MAX),
            tried.status.map(i32::from),
            tried.error,
            tried.answer,
            tried.is_gone
        )
        .fetch_one(self.pool())
        .await?;
        Ok(Recorded {
            is_mine: row.is_mine,
            disabled: row.disabled,
        })
    }

    /// The document that a webhook is told by now.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was deleted.
    pub async fn webhook_document(&self, tenant: i32, name: &str) -> Result<Revision, Error> {
        self.configuration(tenant, ConfigurationKind::Webhook, name)
            .await
    }

    /// A page of a webhook's deliveries, latest first.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such webhook.
    pub async fn deliveries(
        &self,
        tenant: i32,
        webhook: &str,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Page<DeliveryView, i64>, Error> {
        self.webhook(tenant, webhook).await?;
        let rows = sqlx::query_file_as!(
            DeliveryView,
            "queries/delivery/page.sql",
            tenant,
            webhook,
            before.unwrap_or(i64::MAX),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |row| row.id))
    }

    /// One delivery with its body and its log.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such one in this tenant.
    pub async fn delivery(
        &self,
        tenant: i32,
        id: i64,
    ) -> Result<(DeliveryView, String, Vec<DeliveryTry>), Error> {
        let row = sqlx::query_file!("queries/delivery/show.sql", tenant, id)
            .fetch_optional(self.pool())
            .await?;
        let row = row.ok_or_else(|| Error::not_found("delivery", format!("v_{id}")))?;
        let tries = sqlx::query_file_as!(DeliveryTry, "queries/delivery/tries.sql", id)
            .fetch_all(self.pool())
            .await?;
        let view = DeliveryView {
            id: row.id,
            webhook: row.webhook,
            event: row.event,
            kind: row.kind,
            state: row.state,
            tries: row.tries,
            due: row.due,
            created_at: row.created_at,
            ended_at: row.ended_at,
            status: row.status,
            error: row.error,
        };
        Ok((view, row.body, tries))
    }

    /// Tries a delivery once more, also of a disabled webhook: the same event under the same id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such one in this tenant.
    pub async fn redeliver(&self, tenant: i32, id: i64) -> Result<(), Error> {
        let asked = sqlx::query_file!("queries/delivery/again.sql", tenant, id);
        match asked.execute(self.pool()).await?.rows_affected() {
            0 => Err(Error::not_found("delivery", format!("v_{id}"))),
            _ => Ok(()),
        }
    }

    /// Adds a delivery that somebody wants tried now, also to a disabled webhook; its number.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such webhook.
    pub async fn ask_delivery(&self, tenant: i32, new: NewDelivery) -> Result<i64, Error> {
        self.webhook(tenant, &new.webhook).await?;
        let (webhook, event) = (new.webhook.clone(), new.event.clone());
        self.transaction(move |connection| {
            Box::pin(async move {
                add(connection, tenant, &[new], true).await?;
                let found =
                    sqlx::query_file!("queries/delivery/of_event.sql", tenant, webhook, event);
                let row = found.fetch_optional(connection).await?;
                row.map(|row| row.id)
                    .ok_or_else(|| Error::not_found("webhook", webhook))
            })
        })
        .await
    }

    /// Forgets deliveries so long after their end; how many.
    pub async fn forget_deliveries(&self, kept: Duration) -> Result<u64, Error> {
        let done = sqlx::query_file!("queries/delivery/forget.sql", kept.as_secs_f64());
        Ok(done.execute(self.pool()).await?.rows_affected())
    }
}

/// Adds deliveries; of one event to one webhook there is one.
pub(crate) async fn add(
    connection: &mut Session,
    tenant: i32,
    new: &[NewDelivery],
    asked: bool,
) -> Result<(), Error> {
    let column = |part: fn(&NewDelivery) -> &String| -> Vec<String> {
        new.iter().map(|one| part(one).clone()).collect()
    };
    let added = sqlx::query_file!(
        "queries/delivery/add.sql",
        tenant,
        &column(|one| &one.webhook),
        &column(|one| &one.event),
        &column(|one| &one.kind),
        &column(|one| &one.body),
        asked
    );
    added.execute(connection).await?;
    Ok(())
}
