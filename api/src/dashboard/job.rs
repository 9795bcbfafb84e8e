//! `/jobs/{id}`: what happened here, and why is it not moving?

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use windlass_engine::explain::Reason;
use windlass_engine::store::{JobView, JournalEntry, OutcomeView};

use super::json::Payload;
use super::page::{Frame, Now, Trouble, html};
use super::timeline::{Timeline, moments};
use super::words::{Action, Fact, When, length, number};
use super::{Dashboard, WORKER_TTL};

/// Entries of the journal that are drawn; the API has the rest.
const ENTRIES_MAX: u32 = 500;

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    frame: Frame,
    id: String,
    /// Its request has the same number; there is its whole input.
    request: String,
    template: String,
    state: &'static str,
    ended: Option<When>,
    batch: Option<String>,
    /// Where new entries of its journal come from, while there can be any.
    stream: Option<String>,
    why: Vec<Why>,
    /// Where others with this error are.
    alike: Option<String>,
    facts: Vec<Fact>,
    timeline: Timeline,
    journal: Vec<Entry>,
    is_journaled: bool,
    has_more: bool,
    input: Payload,
    result: Option<Payload>,
    result_name: &'static str,
    actions: Vec<Action>,
}

/// Why it stands where it stands.
struct Why {
    code: String,
    text: String,
    until: Option<When>,
}

/// One entry of the journal.
struct Entry {
    seq: i32,
    kind: String,
    at: When,
    events: String,
    data: Payload,
}

/// What a bad end says about itself, where it is a problem document.
#[derive(Default, Deserialize)]
struct Told {
    title: Option<String>,
    detail: Option<String>,
    hint: Option<String>,
}

/// One job.
pub(super) async fn show(
    State(dashboard): State<Dashboard>,
    Path(id): Path<String>,
) -> Result<Response, Trouble> {
    let missing = || Trouble::missing("job", &id);
    let number = number(&id, "j_").ok_or_else(missing)?;
    let (frame, now) = dashboard.frame(&id, "").await?;
    let (store, tenant) = (&dashboard.store, dashboard.tenant);
    let job = store.job(tenant, number).await?;
    let reasons = store.explain(tenant, number, WORKER_TTL).await?;
    let journal = store.journal(tenant, number, 0, ENTRIES_MAX).await?;
    let mut timeline = Timeline::new(&job, &journal.items, now);
    let stages = store.stages(tenant, &job.template).await?;
    for row in &mut timeline.rows {
        row.stage = stages.at(&row.task).map(ToOwned::to_owned);
    }
    let stages = store.stages_of(tenant, &job).await?.join(", ");
    let input = store.job_input(tenant, number).await?;
    let last = journal.items.last().map_or(0, |entry| entry.seq);
    let result = job
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.result.as_deref());
    html(&JobPage {
        state: job.state.as_str(),
        ended: job
            .outcome
            .as_ref()
            .map(|outcome| When::new(outcome.at, now.real)),
        batch: job.batch.map(|batch| format!("b_{batch}")),
        stream: (!job.state.is_final()).then(|| stream(&id, last)),
        why: why(&job, reasons, now),
        alike: alike(&job),
        facts: facts(&job, stages, last > 0, now),
        timeline,
        is_journaled: job.journaled,
        has_more: journal.next.is_some(),
        journal: journal
            .items
            .iter()
            .map(|entry| Entry::new(entry, now))
            .collect(),
        input: Payload::new(&input),
        result: result.map(Payload::new),
        result_name: if job.state.as_str() == "completed" {
            "Output"
        } else {
            "Error"
        },
        actions: actions(&id, &job),
        template: job.template,
        request: format!("r_{number}"),
        id,
        frame,
    })
}

/// The journal behind entry `last`, as events.
fn stream(id: &str, last: i32) -> String {
    let cursor = URL_SAFE_NO_PAD.encode(last.to_string());
    format!("/v1/jobs/{id}/journal?cursor={cursor}")
}

fn why(job: &JobView, reasons: Vec<Reason>, now: Now) -> Vec<Why> {
    let told = job.outcome.as_ref().and_then(told);
    let reasons = reasons.into_iter().map(|reason| Why {
        code: reason.code.to_owned(),
        text: reason.text,
        until: reason.until.map(|until| When::new(until, now.clock)),
    });
    let running = job.lease.as_ref().map(|lease| Why {
        code: "running".to_owned(),
        text: format!("worker w_{} has it", lease.worker),
        until: None,
    });
    running.into_iter().chain(told).chain(reasons).collect()
}

/// The failures of its batch, for a job that ended with a code.
fn alike(job: &JobView) -> Option<String> {
    let batch = job.batch?;
    let code = job.outcome.as_ref()?.code.as_ref();
    code.map(|_| format!("/batches/b_{batch}#errors"))
}

/// The words of an error.
fn told(outcome: &OutcomeView) -> Option<Why> {
    let code = outcome.code.clone()?;
    let told: Told = serde_json::from_str(outcome.result.as_deref()?).unwrap_or_default();
    let words = [told.title, told.detail, told.hint].into_iter().flatten();
    let text = words.collect::<Vec<_>>().join(". ");
    (!text.is_empty()).then_some(Why {
        code,
        text,
        until: None,
    })
}

fn facts(job: &JobView, stages: String, has_journal: bool, now: Now) -> Vec<Fact> {
    let job_link = |name, id: Option<i64>| {
        id.map(|id| Fact::new(name, format!("j_{id}")).to(format!("/jobs/j_{id}")))
    };
    let took = job
        .outcome
        .as_ref()
        .map(|outcome| length((outcome.at - job.created_at).as_seconds_f64().max(0.0)));
    let request = job.request.as_ref();
    let tags = request.map(|request| {
        let tags = request
            .tags
            .iter()
            .map(|(name, value)| format!("{name}: {value}"));
        tags.collect::<Vec<_>>().join(", ")
    });
    let batch = job
        .batch
        .map(|id| Fact::new("batch", format!("b_{id}")).to(format!("/batches/b_{id}")));
    let known = [
        batch,
        Fact::some("member", job.member_key.clone()),
        Fact::some("object", job.object.clone()),
        Fact::some("purpose", Some(job.purpose.as_str())),
        Fact::some("stage", Some(stages)),
        Some(Fact::new("queue", &job.queue)),
        Some(Fact::new(
            "created",
            When::new(job.created_at, now.real).full,
        )),
        Fact::some("created to end", took),
        (!has_journal).then(|| Fact::new("retries", job.attempt.to_string())),
        (job.losses > 0).then(|| Fact::new("leases lost", job.losses.to_string())),
        job_link("parent", job.parent),
        job_link("repeats", job.redrive_of),
        Fact::some("asked by", request.map(|request| request.who.as_str())),
        Fact::some(
            "key",
            request.and_then(|request| request.idempotency_key.clone()),
        ),
        Fact::some("tags", tags),
        Fact::some(
            "fingerprint",
            job.outcome
                .as_ref()
                .and_then(|outcome| outcome.fingerprint.clone()),
        ),
    ];
    known.into_iter().flatten().collect()
}

fn actions(id: &str, job: &JobView) -> Vec<Action> {
    let open = [
        Action::new("follow it", format!("windlass job watch {id}")),
        Action::new("end it", format!("windlass job cancel {id} --reason '…'")),
    ];
    let open = open.into_iter().filter(|_| !job.state.is_final());
    let alike = alike(job).and(job.batch).map(|batch| {
        Action::new(
            "see others with this error",
            format!("windlass batch errors b_{batch}"),
        )
    });
    let output = job.outcome.as_ref();
    let output =
        output.map(|_| Action::new("read its result", format!("windlass job output {id}")));
    let always = [
        Action::new("ask why", format!("windlass explain {id}")),
        Action::new(
            "read its journal",
            format!("windlass job journal {id} --all"),
        ),
    ];
    always
        .into_iter()
        .chain(output)
        .chain(alike)
        .chain(open)
        .collect()
}

impl Entry {
    fn new(entry: &JournalEntry, now: Now) -> Self {
        let events = moments(entry).into_iter().map(|moment| {
            let said = [Some(moment.kind), moment.task, moment.subject.map(about)];
            said.into_iter().flatten().collect::<Vec<_>>().join(" ")
        });
        Self {
            seq: entry.seq,
            kind: entry.kind.clone(),
            at: When::new(entry.at, now.real),
            events: events.collect::<Vec<_>>().join(" · "),
            data: Payload::new(&entry.data),
        }
    }
}

/// Whom or what a step is about.
fn about(subject: String) -> String {
    format!("({subject})")
}
