//! The standard's lifecycle events (`dsl-reference.md`, "Lifecycle Events"): what a job and its tasks go through,
//! published with the turn in which it happens, for documents that ask for them.
//!
//! An output is named by where it can be read, never carried: it may be large, and not for everybody who listens.

use chrono::SecondsFormat;
use sha2::{Digest, Sha256};

use super::Execution;
use super::row::Row;
use super::trace::Passage;
use super::turn::{Outcome, OutcomeKind};
use crate::document::settings::Lifecycle;
use crate::program::{NodeId, NodeKind};
use crate::value::Value;

/// What the types of all these events begin with.
const PREFIX: &str = "io.serverlessworkflow";

type Member = (&'static str, Value);

impl Execution {
    /// Tells of a task that was entered, left or failed.
    pub(super) fn tell_passage(&mut self, node: NodeId, passage: &Passage) {
        let correlates = matches!(self.program.node(node).kind, NodeKind::Listen(_));
        match passage {
            Passage::Entered if node == NodeId::WORKFLOW => {
                let definition = self.definition();
                self.tell_job("started", [("definition", definition)]);
            }
            // How the job itself ends is told with its outcome.
            _ if node == NodeId::WORKFLOW => {}
            Passage::Entered => {
                self.tell_task(node, "started", []);
                if correlates {
                    self.tell_job("correlation-started", []);
                }
            }
            Passage::Left(_) => {
                if correlates {
                    self.tell_job("correlation-completed", []);
                }
                self.tell_task(node, "completed", []);
            }
            Passage::Failed(error) => self.tell_task(node, "faulted", [("error", error.clone())]),
        }
    }

    /// Tells of the end of the job.
    pub(super) fn tell_end(&mut self, outcome: &Outcome) {
        match outcome.kind {
            OutcomeKind::Completed => {
                let place = format!("/v1/jobs/{}/output", self.facts.name());
                self.tell_job("completed", [("outputUri", Value::from(place))]);
            }
            OutcomeKind::Failed => {
                let error = outcome.result.as_deref().map(Value::parse);
                let error = error.and_then(Result::ok).unwrap_or_default();
                self.tell_job("faulted", [("error", error)]);
            }
            _ => self.tell_job("cancelled", []),
        }
    }

    /// Tells that the tasks of the branch at hand go no further, the innermost first.
    pub(super) fn tell_dropped(&mut self) {
        let frames = self.state.branch().frames.iter().rev();
        let nodes: Vec<NodeId> = frames.map(|frame| frame.node).collect();
        for node in nodes.into_iter().filter(|node| *node != NodeId::WORKFLOW) {
            self.tell_task(node, "cancelled", []);
        }
    }

    /// Tells that the job, and the task on top, stop for a person or go on.
    pub(super) fn tell_standing(&mut self, what: &'static str) {
        if let Some(node) = self.state.branch().top().map(|frame| frame.node) {
            self.tell_task(node, what, []);
        }
        self.tell_job(what, []);
    }

    /// Tells what happened to a task.
    pub(super) fn tell_task<const N: usize>(
        &mut self,
        node: NodeId,
        what: &'static str,
        more: [Member; N],
    ) {
        if self.program.lifecycle != Lifecycle::Task || node == NodeId::WORKFLOW {
            return;
        }
        let pointer = self.program.node(node).pointer.clone();
        let of = [
            ("workflow", self.qualified_name()),
            ("task", Value::text(&*pointer)),
        ];
        self.tell(format!("{PREFIX}.task.{what}.v1"), &pointer, of, more);
    }

    fn tell_job<const N: usize>(&mut self, what: &'static str, more: [Member; N]) {
        if self.program.lifecycle == Lifecycle::None {
            return;
        }
        let of = [("name", self.qualified_name())];
        self.tell(format!("{PREFIX}.workflow.{what}.v1"), "", of, more);
    }

    fn tell<const N: usize, const M: usize>(
        &mut self,
        kind: String,
        pointer: &str,
        of: [Member; N],
        more: [Member; M],
    ) {
        let at = self.state.root.at;
        let at = Value::from(at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
        let data = of.into_iter().chain([(instant(&kind), at)]).chain(more);
        let given = Value::map([
            ("id", Value::from(self.told_id(&kind, pointer))),
            ("type", Value::from(kind)),
            ("subject", Value::from(self.facts.name())),
            ("data", Value::map(data)),
        ]);
        // What names it was made here: it fits.
        let Ok(envelope) = self.envelope(&given) else {
            return;
        };
        let id = envelope.get("id").and_then(Value::as_str);
        let id = id.unwrap_or_default().to_owned();
        self.rows.push(Row::Publish { id, envelope });
    }

    /// One for each thing that is told, and the same however often its turn is tried.
    fn told_id(&self, kind: &str, pointer: &str) -> String {
        let place = format!("{kind}/{}/{}", self.journal.seq, self.rows.len());
        let key = self.facts.key(pointer, 0);
        hex::encode(&Sha256::digest(format!("{key}/{place}").as_bytes())[..16])
    }

    fn definition(&self) -> Value {
        let part = |key: &'static str| {
            let part = self.program.document.pointer(&format!("/document/{key}"));
            (key, part.cloned().unwrap_or_default())
        };
        Value::map(["namespace", "name", "version"].map(part))
    }

    /// `name-id.namespace`, as the standard's examples write it.
    fn qualified_name(&self) -> Value {
        let part = |key: &str| {
            let part = self.program.document.pointer(&format!("/document/{key}"));
            part.and_then(Value::as_str).unwrap_or_default()
        };
        Value::from(format!(
            "{}-{}.{}",
            part("name"),
            self.facts.name(),
            part("namespace")
        ))
    }
}

/// `startedAt` of `….started.v1`.
fn instant(kind: &str) -> &'static str {
    let what = kind.trim_end_matches(".v1").rsplit(['.', '-']).next();
    match what.unwrap_or_default() {
        "created" => "createdAt",
        "started" => "startedAt",
        "suspended" => "suspendedAt",
        "resumed" => "resumedAt",
        "retried" => "retriedAt",
        "cancelled" => "cancelledAt",
        "faulted" => "faultedAt",
        _ => "completedAt",
    }
}
