//! Changes of many jobs: made ready, begun, and paced to their end.

use windlass_engine::protocol::{BulkChange, BulkFilter, NewBulk};
use windlass_engine::store::BulkView;

use super::Bench;

/// Passes that nothing needs.
pub const PASSES_MAX: usize = 200;

pub fn of_template() -> BulkFilter {
    BulkFilter {
        template: Some("test.noop".into()),
        ..BulkFilter::default()
    }
}

pub fn numbered(jobs: &[i64]) -> BulkFilter {
    BulkFilter {
        jobs: Some(jobs.to_vec()),
        ..BulkFilter::default()
    }
}

pub async fn ready_to_start(bench: &Bench, filter: BulkFilter, change: BulkChange) -> NewBulk {
    let preview = bench.store.preview_bulk(1, &filter, &change).await;
    NewBulk {
        token: preview.expect("a preview").token,
        filter,
        change,
        rate: 1_000,
        accept_drift: false,
        who: "mia".into(),
        why: "wrong limit".into(),
    }
}

pub async fn begin(bench: &Bench, filter: BulkFilter, change: BulkChange) -> BulkView {
    let new = ready_to_start(bench, filter, change).await;
    bench.store.start_bulk(1, new).await.expect("begun")
}

/// A pass, a second after the last one; pages that were put off are due again.
pub async fn pass(bench: &Bench) -> Option<i64> {
    sqlx::raw_sql(
        "update bulk set passed_at = passed_at - interval '1 second', busy_until = null where state = 'running';
         update bulk_page set due = now()",
    )
    .execute(&bench.pool)
    .await
    .expect("a second later");
    bench.store.pace_bulks().await.expect("a pass")
}

pub async fn to_its_end(bench: &Bench, id: i64) -> BulkView {
    for _ in 0..PASSES_MAX {
        pass(bench).await;
        let view = bench.store.bulk(1, id).await.expect("a change");
        if view.finished_at.is_some() {
            return view;
        }
    }
    panic!("it does not end");
}
