//! `/batches/{id}`: will it finish in time, and what failed?

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use chrono::{DateTime, Utc};
use windlass_engine::store::{
    BatchFigures, BatchView, CurrentJobs, ErrorGroup, ForecastView, HoldView, Phase, Phases,
};

use super::Dashboard;
use super::callbacks::CallbackRow;
use super::chart::{BAD, Bar, ended};
use super::members::{Members, Which};
use super::page::{Frame, Now, Trouble, html};
use super::words::{Action, Fact, When, in_address, in_shell, length, number, thousands};

#[derive(Template)]
#[template(path = "batch.html")]
struct BatchPage {
    frame: Frame,
    id: String,
    name: String,
    state: String,
    reason: Option<String>,
    is_final: bool,
    /// Whether a job of it may have been let go.
    is_planned: bool,
    percent: String,
    bar: Bar,
    counts: Vec<Count>,
    speed: Option<String>,
    forecast: Option<String>,
    errors: Vec<ErrorRow>,
    failed: String,
    facts: Vec<Fact>,
    phases: Vec<PhaseRow>,
    callbacks: Vec<CallbackRow>,
    members: Members,
    actions: Vec<Action>,
}

/// A count that moves while the batch runs.
struct Count {
    /// Its name for the script.
    kind: &'static str,
    name: &'static str,
    value: String,
}

/// Members that failed alike.
struct ErrorRow {
    kind: String,
    code: String,
    fingerprint: String,
    jobs: String,
    first: When,
    last: When,
    sample: Vec<String>,
}

/// One phase of the batch.
struct PhaseRow {
    name: &'static str,
    from: Option<When>,
    took: String,
}

/// One batch.
pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    Path(id): Path<String>,
    Query(which): Query<Which>,
) -> Result<Response, Trouble> {
    let missing = || Trouble::missing("batch", &id);
    let number = number(&id, "b_").ok_or_else(missing)?;
    let (frame, now) = dashboard.frame(&id, "batches").await?;
    let store = &dashboard.store;
    let batch = store.batch(dashboard.tenant, number).await?;
    let current = store.batch_current(&batch).await?;
    let report = store.report(dashboard.tenant, number).await?;
    let said = store.forecast(dashboard.tenant, number).await?;
    let rules = store.batch_rules(dashboard.tenant, number).await?;
    let members = dashboard.members(&batch, &which, now).await?;
    let callbacks = store.callbacks(dashboard.tenant, number).await?;
    let frame = Frame {
        title: batch.name.clone(),
        ..frame
    };
    html(&BatchPage {
        is_final: batch.finished_at.is_some(),
        is_planned: batch.sealed,
        percent: format!("{:.1}%", batch.progress.percent),
        bar: Bar::new(&batch, current.running),
        counts: counts(&batch, current),
        speed: report
            .figures
            .jobs_per_s
            .map(|rate| format!("{rate:.1} jobs/s")),
        forecast: match said.and_then(|said| in_time(&said, now)) {
            Some(sentence) => Some(sentence),
            None => forecast(&batch, report.figures.jobs_per_s),
        },
        errors: report
            .errors
            .iter()
            .map(|group| ErrorRow::new(group, now))
            .collect(),
        failed: thousands(ended(&batch, &BAD)),
        phases: phases(&report.figures.phases, now),
        facts: facts(&batch, report.last.as_ref(), now),
        actions: actions(&id, &batch),
        name: batch.name,
        state: batch.state,
        reason: batch.reason.or_else(|| held_back(rules.hold.as_ref())),
        callbacks: callbacks
            .into_iter()
            .map(|one| CallbackRow::new(one, now))
            .collect(),
        id,
        frame,
        members,
    })
}

/// What holds its release back, beside its window.
fn held_back(hold: Option<&HoldView>) -> Option<String> {
    let hold = hold.filter(|hold| hold.reason != "window")?;
    Some(format!("{}: {}", hold.reason, hold.message))
}

fn counts(batch: &BatchView, current: CurrentJobs) -> Vec<Count> {
    let count = |kind, name, value| Count {
        kind,
        name,
        value: thousands(value),
    };
    vec![
        count("completed", "completed", ended(batch, &["completed"])),
        count("failed", "failed", ended(batch, &["failed", "expired"])),
        count("parked", "parked", current.parked),
        count(
            "cancelled",
            "cancelled",
            ended(batch, &["cancelled", "suppressed"]),
        ),
        count("running", "running", current.running),
        count("ready", "ready", current.ready),
        count("open", "not settled", batch.progress.open),
    ]
}

/// At the speed so far; nothing before there is one, or once there is nothing left.
fn forecast(batch: &BatchView, speed: Option<f64>) -> Option<String> {
    let is_moving = matches!(batch.state.as_str(), "releasing" | "running");
    let speed = speed.filter(|speed| is_moving && *speed > 0.0)?;
    let open = batch.progress.open;
    (open > 0).then(|| format!("about {} left at this speed", length(open as f64 / speed)))
}

/// Whether it will be done by its deadline, and what keeps it.
fn in_time(said: &ForecastView, now: Now) -> Option<String> {
    let deadline = When::new(said.deadline?, now.clock).full;
    let light = said.light.replace('_', " ");
    let left = |at: DateTime<Utc>| length((at - now.clock).as_seconds_f64().max(0.0));
    let between = match (said.early, said.late) {
        (Some(early), Some(late)) => format!(", {} to {} left", left(early), left(late)),
        (Some(due), None) => format!(", the first of it is due in {}", left(due)),
        _ => String::new(),
    };
    let binding = match said.binding.as_str() {
        "" => String::new(),
        binding => format!("; what keeps it: {binding}"),
    };
    Some(format!("{light} for {deadline}{between}{binding}"))
}

fn facts(batch: &BatchView, last: Option<&BatchFigures>, now: Now) -> Vec<Fact> {
    let planned = batch.planned;
    let members = format!(
        "{} members, {} jobs, {} left out",
        thousands(planned.members),
        thousands(planned.jobs),
        thousands(planned.left_out)
    );
    let category = batch
        .category
        .as_ref()
        .map(|name| match batch.category_version {
            Some(version) => format!("{name}, version {version}"),
            None => name.clone(),
        });
    let slot = batch.slot_at.map(|at| When::new(at, now.clock).full);
    let known = [
        Some(Fact::new("template", &batch.template)),
        Fact::some("purpose", Some(batch.purpose.as_str())),
        configuration(batch),
        Some(Fact::new("strategy", &batch.strategy)),
        Some(Fact::new("planned", members)),
        Fact::some("category", category),
        Fact::some("schedule", batch.schedule.clone()).map(|fact| fact.to("/schedules".into())),
        Fact::some("slot", slot),
        Fact::some("context", batch.context.clone()),
        Some(Fact::new(
            "window",
            format!("{} jobs at once", thousands(batch.release_window)),
        )),
        (batch.generation > 1).then(|| Fact::new("generation", batch.generation.to_string())),
        Fact::some("made by", Some(batch.created_by.as_str())),
        Fact::some("plan hash", batch.plan_hash.clone()),
        last.map(|last| {
            Fact::new("batch before", &last.name).to(format!("/batches/b_{}", last.batch))
        }),
    ];
    known.into_iter().flatten().collect()
}

fn configuration(batch: &BatchView) -> Option<Fact> {
    let name = batch.configuration.as_ref()?;
    let revision = batch
        .revision
        .map(|revision| format!(", revision {revision}"));
    let fact = Fact::new(
        "configuration",
        format!("{name}{}", revision.unwrap_or_default()),
    );
    Some(fact.to(format!("/batches?configuration={}", in_address(name))))
}

fn phases(phases: &Phases, now: Now) -> Vec<PhaseRow> {
    let row = |name, phase: Phase| PhaseRow {
        name,
        from: phase.from.map(|from| When::new(from, now.real)),
        took: match (phase.from, phase.seconds) {
            (None, _) => "not begun".to_owned(),
            (Some(from), None) => {
                format!(
                    "{} so far",
                    length((now.real - from).as_seconds_f64().max(0.0))
                )
            }
            (Some(_), Some(seconds)) => length(seconds),
        },
    };
    vec![
        row("planning", phases.planning),
        row("waiting to start", phases.waiting),
        row("releasing", phases.releasing),
        row("running", phases.running),
    ]
}

fn actions(id: &str, batch: &BatchView) -> Vec<Action> {
    let watch = batch.finished_at.is_none();
    let watch = watch.then(|| Action::new("follow it", format!("windlass batch watch {id}")));
    let again = batch.configuration.as_ref().map(|name| {
        Action::new(
            "run the same again",
            format!("windlass configuration run {}", in_shell(name)),
        )
    });
    let always = [
        Action::new(
            "read its members",
            format!("windlass batch members {id} --all"),
        ),
        Action::new("group its failures", format!("windlass batch errors {id}")),
        Action::new(
            "save the manifest",
            format!("windlass batch manifest {id} --format csv > {id}.csv"),
        ),
        Action::new("read the report", format!("windlass batch report {id}")),
    ];
    watch.into_iter().chain(always).chain(again).collect()
}

impl ErrorRow {
    fn new(group: &ErrorGroup, now: Now) -> Self {
        Self {
            kind: group.kind.clone(),
            code: group.code.clone().unwrap_or_else(|| "no code".to_owned()),
            fingerprint: group.fingerprint.clone().unwrap_or_default(),
            jobs: thousands(group.jobs),
            first: When::new(group.first_at, now.real),
            last: When::new(group.last_at, now.real),
            sample: group.sample.iter().map(|job| format!("j_{job}")).collect(),
        }
    }
}
