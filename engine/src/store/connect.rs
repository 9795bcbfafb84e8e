//! How every connection to the database is set up, whoever opens it.
//!
//! A dropped query is not cancelled on the server, so limits of time are the
//! server's to keep. Callers may relax them for one connection with `set`.
//! Through a pooler that shares sessions nothing can be set at the start of one,
//! so there the same settings belong to the role (`pooler`).

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;

/// What every session of ours is set to.
pub(super) const SETTINGS: [(&str, &str); 11] = [
    ("search_path", "windlass,public"),
    // Longest time of one statement; the slowest page and the largest batch statement fit.
    ("statement_timeout", "60s"),
    // Longest wait for a lock: shorter, so that the error names the lock and not the statement.
    ("lock_timeout", "20s"),
    // No transaction of ours waits for anything outside the database.
    ("idle_in_transaction_session_timeout", "30s"),
    ("timezone", "UTC"),
    // One plan a statement, by the index that its header names, whatever the statistics of tables
    // that fill and empty within seconds say (`engine/tests/plans.rs`).
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_mergejoin", "off"),
    // Our statements touch few rows; compiling the long ones takes a hundred times as long.
    ("jit", "off"),
    // Nor is any of them worth other processes.
    ("max_parallel_workers_per_gather", "0"),
];
/// Shapes of statements kept prepared per connection; one beyond it costs a round trip.
const STATEMENT_CACHE_CAPACITY: usize = 256;

/// An attempt to connect that takes longer has met a peer that is gone without a word.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Options for a connection to `url` that says it is `application`, finds our tables first,
/// keeps to our plans, and lets no statement, lock or forgotten transaction last for ever.
///
/// # Errors
/// [`sqlx::Error::Configuration`] when the URL is none.
pub fn connect_options(url: &str, application: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.application_name(application).options(SETTINGS);
    Ok(options.statement_cache_capacity(STATEMENT_CACHE_CAPACITY))
}

/// Options for a connection to `url` through a pooler in transaction mode: it asks for no setting, since
/// a pooler refuses or forgets those. The role must bring them, see
/// [`settings_statements`](super::settings_statements).
///
/// # Errors
/// [`sqlx::Error::Configuration`] when the URL is none.
pub fn pooled_options(url: &str, application: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    // Postgres' own choice of digits gives back the same number, and poolers do not know the parameter.
    let options = options
        .application_name(application)
        .extra_float_digits(None);
    Ok(options.statement_cache_capacity(STATEMENT_CACHE_CAPACITY))
}
