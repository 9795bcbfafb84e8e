//! `windlass demo`: three batches on real data, then a page to look at.
//!
//! ```text
//! start engine ─▶ apply examples ─▶ create individual and combined batch ─▶ follow both
//!              ─▶ move the clock to the weekly slot ─▶ the slot makes the object batch ─▶ follow it
//!              ─▶ read every figure back ─▶ summary ─▶ stay until Ctrl-C
//! ```
//!
//! It writes nothing except through the API, and believes nothing that it did not read back.

mod follow;
pub mod project;
mod results;
mod stage;
mod summary;

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use self::follow::Screen;
use self::stage::Stage;
use crate::cli::Context;
use crate::cli::context::items;
use crate::cli::error::CliError;
use crate::dev::{Engine, Keys, LocalArgs, Plan};
use crate::exit::Exit;
use crate::serve::told_to_stop;

/// `windlass demo`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  windlass demo\n  windlass demo --headless --json > demo.json")]
pub struct DemoArgs {
    #[command(flatten)]
    pub(crate) local: LocalArgs,
    /// End by itself once the batches have ended
    #[arg(long)]
    headless: bool,
    /// Print one JSON object on one line, the last on standard output
    #[arg(long)]
    json: bool,
    /// Give up when the batches take longer [default with --headless: 38]
    #[arg(long, value_name = "N")]
    seconds_max: Option<u64>,
}

/// A headless demo ends within 40 s of its start; stopping takes its share.
const HEADLESS_SECONDS: u64 = 38;
/// Long enough for a machine that is busy with something else; somebody watches.
const WATCHED_SECONDS: u64 = 24 * 3600;

/// The demo's own database, made anew at every start.
const PLAN: Plan = Plan {
    name: "demo",
    database: Some("windlass_demo"),
    fresh: true,
};

/// Runs the demo.
pub async fn run(arguments: DemoArgs, context: &Context) -> Result<Exit, CliError> {
    let usual = if arguments.headless {
        HEADLESS_SECONDS
    } else {
        WATCHED_SECONDS
    };
    let deadline = Instant::now() + Duration::from_secs(arguments.seconds_max.unwrap_or(usual));
    let engine = tokio::select! {
        engine = Engine::start(context, &arguments.local, &PLAN) => engine?,
        () = told_to_stop() => return Ok(Exit::Interrupted),
    };
    let played = tokio::select! {
        played = play(&arguments, context, &engine, deadline) => played,
        () = told_to_stop() => Ok(if arguments.headless { Exit::Interrupted } else { Exit::Done }),
    };
    context.say("stopping");
    let stopped = engine.stop().await;
    let exit = played?;
    stopped?;
    Ok(exit)
}

/// Everything between start and stop.
async fn play(
    arguments: &DemoArgs,
    context: &Context,
    engine: &Engine,
    deadline: Instant,
) -> Result<Exit, CliError> {
    let context = engine.context(context)?;
    for line in engine.banner() {
        context.say(&line);
    }
    let mut keys = Keys::listen(&context.around);
    if keys.is_listening() {
        context.say("  Keys        k kill the worker   o open the page   q quit");
    }
    let screen = Screen::new(&context);
    let working = timeout_at(deadline, batches(&context, &screen));
    tokio::pin!(working);
    let outcome = loop {
        tokio::select! {
            outcome = &mut working => break outcome,
            key = keys.next() => match key {
                'q' => return Ok(Exit::Interrupted),
                key => engine.key(key, &|line| screen.say(line)),
            },
        }
    };
    screen.end();
    let Ok(outcome) = outcome else {
        return Err(too_slow(&context).await);
    };
    finish(arguments, &context, engine, &outcome?, keys).await
}

/// The three batches, one after the other two.
async fn batches(context: &Context, screen: &Screen) -> Result<Stage, CliError> {
    let body = project::bundle(|_| true)?.body();
    context.client.post(&["apply"], &[], &body, None).await?;
    let mut stage = Stage::default();
    stage.create(context, "classify-strikes").await?;
    stage.create(context, "national-report").await?;
    let (first, second) = (&stage.batches[0], &stage.batches[1]);
    tokio::try_join!(
        screen.follow(context, first),
        screen.follow(context, second)
    )?;
    let briefs = stage.fire(context, "state-briefs").await?;
    screen.follow(context, &briefs).await?;
    stage.batches.push(briefs);
    Ok(stage)
}

/// Reads back, says, stays, and judges.
async fn finish(
    arguments: &DemoArgs,
    context: &Context,
    engine: &Engine,
    stage: &Stage,
    keys: Keys,
) -> Result<Exit, CliError> {
    let reports = summary::reports(context, stage).await?;
    let slots = stage.slots(context).await?;
    let is_well = reports.iter().all(|report| report["state"] == "completed");
    if arguments.json {
        let demo = json!({
            "batches": reports,
            "slots": slots,
            "database": engine.database(),
            "api": format!("{}/v1", engine.page()),
            "results": results::read(context, &reports).await?,
        });
        context
            .output
            .line(&crate::cli::text::clean_json(&demo.to_string()))?;
    } else {
        summary::show(context, &reports, &slots)?;
    }
    for line in engine.banner().iter().skip(1).take(3) {
        context.say(line);
    }
    if !arguments.headless {
        stay(context, engine, keys).await;
    }
    match is_well {
        true => Ok(Exit::Done),
        false => Err(CliError::new(
            Exit::EndedBadly,
            "batch_not_completed",
            unfinished(&reports),
        )),
    }
}

/// What stood where when the time was up.
async fn too_slow(context: &Context) -> CliError {
    let batches = context
        .client
        .get(&["batches"], &[])
        .await
        .map(|answer| items(answer).0)
        .unwrap_or_default();
    let words: Vec<String> = batches
        .iter()
        .map(|batch| {
            format!(
                "{} is {} at {} %",
                batch["name"], batch["state"], batch["progress"]["percent"]
            )
        })
        .collect();
    CliError::new(
        Exit::EndedBadly,
        "demo_too_slow",
        format!("the batches did not end in time: {}", words.join("; ")),
    )
    .hint("windlass demo --headless --seconds-max 120")
}

fn unfinished(reports: &[Value]) -> String {
    let bad = reports
        .iter()
        .filter(|report| report["state"] != "completed");
    let words: Vec<String> = bad
        .map(|report| {
            format!(
                "{} is {}, {} failed",
                report["name"], report["state"], report["failed"]
            )
        })
        .collect();
    words.join("; ")
}

/// Until `q`; a signal ends it from outside.
async fn stay(context: &Context, engine: &Engine, mut keys: Keys) {
    context.say("\nCtrl-C stops it. Until then, for instance:\n  windlass batch list\n  windlass job list --state completed\n  windlass schedule slots state-briefs");
    if !engine.is_usual() {
        context.say(&format!(
            "  (with --server {}, since the usual port was taken)",
            engine.page()
        ));
    }
    loop {
        match keys.next().await {
            'q' => return,
            key => engine.key(key, &|line| context.say(line)),
        }
    }
}
