//! The figures at the end, read back from the API.

use serde_json::{Value, json};

use super::stage::Stage;
use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::output::{Column, Format, Output};

const COLUMNS: &[Column] = &[
    Column("BATCH", &["/id"]),
    Column("NAME", &["/name"]),
    Column("STRATEGY", &["/strategy"]),
    Column("MEMBERS", &["/members"]),
    Column("JOBS", &["/jobs"]),
    Column("COMPLETED", &["/completed"]),
    Column("FAILED", &["/failed"]),
    Column("SECONDS", &["/seconds"]),
    Column("JOBS/S", &["/jobs_per_s"]),
];

/// One report a batch.
pub async fn reports(context: &Context, stage: &Stage) -> Result<Vec<Value>, CliError> {
    let mut reports = Vec::new();
    for id in &stage.batches {
        let report = context.client.get(&["batches", id, "report"], &[]).await?;
        reports.push(figures(id, &report));
    }
    Ok(reports)
}

/// Shows them, the slot beside.
pub fn show(context: &Context, reports: &[Value], slots: &[Value]) -> Result<(), CliError> {
    let output = Output {
        format: Format::Table,
        ..context.output
    };
    output.line("")?;
    output.list(reports, COLUMNS, true)?;
    for slot in slots {
        let text = |name: &str| slot[name].as_str().unwrap_or_default().to_owned();
        output.line(&format!(
            "\nslot {} of {}: {}, made {}",
            text("at"),
            text("schedule"),
            text("state"),
            text("batch")
        ))?;
    }
    output.line("")?;
    Ok(())
}

fn figures(id: &str, report: &Value) -> Value {
    let count = |place: &str| report.pointer(place).and_then(Value::as_i64).unwrap_or(0);
    let bad = ["failed", "parked", "expired"]
        .iter()
        .map(|kind| count(&format!("/outcomes/{kind}")))
        .sum::<i64>();
    json!({
        "id": id,
        "name": report["name"],
        "strategy": report["strategy"],
        "state": report["state"],
        "members": report["members"],
        "jobs": report["jobs"],
        "completed": count("/outcomes/completed"),
        "failed": bad,
        "seconds": rounded(&report["phases"]["running"]["seconds"]),
        "jobs_per_s": rounded(&report["jobs_per_s"]),
    })
}

/// To two decimals.
fn rounded(value: &Value) -> Value {
    value.as_f64().map_or(Value::Null, |number| {
        json!((number * 100.0).round() / 100.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_ending_counts_as_failed() {
        let report = json!({"outcomes": {"completed": 7, "failed": 1, "parked": 2, "expired": 3}, "phases": {"running": {"seconds": 1.23456}}});

        let figures = figures("b_1", &report);

        assert_eq!(
            (figures["completed"].clone(), figures["failed"].clone()),
            (json!(7), json!(6))
        );
        assert_eq!(figures["seconds"], json!(1.23));
        assert_eq!(figures["jobs_per_s"], Value::Null);
    }
}
