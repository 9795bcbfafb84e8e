//! How forks, listens, undos and what a step has beyond its call are read; `journal/tree.rs` writes them.

use std::collections::HashMap;

use super::Unloadable;
use super::damaged;
use super::reader::Reader;
use crate::document::step::FunctionName;
use crate::machine::event::Activity;
use crate::machine::held::Held;
use crate::machine::row::{ChildTemplate, Fate};
use crate::machine::state::{FrameKind, Listening, OpenCall, Parked, Taken, Undo, Unwinding};
use crate::machine::turn::End;
use crate::value::Value;

type Values = HashMap<u32, Value>;
type Read<T> = Result<T, Unloadable>;

impl Reader<'_> {
    pub(super) fn maybe_held(
        &self,
        value: &Value,
        key: &str,
        values: &Values,
    ) -> Read<Option<Held>> {
        value
            .get(key)
            .map(|held| self.held(held, values))
            .transpose()
    }

    pub(super) fn loose(&self, root: &Value) -> Read<Vec<Activity>> {
        if root.get("loose").is_none() {
            return Ok(Vec::new());
        }
        let loose = self.list(root, "loose")?.iter();
        let loose = loose.map(|one| Ok(Activity(self.number(one, "loose")?)));
        loose.collect()
    }

    pub(super) fn parked(&self, root: &Value) -> Read<Vec<Parked>> {
        if root.get("parked").is_none() {
            return Ok(Vec::new());
        }
        let parked = self.list(root, "parked")?.iter().map(|parked| {
            let reason = self.text(parked, "reason")?.to_owned();
            let end = match parked.get("code") {
                None => End::Park { reason },
                Some(_) => End::Exhausted {
                    reason,
                    code: self.text(parked, "code")?.to_owned(),
                    fingerprint: self.text(parked, "fingerprint")?.to_owned(),
                },
            };
            let branch = self.count(parked, "branch")?;
            Ok(Parked { branch, end })
        });
        parked.collect()
    }

    pub(super) fn tree_kind(&self, frame: &Value, values: &Values) -> Read<FrameKind> {
        if let Some(fork) = frame.get("fork") {
            return Ok(FrameKind::Fork {
                base: self.held_in(fork, "base", values)?,
                fault: self.maybe_held(fork, "fault", values)?,
            });
        }
        if let Some(listen) = frame.get("listen") {
            return Ok(FrameKind::Listen(Box::new(self.listening(listen, values)?)));
        }
        if frame.get("again").is_some() {
            let retries = self.count(frame, "again")?;
            return Ok(FrameKind::Again { retries });
        }
        let Some(undoing) = frame.get("undoing") else {
            return Ok(FrameKind::List);
        };
        let limit = undoing.get("limit");
        Ok(FrameKind::Undoing {
            unwinding: self.unwinding(self.member(undoing, "unwinding")?, values)?,
            fault: self.held_in(undoing, "fault", values)?,
            limit: limit.map(|limit| self.number(limit, "limit")).transpose()?,
        })
    }

    fn listening(&self, value: &Value, values: &Values) -> Read<Listening> {
        let taken = self.list(value, "taken")?.iter().map(|taken| {
            let id = self.member(taken, "id")?.as_i64();
            Ok(Taken {
                id: id.ok_or_else(|| damaged(self.seq, "`id` is no number"))?,
                arrived: self.instant(self.member(taken, "arrived")?)?,
                filter: self.count(taken, "filter")?,
                envelope: self.held_in(taken, "envelope", values)?,
            })
        });
        Ok(Listening {
            activity: Activity(self.count(value, "activity")?),
            since: self.instant(self.member(value, "since")?)?,
            keys: self.held_in(value, "keys", values)?,
            taken: taken.collect::<Result<_, _>>()?,
            is_full: self.member(value, "is_full")?.as_bool().unwrap_or_default(),
            index: self.count(value, "index")?,
            outputs: self.held_in(value, "outputs", values)?,
        })
    }

    pub(super) fn unwinding(&self, value: &Value, values: &Values) -> Read<Unwinding> {
        Ok(Unwinding {
            undos: self.undos(value, values)?,
            attempt: self.count(value, "attempt")?,
        })
    }

    pub(super) fn undos(&self, value: &Value, values: &Values) -> Read<Vec<Undo>> {
        if value.get("undos").is_none() {
            return Ok(Vec::new());
        }
        let undos = self.list(value, "undos")?.iter().map(|undo| {
            Ok(Undo {
                node: self.node(self.text(undo, "path")?)?,
                visit: self.count(undo, "visit")?,
                call: self.call(undo, values)?,
            })
        });
        undos.collect()
    }

    /// A call that is a row of its own.
    pub(super) fn row_call(&self, value: &Value, values: &Values) -> Read<Option<OpenCall>> {
        if let Some(input) = self.maybe_held(value, "context", values)? {
            return Ok(Some(OpenCall::Context { input }));
        }
        if let Some(input) = self.maybe_held(value, "approval", values)? {
            return Ok(Some(OpenCall::Approval { input }));
        }
        if let Some(group) = value.get("group") {
            let function = FunctionName {
                name: self.text(group, "name")?.to_owned(),
                version: self.text(group, "version")?.to_owned(),
            };
            let input = self.held_in(group, "input", values)?;
            return Ok(Some(OpenCall::Group { function, input }));
        }
        let Some(child) = value.get("child") else {
            return Ok(None);
        };
        let fate = Fate::named(self.text(child, "fate")?);
        Ok(Some(OpenCall::Child {
            template: ChildTemplate {
                namespace: self.text(child, "namespace")?.to_owned(),
                name: self.text(child, "name")?.to_owned(),
                version: self.text(child, "version")?.to_owned(),
            },
            input: self.held_in(child, "input", values)?,
            fate: fate.ok_or_else(|| damaged(self.seq, "unknown fate"))?,
        }))
    }
}
