//! What a turn writes beside its entry, and the inbox: events, children, groups, contexts.
//!
//! Rows outlive the engine, so what answers to them comes after a restart too.

use chrono::{DateTime, Utc};

use super::{Arrival, Stage};
use crate::catalogue::{APPROVAL, CONTEXT_SAVE, MAP};
use crate::context::SECRET_IN_CONTEXT;
use crate::document::step::FunctionName;
use crate::machine::event::{Activity, EventKind};
use crate::machine::fault::Fault;
use crate::machine::row::{Row, StartChild};
use crate::machine::secret::plainly_in;
use crate::policy::retry::later;
use crate::program::ENTRY;
use crate::trial::Answer;
use crate::trial::asked::Asked;
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
        self.items_receive(event)?;
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
                    self.open_group(activity, &key, &function, input)?;
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
                    self.groups.retain(|group| group.activity != activity);
                }
                // Nobody reads members of a trial.
                Row::BeginChunksAgain | Row::EndChunk { .. } => {}
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

    /// A `map` goes item by item, unless all of it is answered; a batch is answered.
    fn open_group(
        &mut self,
        activity: Activity,
        key: &str,
        function: &FunctionName,
        input: Value,
    ) -> Result<(), String> {
        let name = Some(format!("{}:{}", function.name, function.version));
        if function.name != MAP {
            return self.ask(activity, key, name, input, true);
        }
        let asked = self.asked(key, name, &input);
        self.open_map(activity, asked, &input)
    }

    /// A save for which nothing is prepared: the run has contexts of its own.
    fn save(&mut self, activity: Activity, given: &Value) {
        let marks = self.execution.marks();
        let saved = match marks.is_some_and(|marks| marks.stand_in(given)) {
            true => Err(Fault::standard("configuration", 400, SECRET_IN_CONTEXT)),
            false => self.world.borrow_mut().contexts.save(given, self.now),
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
        let asked = self.asked(key, function, &given);
        let answer = match is_awaited {
            true if asked.calls(CONTEXT_SAVE) => {
                let prepared = self.world.borrow_mut().prepared(asked, self.now)?;
                match prepared {
                    Some(answer) => answer,
                    None => {
                        self.save(activity, &given);
                        return Ok(());
                    }
                }
            }
            true => self.world.borrow_mut().answered(asked, self.now, None)?,
            false => {
                self.world.borrow_mut().asked.push(asked);
                return Ok(());
            }
        };
        self.settle(activity, answer);
        Ok(())
    }

    pub(super) fn asked(&self, key: &str, function: Option<String>, given: &Value) -> Asked {
        let path = self.facts.path_of(key);
        Asked {
            is_all: self.of.is_some() && path == ENTRY,
            path: path.to_owned(),
            function,
            given: plainly_in(given),
            of: self.of.clone(),
        }
    }

    /// How it ends is on its way, unless it never does.
    pub(super) fn settle(&mut self, activity: Activity, answer: Option<Answer>) {
        let settled = answer.map(|answer| Arrival {
            at: later(self.now, answer.after),
            activity,
            event: EventKind::Settled {
                activity,
                by: format!("j_{}", activity.0 + 1),
                result: answer.result,
            },
            is_durable: true,
        });
        self.arrivals.extend(settled);
    }
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
