//! `windlass bulk`: changes of many jobs: how many fit, what would become of some, a question, then just that.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use super::context::{Context, Paging};
use super::error::CliError;
use super::files;
use super::flight::{pairs, told};
use super::output::Column;
use crate::exit::Exit;

/// `windlass bulk`
#[derive(Debug, Subcommand)]
pub enum BulkCommand {
    /// Count the jobs that fit, and show what would become of some
    Preview {
        /// What, and of which jobs.
        #[command(flatten)]
        wanted: Wanted,
    },
    /// Look, ask, and start it
    Start {
        /// What, and of which jobs.
        #[command(flatten)]
        wanted: Wanted,
        /// Jobs a second
        #[arg(long, value_name = "N", default_value_t = 100)]
        rate: u32,
        /// Take the jobs that fit by the start, if that is a twentieth more or less
        #[arg(long)]
        accept_drift: bool,
        /// Kept with every job
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// List many, newest first
    List {
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Show one
    Show {
        /// c_…
        id: String,
    },
    /// The jobs that it could not change, and why
    Refused {
        /// c_…
        id: String,
        /// Which page.
        #[command(flatten)]
        paging: Paging,
    },
    /// Change none of those that are left
    Abort {
        /// c_…
        id: String,
    },
    /// Change nothing more for now
    Pause {
        /// c_…
        id: String,
    },
    /// Go on
    Resume {
        /// c_…
        id: String,
    },
}

/// What is done to each job.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Verb {
    /// Back to a step: --to
    Rewind,
    /// A parked step counts as done: --with, --step
    Skip,
    /// Another context: --with
    Patch,
    /// Another version of the template: --to, --map
    Migrate,
    /// To its end
    Cancel,
    /// Still
    Pause,
    /// On
    Resume,
}

impl Verb {
    const fn word(self) -> &'static str {
        match self {
            Self::Rewind => "rewind",
            Self::Skip => "skip",
            Self::Patch => "patch",
            Self::Migrate => "migrate",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

/// What, and of which jobs.
#[derive(Debug, Args)]
pub struct Wanted {
    /// What is done to each of them
    verb: Verb,
    /// Of this template: NAME, or NAME@VERSION
    #[arg(long, value_name = "NAME")]
    template: Option<String>,
    /// Scheduled, ready, waiting, paused or parked; repeatable
    #[arg(long, value_name = "STATE")]
    state: Vec<String>,
    /// Parked with this error, as `error list` shows it
    #[arg(long, value_name = "FINGERPRINT")]
    error: Option<String>,
    /// Of this batch
    #[arg(long, value_name = "ID")]
    batch: Option<String>,
    /// Of this purpose
    #[arg(long, value_name = "NAME")]
    purpose: Option<String>,
    /// Of this lane, as `lane list` shows it
    #[arg(long, value_name = "KEY")]
    lane: Option<String>,
    /// This one; repeatable
    #[arg(long, value_name = "ID")]
    job: Vec<String>,
    /// The step of a rewind, the version of a migrate
    #[arg(long, value_name = "STEP|VERSION")]
    to: Option<String>,
    /// A task that goes on as another, by pointers; repeatable
    #[arg(long, value_name = "OLD=NEW")]
    map: Vec<String>,
    /// What a patch merges, what a skipped step gave
    #[arg(long, value_name = "JSON|@FILE")]
    with: Option<String>,
    /// The step of a skip, where several are parked
    #[arg(long, value_name = "STEP")]
    step: Option<String>,
}

const CHANGES: &[Column] = &[
    Column("STATE", &["/state"]),
    Column("CHANGE", &["/id"]),
    Column("VERB", &["/change/verb"]),
    Column("TOTAL", &["/total"]),
    Column("DONE", &["/done"]),
    Column("REFUSED", &["/refused"]),
    Column("PUT OFF", &["/put_off"]),
    Column("LAST PASS", &["/passed_at"]),
    Column("WHO", &["/who"]),
    Column("WHY", &["/why"]),
];

const REFUSED: &[Column] = &[
    Column("JOB", &["/job"]),
    Column("CODE", &["/code"]),
    Column("WHY", &["/message"]),
];

impl BulkCommand {
    /// Runs the verb.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        match self {
            Self::Preview { wanted } => {
                let preview = look(context, &wanted.body()?).await?;
                context.output.item(&preview)?;
                Ok(Exit::Done)
            }
            Self::Start {
                wanted,
                rate,
                accept_drift,
                reason,
            } => {
                let mut body = wanted.body()?;
                body["rate"] = json!(rate);
                body["accept_drift"] = json!(accept_drift);
                body["reason"] = json!(reason);
                start(context, wanted.verb.word(), body).await
            }
            Self::List { paging } => context.list(&["bulk"], Vec::new(), &paging, CHANGES).await,
            Self::Show { id } => context.show(&["bulk", &id]).await,
            Self::Refused { id, paging } => {
                let path = ["bulk", &id, "refused"];
                context.list(&path, Vec::new(), &paging, REFUSED).await
            }
            Self::Abort { id } => tell(context, &id, "abort").await,
            Self::Pause { id } => tell(context, &id, "pause").await,
            Self::Resume { id } => tell(context, &id, "resume").await,
        }
    }
}

impl Wanted {
    fn body(&self) -> Result<Value, CliError> {
        let mut change = Map::from_iter([("verb".to_owned(), json!(self.verb.word()))]);
        let mut say = |key: &str, value: Option<Value>| {
            change.extend(value.map(|value| (key.to_owned(), value)));
        };
        say("to", self.to.as_ref().map(|to| json!(to)));
        say("step", self.step.as_ref().map(|step| json!(step)));
        if !self.map.is_empty() {
            say("steps", Some(Value::Object(pairs(self.map.clone())?)));
        }
        let with = self.with.as_deref().map(files::given).transpose()?;
        match self.verb {
            Verb::Skip => say("output", with),
            _ => say("context", with),
        }
        Ok(json!({ "filter": self.filter(), "change": change }))
    }

    fn filter(&self) -> Map<String, Value> {
        let mut filter = Map::new();
        for (key, word) in [
            ("template", &self.template),
            ("fingerprint", &self.error),
            ("batch", &self.batch),
            ("purpose", &self.purpose),
            ("lane", &self.lane),
        ] {
            filter.extend(word.as_ref().map(|word| (key.to_owned(), json!(word))));
        }
        for (key, words) in [("states", &self.state), ("jobs", &self.job)] {
            if !words.is_empty() {
                filter.insert(key.to_owned(), json!(words));
            }
        }
        filter
    }
}

async fn look(context: &Context, body: &Value) -> Result<Value, CliError> {
    let query = [("preview", "true".to_owned())];
    Ok(context.client.post(&["bulk"], &query, body, None).await?)
}

async fn start(context: &Context, verb: &str, mut body: Value) -> Result<Exit, CliError> {
    let asked = json!({ "filter": body["filter"], "change": body["change"] });
    let preview = look(context, &asked).await?;
    context.say(&shown(verb, &preview));
    let count = preview["count"].as_u64().unwrap_or_default();
    if count == 0 {
        return Ok(Exit::Done);
    }
    if !context.confirm(&format!("{verb} {count} jobs?"))? {
        return Ok(Exit::Usage);
    }
    body["token"] = preview["token"].clone();
    let answer = context.client.post(&["bulk"], &[], &body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

async fn tell(context: &Context, id: &str, verb: &str) -> Result<Exit, CliError> {
    let path = ["bulk", id, verb];
    let answer = context.client.post(&path, &[], &json!({}), None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// A preview in words.
fn shown(verb: &str, preview: &Value) -> String {
    let count = preview["count"].as_u64().unwrap_or_default();
    let mut lines = vec![format!("{verb} of {count} jobs")];
    let sample = preview["sample"].as_array().into_iter().flatten();
    for one in sample {
        let word = |key: &str| one[key].as_str().unwrap_or_default();
        let line = match (&one["preview"], word("verdict")) {
            (Value::Object(_), _) => told(verb, word("job"), &one["preview"]),
            (_, "changes") => format!("{verb} {}: {}", word("job"), word("message")),
            (_, code) => format!("{} is refused, {code}: {}", word("job"), word("message")),
        };
        lines.extend(line.lines().map(|line| format!("  {line}")));
    }
    let verdicts = preview["verdicts"].as_object().into_iter().flatten();
    let verdicts: Vec<String> = verdicts
        .map(|(verdict, times)| format!("{times} {verdict}"))
        .collect();
    if !verdicts.is_empty() {
        lines.push(format!("  of these: {}", verdicts.join(", ")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preview_reads_as_a_count_and_what_would_become_of_some() {
        let preview = json!({
            "count": 1200,
            "verdicts": { "changes": 1, "job_running": 1 },
            "sample": [
                { "job": "j_1", "verdict": "changes", "message": "it is ready now, and is asked to end", "preview": null },
                { "job": "j_9", "verdict": "job_running", "message": "a worker has job j_9", "preview": null },
            ],
        });

        assert_eq!(
            shown("cancel", &preview),
            "cancel of 1200 jobs
  cancel j_1: it is ready now, and is asked to end
  j_9 is refused, job_running: a worker has job j_9
  of these: 1 changes, 1 job_running"
        );
    }
}
