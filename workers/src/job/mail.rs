//! What a job says to others and hears from them: its inbox, its children, its events.
//!
//! Rows ride in the flush of the turn that asks for them.

use std::time::Duration;

use tracing::debug;
use windlass_engine::Error;
use windlass_engine::protocol::{event_uid, signal_name};
use windlass_engine::store::{
    Cause, CauseKind, EndedChunk, Ending, Letter, LetterKind, NewEvent, Post,
};
use windlass_workflows::machine::AGAIN_AFTER;
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::fault::{ERROR_TYPES, Fault};
use windlass_workflows::machine::row::{Interest, Row};
use windlass_workflows::machine::turn::{Effect, End};
use windlass_workflows::value::Value;

use super::Stuck;
use super::approval;
use super::child::Born;
use super::conduct::Conduct;
use super::shared_context::never_saved;

impl Conduct {
    /// What wakes the job when it rests, besides its clock.
    pub(super) fn causes(&self) -> Vec<Cause> {
        let interests = self.execution.interests();
        interests.iter().filter_map(|one| self.cause(one)).collect()
    }

    fn cause(&self, interest: &Interest) -> Option<Cause> {
        match interest {
            Interest::Mail { kind, subject, .. } => {
                let (kind, subject) = (kind.as_deref(), subject.as_deref());
                Some(match kind.and_then(signal_name) {
                    Some(name) => Cause {
                        kind: CauseKind::Signal,
                        name: name.to_owned(),
                        // Without a key it is to this job.
                        key: subject.map_or_else(|| format!("j_{}", self.job), str::to_owned),
                    },
                    None => Cause {
                        kind: CauseKind::Event,
                        name: kind.unwrap_or_default().to_owned(),
                        key: subject.unwrap_or_default().to_owned(),
                    },
                })
            }
            Interest::Child { activity } => Some(Cause {
                kind: CauseKind::Child,
                name: String::new(),
                key: activity.0.to_string(),
            }),
            Interest::Approval { input, .. } => Some(approval::cause(input)),
            Interest::Group { activity } => Some(Cause {
                kind: CauseKind::Group,
                name: String::new(),
                key: activity.0.to_string(),
            }),
            Interest::Batch { activity } => Some(Cause {
                kind: CauseKind::Batch,
                name: String::new(),
                key: activity.0.to_string(),
            }),
            Interest::Context { .. } => None,
        }
    }

    /// What a loaded job was told while nobody had it, but for letters that a listen must want.
    pub(super) async fn told(&mut self) -> Result<Vec<EventKind>, Stuck> {
        let interests = self.execution.interests();
        if interests.is_empty() {
            return Ok(Vec::new());
        }
        // The rows before the letters: a child that ends in between is in the rows, an earlier one in the letters.
        let started = self.started(&interests).await?;
        let mut answers = match started {
            Some(_) => self.read_children().await?,
            None => Vec::new(),
        };
        answers.extend(self.read_letters().await?);
        let started = started.unwrap_or_default();
        let lost = unanswered(&interests, started, &answers);
        answers.extend(lost);
        Ok(answers)
    }

    /// A timer has come. What children and people said before it counts before it.
    pub(super) async fn due(&mut self) -> Result<Vec<EventKind>, Stuck> {
        let is_mail = |one: &Interest| matches!(one, Interest::Mail { .. });
        let mut events = match self.execution.interests().iter().all(is_mail) {
            true => Vec::new(),
            false => self.read_children().await?,
        };
        events.push(EventKind::Due);
        Ok(events)
    }

    /// What a flush says to others and has heard from them.
    pub(super) fn post(
        &mut self,
        rows: &[Row],
        effects: &[Effect],
        born: Born,
        ending: Option<&Ending>,
    ) -> Option<Box<Post>> {
        let rests = matches!(ending, Some(Ending::Rest { .. }));
        let ends = matches!(ending, Some(Ending::Machine(End::Outcome(_))));
        let tells = ends && self.parent.is_some();
        let spare = self.give_up();
        let is_silent = self.mailbox.heard.is_empty() && spare.is_empty();
        let freed = self.steps.effects.freed(effects);
        let has_effects = !(effects.is_empty() && freed.is_empty());
        if rows.is_empty() && !rests && !tells && is_silent && !has_effects {
            return None;
        }
        let mark = self.mark();
        let mut post = Post {
            tenant: self.tenant,
            mark,
            spare,
            taken: self.mailbox.heard.clone(),
            children: born.children,
            groups: born.groups,
            batches: born.batches,
            saves: born.saves,
            effects_of: self.effects_of().filter(|_| has_effects),
            effects: effects.to_vec(),
            freed,
            parent: self.parent.filter(|_| ends),
            ..Post::default()
        };
        for row in rows {
            self.add(row, &mut post);
        }
        if rests {
            post.causes = self.causes();
            post.seen = self.seen();
        }
        let nothing = Post {
            tenant: self.tenant,
            mark,
            ..Post::default()
        };
        (post != nothing).then(|| Box::new(post))
    }

    fn add(&mut self, row: &Row, post: &mut Post) {
        match row {
            Row::TakeMail { id } => post.taken.push(*id),
            Row::ReturnMail {
                id,
                envelope,
                arrived,
            } => {
                let letter = Letter {
                    id: *id,
                    kind: LetterKind::Event,
                    data: envelope.to_json(),
                    at: *arrived,
                };
                self.mailbox.returned(letter.clone(), envelope.clone());
                post.returned.push(letter);
            }
            Row::Publish { id, envelope } => post.events.push(event(id, envelope)),
            Row::CloseChild { activity } => post.closed.push(activity.0),
            Row::OpenApproval {
                activity,
                input,
                key,
            } => post.approvals.extend(self.asked(*activity, input, key)),
            Row::CloseApproval { activity } => post.withdrawn.push(activity.0),
            Row::CloseGroup { activity } => post.closed_groups.push(activity.0),
            Row::BeginChunksAgain => post.chunks_again = true,
            Row::EndChunk { number, error, at } => post.chunks.push(EndedChunk {
                number: number.cast_signed(),
                code: error.as_ref().map(|error| error.code.clone()),
                fingerprint: error.as_ref().map(|error| error.fingerprint.clone()),
                at: *at,
            }),
            Row::StartChild(_) | Row::OpenGroup { .. } | Row::SaveContext { .. } => {}
        }
    }

    /// The activities of the children that it has; nothing if it waits for none.
    async fn started(&self, interests: &[Interest]) -> Result<Option<Vec<u32>>, Stuck> {
        let is_mail = |one: &Interest| matches!(one, Interest::Mail { .. });
        if interests.iter().all(is_mail) {
            return Ok(None);
        }
        let started = self.shared.store.child_activities(self.job).await;
        started.map(Some).map_err(|error| unread(self.job, &error))
    }
}

/// What a loaded job waits for and nobody will tell it: a worker died between a turn and the fault that
/// was its answer.
fn unanswered(
    interests: &[Interest],
    mut known: Vec<u32>,
    answers: &[EventKind],
) -> Vec<EventKind> {
    known.extend(answers.iter().filter_map(|answer| match answer {
        EventKind::Settled { activity, .. }
        | EventKind::Succeeded { activity, .. }
        | EventKind::Failed { activity, .. } => Some(activity.0),
        _ => None,
    }));
    let lost = interests.iter().filter_map(|one| match one {
        Interest::Child { activity }
        | Interest::Group { activity }
        | Interest::Batch { activity }
            if !known.contains(&activity.0) =>
        {
            let title = "what it waits for was not started";
            let fault = Fault::standard("configuration", 404, title);
            Some(failed(*activity, fault))
        }
        Interest::Context { activity } if !known.contains(&activity.0) => {
            Some(never_saved(*activity))
        }
        Interest::Child { .. }
        | Interest::Group { .. }
        | Interest::Batch { .. }
        | Interest::Context { .. }
        | Interest::Mail { .. }
        | Interest::Approval { .. } => None,
    });
    lost.collect()
}

pub(super) fn failed(activity: Activity, fault: Fault) -> EventKind {
    EventKind::Failed {
        activity,
        fault,
        again_after: None,
    }
}

pub(super) fn not_yet() -> Fault {
    Fault::standard("runtime", 501, "this server does not run it yet")
}

pub(super) fn unread(job: i64, error: &Error) -> Stuck {
    debug!(job.id = job, error = %error, "a job's mail could not be read; it is given back");
    Stuck::Back
}

/// The event as the store publishes it.
fn event(id: &str, envelope: &Value) -> NewEvent {
    let text = |key: &str| {
        let value = envelope.get(key).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    NewEvent {
        kind: text("type"),
        subject: text("subject"),
        uid: Some(event_uid(&text("source"), id)),
        data: envelope.to_json(),
    }
}

/// `{ activity, job, outcome, code, result }`, as the store wrote it.
pub(super) fn settled(letter: &Value) -> Option<EventKind> {
    let activity = letter.get("activity")?.as_u64()?;
    let by = letter.get("job")?.as_str()?.to_owned();
    let outcome = letter.get("outcome")?.as_str()?;
    let result = letter.get("result").cloned().unwrap_or(Value::Null);
    let activity = Activity(u32::try_from(activity).ok()?);
    if outcome == "failed"
        && let Some(again_after) = again_after(&result)
    {
        let fault = fault_of(outcome, &by, &result);
        return Some(EventKind::Failed {
            activity,
            fault,
            again_after: Some(again_after),
        });
    }
    Some(EventKind::Settled {
        activity,
        result: match outcome {
            "completed" => Ok(result),
            _ => Err(fault_of(outcome, &by, &result)),
        },
        by,
    })
}

/// When whoever was asked wants to be asked again: the job of a step says it beside the step's error.
fn again_after(result: &Value) -> Option<Duration> {
    let seconds = result.get(AGAIN_AFTER)?.as_f64()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The error that ended a child; what people ended has none of the language.
fn fault_of(outcome: &str, by: &str, result: &Value) -> Fault {
    let text = |key: &str| result.get(key).and_then(Value::as_str).map(str::to_owned);
    let status = result.get("status").and_then(Value::as_u64);
    match (
        text("type"),
        status.and_then(|status| u16::try_from(status).ok()),
    ) {
        (Some(kind), Some(status)) => Fault {
            kind,
            status,
            title: text("title"),
            detail: result.get("detail").cloned(),
            instance: text("instance"),
        },
        _ if outcome == "expired" => {
            let title = format!("{by} was not started in time");
            Fault::standard("timeout", 408, title)
        }
        _ => Fault {
            kind: format!("{ERROR_TYPES}runtime"),
            status: 500,
            title: Some(format!("{by} ended {outcome}")),
            detail: text("detail").map(Value::from),
            instance: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(outcome: &str, result: &str) -> EventKind {
        let letter = format!(
            r#"{{"activity":3,"job":"j_9","outcome":"{outcome}","code":null,"result":{result}}}"#
        );
        settled(&Value::parse(&letter).expect("JSON")).expect("a letter")
    }

    #[test]
    fn a_step_s_job_tells_when_its_call_may_be_made_again_and_an_output_tells_nothing() {
        let failed = r#"{"type":"t","status":503,"instance":"/do/0/ask","againAfter":60.0}"#;

        let EventKind::Failed {
            fault, again_after, ..
        } = told("failed", failed)
        else {
            panic!("it failed");
        };
        assert_eq!(again_after, Some(Duration::from_secs(60)));
        assert_eq!(fault.instance.as_deref(), Some("/do/0/ask"));
        let given = told("completed", r#"{"againAfter":60.0}"#);
        assert!(matches!(given, EventKind::Settled { result: Ok(_), .. }));
        let bare = told("failed", r#"{"type":"t","status":503}"#);
        assert!(matches!(bare, EventKind::Settled { result: Err(_), .. }));
    }
}
