//! Reading from outside: memory does not grow with the selection. A program of its own, for others use memory too.

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code, reason = "shared with the tests of what is read")]
#[path = "../draw/stage.rs"]
mod stage;

use common::recipe::over;
use serde_json::json;
use stage::{Scene, query};

/// What this process has in memory, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a size")
}

#[tokio::test]
async fn memory_does_not_grow_with_the_selection() {
    let scene = Scene::new().await;
    let mut peaks = Vec::new();
    for rows in [20_000, 200_000] {
        let sql =
            format!("select n as id, repeat('x', 200) as text from generate_series(1, {rows}) n");
        let before = resident();
        let selection = query(&sql, json!({ "key": "id" }));
        let (batch, _) = scene.drawn(&over(selection, "individual"), &sql).await;
        let read = resident().saturating_sub(before);
        assert_eq!(scene.planned(batch).await.planned.members, rows);
        peaks.push((rows, read, resident().saturating_sub(before)));
    }
    assert!(peaks[1].2 < peaks[0].2 + 32 * 1024, "{peaks:?}");
}
