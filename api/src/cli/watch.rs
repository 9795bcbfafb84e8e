//! `windlass watch`: follow until it ends. Ctrl-C lets go of the screen, not of the work.

use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use tokio::time::sleep;

use super::context::Context;
use super::error::CliError;
use super::output::shown;
use super::run::length;
use crate::exit::Exit;

/// The server's longest wait.
const WAIT: &str = "30s";
/// Between two looks at a batch: as often as the screen may change.
const LOOK: Duration = Duration::from_millis(250);
/// Without a terminal at most one line in this time.
const LINE: Duration = Duration::from_secs(10);

/// `windlass watch ID…`
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Jobs (j_…) and batches (b_…)
    #[arg(required = true)]
    id: Vec<String>,
    /// Wait no longer than this, such as 30s
    #[arg(long, value_name = "DUR", value_parser = length)]
    wait: Option<Duration>,
}

impl WatchArgs {
    /// Follows one after the other; ends as the worst of them.
    pub async fn run(self, context: &Context) -> Result<Exit, CliError> {
        let mut worst = Exit::Done;
        for id in &self.id {
            let exit = match id.split_once('_') {
                Some(("j", _)) => job(context, id, self.wait).await?,
                Some(("b", _)) => batch(context, id, self.wait).await?,
                _ => {
                    return Err(CliError::usage(format!(
                        "`{id}` is no job (j_…) and no batch (b_…)"
                    )));
                }
            };
            if exit != Exit::Done {
                worst = exit;
            }
        }
        Ok(worst)
    }
}

/// Follows a job and shows its result.
pub async fn job(context: &Context, id: &str, limit: Option<Duration>) -> Result<Exit, CliError> {
    let mut said = String::new();
    let follow = async {
        loop {
            let job = context
                .client
                .get(&["jobs", id], &[("wait", WAIT.to_owned())])
                .await?;
            let state = shown(job.get("state").unwrap_or(&Value::Null));
            if state != said {
                context.say(&format!("{id}  {} {state}", mark(&state)));
                said.clone_from(&state);
            } else {
                // A server that does not wait must not be asked in a circle.
                sleep(LOOK).await;
            }
            if is_final(&state) {
                return Ok(job);
            }
        }
    };
    match within(context, id, limit, follow).await? {
        Ok(job) => job_ended(context, id, &job).await,
        Err(exit) => Ok(exit),
    }
}

async fn job_ended(context: &Context, id: &str, job: &Value) -> Result<Exit, CliError> {
    context
        .output
        .json(&super::job::output(context, id).await?)?;
    if job.get("state").and_then(Value::as_str) == Some("completed") {
        return Ok(Exit::Done);
    }
    context.say(&format!("try: windlass job journal {id}"));
    Ok(Exit::EndedBadly)
}

/// Follows a batch and shows it at its end.
pub async fn batch(context: &Context, id: &str, limit: Option<Duration>) -> Result<Exit, CliError> {
    let screen = Screen::new(context, id);
    let follow = async {
        let mut last = (String::new(), Instant::now());
        loop {
            let batch = context.client.get(&["batches", id], &[]).await?;
            screen.show(context, &batch, &mut last);
            if is_final(&shown(batch.get("state").unwrap_or(&Value::Null))) {
                return Ok(batch);
            }
            sleep(LOOK).await;
        }
    };
    let ended = within(context, id, limit, follow).await?;
    screen.bar.finish_and_clear();
    match ended {
        Ok(batch) => {
            context.output.item(&batch)?;
            let well = batch.get("state").and_then(Value::as_str) == Some("completed");
            Ok(if well { Exit::Done } else { Exit::EndedBadly })
        }
        Err(exit) => Ok(exit),
    }
}

/// Runs `follow` until it ends, the time is up, or somebody presses Ctrl-C.
async fn within<T>(
    context: &Context,
    id: &str,
    limit: Option<Duration>,
    follow: impl Future<Output = Result<T, CliError>>,
) -> Result<Result<T, Exit>, CliError> {
    let time_is_up = async {
        match limit {
            Some(limit) => sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = follow => Ok(Ok(ended?)),
        () = time_is_up => {
            context.say(&format!("still running; `windlass watch {id}` to return"));
            Ok(Err(Exit::WaitOver))
        }
        _ = tokio::signal::ctrl_c() => {
            context.say(&let_go(id));
            Ok(Err(Exit::Interrupted))
        }
    }
}

/// What to do about a job or a batch that nobody looks at any more.
fn let_go(id: &str) -> String {
    let noun = if id.starts_with("b_") { "batch" } else { "job" };
    format!("still running; `windlass watch {id}` to return, `windlass {noun} cancel {id}` to stop")
}

/// Shows a batch while it runs: a bar on a terminal, lines elsewhere.
struct Screen {
    bar: ProgressBar,
    is_terminal: bool,
    id: String,
}

impl Screen {
    fn new(context: &Context, id: &str) -> Self {
        let is_terminal = context.around.stderr_is_terminal && !context.speech.quiet;
        let target = if is_terminal {
            ProgressDrawTarget::stderr_with_hz(4)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        bar.set_style(bar_style());
        Self {
            bar,
            is_terminal,
            id: id.to_owned(),
        }
    }

    fn show(&self, context: &Context, batch: &Value, last: &mut (String, Instant)) {
        let progress = Figures::of(batch);
        self.bar
            .set_prefix(shown(batch.get("name").unwrap_or(&Value::Null)));
        self.bar.set_length(progress.expected.max(1));
        self.bar.set_position(progress.settled);
        self.bar.set_message(progress.words.clone());
        let is_due = last.0.is_empty() || last.1.elapsed() >= LINE || is_final(&progress.state);
        if !self.is_terminal && is_due && progress.words != last.0 {
            context.say(&format!(
                "{}  {}/{}  {}",
                self.id, progress.settled, progress.expected, progress.words
            ));
            *last = (progress.words, Instant::now());
        }
    }
}

/// How every bar looks.
pub fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template(
        "  {prefix:18} {bar:28} {percent:>3}%  {human_pos}/{human_len}  {msg}",
    )
    .unwrap_or_else(|_| ProgressStyle::default_bar())
    .progress_chars("█▌░")
}

/// What of a batch is shown while it runs.
pub struct Figures {
    /// Its state.
    pub state: String,
    /// Jobs that must settle.
    pub expected: u64,
    /// Jobs that have.
    pub settled: u64,
    /// The state, and endings by kind.
    pub words: String,
}

impl Figures {
    /// Of a batch as the API shows it.
    pub fn of(batch: &Value) -> Self {
        let number = |place: &str| batch.pointer(place).and_then(Value::as_u64).unwrap_or(0);
        let state = shown(batch.get("state").unwrap_or(&Value::Null));
        let kinds = batch.pointer("/progress/now").and_then(Value::as_object);
        let kinds = kinds
            .into_iter()
            .flatten()
            .filter(|(kind, _)| *kind != "completed");
        let mut words = state.clone();
        for (kind, count) in kinds {
            words = format!("{words}, {kind} {}", shown(count));
        }
        Self {
            state,
            expected: number("/progress/expected"),
            settled: number("/progress/settled"),
            words,
        }
    }
}

/// Whether a job or a batch is over.
pub fn is_final(state: &str) -> bool {
    matches!(
        state,
        "completed" | "completed_with_errors" | "failed" | "cancelled" | "expired" | "suppressed"
    )
}

/// A sign beside the word, never instead of it.
fn mark(state: &str) -> char {
    match state {
        "completed" => '●',
        "failed" | "expired" | "cancelled" => '✕',
        "running" => '◐',
        "waiting" => '◷',
        _ => '○',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_lets_go_reads_how_to_return_and_how_to_stop() {
        assert_eq!(
            let_go("j_7"),
            "still running; `windlass watch j_7` to return, `windlass job cancel j_7` to stop"
        );
        assert_eq!(
            let_go("b_7"),
            "still running; `windlass watch b_7` to return, `windlass batch cancel b_7` to stop"
        );
    }
}
