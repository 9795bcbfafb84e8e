//! What commands ask for: calls of steps, and of chunks.

use chrono::{DateTime, Utc};

use super::{Arrival, Stage};
use crate::machine::command::{Command, Perform};
use crate::machine::event::{Activity, EventKind};
use crate::policy::retry::later;
use crate::program::ENTRY;
use crate::trial::asked::{Asked, Number, Of};
use crate::value::Value;

impl Stage<'_> {
    pub(super) fn obey(&mut self, commands: Vec<Command>) -> Result<(), String> {
        for command in commands {
            match command {
                Command::Perform(perform) => self.perform(&perform)?,
                Command::Stop { activity } => {
                    self.arrivals.retain(|arrival| arrival.activity != activity);
                }
                Command::PerformChunk {
                    activity,
                    number,
                    key,
                    due,
                } => self.perform_chunk(activity, number, &key, due)?,
            }
        }
        Ok(())
    }

    fn perform(&mut self, perform: &Perform) -> Result<(), String> {
        let mut asked = Asked::call(&perform.path, &perform.call, self.of.clone());
        asked.is_all = self.of.is_some() && perform.path == ENTRY;
        let with = Some((perform, self.execution.marks()));
        let answer = self.world.borrow_mut().answered(asked, self.now, with)?;
        let Some(answer) = answer else {
            return Ok(());
        };
        let activity = perform.activity;
        let event = match answer.result {
            Ok(output) => EventKind::Succeeded { activity, output },
            Err(fault) => EventKind::Failed {
                activity,
                fault,
                again_after: answer.again_after,
            },
        };
        self.arrive(later(self.now, answer.after), activity, event);
        Ok(())
    }

    /// Reads a chunk of the members that the test gives, and makes the call that is made of it.
    fn perform_chunk(
        &mut self,
        activity: Activity,
        number: u32,
        key: &str,
        due: Option<DateTime<Utc>>,
    ) -> Result<(), String> {
        let path = key.strip_suffix(&format!("-{number}")).unwrap_or(key);
        let path = self.facts.path_of(path).to_owned();
        let chunk = self.chunk(&path, number)?;
        let call = match self.execution.render_chunk(activity, number, &chunk) {
            Ok(call) => call,
            Err(fault) => {
                let result = Err(fault);
                let event = EventKind::Chunk {
                    activity,
                    number,
                    result,
                };
                self.arrive(self.now, activity, event);
                return Ok(());
            }
        };
        let mut asked = Asked::call(&path, &call, Some(self.of_chunk(&path, number)));
        asked.is_all = true;
        let perform = Perform {
            activity,
            path,
            visit: 1,
            attempt: 0,
            key: key.to_owned(),
            call,
            settings: None,
            due,
        };
        let with = Some((&perform, self.execution.marks()));
        let answer = self.world.borrow_mut().answered(asked, self.now, with)?;
        if let Some(answer) = answer {
            let event = EventKind::Chunk {
                activity,
                number,
                result: answer.result,
            };
            self.arrive(later(self.now, answer.after), activity, event);
        }
        Ok(())
    }

    fn chunk(&self, path: &str, number: u32) -> Result<Value, String> {
        let world = self.world.borrow();
        let members = world.members.as_ref().ok_or_else(|| {
            format!("{path} reads chunks, and the test gives none: say `chunks` in the test")
        })?;
        members.chunk(number).ok_or_else(|| {
            let (chunks, said) = (members.chunks(), self.facts.chunks().unwrap_or_default());
            format!(
                "{path} reads chunk {number}, and the test gives {chunks}: `chunks` of the input is {said}"
            )
        })
    }

    fn of_chunk(&self, path: &str, number: u32) -> Of {
        let call = self.program.document.pointer(&format!("{path}/with/call"));
        Of {
            task: path.to_owned(),
            call: call.and_then(Value::as_str).unwrap_or_default().to_owned(),
            number: Number::Chunk(number),
        }
    }

    /// What a step gave is on its way; it is lost with the engine.
    fn arrive(&mut self, at: DateTime<Utc>, activity: Activity, event: EventKind) {
        self.arrivals.push(Arrival {
            at,
            activity,
            event,
            is_durable: false,
        });
    }
}
