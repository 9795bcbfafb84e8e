//! Says it when the database goes on elsewhere: whoever meets another server first follows it.

use tracing::{error, warn};
use windlass_engine::{Error, Store};

/// Follows a server that moved, and says what is known of what was lost on the way; whether it moved.
/// `seen` is a transaction that was acknowledged before.
///
/// # Errors
/// What the database says.
///
/// # Cancel safety
/// As [`Store::follow_server`]; what happened may stay unsaid.
pub(crate) async fn follow(store: &Store, seen: Option<i64>) -> Result<bool, Error> {
    let Some(moved) = store.follow_server().await? else {
        return Ok(false);
    };
    if moved.went_back_behind(seen) {
        error!(
            code = "history_went_back",
            timeline_before = moved.timeline_before,
            timeline = moved.timeline,
            position = moved.position,
            seen,
            "the database went on without what it had acknowledged last: requests and outcomes are gone"
        );
        metrics::counter!("windlass_history_lost_total").increment(1);
    } else {
        warn!(
            code = "server_moved",
            timeline_before = moved.timeline_before,
            timeline = moved.timeline,
            is_other_server = moved.is_other_server,
            "the database goes on elsewhere; what a standby lacked when it was promoted is gone"
        );
    }
    Ok(true)
}
