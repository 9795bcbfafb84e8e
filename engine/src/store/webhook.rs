//! Webhooks as the engine keeps them beside their documents: what each takes, and how it fares.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::configuration::Webhook;

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;

/// Deliveries that one transaction drops, with the logs of their tries: some hundredths of a second.
const DROPPED_MAX: i64 = 1_000;

/// A webhook and how it fares.
#[derive(Clone, Debug, Serialize)]
pub struct WebhookView {
    /// Its name.
    pub name: String,
    /// The revision of its document.
    pub revision: i32,
    /// What it takes.
    pub events: Vec<String>,
    /// Which of that, jq.
    pub filter: Option<String>,
    /// Whether its document wants it told.
    pub enabled: bool,
    /// Since when no delivery succeeded, although some were tried.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when it is told nothing, because it failed for too long or said that it is gone.
    pub disabled_at: Option<DateTime<Utc>>,
    /// What it failed with last.
    pub disabled_why: Option<String>,
    /// Deliveries that wait, counted up to 1,000.
    pub waiting: i64,
}

/// A webhook that is told things.
#[derive(Clone, Debug)]
pub(crate) struct Taker {
    pub name: String,
    pub events: Vec<String>,
    pub filter: Option<String>,
}

impl Store {
    /// A page of webhooks after a name.
    pub async fn webhooks(
        &self,
        tenant: i32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<WebhookView, String>, Error> {
        let (after, most) = (after.unwrap_or(""), fetch(limit));
        let found =
            sqlx::query_file_as!(WebhookView, "queries/webhook/list.sql", tenant, after, most);
        let rows = found.fetch_all(self.pool()).await?;
        Ok(Page::cut(rows, limit, |row| row.name.clone()))
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such one in this tenant.
    pub async fn webhook(&self, tenant: i32, name: &str) -> Result<WebhookView, Error> {
        let found = sqlx::query_file_as!(WebhookView, "queries/webhook/show.sql", tenant, name);
        let row = found.fetch_optional(self.pool()).await?;
        row.ok_or_else(|| Error::not_found("webhook", name))
    }

    /// Deletes a webhook with its document and all deliveries. Callbacks that name it say from now on that it is gone.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such one in this tenant.
    ///
    /// # Cancel safety
    /// Deliveries go a page a transaction, the webhook with the last of them. Dropped, it may be there with fewer of them.
    pub async fn delete_webhook(&self, tenant: i32, name: &str) -> Result<(), Error> {
        loop {
            let webhook = name.to_owned();
            let gone = self.transaction(move |connection| {
                Box::pin(async move { delete_page(connection, tenant, &webhook).await })
            });
            match gone.await? {
                None => {}
                Some(0) => return Err(Error::not_found("webhook", name)),
                Some(_) => return Ok(()),
            }
        }
    }

    /// Those that are told anything.
    pub(crate) async fn takers(&self, tenant: i32) -> Result<Vec<Taker>, Error> {
        let found = sqlx::query_file_as!(Taker, "queries/webhook/takers.sql", tenant);
        Ok(found.fetch_all(self.pool()).await?)
    }
}

/// Drops a page of deliveries, and the webhook once that was the last; how many webhooks went, `None` while there may be more
/// deliveries.
async fn delete_page(
    connection: &mut Session,
    tenant: i32,
    webhook: &str,
) -> Result<Option<u64>, Error> {
    super::configuration::lock(connection, tenant).await?;
    let page = sqlx::query_file!("queries/delivery/drop.sql", tenant, webhook, DROPPED_MAX);
    let dropped = page.execute(&mut *connection).await?.rows_affected();
    if i64::try_from(dropped) == Ok(DROPPED_MAX) {
        return Ok(None);
    }
    let gone = sqlx::query_file!("queries/webhook/delete.sql", tenant, webhook);
    Ok(Some(gone.execute(connection).await?.rows_affected()))
}

/// Keeps what an applied document says; a change lets a disabled one try again.
pub(crate) async fn keep(
    connection: &mut Session,
    tenant: i32,
    revision: i32,
    webhook: &Webhook,
) -> Result<(), Error> {
    let kept = sqlx::query_file!(
        "queries/webhook/keep.sql",
        tenant,
        webhook.header.name,
        revision,
        &webhook.events,
        webhook.filter,
        webhook.enabled,
        webhook.disable_after.as_secs_f64()
    );
    kept.execute(connection).await?;
    Ok(())
}
