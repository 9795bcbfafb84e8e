//! The command tree as text, a line a command: what its help promises.

use clap::{Arg, Command, CommandFactory};
use windlass_api::cli::Cli;

/// Every command with its arguments and flags, global ones on the first line.
pub fn drawn() -> String {
    let mut lines = Vec::new();
    draw(&Cli::command(), "windlass", &mut lines);
    lines.join("\n")
}

fn draw(command: &Command, path: &str, lines: &mut Vec<String>) {
    let shown = command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set() && is_ours(argument));
    let words: Vec<String> = shown.map(word).collect();
    lines.push(format!("{path} {}", words.join(" ")).trim_end().to_owned());
    for below in command
        .get_subcommands()
        .filter(|below| below.get_name() != "help")
    {
        draw(below, &format!("{path} {}", below.get_name()), lines);
    }
}

fn is_ours(argument: &Arg) -> bool {
    !matches!(argument.get_id().as_str(), "help" | "version")
}

fn word(argument: &Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let value = argument
        .get_value_names()
        .map(|names| names.join(" "))
        .unwrap_or_default();
    let text = match (argument.get_long(), takes_value) {
        (Some(long), true) => format!("--{long} {value}"),
        (Some(long), false) => format!("--{long}"),
        (None, _) => value,
    };
    let text = match argument.get_short() {
        Some(short) => format!("-{short}, {text}"),
        None => text,
    };
    if argument.is_required_set() {
        text
    } else {
        format!("[{text}]")
    }
}
