//! Tidying: what nothing reads any more goes, each kind by itself, so that one that cannot be forgotten keeps no other.

use std::time::Duration;

use windlass_engine::protocol::Pass;
use windlass_engine::{Error, Store};

/// How long events are kept for jobs that wait for them later: seven days.
const EVENTS_KEPT: Duration = Duration::from_secs(7 * 86_400);

/// How long it is kept what made the versions of contexts: a quarter, over which people ask who changed what.
const CONTEXT_CHANGES_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// How long deliveries are kept after their end, with their logs, and notices that belong to no batch: a month, within
/// which somebody asks for one again.
const DELIVERIES_KEPT: Duration = Duration::from_secs(30 * 86_400);

/// How long changes of many jobs are kept after their end: as long as what they changed is asked after.
const BULKS_KEPT: Duration = Duration::from_secs(90 * 86_400);

/// Forgets what nothing reads any more; whether there may be more.
///
/// # Errors
/// The first that failed, once all others had their turn; at once where the database does not answer.
pub(super) async fn tidied(store: &Store) -> Result<bool, Error> {
    let mut pass = Pass::default();
    let done = [
        pass.over(store.compact_tallies().await.map(whole))?,
        pass.over(store.prune_keys().await)?,
        pass.over(store.prune_failures().await)?,
        pass.over(store.expire_signals().await)?,
        pass.over(store.forget_sources().await)?,
        pass.over(items_forgotten(store).await)?,
        pass.over(store.expire_contexts().await)?,
        pass.over(store.forget_context_changes(CONTEXT_CHANGES_KEPT).await)?,
        pass.over(store.forget_references(CONTEXT_CHANGES_KEPT).await)?,
        pass.over(store.expire_events(EVENTS_KEPT).await)?,
        pass.over(store.forget_bulks(BULKS_KEPT).await)?,
        pass.over(store.forget_notices(DELIVERIES_KEPT).await)?,
        pass.over(store.forget_deliveries(DELIVERIES_KEPT).await)?,
        pass.over(store.forget_heard().await.map(whole))?,
        pass.over(store.tidy_approvals().await.map(whole))?,
        pass.over(store.keep_indexes().await)?,
    ];
    pass.end(done.iter().any(|rows| *rows > 0))
}

async fn items_forgotten(store: &Store) -> Result<u64, Error> {
    store.forget_items(store.moved_now().await?).await
}

fn whole<T: TryInto<u64>>(rows: T) -> u64 {
    rows.try_into().unwrap_or_default()
}
