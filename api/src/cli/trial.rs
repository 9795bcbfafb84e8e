//! `windlass template test`: runs scenarios and test sheets on the real machine, without a server.
//!
//! The clock is the test's own. HTTP calls that a feature prepares no answer for are made, by the
//! client that workers use and under the same rules of egress.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use windlass_workers::catalogue::Catalogue;
use windlass_workers::connection::{NoConnections, References};
use windlass_workers::egress::EgressRules;
use windlass_workers::perform::{Fetcher, Performer, PerformerOptions, StepContext, Verdict};
use windlass_workers::secret::Secrets;
use windlass_workflows::machine::command::{Call, Perform};
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::problem::Problem;
use windlass_workflows::trial::{self, Answer, Failure, Manner, Nobody, Outside, Setting, Trial};

use super::context::Context;
use super::error::CliError;
use super::files;
use super::output::Format;
use crate::exit::Exit;
use crate::serve;

/// Runs every test of these files and folders.
pub async fn run(context: &Context, paths: &[String]) -> Result<Exit, CliError> {
    let files = found(paths)?;
    let mut outside = Online::new(context)?;
    // The machine is synchronous, and an HTTP call holds its thread.
    let ran = tokio::task::spawn_blocking(move || {
        let tests = files.iter().map(|file| tested(file, &mut outside));
        tests.collect::<Vec<_>>()
    });
    let ran = ran.await.map_err(|error| {
        CliError::new(Exit::Failed, "internal", "a test could not be run").because(&error)
    })?;
    told(context, &ran.concat())
}

/// How one test ended.
#[derive(Clone, Debug)]
struct Ran {
    file: String,
    name: String,
    failure: Option<Failure>,
}

/// The tests of one file. A file that cannot be read, or that holds none, is a test that failed: the others still count.
fn tested(file: &str, outside: &mut Online) -> Vec<Ran> {
    let beside = |name: &str| {
        let path = Path::new(file).parent().unwrap_or(Path::new("")).join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let ran = |name: &str, failure| Ran {
        file: file.to_owned(),
        name: name.to_owned(),
        failure,
    };
    let refused = |message: String| {
        let failure = Failure { line: 1, message };
        vec![ran("the file cannot be read", Some(failure))]
    };
    let text = match files::text(file) {
        Ok(text) => text,
        Err(error) => {
            let cause = error.cause.as_deref().map(|cause| format!(": {cause}"));
            return refused(format!("{}{}", error.message, cause.unwrap_or_default()));
        }
    };
    match trial::read(file, &text, beside) {
        Ok(trials) if trials.is_empty() => refused("the file holds no test".to_owned()),
        Ok(trials) => {
            let ended = trials.iter().map(|trial| {
                outside.prepares_all = !file.ends_with(".feature");
                ran(&trial.name, ended(trial, outside))
            });
            ended.collect()
        }
        Err(failure) => vec![ran("the file cannot be read", Some(failure))],
    }
}

fn ended(trial: &Trial, outside: &mut Online) -> Option<Failure> {
    trial::run(trial, Manner::default(), outside).err()
}

/// Standard output is data: one line a test, what is wrong below it, and the sum.
fn told(context: &Context, ran: &[Ran]) -> Result<Exit, CliError> {
    let failed = ran.iter().filter(|one| one.failure.is_some()).count();
    let sum = format!("{} passed, {failed} failed", ran.len() - failed);
    match context.output.format {
        Format::Table | Format::Name => {
            for one in ran {
                lines(one)
                    .iter()
                    .try_for_each(|line| context.output.line(line))?;
            }
            context.output.line(&sum)?;
        }
        _ => {
            let items: Vec<Value> = ran.iter().map(document).collect();
            context.output.list(&items, &[], true)?;
            context.say(&sum);
        }
    }
    Ok(if failed == 0 {
        Exit::Done
    } else {
        Exit::Findings
    })
}

fn lines(ran: &Ran) -> Vec<String> {
    let Some(failure) = &ran.failure else {
        return vec![format!("ok      {}: {}", ran.file, ran.name)];
    };
    let mut lines = vec![format!(
        "FAILED  {}:{}: {}",
        ran.file, failure.line, ran.name
    )];
    lines.extend(
        failure
            .message
            .lines()
            .map(|line| format!("        {line}")),
    );
    lines
}

fn document(ran: &Ran) -> Value {
    let mut document = json!({"file": ran.file, "name": ran.name, "passed": ran.failure.is_none()});
    if let Some(failure) = &ran.failure {
        document["line"] = json!(failure.line);
        document["message"] = json!(failure.message);
    }
    document
}

/// The files themselves, and in folders what is called like a test.
fn found(paths: &[String]) -> Result<Vec<String>, CliError> {
    let mut files = Vec::new();
    for path in paths {
        match Path::new(path).is_dir() {
            true => files.extend(below(Path::new(path))?),
            false => files.push(path.clone()),
        }
    }
    if files.is_empty() {
        let message = "these folders hold no .feature and no .test.yaml file";
        return Err(CliError::usage(message));
    }
    Ok(files)
}

/// Without following links, so that a folder cannot hold itself.
fn below(folder: &Path) -> Result<Vec<String>, CliError> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if files::is_test(&entry.path()) {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    Ok(found.into_iter().map(text).collect())
}

/// The world outside: HTTP for real.
struct Online {
    performer: Performer,
    /// The secrets that the performer has.
    secrets: trial::Secrets,
    egress: EgressRules,
    fetcher: Fetcher,
    runtime: Handle,
    /// A sheet prepares every answer: it never reaches a service by mistake.
    prepares_all: bool,
}

impl Online {
    fn new(context: &Context) -> Result<Self, CliError> {
        let settings = &context.settings;
        let egress = settings.egress();
        let performer = performer(&egress, &trial::Secrets::new())
            .map_err(|error| CliError::new(Exit::Failed, "http_client", error))?;
        Ok(Self {
            performer,
            secrets: trial::Secrets::new(),
            egress,
            fetcher: serve::fetcher(settings)?,
            runtime: Handle::current(),
            prepares_all: false,
        })
    }
}

/// The client of workers, with these secrets.
fn performer(egress: &EgressRules, secrets: &trial::Secrets) -> Result<Performer, String> {
    let given = secrets.iter();
    let secrets = given.fold(Secrets::new(), |all, (name, value)| {
        all.with(name, value.clone())
    });
    let options = PerformerOptions {
        egress: egress.clone(),
        references: References::default(),
        ..PerformerOptions::default()
    };
    let connections = Arc::new(NoConnections);
    let performer = Performer::new(options, connections, secrets, Catalogue::new());
    performer.map_err(|error| error.to_string())
}

/// What a call comes to for which there is no client.
fn not_built(error: String) -> Answer {
    Answer {
        result: Err(Fault::standard("configuration", 400, error)),
        after: Duration::ZERO,
        again_after: None,
    }
}

impl Outside for Online {
    fn read(&mut self, url: &str) -> Result<String, Problem> {
        match self.prepares_all {
            true => Nobody.read(url),
            false => self.runtime.block_on(self.fetcher.read(url)),
        }
    }

    fn perform(&mut self, perform: &Perform, setting: &Setting<'_>) -> Option<Answer> {
        if self.prepares_all || !matches!(perform.call, Call::Http(_)) {
            return None;
        }
        if self.secrets != *setting.secrets {
            match performer(&self.egress, setting.secrets) {
                Ok(performer) => self.performer = performer,
                Err(error) => return Some(not_built(error)),
            }
            self.secrets = setting.secrets.clone();
        }
        let begun = Instant::now();
        let left = perform
            .due
            .map(|due| (due - setting.now).to_std().unwrap_or(Duration::ZERO));
        let step = StepContext {
            job_id: 1,
            claim: Uuid::nil(),
            tenant: 1,
            path: perform.path.clone(),
            attempt: perform.attempt,
            key: perform.key.clone(),
            subject: None,
            marks: setting.marks.clone().map(Arc::new),
            run_time: None,
            deadline: left.map(|left| begun + left),
            stop: CancellationToken::new(),
            begun: None,
        };
        let result = self
            .runtime
            .block_on(self.performer.perform(&perform.call, &step));
        let after = begun.elapsed();
        Some(match result {
            Ok(output) => Answer {
                result: Ok(output),
                after,
                again_after: None,
            },
            Err(failure) if failure.verdict == Verdict::NotMine => return None,
            Err(failure) => Answer {
                result: Err(*failure.fault),
                after,
                again_after: failure.again_after,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_without_a_client_fails_and_says_why() {
        let fault = not_built("are there root certificates?".to_owned()).result;

        let fault = fault.expect_err("no client");
        assert_eq!((fault.code(), fault.status), ("configuration", 400));
        assert_eq!(fault.title.as_deref(), Some("are there root certificates?"));
    }
}
