//! `?wait=30s` and `Prefer: wait=30`: an answer that is held until something changes or time is up.

use std::future::Future;
use std::time::Duration;

use axum::http::HeaderMap;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use windlass_workflows::configuration::duration;
use windlass_workflows::problem::Problem;

use super::problem::Refusal;

/// Longest time that an answer is held; proxies cut off later ones.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// First pause between two looks; it doubles.
const PAUSE_MIN: Duration = Duration::from_millis(25);
/// Longest pause between two looks.
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// How long a call wants to wait: its parameter, else its `Prefer` header; zero without either.
pub fn asked(parameter: Option<&str>, headers: &HeaderMap) -> Result<Duration, Refusal> {
    let preferred = || {
        let prefer = headers.get("prefer")?.to_str().ok()?;
        let seconds = prefer
            .split(',')
            .find_map(|part| part.trim().strip_prefix("wait="))?;
        seconds.parse().ok().map(Duration::from_secs)
    };
    let Some(text) = parameter else {
        return Ok(preferred().unwrap_or_default().min(WAIT_MAX));
    };
    let wait = duration(text).ok_or_else(|| {
        let message = format!("`{text}` is no length of time");
        Refusal::malformed(
            Problem::new("wait_malformed", "/wait", message).hint("write `?wait=30s`"),
        )
    })?;
    Ok(wait.min(WAIT_MAX))
}

/// Looks again and again until `is_enough`, the time is up or the server stops; answers with the
/// last look. Without time it looks once.
///
/// # Cancel safety
/// Dropped between two looks, nothing is lost.
pub async fn until<T, F, E>(
    wait: Duration,
    stop: &CancellationToken,
    look: impl Fn() -> F,
    is_enough: impl Fn(&T) -> bool,
) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let deadline = Instant::now() + wait;
    let mut pause = PAUSE_MIN;
    loop {
        let seen = look().await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if is_enough(&seen) || left.is_zero() || stop.is_cancelled() {
            return Ok(seen);
        }
        tokio::select! {
            () = sleep(pause.min(left)) => {}
            () = stop.cancelled() => {}
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_capped_and_read_in_both_places() {
        let none = HeaderMap::new();
        let prefer = [("prefer", "respond-async, wait=7")]
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));

        assert_eq!(asked(Some("30s"), &none).unwrap(), Duration::from_secs(30));
        assert_eq!(asked(Some("1h"), &none).unwrap(), WAIT_MAX);
        assert_eq!(
            asked(None, &prefer.into_iter().collect()).unwrap(),
            Duration::from_secs(7)
        );
        assert_eq!(asked(None, &none).unwrap(), Duration::ZERO);
        assert_eq!(asked(Some("soon"), &none).unwrap_err().code, "malformed");
    }
}
