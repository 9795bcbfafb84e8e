//! Benchmarks as scripts meet them: small runs, whose last line must have every figure.

use serde_json::Value;

use super::process::{Ended, windlass_with};

/// Figures of every scenario.
const EVERYWHERE: [&str; 9] = [
    "jobs",
    "seconds",
    "ratio",
    "rounds",
    "cpu_us_per_job",
    "pg_cpu_us_per_job",
    "client_cpu_us_per_job",
    "wal_bytes_per_job",
    "peak_rss_mib",
];

/// Runs a scenario on data of its own.
async fn bench(scenario: &str, jobs: &str) -> Ended {
    let state = tempfile::tempdir().expect("a folder");
    let folder = state.path().join("state");
    let path = std::env::var("PATH").unwrap_or_default();
    let variables = [
        ("WINDLASS_STATE", folder.to_str().expect("a plain path")),
        ("WINDLASS_PG_DOWNLOAD", "false"),
        ("PATH", &path),
    ];
    let small = ["--jobs", jobs, "--rounds", "1", "--json"];
    let arguments = [&["-q", "bench", scenario][..], &small].concat();
    let ended = windlass_with(&arguments, &variables).await;
    let left = std::fs::read_dir(&folder).expect("the state folder");
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    assert!(
        left.iter()
            .all(|name| name.to_string_lossy().ends_with(".lock")),
        "{left:?} is left behind"
    );
    ended
}

/// The last line as an object with these figures, each above nothing.
fn object(ended: &Ended, figures: &[&str]) -> Value {
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let line = ended.stdout.lines().last().unwrap_or_default();
    let object: Value = serde_json::from_str(line).expect("one object on one line");
    for figure in EVERYWHERE.iter().chain(figures) {
        assert!(object[*figure].as_f64() >= Some(0.0), "{figure} in {line}");
    }
    object
}

#[tokio::test]
async fn a_drain_ends_with_one_object_that_has_every_figure() {
    let ended = bench("drain", "500").await;

    let object = object(&ended, &["jobs_per_s", "floor_per_s"]);
    assert_eq!(object["scenario"], "drain");
    assert_eq!(object["jobs"], 500);
    assert!(object["jobs_per_s"].as_f64() > Some(0.0), "{object}");
    assert!(object["floor_per_s"].as_f64() > Some(0.0), "{object}");
}

#[tokio::test]
async fn a_drain_by_two_processes_has_the_same_figures() {
    let ended = bench("drain2", "500").await;

    let object = object(&ended, &["jobs_per_s", "floor_per_s"]);
    assert_eq!(object["scenario"], "drain2");
}

#[tokio::test]
async fn a_latency_has_times_in_place_of_rates() {
    let ended = bench("latency", "3").await;

    let object = object(&ended, &["p50_ms", "p99_ms", "floor_p50_ms"]);
    assert!(object["p50_ms"].as_f64() > Some(0.0), "{object}");
    assert!(
        object["in_process"]["p50_ms"].as_f64() > Some(0.0),
        "{object}"
    );
    assert_eq!(object["jobs_per_s"], Value::Null);
}

#[tokio::test]
async fn a_workflow_is_measured_beside_group_commit() {
    let ended = bench("workflow3", "100").await;

    let object = object(&ended, &["jobs_per_s", "floor_per_s"]);
    assert_eq!(object["jobs"], 100);
}

#[tokio::test]
async fn a_scenario_that_is_none_is_usage() {
    let ended = windlass_with(&["bench", "drian", "--json"], &[]).await;

    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("drain"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

/// Small enough for every change; what it must not do is grow with the batch.
#[tokio::test]
async fn a_batch_has_time_and_memory_of_each_step_and_needs_no_more_for_more_members() {
    let ended = bench("batch", "40000").await;

    let object = object(&ended, &["jobs_per_s", "floor_per_s", "members"]);
    assert_eq!(object["members"], 40_000);
    assert_eq!(object["batch_jobs"], 40_000);
    assert_grows_by_at_most(&object, 64.0);
}

#[tokio::test]
async fn one_job_in_chunks_needs_no_more_memory_for_more_members() {
    let ended = bench("combined", "40000").await;

    let object = object(&ended, &["jobs_per_s", "members"]);
    assert_eq!(
        (&object["batch_jobs"], &object["chunks"]),
        (&1.into(), &40.into())
    );
    assert_grows_by_at_most(&object, 64.0);
}

/// Beside a batch of 10,000; allocators keep what they had once, so a little is no growth.
fn assert_grows_by_at_most(object: &Value, mib: f64) {
    for (name, step) in object["steps"].as_object().expect("steps") {
        assert!(step["seconds"].as_f64() > Some(0.0), "{name} in {object}");
        let own = |memory: &str| step[memory]["own_mib"].as_f64().expect("Linux tells");
        let (many, few) = (own("memory"), own("memory_of_few"));
        assert!(
            many < few + mib,
            "{name}: {many} MiB, of 10,000 members {few}"
        );
    }
}
