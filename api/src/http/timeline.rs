//! `/v1/jobs/{id}/timeline`: what happened to a job and what comes next by itself, one list, one order.
//!
//! Made of what the job's rows say and of the events in its journal; a job that keeps no journal has
//! the former alone.

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use windlass_engine::store::{JobView, JournalEntry, PAGE_MAX};
use windlass_workflows::program::Stages;

use super::habit::extract::At;
use super::habit::ids::JobId;
use super::habit::problem::Refusal;
use super::state::ApiState;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(show_timeline))
}

/// What happened to a job, in order.
#[derive(Debug, Serialize, ToSchema)]
struct TimelineReply {
    /// The job.
    job: JobId,
    /// Where it stands.
    state: &'static str,
    /// In order; what is still to come stands at the end.
    items: Vec<MomentReply>,
    /// Whether the journal goes on behind what is shown; it is at `/journal`.
    more: bool,
}

/// One thing that happened, or will.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
struct MomentReply {
    /// When.
    at: DateTime<Utc>,
    /// `created`, `claimed`, an event of the journal such as `succeeded`, `due`, or the outcome.
    what: String,
    /// JSON pointer of the task that the job stood in.
    task: Option<String>,
    /// The stage of that task, as its template names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    /// Whom or what the step is about that the task makes.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The journal's entry.
    seq: Option<i32>,
    /// Seconds since the moment before.
    seconds: Option<f64>,
    /// Who did it, if a person did.
    who: Option<String>,
    /// In their words.
    why: Option<String>,
    /// What it changed, in one line.
    change: Option<String>,
    /// Whether it is still to come.
    pending: bool,
}

impl MomentReply {
    fn stand_in(&mut self, stages: &Stages) {
        let stage = self.task.as_deref().and_then(|task| stages.at(task));
        self.stage = stage.map(ToOwned::to_owned);
    }
}

/// What happened to a job and what comes next by itself, in one order.
#[utoipa::path(get, path = "/v1/jobs/{id}/timeline", tag = "jobs",
    params(("id" = JobId, Path, description = "The job")),
    responses((status = 200, body = TimelineReply)))]
async fn show_timeline(
    State(state): State<ApiState>,
    At(id): At<JobId>,
) -> Result<Json<TimelineReply>, Refusal> {
    let job = state.store.job(state.tenant, id.0).await?;
    let page = state.store.journal(state.tenant, id.0, 0, PAGE_MAX).await?;
    let more = page.next.is_some();
    let mut moments = known(&job);
    moments.extend(page.items.iter().flat_map(noted));
    let stages = state.store.stages(state.tenant, &job.template).await?;
    for moment in &mut moments {
        moment.stand_in(&stages);
    }
    Ok(Json(TimelineReply {
        job: id,
        state: job.state.as_str(),
        items: in_order(moments, &job),
        more,
    }))
}

/// What the job's own rows say.
fn known(job: &JobView) -> Vec<MomentReply> {
    let created = Some(moment(job.created_at, "created"));
    let (lease, outcome) = (job.lease.as_ref(), job.outcome.as_ref());
    let claimed = lease.map(|lease| moment(lease.claimed_at, "claimed"));
    let ended = outcome.map(|outcome| moment(outcome.at, &outcome.kind));
    [created, claimed, ended].into_iter().flatten().collect()
}

fn moment(at: DateTime<Utc>, what: &str) -> MomentReply {
    MomentReply {
        at,
        what: what.to_owned(),
        task: None,
        stage: None,
        subject: None,
        seq: None,
        seconds: None,
        who: None,
        why: None,
        change: None,
        pending: false,
    }
}

/// As much of a journal's entry as a timeline shows.
#[derive(Debug, Deserialize)]
struct Turn {
    #[serde(default)]
    events: Vec<Noted>,
}

/// An event as the journal notes it for people; without an instant, it is of the entry's own.
#[derive(Debug, Deserialize)]
struct Noted {
    kind: String,
    at: Option<DateTime<Utc>>,
    now_at: Option<String>,
    who: Option<String>,
    why: Option<String>,
    what: Option<String>,
    subject: Option<String>,
}

/// The events of an entry; the entry itself where it notes none.
fn noted(entry: &JournalEntry) -> Vec<MomentReply> {
    let turn = serde_json::from_str::<Turn>(&entry.data);
    let events = turn.map(|turn| turn.events).unwrap_or_default();
    if events.is_empty() {
        return vec![MomentReply {
            seq: Some(entry.seq),
            ..moment(entry.at, &entry.kind)
        }];
    }
    let shown = events.into_iter().map(|event| MomentReply {
        task: event.now_at,
        subject: event.subject,
        seq: Some(entry.seq),
        who: event.who,
        why: event.why,
        change: event.what,
        ..moment(event.at.unwrap_or(entry.at), &event.kind)
    });
    shown.collect()
}

/// By time, then in the order of the journal, with the lengths between.
fn in_order(mut moments: Vec<MomentReply>, job: &JobView) -> Vec<MomentReply> {
    moments.sort_by_key(|moment| moment.at);
    let mut before: Option<DateTime<Utc>> = None;
    for moment in &mut moments {
        moment.seconds = before.map(|before| (moment.at - before).as_seconds_f64());
        before = Some(moment.at);
    }
    let due = job.due.filter(|_| job.outcome.is_none());
    moments.extend(due.map(|at| MomentReply {
        pending: true,
        ..moment(at, "due")
    }));
    moments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(data: &str) -> JournalEntry {
        let at = DateTime::UNIX_EPOCH;
        JournalEntry {
            seq: 3,
            kind: "succeeded".into(),
            at,
            claim: None,
            data: data.into(),
        }
    }

    #[test]
    fn the_events_of_a_turn_stand_one_by_one_with_their_task() {
        let data = r#"{"v":1,"events":[{"kind":"started","at":"2026-11-21T05:00:00Z","now_at":"/do/0/greet"},
            {"kind":"succeeded"}],"root":{}}"#;

        let moments = noted(&entry(data));

        let seen: Vec<_> = moments
            .iter()
            .map(|moment| (moment.what.as_str(), moment.task.as_deref()))
            .collect();
        assert_eq!(
            seen,
            [("started", Some("/do/0/greet")), ("succeeded", None)]
        );
        assert!(moments.iter().all(|moment| moment.seq == Some(3)));
        assert_eq!(moments[1].at, DateTime::UNIX_EPOCH, "the entry's own");
    }

    #[test]
    fn a_moment_has_the_stage_of_its_task_and_the_subject_of_its_step() {
        let bundle = r#"{"semantics":1,"document":{"do":[{"greet":{"metadata":{"windlass":{"stage":"opening"}}}}]}}"#;
        let stages = Stages::read(bundle).expect("a bundle");
        let data = r#"{"events":[{"kind":"started","now_at":"/do/0/greet","subject":"mia"},{"kind":"succeeded"}]}"#;

        let mut moments = noted(&entry(data));
        for moment in &mut moments {
            moment.stand_in(&stages);
        }

        let seen = moments
            .iter()
            .map(|moment| (moment.stage.as_deref(), moment.subject.as_deref()));
        assert_eq!(
            seen.collect::<Vec<_>>(),
            [(Some("opening"), Some("mia")), (None, None)]
        );
    }

    #[test]
    fn who_changed_a_job_and_why_stands_beside_the_change() {
        let data =
            r#"{"events":[{"kind":"patched","who":"mia","why":"wrong","what":"another context"}]}"#;

        let moments = noted(&entry(data));

        let said = (moments[0].who.as_deref(), moments[0].why.as_deref());
        assert_eq!(said, (Some("mia"), Some("wrong")));
        assert_eq!(moments[0].change.as_deref(), Some("another context"));
    }

    #[test]
    fn a_turn_without_events_or_of_another_form_is_one_moment() {
        for data in [r#"{"v":1}"#, r#"{"events":[{"what":1}]}"#] {
            let moments = noted(&entry(data));

            assert_eq!(
                (moments.len(), moments[0].what.as_str()),
                (1, "succeeded"),
                "{data}"
            );
        }
    }
}
