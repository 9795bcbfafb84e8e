//! What a turn writes beside its entry, and the inbox: events, children, groups, contexts.
//!
//! Rows outlive the engine, so what answers to them comes after a restart too.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::super::Answer;
use super::{Arrival, Asked, Stage, unprepared};
use crate::catalogue::{APPROVAL, CONTEXT_LOAD, CONTEXT_SAVE};
use crate::context::SECRET_IN_CONTEXT;
use crate::machine::event::{Activity, EventKind};
use crate::machine::fault::Fault;
use crate::machine::row::{Row, StartChild};
use crate::policy::retry::later;
use crate::value::Value;

/// An event in the inbox.
#[derive(Clone, Debug)]
pub(super) struct Mail {
    id: i64,
    envelope: Value,
    arrived: DateTime<Utc>,
}

impl Stage<'_> {
    /// Delivers an event.
    pub fn receive(&mut self, event: &Value) -> Result<(), String> {
        let envelope = envelope(event, self.next_mail, self.now)?;
        self.deliver(envelope);
        self.offer()?;
        self.play_until(self.now)
    }

    fn deliver(&mut self, envelope: Value) {
        self.inbox.push(Mail {
            id: self.next_mail,
            envelope,
            arrived: self.now,
        });
        self.next_mail += 1;
    }

    /// Offers what lies in the inbox, oldest first, as long as something is taken.
    pub(super) fn offer(&mut self) -> Result<(), String> {
        while self.end.is_none() {
            let wanted = |mail: &&Mail| self.execution.wants(&mail.envelope);
            let Some(mail) = self.inbox.iter().find(wanted).cloned() else {
                break;
            };
            let before = self.inbox.len();
            self.apply(EventKind::Mail {
                id: mail.id,
                envelope: mail.envelope,
                arrived: mail.arrived,
            })?;
            if self.inbox.len() >= before && self.inbox.iter().any(|left| left.id == mail.id) {
                break;
            }
        }
        Ok(())
    }

    /// Does what rows ask for.
    pub(super) fn write(&mut self, rows: Vec<Row>) -> Result<(), String> {
        for row in rows {
            match row {
                Row::StartChild(child) => self.start_child(child)?,
                Row::OpenGroup {
                    activity,
                    function,
                    input,
                    key,
                    ..
                } => {
                    let function = Some(format!("{}:{}", function.name, function.version));
                    self.ask(activity, &key, function, input, true)?;
                }
                Row::SaveContext {
                    activity,
                    input,
                    key,
                } => {
                    let function = Some(format!("{CONTEXT_SAVE}:1.0.0"));
                    self.ask(activity, &key, function, input, true)?;
                }
                Row::OpenApproval {
                    activity,
                    input,
                    key,
                } => {
                    let function = Some(format!("{APPROVAL}:1.0.0"));
                    self.ask(activity, &key, function, input, true)?;
                }
                Row::CloseChild { activity }
                | Row::CloseGroup { activity }
                | Row::CloseApproval { activity } => {
                    self.arrivals.retain(|arrival| arrival.activity != activity);
                }
                // Nobody reads members of a trial.
                Row::EndChunk { .. } => {}
                Row::Publish { envelope, .. } => self.deliver(envelope),
                Row::TakeMail { id } => self.inbox.retain(|mail| mail.id != id),
                Row::ReturnMail {
                    id,
                    envelope,
                    arrived,
                } => {
                    let place = self.inbox.partition_point(|mail| mail.id < id);
                    let mail = Mail {
                        id,
                        envelope,
                        arrived,
                    };
                    self.inbox.insert(place, mail);
                }
            }
        }
        Ok(())
    }

    /// A save for which nothing is prepared: the run has contexts of its own.
    fn saved(&mut self, activity: Activity, asked: &Asked) -> Result<(), String> {
        if !is_call(asked, CONTEXT_SAVE) {
            return Err(unprepared(asked));
        }
        let marks = self.execution.marks();
        let saved = match marks.is_some_and(|marks| marks.stand_in(&asked.given)) {
            true => Err(Fault::standard("configuration", 400, SECRET_IN_CONTEXT)),
            false => self.contexts.save(&asked.given, self.now),
        };
        let event = match saved {
            Ok(output) => EventKind::Succeeded { activity, output },
            Err(fault) => EventKind::Failed {
                activity,
                fault,
                again_after: None,
            },
        };
        self.arrivals.push(Arrival {
            at: self.now,
            activity,
            event,
            is_durable: true,
        });
        Ok(())
    }

    /// What a load gives for which nothing is prepared.
    pub(super) fn loaded(&self, asked: &Asked) -> Option<Answer> {
        if !is_call(asked, CONTEXT_LOAD) {
            return None;
        }
        let found = self.contexts.load(&asked.given, self.now)?;
        Some(Answer {
            result: Ok(found),
            after: Duration::ZERO,
            again_after: None,
        })
    }

    fn start_child(&mut self, child: StartChild) -> Result<(), String> {
        let template = child.template;
        let name = format!(
            "{}.{}:{}",
            template.namespace, template.name, template.version
        );
        self.ask(
            child.activity,
            &child.key,
            Some(name),
            child.input,
            child.is_awaited,
        )
    }

    /// Something with a life of its own: only a prepared answer says how it ends.
    fn ask(
        &mut self,
        activity: Activity,
        key: &str,
        function: Option<String>,
        given: Value,
        is_awaited: bool,
    ) -> Result<(), String> {
        let asked = Asked {
            path: self.facts.path_of(key).to_owned(),
            function,
            given,
        };
        self.asked.push(asked.clone());
        if !is_awaited {
            return Ok(());
        }
        let answer = match (self.prepared)(&asked) {
            Some(Ok(answer)) => answer,
            Some(Err(())) => return Ok(()),
            None => return self.saved(activity, &asked),
        };
        self.arrivals.push(Arrival {
            at: later(self.now, answer.after),
            activity,
            event: EventKind::Settled {
                activity,
                by: format!("j_{}", activity.0 + 1),
                result: answer.result,
            },
            is_durable: true,
        });
        Ok(())
    }
}

fn is_call(asked: &Asked, name: &str) -> bool {
    let function = asked.function.as_deref();
    function.and_then(|function| function.split(':').next()) == Some(name)
}

/// A whole event: what an envelope must have and this one lacks is filled in.
pub(in crate::trial) fn envelope(
    event: &Value,
    number: i64,
    now: DateTime<Utc>,
) -> Result<Value, String> {
    let members = event.as_map().ok_or("an event is an object")?;
    if !members.contains_key("type") {
        return Err("an event has a `type`".to_owned());
    }
    let filled = [
        ("id", Value::text(format!("event-{number}"))),
        ("specversion", Value::from("1.0")),
        ("source", Value::from("/test")),
        ("time", Value::text(now.to_rfc3339())),
    ];
    Ok(Value::map(filled).merged(event))
}
