//! Runs the program as a script does: no terminal, an environment of its own.

use std::process::Stdio;

use tokio::process::Command;

/// How it ended, and what it wrote.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs it to its end.
pub async fn windlass(arguments: &[&str]) -> Ended {
    windlass_with(arguments, &[]).await
}

/// The same with variables; what the tests themselves were given stays outside.
pub async fn windlass_with(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let output = command(arguments, variables)
        .stdin(Stdio::null())
        .output()
        .await;
    let output = output.expect("the program runs");
    Ended {
        code: output.status.code().expect("it was not killed"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The program, ready to be started in a folder without a configuration file.
pub fn command(arguments: &[&str], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .current_dir("/")
        .kill_on_drop(true);
    command
}
