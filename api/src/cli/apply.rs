//! `windlass apply`: make it like these files, all or nothing.

use clap::Args;

use serde_json::Value;

use super::context::Context;
use super::error::{CliError, problem_line, warning_line};
use super::files::Bundle;
use super::output::{Column, shown};
use crate::exit::Exit;

/// `windlass apply -f PATH…`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass apply examples/\n  windlass apply -f templates -f purposes.yaml --dry-run"
)]
pub struct ApplyArgs {
    /// Files and folders (`-` is standard input)
    #[arg(short, long = "file", value_name = "PATH", num_args = 1..)]
    file: Vec<String>,
    /// Files and folders, as for --file
    #[arg(value_name = "PATH", required_unless_present = "file")]
    path: Vec<String>,
    /// Say what would change; store nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) const CHANGES: &[Column] = &[
    Column("KIND", &["/kind"]),
    Column("NAME", &["/name"]),
    Column("ACTION", &["/action"]),
    Column("REVISION", &["/revision"]),
    Column("ITEMS", &["/items"]),
    Column("FILE", &["/file"]),
];

/// What an apply did, a document each.
pub fn changes(answer: &Value) -> Vec<Value> {
    answer
        .get("changes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Says of each category why rows of it were left out.
fn tell_left_out(context: &Context, changes: &[Value]) {
    for change in changes {
        let text = |place: &str| change.pointer(place).map(shown).unwrap_or_default();
        let Some(left) = change.get("left_out") else {
            continue;
        };
        let (name, read, rows) = (text("/name"), text("/read"), text("/left_out/rows"));
        context.say(&format!("{name}: {rows} of {read} rows are left out"));
        let reasons = left.get("reasons").and_then(Value::as_array);
        for reason in reasons.into_iter().flatten() {
            let rows = reason.get("rows").map(shown).unwrap_or_default();
            let example = reason.get("example").map(problem_line).unwrap_or_default();
            context.say(&format!("{rows} such as {}", example.trim_start()));
        }
    }
}

/// Says what is doubtful in documents that were published.
pub fn warn(context: &Context, answer: &Value) {
    let warnings = answer.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten() {
        context.say(warning_line(warning).trim_start());
    }
}

impl ApplyArgs {
    /// Applies.
    pub async fn run(mut self, context: &Context) -> Result<Exit, CliError> {
        self.path.append(&mut self.file);
        let body = Bundle::read(&self.path)?.body();
        let query = if self.dry_run {
            vec![("dry_run", "true".to_owned())]
        } else {
            Vec::new()
        };
        let answer = context.client.post(&["apply"], &query, &body, None).await?;
        let changes = changes(&answer);
        context.output.list(&changes, CHANGES, true)?;
        tell_left_out(context, &changes);
        warn(context, &answer);
        if self.dry_run {
            context.say("nothing was stored");
        }
        Ok(Exit::Done)
    }
}
