//! `/`: is all well? What needs somebody, what is under way, what today's schedules did.

mod attention;

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Timelike, Utc};
use windlass_engine::store::{
    BatchFilter, BatchView, Health, HomeFigures, JobFilter, QueueFigures, SlotView, WorkerView,
};
use windlass_engine::vocabulary::JobState;

use self::attention::{Attention, RECENT, Seen};
use super::batches::BatchRow;
use super::page::{Frame, Now, Trouble, html};
use super::words::{length, thousands};
use super::{Dashboard, WORKER_TTL};

/// Batches and jobs looked through for trouble.
const LOOK_BACK: u32 = 20;
/// Workers summed in the engine's line.
const WORKERS_MAX: u32 = 1_000;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    attention: Vec<Attention>,
    figures: Vec<Figure>,
    batches: Vec<BatchRow>,
    days: Vec<Day>,
    engine: Vec<String>,
    is_new: bool,
}

/// A number with its name.
struct Figure {
    name: &'static str,
    value: String,
    note: String,
}

/// The slots of one schedule today.
struct Day {
    schedule: String,
    marks: Vec<Mark>,
    words: String,
}

/// A slot on the line of a day.
struct Mark {
    state: String,
    /// Its place in the day, in percent.
    x: String,
    title: String,
}

/// The front page.
pub(super) async fn show(State(dashboard): State<Dashboard>) -> Result<Response, Trouble> {
    let (frame, now) = dashboard.frame("Home", "home").await?;
    let (store, tenant) = (&dashboard.store, dashboard.tenant);
    let home = store.home(tenant).await?;
    let health = store.health().await?;
    let workers = store.workers(WORKER_TTL, WORKERS_MAX).await?;
    let recent = store
        .batches(tenant, &BatchFilter::default(), None, LOOK_BACK)
        .await?;
    let stopped = JobFilter {
        states: vec![JobState::Parked, JobState::Failed, JobState::Expired],
        ..JobFilter::default()
    };
    let stopped = store.jobs(tenant, &stopped, None, LOOK_BACK).await?;
    let threatened = store.threatened_batches(tenant).await?;
    let behind = store.slot_alerts(tenant, now.clock - RECENT).await?;
    let seen = Seen {
        now,
        home: &home,
        recent: &recent.items,
        jobs: &stopped.items,
        workers: &workers,
        threatened: &threatened,
        behind: &behind,
    };
    let attention = seen.attention();
    html(&Home {
        attention,
        figures: figures(&home),
        is_new: recent.items.is_empty() && home.queues.is_empty(),
        batches: rows(&home.open_batches, &recent.items, now),
        days: days(&home.slots_today, home.now),
        engine: engine(&health, &workers),
        frame,
    })
}

/// Batches under way; the newest ones where there are none.
fn rows(open: &[BatchView], recent: &[BatchView], now: Now) -> Vec<BatchRow> {
    let shown = if open.is_empty() { recent } else { open };
    shown
        .iter()
        .take(8)
        .map(|batch| BatchRow::new(batch, now))
        .collect()
}

fn figures(home: &HomeFigures) -> Vec<Figure> {
    let sum = |of: fn(&QueueFigures) -> i64| thousands(home.queues.iter().map(of).sum());
    let oldest = home.queues.iter().map(|queue| queue.oldest_ready_seconds);
    let oldest = oldest.fold(0.0, f64::max);
    let failed = &home.failed_last_day;
    let at_least = if failed.at_least { "at least " } else { "" };
    vec![
        figure("running", sum(|queue| queue.leased), "under lease now"),
        Figure {
            name: "ready",
            value: sum(|queue| queue.ready),
            note: format!("oldest for {}", length(oldest)),
        },
        Figure {
            name: "later",
            value: sum(|queue| queue.later),
            note: format!("{} due within a minute", sum(|queue| queue.due_soon)),
        },
        figure("held", sum(|queue| queue.held), "planned, paused or parked"),
        Figure {
            name: "failed",
            value: format!("{at_least}{}", thousands(failed.jobs)),
            note: "in the last 24 hours".to_owned(),
        },
    ]
}

fn figure(name: &'static str, value: String, note: &str) -> Figure {
    Figure {
        name,
        value,
        note: note.to_owned(),
    }
}

fn days(slots: &[SlotView], now: DateTime<Utc>) -> Vec<Day> {
    let mut by_schedule: BTreeMap<&str, Vec<&SlotView>> = BTreeMap::new();
    for slot in slots {
        by_schedule.entry(&slot.schedule).or_default().push(slot);
    }
    by_schedule
        .into_iter()
        .map(|(schedule, slots)| day(schedule, &slots, now))
        .collect()
}

fn day(schedule: &str, slots: &[&SlotView], now: DateTime<Utc>) -> Day {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for slot in slots.iter().filter(|slot| slot.n.is_none()) {
        *counts.entry(&slot.state).or_default() += 1;
    }
    let counts = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"));
    let many = slots.iter().filter_map(|slot| many(slot));
    Day {
        schedule: schedule.to_owned(),
        marks: slots.iter().map(|slot| mark(slot, now)).collect(),
        words: counts.chain(many).collect::<Vec<_>>().join(", "),
    }
}

/// Many slots with one verdict; they may have begun before today.
fn many(slot: &SlotView) -> Option<String> {
    let (n, state) = (thousands(slot.n?), &slot.state);
    let since = slot.at.format("%-d %b %H:%M");
    Some(format!("{n} {state} since {since}"))
}

fn mark(slot: &SlotView, now: DateTime<Utc>) -> Mark {
    let is_older = slot.at.date_naive() < now.date_naive();
    let minute = slot.at.hour() * 60 + slot.at.minute();
    let x = if is_older { 0 } else { minute };
    let alone = || format!("{} {}", slot.at.format("%H:%M"), slot.state);
    Mark {
        x: format!("{:.2}%", f64::from(x) * 100.0 / 1_440.0),
        title: many(slot).unwrap_or_else(alone),
        state: slot.state.clone(),
    }
}

fn engine(health: &Health, workers: &[WorkerView]) -> Vec<String> {
    let alive: Vec<_> = workers.iter().filter(|worker| worker.alive).collect();
    let slots: i64 = alive.iter().map(|worker| i64::from(worker.slots)).sum();
    let busy: i64 = alive.iter().map(|worker| worker.jobs).sum();
    let version = health.server_version.split(' ').next().unwrap_or_default();
    vec![
        format!("Postgres {version}"),
        format!(
            "schema {} of {}",
            health.schema_version, health.schema_version_needed
        ),
        format!("fsync {}", health.fsync),
        match alive.len() {
            1 => "1 worker alive".to_owned(),
            many => format!("{many} workers alive"),
        },
        format!("{} slots", thousands(slots)),
        format!(
            "{} jobs under lease, those taken ahead included",
            thousands(busy)
        ),
    ]
}
