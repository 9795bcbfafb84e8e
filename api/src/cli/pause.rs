//! `windlass pause` and `windlass resume`: stop starting new work, and go on.

use clap::{ArgGroup, Args};
use reqwest::Method;
use serde_json::{Value, json};

use super::context::Context;
use super::error::CliError;
use super::output::Column;
use crate::exit::Exit;

/// What is paused.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("subject").multiple(false))]
pub struct Subject {
    /// j_… or b_…; of a pause itself, p_…
    #[arg(group = "subject")]
    id: Option<String>,
    /// A queue
    #[arg(long, value_name = "NAME", group = "subject")]
    queue: Option<String>,
    /// Every version of a template
    #[arg(long, value_name = "NAME", group = "subject")]
    template: Option<String>,
    /// A purpose
    #[arg(long, value_name = "NAME", group = "subject")]
    purpose: Option<String>,
    /// A job configuration: its batches and its schedule; namespace/name: a template's own schedule
    #[arg(long, value_name = "NAME", group = "subject")]
    configuration: Option<String>,
    /// Everything of the tenant
    #[arg(long, group = "subject")]
    everything: bool,
}

/// How it is paused.
#[derive(Debug, Args)]
pub struct How {
    /// Why, for everybody whom it stops
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// When it ends by itself (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

/// `windlass pause`
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// What.
    #[command(flatten)]
    subject: Subject,
    /// Why and until when.
    #[command(flatten)]
    how: How,
    /// Refuse new work in the meantime
    #[arg(long)]
    reject: bool,
}

/// `windlass resume`
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// What.
    #[command(flatten)]
    subject: Subject,
}

const PAUSES: &[Column] = &[
    Column("ID", &["/id"]),
    Column("SCOPE", &["/scope"]),
    Column("SUBJECT", &["/subject"]),
    Column("MODE", &["/mode"]),
    Column("WHO", &["/who"]),
    Column("WHY", &["/reason"]),
    Column("SINCE", &["/since"]),
    Column("UNTIL", &["/until"]),
];

impl Subject {
    /// Its scope and name; nothing when none is given.
    fn chosen(self) -> Result<Option<(&'static str, String)>, CliError> {
        let by_flag = [
            ("queue", self.queue),
            ("template", self.template),
            ("purpose", self.purpose),
            ("configuration", self.configuration),
            ("tenant", self.everything.then(String::new)),
        ];
        let named = by_flag
            .into_iter()
            .find_map(|(scope, name)| Some((scope, name?)));
        match (named, self.id) {
            (Some(named), _) => Ok(Some(named)),
            (None, None) => Ok(None),
            (None, Some(id)) => match id.split_once('_').map(|(prefix, _)| prefix) {
                Some("j") => Ok(Some(("job", id))),
                Some("b") => Ok(Some(("batch", id))),
                Some("p") => Ok(Some(("pause", id))),
                _ => Err(CliError::usage(format!("`{id}` is no id of a job or batch"))
                    .hint("write j_7, b_7, or one of --queue, --template, --purpose, --configuration, --everything")),
            },
        }
    }
}

impl PauseArgs {
    /// Pauses what is named; lists the pauses when nothing is.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let Some(subject) = self.subject.chosen()? else {
            return context.whole(&["pauses"], PAUSES).await;
        };
        pause(context, subject, self.how, self.reject).await
    }
}

impl ResumeArgs {
    /// Ends the pause of what is named.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let subject = self.subject.chosen()?.ok_or_else(|| {
            CliError::usage("name what is to go on")
                .hint("`windlass pause` lists what stands still")
        })?;
        resume(context, subject).await
    }
}

/// Pauses one thing.
pub async fn pause(
    context: &Context,
    (scope, subject): (&str, String),
    how: How,
    is_reject: bool,
) -> Result<Exit, CliError> {
    let body = json!({
        "scope": scope,
        "subject": subject,
        "mode": if is_reject { "reject" } else { "hold" },
        "reason": how.reason.unwrap_or_default(),
        "until": how.until,
    });
    let answer = context.client.post(&["pauses"], &[], &body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// Ends the pause of one thing.
pub async fn resume(context: &Context, (scope, subject): (&str, String)) -> Result<Exit, CliError> {
    let id = match scope {
        "pause" => subject,
        // A person may have paused it, or its own rules.
        "batch" => return resume_batch(context, &subject, false).await,
        _ => of_subject(context, scope, &subject).await?,
    };
    let path = ["pauses", id.as_str()];
    let answer = context.client.send(Method::DELETE, &path, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

/// Lets a batch go on, whoever stopped it.
pub async fn resume_batch(context: &Context, id: &str, accept: bool) -> Result<Exit, CliError> {
    let (path, body) = (["batches", id, "resume"], json!({ "accept": accept }));
    let answer = context.client.post(&path, &[], &body, None).await?;
    context.output.item(&answer)?;
    Ok(Exit::Done)
}

async fn of_subject(context: &Context, scope: &str, subject: &str) -> Result<String, CliError> {
    let query = [("scope", scope.to_owned()), ("subject", subject.to_owned())];
    let answer = context.client.get(&["pauses"], &query).await?;
    let id = answer.pointer("/items/0/id").and_then(Value::as_str);
    id.map(str::to_owned).ok_or_else(|| {
        let message = format!("{scope} {subject} is not paused by itself");
        CliError::new(Exit::NotFound, "not_found", message).hint(
            "`windlass pause` lists what stands still; `windlass explain` names the pause of a job",
        )
    })
}
