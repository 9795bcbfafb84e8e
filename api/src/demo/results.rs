//! What the object and the combined batch have kept, for an oracle outside of the product.

use serde_json::{Value, json};

use super::stage::strange;
use crate::cli::Context;
use crate::cli::context::items;
use crate::cli::error::CliError;

/// Jobs of a batch that are read: 29 states are far below.
const JOBS_MAX: u32 = 1_000;

/// `{"object": [result, …], "combined": result}`
pub async fn read(context: &Context, reports: &[Value]) -> Result<Value, CliError> {
    let briefs = outputs(context, batch(reports, "object")?).await?;
    let mut report = outputs(context, batch(reports, "combined")?).await?;
    Ok(json!({"object": briefs, "combined": report.pop()}))
}

fn batch<'a>(reports: &'a [Value], strategy: &str) -> Result<&'a str, CliError> {
    let found = reports.iter().find(|report| report["strategy"] == strategy);
    found
        .and_then(|report| report["id"].as_str())
        .ok_or_else(|| strange("a strategy has no batch"))
}

/// The outputs of a batch's jobs, in the order of the jobs. A job without one leaves a gap, which the
/// oracle tells.
async fn outputs(context: &Context, batch: &str) -> Result<Vec<Value>, CliError> {
    let query = [("batch", batch.to_owned()), ("limit", JOBS_MAX.to_string())];
    let (mut jobs, _) = items(context.client.get(&["jobs"], &query).await?);
    jobs.reverse();
    let mut outputs = Vec::new();
    for job in jobs.iter().filter(|job| job["state"] == "completed") {
        let id = job["id"]
            .as_str()
            .ok_or_else(|| strange("a job has no id"))?;
        outputs.push(crate::cli::job::output(context, id).await?);
    }
    Ok(outputs)
}
