//! Log lines go to standard error: text for people, one JSON object a line for machines.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{LogFormat, Settings, Surroundings};

/// How much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What the setting says.
    AsSet,
    /// Errors only, unless the setting says otherwise: somebody looks at a screen of ours.
    Quiet,
}

/// The default of `log.filter`.
const DEFAULT: &str = "info";

/// Begins logging. A second call, as tests make it, changes nothing.
pub fn start_logs(settings: &Settings, around: &Surroundings, level: LogLevel) {
    let filter = match level {
        LogLevel::Quiet if settings.log_filter == DEFAULT => "error",
        _ => settings.log_filter.as_str(),
    };
    let lines = fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(around.wants_color(around.stderr_is_terminal));
    // An error means that somebody logs already.
    let _ = match settings.log_format {
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
        LogFormat::Text => lines.try_init(),
    };
}
