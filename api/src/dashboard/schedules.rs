//! `/schedules`: what will run when, and what did not?

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use windlass_engine::store::{ScheduleView, SlotFilter, SlotView};
use windlass_workflows::configuration::rule_words;

use super::Dashboard;
use super::page::{Frame, Now, Trouble, html};
use super::words::{When, in_address, in_shell, thousands};

/// Schedules of a page; each costs one more read.
const ROWS: u32 = 20;
/// Slots shown of each, the latest first; what is planned for later is told by the next one alone.
const SLOTS: u32 = 12;
/// Which page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "schedules.html")]
struct Schedules {
    frame: Frame,
    schedules: Vec<Row>,
    more: Option<String>,
}

/// A schedule with its slots.
struct Row {
    name: String,
    state: &'static str,
    rule: String,
    paused: Option<String>,
    next: Option<When>,
    slots: Vec<SlotRow>,
    command: String,
}

/// One fire time, or many with one verdict.
struct SlotRow {
    at: When,
    /// Of many: the last of them, and how many they are.
    until: Option<(When, String)>,
    state: String,
    reason: String,
    batch: Option<String>,
    job: Option<String>,
}

/// The list.
pub(super) async fn list(
    State(dashboard): State<Dashboard>,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let (frame, now) = dashboard.frame("Schedules", "schedules").await?;
    let (store, tenant) = (&dashboard.store, dashboard.tenant);
    let page = store
        .schedules(tenant, which.after.as_deref(), ROWS)
        .await?;
    let filter = SlotFilter {
        until: Some(now.clock + chrono::TimeDelta::seconds(1)),
        ..SlotFilter::default()
    };
    let mut schedules = Vec::with_capacity(page.items.len());
    for schedule in page.items {
        let slots = store
            .slots(tenant, &schedule.name, &filter, None, SLOTS)
            .await?;
        schedules.push(Row::new(schedule, &slots.items, now));
    }
    let more = page
        .next
        .map(|name| format!("/schedules?after={}", in_address(&name)));
    html(&Schedules {
        frame,
        schedules,
        more,
    })
}

impl Row {
    fn new(schedule: ScheduleView, slots: &[SlotView], now: Now) -> Self {
        let is_paused = schedule.paused_by.is_some();
        let state = match (schedule.enabled, is_paused) {
            (false, _) => "disabled",
            (true, true) => "paused",
            (true, false) => "enabled",
        };
        let by = schedule.paused_by.unwrap_or_default();
        let why = schedule.paused_why.unwrap_or_default();
        Self {
            state,
            rule: rule_words(&schedule.rule),
            paused: is_paused.then(|| format!("by {by}: {why}")),
            next: schedule.next_at.map(|at| When::new(at, now.clock)),
            slots: slots.iter().map(|slot| SlotRow::new(slot, now)).collect(),
            command: format!("windlass schedule next {}", in_shell(&schedule.name)),
            name: schedule.name,
        }
    }
}

impl SlotRow {
    fn new(slot: &SlotView, now: Now) -> Self {
        Self {
            at: When::new(slot.at, now.clock),
            until: slot
                .until
                .zip(slot.n)
                .map(|(until, n)| (When::new(until, now.clock), thousands(n))),
            state: slot.state.clone(),
            reason: slot.reason.clone().unwrap_or_default(),
            batch: slot.batch.map(|batch| format!("b_{batch}")),
            job: slot.job.map(|job| format!("j_{job}")),
        }
    }
}
