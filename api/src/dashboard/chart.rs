//! Bars: shares of a whole as rectangles of an SVG. Widths are attributes, since the policy of the
//! pages allows no inline style.

use windlass_engine::store::BatchView;

/// One rectangle, in percent of the whole.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    /// Its class, which is its colour.
    pub kind: &'static str,
    pub x: String,
    pub width: String,
}

/// How far a batch is, as parts of one bar.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub parts: Vec<Part>,
    /// What the bar says, in words.
    pub label: String,
}

/// Jobs of a batch that came to this.
pub(super) fn ended(batch: &BatchView, kinds: &[&str]) -> i64 {
    let now = &batch.progress.now;
    kinds.iter().filter_map(|kind| now.get(*kind)).sum()
}

/// Endings that somebody should look at.
pub(super) const BAD: [&str; 3] = ["failed", "expired", "parked"];
/// Endings that are neither good nor bad.
const NEITHER: [&str; 2] = ["cancelled", "suppressed"];

impl Bar {
    /// The bar of a batch of which so many jobs run.
    pub fn new(batch: &BatchView, running: i64) -> Self {
        let shares = match batch.strategy == "combined" && batch.progress.open > 0 {
            true => chunks(batch),
            false => endings(batch, running),
        };
        let mut x = 0.0;
        let mut parts = Vec::with_capacity(shares.len());
        for (kind, width) in shares {
            parts.push(Part {
                kind,
                x: format!("{x:.2}%"),
                width: format!("{width:.2}%"),
            });
            x += width;
        }
        let label = format!("{:.1}% done", batch.progress.percent);
        Self { parts, label }
    }
}

/// A combined job advances by the members of its finished chunks.
fn chunks(batch: &BatchView) -> [(&'static str, f64); 4] {
    let done = batch.progress.percent;
    [
        ("completed", done),
        ("failed", 0.0),
        ("cancelled", 0.0),
        ("running", 0.0),
    ]
}

fn endings(batch: &BatchView, running: i64) -> [(&'static str, f64); 4] {
    let whole = batch.progress.now.values().sum::<i64>() + batch.progress.open;
    let share = |count: i64| 100.0 * count as f64 / whole.max(1) as f64;
    [
        ("completed", share(ended(batch, &["completed"]))),
        ("failed", share(ended(batch, &BAD))),
        ("cancelled", share(ended(batch, &NEITHER))),
        ("running", share(running)),
    ]
}
