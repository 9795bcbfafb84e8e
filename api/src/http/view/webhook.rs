//! Webhooks and their deliveries, and what came of callbacks.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use windlass_engine::store::{CallbackView, DeliveryTry, DeliveryView, WebhookView};

use crate::http::habit::ids::{DeliveryId, JobId};
use crate::http::habit::raw::Raw;

/// A webhook and how it fares.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookReply {
    /// Its name.
    pub name: String,
    /// The revision of its document.
    pub revision: i32,
    /// `ok`, `failing`, `disabled` or `off`.
    pub state: &'static str,
    /// What it takes.
    pub events: Vec<String>,
    /// Which of that, jq.
    pub filter: Option<String>,
    /// Since when no delivery succeeded, although some were tried.
    pub failing_since: Option<DateTime<Utc>>,
    /// Since when it is told nothing, because it failed for too long or said that it is gone.
    pub disabled_at: Option<DateTime<Utc>>,
    /// What it failed with last.
    pub disabled_why: Option<String>,
    /// Deliveries that wait, counted up to 1,000.
    pub waiting: i64,
    /// Its document, in answers about one; secrets are references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<Raw>,
}

/// One event for one webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryReply {
    /// Its id.
    pub id: DeliveryId,
    /// To which webhook.
    pub webhook: String,
    /// The event's id, which is sent as `webhook-id`.
    pub event: String,
    /// Such as `batch.finished`.
    pub kind: String,
    /// `waiting`, `delivered` or `dead`.
    pub state: String,
    /// Tries so far.
    pub tries: i32,
    /// When it is tried next, while it waits.
    pub due: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was delivered or given up.
    pub ended_at: Option<DateTime<Utc>>,
    /// Status of the last answer.
    pub status: Option<i32>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// A delivery with its body and its log.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryDetailReply {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: DeliveryReply,
    /// What is sent.
    pub body: Raw,
    /// What came of each try, the latest first.
    pub log: Vec<DeliveryTryReply>,
}

/// One line of the log of a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryTryReply {
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

/// A delivery that somebody asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct AskedDeliveryReply {
    /// Its id.
    pub id: DeliveryId,
}

/// A callback of a batch that came.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallbackReply {
    /// `first_failure`, `threshold`, `at_risk` or `finished`.
    pub kind: String,
    /// Of which generation; 0 of what comes once a batch.
    pub generation: i32,
    /// When.
    pub at: DateTime<Utc>,
    /// The webhook that it tells.
    pub webhook: Option<String>,
    /// The purpose that it makes a job of.
    pub purpose: Option<String>,
    /// That job.
    pub job: Option<JobId>,
    /// Why it could not be carried out.
    pub problem: Option<String>,
    /// The delivery to its webhook.
    pub delivery: Option<DeliveryId>,
    /// `waiting`, `delivered` or `dead`.
    pub delivery_state: Option<String>,
}

impl From<WebhookView> for WebhookReply {
    fn from(webhook: WebhookView) -> Self {
        let state = match &webhook {
            one if !one.enabled => "off",
            one if one.disabled_at.is_some() => "disabled",
            one if one.failing_since.is_some() => "failing",
            _ => "ok",
        };
        Self {
            name: webhook.name,
            revision: webhook.revision,
            state,
            events: webhook.events,
            filter: webhook.filter,
            failing_since: webhook.failing_since,
            disabled_at: webhook.disabled_at,
            disabled_why: webhook.disabled_why,
            waiting: webhook.waiting,
            document: None,
        }
    }
}

impl From<DeliveryView> for DeliveryReply {
    fn from(delivery: DeliveryView) -> Self {
        let waits = delivery.state == "waiting";
        Self {
            id: DeliveryId(delivery.id),
            webhook: delivery.webhook,
            event: delivery.event,
            kind: delivery.kind,
            state: delivery.state,
            tries: delivery.tries,
            due: waits.then_some(delivery.due),
            created_at: delivery.created_at,
            ended_at: delivery.ended_at,
            status: delivery.status,
            error: delivery.error,
        }
    }
}

impl From<DeliveryTry> for DeliveryTryReply {
    fn from(one: DeliveryTry) -> Self {
        Self {
            n: one.n,
            at: one.at,
            milliseconds: one.milliseconds,
            status: one.status,
            error: one.error,
            answer: one.answer,
        }
    }
}

impl From<CallbackView> for CallbackReply {
    fn from(callback: CallbackView) -> Self {
        Self {
            kind: callback.kind,
            generation: callback.generation,
            at: callback.at,
            webhook: callback.webhook,
            purpose: callback.purpose,
            job: callback.job.map(JobId),
            problem: callback.problem,
            delivery: callback.delivery.map(DeliveryId),
            delivery_state: callback.delivery_state,
        }
    }
}
