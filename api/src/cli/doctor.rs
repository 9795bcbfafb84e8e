//! `windlass doctor`: is anything wrong with the rows that the engine keeps?

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::output::{Column, Format};
use crate::exit::Exit;

/// `windlass doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Put right what is provably safe
    #[arg(long, visible_alias = "fix")]
    repair: bool,
    /// Only this check; may be given several times
    #[arg(long, value_name = "CHECK", conflicts_with = "last")]
    only: Vec<String>,
    /// What was found last, by a keeper or on demand, without looking now
    #[arg(long, conflicts_with = "repair")]
    last: bool,
    /// The same as `-o json`
    #[arg(long)]
    json: bool,
}

const FINDINGS: &[Column] = &[
    Column("CODE", &["/code"]),
    Column("SEVERITY", &["/severity"]),
    Column("FOUND", &["/found"]),
    Column("REPAIRED", &["/repaired"]),
    Column("FIRST", &["/examples/0/subject"]),
    Column("SEEN", &["/examples/0/detail"]),
    Column("MEANING", &["/message"]),
];

impl DoctorArgs {
    /// Looks, and says what was found; findings are an exit of their own.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let reply = if self.last {
            context.client.get(&["doctor"], &[]).await?
        } else {
            let body = json!({"repair": self.repair, "only": self.only});
            let path = ["doctor", "runs"];
            context.client.post(&path, &[], &body, None).await?
        };
        let mut output = context.output;
        if self.json {
            output.format = Format::Json;
        }
        let findings = reply["findings"].as_array().cloned().unwrap_or_default();
        match output.format {
            Format::Json | Format::Yaml | Format::Ndjson => output.item(&reply)?,
            Format::Name => {
                for code in findings.iter().filter_map(|one| one["code"].as_str()) {
                    output.line(code)?;
                }
            }
            Format::Table if findings.is_empty() => {}
            Format::Table => output.list(&findings, FINDINGS, true)?,
        }
        self.conclude(context, &reply, &findings)
    }

    fn conclude(
        &self,
        context: &Context,
        reply: &Value,
        findings: &[Value],
    ) -> Result<Exit, CliError> {
        let checks = reply["checks"].as_array().map_or(&[][..], Vec::as_slice);
        for check in checks
            .iter()
            .filter(|check| check["unfinished"].is_string())
        {
            let (name, why) = (&check["name"], &check["unfinished"]);
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            context.say(&format!("{}: {}", text(name), text(why)));
        }
        let is_whole = reply["is_whole"].as_bool().unwrap_or(false);
        if findings.is_empty() && is_whole {
            context.say(&format!("{} checks, nothing found", checks.len()));
            return Ok(Exit::Done);
        }
        let repairable = |one: &Value| one["repair"].is_string() && one["repaired"] == 0;
        if !self.repair && findings.iter().any(repairable) {
            context.say("next: windlass doctor --repair");
        }
        Ok(Exit::Findings)
    }
}
