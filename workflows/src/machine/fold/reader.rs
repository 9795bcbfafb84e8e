//! One entry, member by member: every absence and every wrong kind is damage with its place.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Unloadable, damaged, grown};
use crate::document::step::FunctionName;
use crate::machine::event::Activity;
use crate::machine::held::Held;
use crate::machine::state::{
    Branch, Chunks, Closing, Doing, Frame, FrameKind, Move, OpenCall, Root, Step, Tries,
};
use crate::machine::transition::job::JobState;
use crate::machine::turn::{Outcome, OutcomeKind};
use crate::program::{NodeId, Program};
use crate::value::Value;

/// Reads entries of one program.
pub(super) struct Reader<'a> {
    pub(super) program: &'a Program,
    pub(super) seq: i32,
    /// The entry's instant, once its root is read.
    pub(super) at: DateTime<Utc>,
}

impl Reader<'_> {
    fn damaged(&self, message: &str) -> Unloadable {
        damaged(self.seq, message)
    }

    pub(super) fn member<'v>(&self, value: &'v Value, key: &str) -> Result<&'v Value, Unloadable> {
        value
            .get(key)
            .ok_or_else(|| self.damaged(&format!("`{key}` is missing")))
    }

    pub(super) fn list<'v>(&self, value: &'v Value, key: &str) -> Result<&'v [Value], Unloadable> {
        self.member(value, key)?
            .as_list()
            .ok_or_else(|| self.damaged(&format!("`{key}` is no list")))
    }

    /// The same; empty where it is not written.
    pub(super) fn maybe_list<'v>(
        &self,
        value: &'v Value,
        key: &str,
    ) -> Result<&'v [Value], Unloadable> {
        match value.get(key) {
            Some(_) => self.list(value, key),
            None => Ok(&[]),
        }
    }

    pub(super) fn count(&self, value: &Value, key: &str) -> Result<u32, Unloadable> {
        self.number(self.member(value, key)?, key)
    }

    pub(super) fn number(&self, value: &Value, what: &str) -> Result<u32, Unloadable> {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| self.damaged(&format!("`{what}` is no count")))
    }

    pub(super) fn text<'v>(&self, value: &'v Value, key: &str) -> Result<&'v str, Unloadable> {
        self.member(value, key)?
            .as_str()
            .ok_or_else(|| self.damaged(&format!("`{key}` is no text")))
    }

    pub(super) fn instant(&self, value: &Value) -> Result<DateTime<Utc>, Unloadable> {
        let parsed = value
            .as_str()
            .and_then(|text| DateTime::parse_from_rfc3339(text).ok());
        parsed
            .map(|at| at.with_timezone(&Utc))
            .ok_or_else(|| self.damaged("an instant cannot be read"))
    }

    fn maybe_instant(&self, value: &Value, key: &str) -> Result<Option<DateTime<Utc>>, Unloadable> {
        value.get(key).map(|at| self.instant(at)).transpose()
    }

    pub(super) fn node(&self, pointer: &str) -> Result<NodeId, Unloadable> {
        self.program
            .numbered(pointer)
            .ok_or_else(|| self.damaged(&format!("the template has no task at `{pointer}`")))
    }

    pub(super) fn held(
        &self,
        value: &Value,
        values: &HashMap<u32, Value>,
    ) -> Result<Held, Unloadable> {
        let number = self.number(value, "value")?;
        let value = values
            .get(&number)
            .ok_or_else(|| self.damaged(&format!("value {number} is missing")))?;
        Ok(Held {
            number,
            value: value.clone(),
        })
    }

    pub(super) fn held_in(
        &self,
        value: &Value,
        key: &str,
        values: &HashMap<u32, Value>,
    ) -> Result<Held, Unloadable> {
        self.held(self.member(value, key)?, values)
    }

    /// `[n, value]` or `[n, base, difference]`.
    pub(super) fn value(
        &self,
        written: &Value,
        values: &mut HashMap<u32, Value>,
    ) -> Result<(), Unloadable> {
        let parts = written.as_list().unwrap_or_default();
        let value = match parts {
            [_, whole] => whole.clone(),
            [_, base, difference] => {
                let base = self.held(base, values)?.value;
                grown(&base, difference)
                    .ok_or_else(|| self.damaged("a difference does not fit its base"))?
            }
            _ => return Err(self.damaged("a value is neither whole nor a difference")),
        };
        values.insert(self.number(&parts[0], "value")?, value);
        Ok(())
    }

    pub(super) fn root(
        &self,
        value: &Value,
        values: &HashMap<u32, Value>,
    ) -> Result<Root, Unloadable> {
        let status = JobState::named(self.text(value, "status")?)
            .ok_or_else(|| self.damaged("unknown status"))?;
        let mut visits = vec![0; self.program.nodes.len()];
        for (node, count) in self.visits(self.member(value, "visits")?)? {
            visits[node.index()] = count;
        }
        let closing = value.get("closing").map(|closing| {
            Ok(Closing {
                problem: self.held_in(closing, "problem", values)?,
                is_cancelled: self
                    .member(closing, "is_cancelled")?
                    .as_bool()
                    .unwrap_or_default(),
                until: self.instant(self.member(closing, "until")?)?,
                undoing: closing
                    .get("undoing")
                    .map(|undoing| self.unwinding(undoing, values))
                    .transpose()?,
            })
        });
        Ok(Root {
            status,
            at: self.instant(self.member(value, "at")?)?,
            started: self.instant(self.member(value, "started")?)?,
            attempt: self.count(value, "attempt")?,
            visits,
            next_value: self.count(value, "next_value")?,
            next_activity: self.count(value, "next_activity")?,
            next_branch: match value.get("next_branch") {
                Some(number) => self.number(number, "next_branch")?,
                None => 1,
            },
            loose: self.loose(value)?,
            parked: self.parked(value)?,
            closing: closing.transpose()?,
            outcome: value
                .get("outcome")
                .map(|outcome| self.outcome(outcome))
                .transpose()?,
        })
    }

    fn visits(&self, value: &Value) -> Result<Vec<(NodeId, u32)>, Unloadable> {
        let map = value
            .as_map()
            .ok_or_else(|| self.damaged("`visits` is no map"))?;
        map.iter()
            .map(|(pointer, count)| Ok((self.node(pointer)?, self.number(count, "visits")?)))
            .collect()
    }

    fn outcome(&self, value: &Value) -> Result<Outcome, Unloadable> {
        let kinds = [
            OutcomeKind::Completed,
            OutcomeKind::Failed,
            OutcomeKind::Cancelled,
            OutcomeKind::Expired,
            OutcomeKind::Suppressed,
        ];
        let word = self.text(value, "kind")?;
        let kind = kinds
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or_else(|| self.damaged("unknown outcome"))?;
        let text = |key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .map(ToOwned::to_owned)
        };
        Ok(Outcome {
            kind,
            code: text("code"),
            fingerprint: text("fingerprint"),
            result: None,
        })
    }

    pub(super) fn branch(
        &self,
        value: &Value,
        values: &HashMap<u32, Value>,
    ) -> Result<Branch, Unloadable> {
        let frames = self
            .list(value, "frames")?
            .iter()
            .map(|frame| self.frame(frame, values));
        Ok(Branch {
            id: self.count(value, "id")?,
            parent: value
                .get("parent")
                .filter(|parent| !parent.is_null())
                .map(|parent| self.number(parent, "parent"))
                .transpose()?,
            frames: frames.collect::<Result<_, _>>()?,
            data: self.held_in(value, "data", values)?,
            context: self.held_in(value, "context", values)?,
            doing: self.doing(self.member(value, "doing")?, values)?,
        })
    }

    fn frame(&self, value: &Value, values: &HashMap<u32, Value>) -> Result<Frame, Unloadable> {
        Ok(Frame {
            node: self.node(self.text(value, "path")?)?,
            visit: self.count(value, "visit")?,
            raw: self.held_in(value, "raw", values)?,
            input: match value.get("input") {
                Some(input) => self.held(input, values)?,
                None => self.held_in(value, "raw", values)?,
            },
            started: self.maybe_instant(value, "started")?.unwrap_or(self.at),
            due: self.maybe_instant(value, "due")?,
            undos: self.undos(value, values)?,
            kind: self.frame_kind(value, values)?,
        })
    }

    fn frame_kind(
        &self,
        value: &Value,
        values: &HashMap<u32, Value>,
    ) -> Result<FrameKind, Unloadable> {
        if let Some(each) = value.get("for") {
            return Ok(FrameKind::For {
                list: self.held_in(each, "list", values)?,
                index: self.count(each, "index")?,
            });
        }
        if let Some(error) = value.get("catch") {
            return Ok(FrameKind::Catch {
                error: self.held(error, values)?,
            });
        }
        let Some(tried) = value.get("try") else {
            return self.tree_kind(value, values);
        };
        Ok(FrameKind::Try(Tries {
            first: self.instant(self.member(tried, "first")?)?,
            attempt: self.count(tried, "attempt")?,
            due: self.maybe_instant(tried, "due")?,
            visits: self.body_visits(value, tried)?,
        }))
    }

    /// Visits inside the body of a `try` when its first try began; those not written are zero.
    fn body_visits(&self, frame: &Value, tried: &Value) -> Result<Vec<(NodeId, u32)>, Unloadable> {
        let id = self.node(self.text(frame, "path")?)?;
        let crate::program::NodeKind::Try(node) = &self.program.node(id).kind else {
            return Err(self.damaged("a try stands at a task that is none"));
        };
        let written: HashMap<NodeId, u32> = self
            .visits(self.member(tried, "visits")?)?
            .into_iter()
            .collect();
        let range = (id.0 + 1..node.body_end.0).map(NodeId);
        Ok(range
            .map(|node| (node, written.get(&node).copied().unwrap_or_default()))
            .collect())
    }

    fn doing(&self, value: &Value, values: &HashMap<u32, Value>) -> Result<Doing, Unloadable> {
        let Some((word, inner)) = value.as_map().and_then(|map| map.at(0)) else {
            return Ok(Doing::Nothing);
        };
        Ok(match &**word {
            "backoff" => Doing::Backoff {
                until: self.instant(inner)?,
            },
            "sleep" => Doing::Sleep {
                until: self.instant(inner)?,
            },
            "iterate" => Doing::Moving(Move::Iterate),
            "enter" => Doing::Moving(Move::Enter(self.node(inner.as_str().unwrap_or_default())?)),
            "given" => Doing::Given {
                step: match inner.get("step") {
                    Some(step) => Some(Box::new(self.step(step, values)?)),
                    None => None,
                },
                output: self.held_in(inner, "output", values)?,
            },
            "step" => Doing::Step(Box::new(self.step(inner, values)?)),
            "undo" => Doing::Undo(Box::new(self.step(inner, values)?)),
            "stopped" => Doing::Stopped(Box::new(self.step(inner, values)?)),
            "undo_backoff" => Doing::UndoBackoff {
                until: self.instant(inner)?,
            },
            "forked" => Doing::Forked,
            "listening" => Doing::Listening,
            "done" => Doing::Done,
            "lost" => Doing::Lost,
            _ => return Err(self.damaged("unknown doing")),
        })
    }

    fn step(&self, value: &Value, values: &HashMap<u32, Value>) -> Result<Step, Unloadable> {
        let layers = self
            .maybe_list(value, "layers")?
            .iter()
            .map(|layer| self.held(layer, values));
        Ok(Step {
            activity: Activity(self.count(value, "activity")?),
            attempt: match value.get("attempt") {
                Some(attempt) => self.number(attempt, "attempt")?,
                None => 0,
            },
            is_stopping: value
                .get("is_stopping")
                .and_then(Value::as_bool)
                .unwrap_or_default(),
            is_placed: value.get("placed").is_some(),
            call: self.call(value, values)?,
            layers: layers.collect::<Result<_, _>>()?,
            placement: self.maybe_held(value, "placement", values)?,
            effect: self.maybe_held(value, "effect", values)?,
            key: value.get("key").and_then(Value::as_str).map(str::to_owned),
            verify: value
                .get("verify")
                .map(|verify| self.call(verify, values))
                .transpose()?,
        })
    }

    pub(super) fn call(
        &self,
        value: &Value,
        values: &HashMap<u32, Value>,
    ) -> Result<OpenCall, Unloadable> {
        if let Some(request) = value.get("http") {
            return Ok(OpenCall::Http {
                request: self.held(request, values)?,
            });
        }
        if let Some(function) = value.get("function") {
            let name = FunctionName {
                name: self.text(function, "name")?.to_owned(),
                version: self.text(function, "version")?.to_owned(),
            };
            return Ok(OpenCall::Function {
                function: name,
                input: self.held_in(function, "input", values)?,
            });
        }
        if let Some(call) = self.row_call(value, values)? {
            return Ok(call);
        }
        let chunks = self.member(value, "chunks")?;
        let open = self
            .list(chunks, "open")?
            .iter()
            .map(|number| self.number(number, "open"));
        Ok(OpenCall::Chunks(Chunks {
            of: self.count(chunks, "of")?,
            parallel: self.count(chunks, "parallel")?,
            next: self.count(chunks, "next")?,
            open: open.collect::<Result<_, _>>()?,
            answers: self.held_in(chunks, "answers", values)?,
            failed: self.count(chunks, "failed")?,
            failed_max: self.count(chunks, "failed_max")?,
        }))
    }
}
