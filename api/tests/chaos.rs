//! A chaos run of one round on real processes, and proof that its checker sees what is planted.

#[allow(dead_code, reason = "shared with the tests of the command line")]
#[path = "cli/process.rs"]
mod process;

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use self::process::windlass_with;

/// A round takes a quarter of it, also on a machine that builds beside it.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_of_chaos_holds_and_every_planted_fault_is_seen() {
    let path = std::env::var("PATH").unwrap_or_default();
    let arguments = [
        "chaos",
        "--rounds",
        "1",
        "--seed",
        "7",
        "--lease-seconds",
        "4",
        "--self-test",
        "--json",
    ];

    let ended = timeout(PATIENCE, windlass_with(&arguments, &[("PATH", &path)]))
        .await
        .expect("a round ends");

    assert_eq!(ended.code, 0, "{}\n{}", ended.stdout, ended.stderr);
    let totals: Value =
        serde_json::from_str(ended.stdout.lines().last().expect("a last line")).expect("JSON");
    assert_eq!(totals["violations"], 0, "{totals}");
    assert_eq!(totals["planted"], totals["planted_seen"], "{totals}");
    assert!(totals["planted"].as_u64() >= Some(16), "{totals}");
    assert!(totals["jobs"].as_u64() >= Some(200), "{totals}");
    assert!(
        totals["kills"].as_u64().unwrap_or(0) + totals["crashes"].as_u64().unwrap_or(0) > 0,
        "{totals}"
    );
}
