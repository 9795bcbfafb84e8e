//! How every connection to the database is set up, whoever opens it.
//!
//! A dropped query is not cancelled on the server, so limits of time are the
//! server's to keep. Callers may relax them for one connection with `set`.

use sqlx::postgres::PgConnectOptions;

/// Longest time of one statement; the slowest page and the largest batch statement fit.
const STATEMENT_TIMEOUT: &str = "60s";
/// Longest wait for a lock: shorter, so that the error names the lock and not the statement.
const LOCK_TIMEOUT: &str = "20s";
/// No transaction of ours waits for anything outside the database.
const IDLE_IN_TRANSACTION_TIMEOUT: &str = "30s";
/// Shapes of statements kept prepared per connection; one beyond it costs a round trip.
const STATEMENT_CACHE_CAPACITY: usize = 256;

/// Options for a connection to `url` that says it is `application`, finds our tables first,
/// and lets no statement, lock or forgotten transaction last for ever.
///
/// # Errors
/// [`sqlx::Error::Configuration`] when the URL is none.
pub fn connect_options(url: &str, application: &str) -> Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let settings = [
        ("search_path", "windlass,public"),
        ("statement_timeout", STATEMENT_TIMEOUT),
        ("lock_timeout", LOCK_TIMEOUT),
        (
            "idle_in_transaction_session_timeout",
            IDLE_IN_TRANSACTION_TIMEOUT,
        ),
        ("timezone", "UTC"),
    ];
    let options = options.application_name(application).options(settings);
    Ok(options.statement_cache_capacity(STATEMENT_CACHE_CAPACITY))
}
