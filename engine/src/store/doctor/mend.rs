//! Repair where it is provably safe: found again under a lock, in one transaction, the same however often
//! it is done.
//!
//! What only a duty forgot, the duty's own verb does. The check's row is locked first, so that two
//! doctors take turns, then everything else in the order of the house.

use futures::future::BoxFuture;

use super::check::{Check, Page, tally_gaps};
use super::{Options, codes};
use crate::Error;
use crate::store::{Session, Store};

/// Passes of a duty in one repair; the duty itself does the rest.
const PASSES_MAX: usize = 100;

/// Puts right what was found of a code on a page; how many rows it changed.
pub(super) async fn mend(
    store: &Store,
    check: Check,
    page: &Page,
    code: &str,
    options: &Options,
) -> Result<i64, Error> {
    if codes::meaning(code).is_none_or(|known| known.repair.is_none()) {
        return Ok(0);
    }
    let rows = match code {
        "lease_of_dead_worker"
        | "timer_overdue"
        | "later_overdue"
        | "expiry_overdue"
        | "cancel_overdue"
        | "wish_overdue"
        | "key_overdue"
        | "batch_not_finished"
        | "child_untold"
        | "letter_left"
        | "signal_overdue"
        | "event_overdue" => by_duty(store, code, options).await?,
        "signal_missed" => count(store.offer_missed().await?),
        "limit_drift" => {
            let drift = store.limit_drift().await?;
            let keys: Vec<i32> = drift.iter().map(|one| one.key).collect();
            count(store.repair_limit_drift(&keys).await?.len())
        }
        _ => locked(store, check, page.clone(), code.to_owned()).await?,
    };
    if rows > 0 {
        let who = options.who.as_str();
        sqlx::query_file!(
            "queries/doctor/note_repair.sql",
            code,
            rows,
            page.place(),
            who
        )
        .execute(store.pool())
        .await?;
        tracing::warn!(
            code,
            rows,
            place = page.place(),
            "the doctor put something right"
        );
    }
    Ok(rows)
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Passes of the duty that is late, until it finds nothing more.
async fn by_duty(store: &Store, code: &str, options: &Options) -> Result<i64, Error> {
    let mut done = 0;
    for _ in 0..PASSES_MAX {
        let moved = match code {
            // As long as it took to be found, so that a short lease time here ends nobody's work.
            "lease_of_dead_worker" => {
                let silence = options.lease_time + options.overdue;
                store.expire(silence).await?.leases
            }
            "timer_overdue" | "later_overdue" => store.wake(store.moved_now().await?).await?,
            "expiry_overdue" => store.expire_jobs(store.moved_now().await?).await?,
            "cancel_overdue" => store.end_cancelling().await?,
            "wish_overdue" => {
                store.cut_disobedient(options.overdue).await?
                    + store.end_cancelling().await?
                    + count(store.fulfil_cancels().await?)
            }
            "child_untold" => store.tell_parents().await?,
            "letter_left" => store.return_letters().await?,
            "signal_overdue" => i64::try_from(store.expire_signals().await?).unwrap_or(i64::MAX),
            "event_overdue" => store.publish_events().await?,
            "key_overdue" => i64::try_from(store.prune_keys().await?).unwrap_or(i64::MAX),
            _ => count(store.finish().await?.len()),
        };
        done += moved;
        if moved == 0 {
            break;
        }
    }
    Ok(done)
}

/// A repair of our own.
async fn locked(store: &Store, check: Check, page: Page, code: String) -> Result<i64, Error> {
    store
        .transaction(move |session| {
            let done: BoxFuture<'_, Result<i64, Error>> = Box::pin(async move {
                sqlx::query_file!("queries/doctor/lock.sql", check.name())
                    .fetch_optional(&mut *session)
                    .await?;
                match &page {
                    Page::Jobs(from, upto) => of_jobs(session, &code, *from, *upto).await,
                    Page::Batches(ids) => of_batches(session, &code, ids).await,
                    Page::All => of_all(session, &code).await,
                }
            });
            done
        })
        .await
}

/// `rows!(session, "file", arguments…)`: how many the statement says.
macro_rules! rows {
    ($session:ident, $file:tt $(, $argument:expr)*) => {
        sqlx::query_file!($file $(, $argument)*).fetch_one(&mut *$session).await?.rows
    };
}

async fn of_jobs(session: &mut Session, code: &str, from: i64, upto: i64) -> Result<i64, Error> {
    Ok(match code {
        "job_nowhere" => rows!(session, "queries/doctor/park_nowhere.sql", from, upto),
        "job_ended_and_held" => {
            // Leases wait for their locks, and come first; extents and rests that are locked are left out.
            rows!(session, "queries/doctor/cut_ended_leases.sql", from, upto)
                + rows!(session, "queries/doctor/cut_ended.sql", from, upto)
        }
        "head_without_turn" => rows!(session, "queries/doctor/drop_heads.sql", from, upto),
        "row_of_no_job" => rows!(session, "queries/doctor/drop_orphans.sql", from, upto),
        _ => 0,
    })
}

async fn of_batches(session: &mut Session, code: &str, ids: &[i64]) -> Result<i64, Error> {
    if code == "tally_differs" {
        return tell(session, ids).await;
    }
    // The lock first, what it guards in the next statement: a snapshot is older than the lock it waits for.
    sqlx::query_file!("queries/redrive/lock_batches.sql", ids)
        .fetch_all(&mut *session)
        .await?;
    let done = match code {
        "batch_expects_wrong" => sqlx::query_file!("queries/doctor/expect.sql", ids),
        "batch_ended_early" => sqlx::query_file!("queries/doctor/reopen.sql", ids),
        "planned_left_behind" => sqlx::query_file!("queries/doctor/release_left.sql", ids),
        _ => return Ok(0),
    };
    let done = done.execute(session).await?;
    Ok(i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}

/// A tally and what it counts change in one statement, so a difference that one snapshot shows stays the
/// same until somebody puts it right; who does holds the check.
async fn tell(session: &mut Session, ids: &[i64]) -> Result<i64, Error> {
    let gaps = tally_gaps(&mut *session, ids).await?;
    let batches: Vec<i64> = gaps.iter().map(|gap| gap.batch).collect();
    let kinds: Vec<String> = gaps.iter().map(|gap| gap.kind.clone()).collect();
    let lacking: Vec<i64> = gaps.iter().map(|gap| gap.became - gap.told).collect();
    sqlx::query_file!("queries/doctor/tell.sql", &batches, &kinds, &lacking)
        .execute(session)
        .await?;
    Ok(count(gaps.len()))
}

async fn of_all(session: &mut Session, code: &str) -> Result<i64, Error> {
    Ok(match code {
        "lease_empty" | "stop_without_job" => rows!(session, "queries/doctor/mend_leases.sql"),
        "wait_without_cause" | "cause_without_wait" => {
            rows!(session, "queries/doctor/mend_waits.sql")
        }
        "paused_without_pause" => rows!(session, "queries/doctor/lift_unpaused.sql"),
        "ids_behind" => rows!(session, "queries/doctor/draw_ids.sql"),
        _ => 0,
    })
}
