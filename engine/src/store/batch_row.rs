//! A batch as its statements give it, and what its tallies say of its progress.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::types::Json;

use super::batch::{BatchView, PlannedCounts, Progress};
use super::batch_ask::asks;

/// Tally kind that counts members of finished chunks of a combined job; it settles nothing.
const CHUNK_MEMBERS: &str = "chunk_members";
/// Prefix of the tally kinds by which a restart takes endings back.
const RESTARTED: &str = "restarted_";

/// A row of `queries/batch/*.sql`.
pub(super) struct BatchRow {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) configuration: Option<String>,
    pub(super) revision: Option<i32>,
    pub(super) state: String,
    pub(super) strategy: String,
    pub(super) template_version: i32,
    pub(super) template: String,
    pub(super) purpose: String,
    pub(super) lane: Option<i32>,
    pub(super) priority: i32,
    pub(super) schedule: Option<String>,
    pub(super) slot_at: Option<DateTime<Utc>>,
    pub(super) context: Option<String>,
    pub(super) generation: i32,
    pub(super) category_version: Option<i32>,
    pub(super) category: Option<String>,
    pub(super) members: i64,
    pub(super) jobs: i64,
    pub(super) chunks: i32,
    pub(super) left_out: i64,
    pub(super) selection_hash: Option<String>,
    pub(super) plan_hash: Option<String>,
    pub(super) sealed: bool,
    pub(super) expected: i64,
    pub(super) released: i64,
    pub(super) release_window: i64,
    pub(super) reason: Option<String>,
    pub(super) created_by: String,
    pub(super) asks: Option<String>,
    pub(super) asking: bool,
    pub(super) ask_until: Option<DateTime<Utc>>,
    pub(super) approved_by: Option<String>,
    pub(super) approved_at: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) planned_at: Option<DateTime<Utc>>,
    pub(super) released_at: Option<DateTime<Utc>>,
    pub(super) started_at: Option<DateTime<Utc>>,
    pub(super) cancelling_at: Option<DateTime<Utc>>,
    pub(super) finished_at: Option<DateTime<Utc>>,
    pub(super) opened: bool,
    pub(super) closed_at: Option<DateTime<Utc>>,
    pub(super) added: i64,
    pub(super) parent: Option<i64>,
    pub(super) tally: Json<BTreeMap<String, i64>>,
}

impl From<BatchRow> for BatchView {
    fn from(row: BatchRow) -> Self {
        Self {
            progress: progress(&row),
            asks: asks(row.asks.as_deref(), row.asking, row.ask_until),
            approved_by: row.approved_by,
            approved_at: row.approved_at,
            planned: PlannedCounts {
                members: row.members,
                jobs: row.jobs,
                chunks: row.chunks,
                left_out: row.left_out,
            },
            id: row.id,
            name: row.name,
            configuration: row.configuration,
            revision: row.revision,
            state: row.state,
            reason: row.reason,
            strategy: row.strategy,
            template: row.template,
            template_version: row.template_version,
            purpose: row.purpose,
            lane: row.lane,
            priority: row.priority,
            category: row.category,
            category_version: row.category_version,
            schedule: row.schedule,
            slot_at: row.slot_at,
            context: row.context,
            generation: row.generation,
            selection_hash: row.selection_hash,
            plan_hash: row.plan_hash,
            sealed: row.sealed,
            released: row.released,
            release_window: row.release_window,
            created_by: row.created_by,
            created_at: row.created_at,
            planned_at: row.planned_at,
            started_at: row.started_at,
            released_at: row.released_at,
            cancelling_at: row.cancelling_at,
            open: row.opened && row.closed_at.is_none() && row.finished_at.is_none(),
            closed_at: row.closed_at,
            added: row.added,
            finished_at: row.finished_at,
            parent: row.parent,
        }
    }
}

fn progress(row: &BatchRow) -> Progress {
    let tally = &row.tally.0;
    let restarted = |kind: &str| {
        tally
            .get(&format!("{RESTARTED}{kind}"))
            .copied()
            .unwrap_or(0)
    };
    let endings = || {
        tally
            .iter()
            .filter(|(kind, _)| *kind != CHUNK_MEMBERS && !kind.starts_with(RESTARTED))
    };
    let settled: i64 = endings().map(|(_, n)| n).sum();
    let open = (row.expected - settled).max(0);
    Progress {
        expected: row.expected,
        settled,
        open,
        percent: percent(row, open),
        now: endings()
            .map(|(kind, n)| (kind.clone(), n - restarted(kind)))
            .collect(),
        restarted: endings().map(|(kind, _)| restarted(kind)).sum(),
    }
}

/// By jobs; a combined job by the members of its finished chunks. Nothing is done before the plan
/// is sealed, and a sealed plan without jobs is done.
fn percent(row: &BatchRow, open: i64) -> f64 {
    let chunked = row.tally.0.get(CHUNK_MEMBERS).copied().unwrap_or(0);
    match (row.sealed, row.strategy.as_str()) {
        (false, _) => 0.0,
        (true, "combined") if open > 0 => share(chunked.min(row.members), row.members),
        (true, _) => share(row.jobs - open.min(row.jobs), row.jobs),
    }
}

fn share(done: i64, all: i64) -> f64 {
    if all <= 0 {
        return 100.0;
    }
    (1000 * done / all) as f64 / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_rounded_down_so_that_100_comes_only_at_the_end() {
        let vectors = [
            (50_000 - 19_288, 50_000, 61.4),
            (9_999, 10_000, 99.9),
            (1, 3, 33.3),
            (10_000, 10_000, 100.0),
            (0, 0, 100.0),
            (4_000, 10_000, 40.0),
        ];

        for (done, all, percent) in vectors {
            assert_eq!(share(done, all), percent, "{done} of {all}");
        }
    }
}
