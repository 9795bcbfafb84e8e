//! What all long runs came to: one line a run, appended to a file that is committed.
//!
//! Zero in N is a bound, not a proof: with 95 % certainty the true rate is below 3/N.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use chrono::Utc;
use serde_json::{Value, json};

use super::Totals;

/// Appends the run, which began at that commit.
///
/// # Errors
/// When the file cannot be written.
pub fn append(path: &Path, commit: Option<&str>, totals: &Totals) -> std::io::Result<()> {
    let blows = totals.blows.kills + totals.blows.crashes + totals.blows.sessions;
    let line = json!({
        "commit": commit,
        "date": Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "seed": totals.seed,
        "rounds": totals.rounds,
        "kills": totals.blows.kills,
        "crashes": totals.blows.crashes,
        "sessions": totals.blows.sessions,
        "freezes": totals.blows.freezes,
        "cuts": totals.blows.cuts,
        "jobs": totals.jobs,
        "hours": (totals.seconds as f64 / 36.0).round() / 100.0,
        "failures": totals.broken_rounds.len(),
        "bound": bound(blows, totals.broken_rounds.len()),
    });
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

/// Failures a blow, at most, where there was none.
fn bound(blows: u64, failures: usize) -> Value {
    match (blows, failures) {
        (1.., 0) => json!((3.0 / blows as f64 * 1e6).round() / 1e6),
        _ => Value::Null,
    }
}

/// The commit of the folder where a run is started, where there is one.
pub fn commit() -> Option<String> {
    let output = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_is_three_in_n_and_absent_after_a_failure() {
        assert_eq!(bound(2_000, 0), json!(0.0015));
        assert_eq!(bound(2_000, 1), Value::Null);
        assert_eq!(bound(0, 0), Value::Null);
    }
}
