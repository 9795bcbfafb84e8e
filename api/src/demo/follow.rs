//! Progress while the batches run: a bar each on a terminal, a line each at its end elsewhere.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};
use serde_json::Value;
use tokio::time::sleep;

use crate::cli::Context;
use crate::cli::error::CliError;
use crate::cli::watch::{Figures, bar_style, is_final};

/// Between two looks: as often as the screen may change.
const LOOK: Duration = Duration::from_millis(250);

/// The bars.
pub struct Screen {
    bars: MultiProgress,
    is_terminal: bool,
    is_quiet: bool,
}

impl Screen {
    /// On standard error, where somebody looks at it.
    pub fn new(context: &Context) -> Self {
        let is_quiet = context.speech.quiet;
        let is_terminal = context.around.stderr_is_terminal && !is_quiet;
        let target = if is_terminal {
            ProgressDrawTarget::stderr_with_hz(4)
        } else {
            ProgressDrawTarget::hidden()
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            is_terminal,
            is_quiet,
        }
    }

    /// Says something above the bars.
    pub fn say(&self, line: &str) {
        if !self.is_quiet {
            use std::io::Write;
            let _ = self
                .bars
                .suspend(|| writeln!(std::io::stderr().lock(), "{line}"));
        }
    }

    /// Shows a batch until it ends.
    pub async fn follow(&self, context: &Context, id: &str) -> Result<(), CliError> {
        let bar = self.bars.add(ProgressBar::new(0).with_style(bar_style()));
        loop {
            let batch = context.client.get(&["batches", id], &[]).await?;
            let figures = Figures::of(&batch);
            let name = batch
                .get("configuration")
                .or_else(|| batch.get("name"))
                .and_then(Value::as_str)
                .unwrap_or(id);
            bar.set_prefix(name.to_owned());
            // Nothing is expected before the plan is sealed, and nothing of nothing is not all.
            bar.set_length(figures.expected.max(1));
            bar.set_position(figures.settled);
            bar.set_message(figures.words.clone());
            if is_final(&figures.state) {
                bar.abandon();
                if !self.is_terminal {
                    self.say(&format!(
                        "  {name}  {}/{}  {}",
                        figures.settled, figures.expected, figures.words
                    ));
                }
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }

    /// Leaves the bars as they are.
    pub fn end(&self) {
        self.bars.set_move_cursor(false);
        if self.is_terminal {
            self.say("");
        }
    }
}
