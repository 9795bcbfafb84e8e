//! `/batches`: which ones? Newest first, by state or by job configuration, a page at a time.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use windlass_engine::store::{BatchFilter, BatchView};

use super::Dashboard;
use super::chart::{BAD, Bar, ended};
use super::page::{Frame, Now, Trouble, html};
use super::words::{When, in_address, number, thousands};

/// Rows of a page.
const ROWS: u32 = 50;
/// States that can be asked for: an index carries those that are not final.
const STATES: [&str; 5] = ["planning", "planned", "releasing", "running", "paused"];

/// Which batches.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    state: Option<String>,
    configuration: Option<String>,
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "batches.html")]
struct Batches {
    frame: Frame,
    filters: Vec<Filter>,
    configuration: Option<String>,
    batches: Vec<BatchRow>,
    is_filtered: bool,
    older: Option<String>,
}

/// A filter that can be chosen.
pub(super) struct Filter {
    pub name: &'static str,
    pub href: String,
    pub is_chosen: bool,
}

/// A batch in a list.
pub(super) struct BatchRow {
    pub id: String,
    pub name: String,
    pub state: String,
    pub strategy: String,
    pub bar: Bar,
    pub percent: String,
    pub completed: String,
    pub failed: String,
    pub has_failed: bool,
    pub jobs: String,
    pub created: When,
}

impl BatchRow {
    /// A batch as it stands now.
    pub fn new(batch: &BatchView, now: Now) -> Self {
        let failed = ended(batch, &BAD);
        Self {
            id: format!("b_{}", batch.id),
            name: batch.name.clone(),
            state: batch.state.clone(),
            strategy: batch.strategy.clone(),
            bar: Bar::new(batch, 0),
            percent: format!("{:.1}%", batch.progress.percent),
            completed: thousands(ended(batch, &["completed"])),
            failed: thousands(failed),
            has_failed: failed > 0,
            jobs: thousands(batch.planned.jobs),
            created: When::new(batch.created_at, now.real),
        }
    }
}

impl Which {
    fn filter(&self) -> BatchFilter {
        let state = self.state.as_deref().unwrap_or_default();
        let open_states = match state {
            "open" => Some(Vec::new()),
            state if STATES.contains(&state) => Some(vec![state.to_owned()]),
            _ => None,
        };
        let configuration = self.configuration.clone().filter(|name| !name.is_empty());
        BatchFilter {
            configuration: configuration.filter(|_| open_states.is_none()),
            open_states,
        }
    }
}

/// The list.
pub(super) async fn list(
    State(dashboard): State<Dashboard>,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let (frame, now) = dashboard.frame("Batches", "batches").await?;
    let before = which.before.as_deref().and_then(|id| number(id, "b_"));
    let filter = which.filter();
    let page = dashboard
        .store
        .batches(dashboard.tenant, &filter, before, ROWS)
        .await?;
    let state = which.state.as_deref().unwrap_or("all");
    let query = match &filter.configuration {
        Some(name) => format!("configuration={}", in_address(name)),
        None => format!("state={}", in_address(state)),
    };
    html(&Batches {
        filters: filters(&filter, state),
        is_filtered: filter.open_states.is_some() || filter.configuration.is_some(),
        batches: page
            .items
            .iter()
            .map(|batch| BatchRow::new(batch, now))
            .collect(),
        older: page
            .next
            .map(|id| format!("/batches?{query}&before=b_{id}")),
        configuration: filter.configuration,
        frame,
    })
}

fn filters(filter: &BatchFilter, state: &str) -> Vec<Filter> {
    let names = ["all", "open"].into_iter().chain(STATES);
    let is_all = filter.open_states.is_none() && filter.configuration.is_none();
    let shown = names.map(|name| Filter {
        name,
        href: format!("/batches?state={name}"),
        is_chosen: if name == "all" { is_all } else { name == state },
    });
    shown.collect()
}
