//! `windlass dev`: an empty engine to work with, in one command, on a machine that may have nothing.
//!
//! Says its mode and where data lives, opens no port beyond the loopback, asks for no password.
//! `engine` puts the parts together, `child` is the worker that may be killed, `keys` listens.

mod child;
mod engine;
mod keys;

use clap::Args;
use serde_json::{Value, json};

pub use self::child::{Child, Order};
pub use self::engine::{Engine, LocalArgs, Plan, alone, wish};
pub use self::keys::Keys;
use crate::cli::apply::{changes, warn};
use crate::cli::error::CliError;
use crate::cli::files::Bundle;
use crate::cli::{Context, run as run_job, watch};
use crate::demo::project;
use crate::exit::Exit;
use crate::serve::told_to_stop;

/// `windlass dev`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  windlass dev\n  windlass dev --once flow.yaml --input name=Ada"
)]
pub struct DevArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
    /// Forget the data of earlier runs first
    #[arg(long)]
    forget: bool,
    /// Run the template in this file once and end with its outcome
    #[arg(long, value_name = "FILE")]
    once: Option<String>,
    /// A field of the input, with --once
    #[arg(short, long, value_name = "K=V|@FILE", requires = "once")]
    input: Vec<String>,
}

/// The template that `r` runs and the first screen of the README uses.
const HELLO: &str = "templates/hello.yaml";

/// Runs until Ctrl-C, or once.
pub async fn run(arguments: DevArgs, context: &Context) -> Result<Exit, CliError> {
    let plan = Plan {
        name: "dev",
        database: None,
        fresh: arguments.forget,
    };
    if arguments.forget && !context.confirm("Forget all data of `windlass dev`?")? {
        return Ok(Exit::Usage);
    }
    let engine = Engine::start(context, &arguments.local, &plan).await?;
    let worked = tokio::select! {
        worked = work(&arguments, context, &engine) => worked,
        () = told_to_stop() => Ok(Exit::Done),
    };
    context.say("\nstopping");
    engine.stop().await?;
    worked
}

async fn work(arguments: &DevArgs, context: &Context, engine: &Engine) -> Result<Exit, CliError> {
    let context = &engine.context(context)?;
    if let Some(file) = &arguments.once {
        return once(context, file, &arguments.input).await;
    }
    let body = project::bundle(|path| path == HELLO)?.body();
    context.client.post(&["apply"], &[], &body, None).await?;
    for line in engine.banner() {
        context.say(&line);
    }
    let keys = Keys::listen(&context.around);
    if keys.is_listening() {
        context.say(
            "  Keys        r run hello   k kill the worker   c clock +1 day   o open   q quit\n",
        );
    }
    attend(keys, context, engine).await
}

/// Publishes one file and runs the template in it.
async fn once(context: &Context, file: &str, input: &[String]) -> Result<Exit, CliError> {
    let body = Bundle::read(&[file.to_owned()])?.body();
    let applied = context.client.post(&["apply"], &[], &body, None).await?;
    warn(context, &applied);
    let changes = changes(&applied);
    let template = changes.iter().find(|change| change["kind"] == "template");
    let Some(name) = template.and_then(|change| change["name"].as_str()) else {
        return Err(CliError::usage(format!("{file} holds no template")));
    };
    let request = json!({"template": name, "input": run_job::inputs(input)?});
    let request = context
        .client
        .post(&["requests"], &[], &request, None)
        .await?;
    watch::job(context, &run_job::job_of(&request)?, None).await
}

/// Does what keys ask for, until one says to quit.
async fn attend(mut keys: Keys, context: &Context, engine: &Engine) -> Result<Exit, CliError> {
    loop {
        let done = match keys.next().await {
            'q' => return Ok(Exit::Done),
            'r' => hello(context).await,
            'c' => context
                .client
                .post(&["clock"], &[], &json!({"advance": "1d"}), None)
                .await
                .map(|clock| said(context, &clock))
                .map_err(CliError::from),
            key => {
                engine.key(key, &|line| context.say(line));
                Ok(())
            }
        };
        if let Err(error) = done {
            error.lines().iter().for_each(|line| context.say(line));
        }
    }
}

async fn hello(context: &Context) -> Result<(), CliError> {
    let request = json!({"template": "examples.hello", "input": {"name": "Ada"}});
    let request = context
        .client
        .post(&["requests"], &[], &request, None)
        .await?;
    watch::job(context, &run_job::job_of(&request)?, None)
        .await
        .map(drop)
}

fn said(context: &Context, clock: &Value) {
    let now = clock.get("now").and_then(Value::as_str).unwrap_or_default();
    context.say(&format!("the clock says {now}"));
}
