//! How many jobs may be let go, and how far a batch has come.

/// Room for releases: what the window leaves, and no more than the rate's tokens. A window that was
/// lowered takes nothing back.
pub fn room(window: u64, released: u64, settled: u64, tokens: Option<u64>) -> u64 {
    let unsettled = released.saturating_sub(settled);
    let left = window.saturating_sub(unsettled);
    tokens.map_or(left, |tokens| left.min(tokens))
}

/// Progress in percent with one decimal, rounded down: 100 only at the end. Of a combined job with
/// chunks, count members instead of jobs, those of finished chunks as done.
pub fn progress_percent(jobs: u64, open: u64) -> f64 {
    if jobs == 0 {
        return 100.0;
    }
    let done = u128::from(jobs.saturating_sub(open));
    let thousandths = done * 1_000 / u128::from(jobs);
    // At most 1,000, which a float holds exactly.
    thousandths as f64 / 10.0
}
