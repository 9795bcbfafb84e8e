//! Compensation: what completed steps leave to be undone, and how it is.
//!
//! A step's undo is rendered when the step completes, and kept by the innermost scope around it. A scope
//! that ends well hands its undos outward. When an error leaves a scope, its undos run one at a time,
//! the last completion first, before anybody outside sees the error.

use super::Execution;
use super::call::OpenedCall;
use super::fault::Fault;
use super::limits::UNDO_TRIES_MAX;
use super::state::{Doing, FrameKind, Step, Undo, Unwinding};
use super::turn::End;
use super::unwind::{fault_of, fault_value};
use crate::document::step::Backoff;
use crate::policy::retry::{delay, later};
use crate::program::node::Target;
use crate::value::Value;
use std::time::Duration;

impl Execution {
    /// The step on top has completed with this output: what undoes it is kept by the scope around it.
    pub(super) fn keep_undo(&mut self, output: &Value) -> Result<(), Fault> {
        let program = self.program.clone();
        let (node, visit) = (self.top().node, self.top().visit);
        let Some(target) = &program.node(node).settings.undo else {
            return Ok(());
        };
        if self.scope().is_none() {
            return Ok(());
        }
        let OpenedCall { call, .. } = self.open_target(target, output.clone(), Some(output))?;
        self.hand_outward(vec![Undo { node, visit, call }]);
        Ok(())
    }

    /// The innermost scope around the task on top: its branch and its place among the frames.
    fn scope(&self) -> Option<(usize, usize)> {
        self.state.upwards(self.state.cursor).find_map(|place| {
            let frames = &self.state.branches[place].frames;
            let is_scope = |frame: &super::state::Frame| {
                self.program.node(frame.node).settings.compensate.is_some()
                    && !matches!(frame.kind, FrameKind::Undoing { .. })
            };
            Some((place, frames.iter().rposition(is_scope)?))
        })
    }

    /// Undos of a scope that is no more belong to the one around it; without one nobody runs them.
    pub(super) fn hand_outward(&mut self, undos: Vec<Undo>) {
        let Some((place, frame)) = self.scope() else {
            return;
        };
        let kept = &mut self.state.branches[place].frames[frame].undos;
        for undo in undos {
            // A retry completes the same visit again.
            kept.retain(|known| (known.node, known.visit) != (undo.node, undo.visit));
            kept.push(undo);
        }
    }

    /// Runs the undos of the frame on top before the error goes on; `false` if it has none to run.
    pub(super) fn begin_undoing(&mut self, fault: &Fault, limit: Option<usize>) -> bool {
        let frame = self.top();
        let compensate = self.program.node(frame.node).settings.compensate;
        if frame.undos.is_empty() || !compensate.is_some_and(|scope| scope.on_failure) {
            return false;
        }
        let fault = self.state.hold(fault_value(fault));
        let undos = std::mem::take(&mut self.top_mut().undos);
        self.top_mut().due = None;
        self.top_mut().kind = FrameKind::Undoing {
            unwinding: Unwinding { undos, attempt: 0 },
            fault,
            limit: limit.map(|limit| limit as u32),
        };
        self.next_undo();
        true
    }

    /// Undos that run now: of the frame on top, or of a closing job.
    pub(super) fn unwinding(&mut self) -> Option<&mut Unwinding> {
        if let Some(closing) = self.state.root.closing.as_mut()
            && closing.undoing.is_some()
        {
            return closing.undoing.as_mut();
        }
        match &mut self.state.branches[self.state.cursor]
            .frames
            .last_mut()?
            .kind
        {
            FrameKind::Undoing { unwinding, .. } => Some(unwinding),
            _ => None,
        }
    }

    /// Asks for the undo at hand, or ends the unwinding.
    pub(super) fn next_undo(&mut self) {
        let Some(unwinding) = self.unwinding() else {
            return;
        };
        let Some(undo) = unwinding.undos.last().cloned() else {
            return self.undone();
        };
        let activity = self.next_activity();
        self.stand(Doing::Undo(Box::new(Step {
            activity,
            attempt: 0,
            is_stopping: false,
            is_placed: false,
            call: undo.call,
            layers: Vec::new(),
            placement: None,
            effect: None,
            key: None,
            verify: None,
        })));
        let asked = self.perform_of(self.state.cursor);
        self.commands.extend(asked);
    }

    fn undone(&mut self) {
        self.stand(Doing::Nothing);
        if self.state.root.closing.is_some() {
            return self.finish_closing();
        }
        let FrameKind::Undoing { fault, limit, .. } =
            std::mem::replace(&mut self.top_mut().kind, FrameKind::List)
        else {
            return;
        };
        let fault = fault_of(&fault.value);
        self.raise_past(fault, None, limit.map(|limit| limit as usize));
    }

    /// The undo at hand ended well.
    pub(super) fn undo_done(&mut self) {
        if let Some(unwinding) = self.unwinding() {
            unwinding.undos.pop();
            unwinding.attempt = 0;
        }
        if !self.still_closes() {
            self.next_undo();
        }
    }

    /// The undo at hand failed: tried again a few times, then a person must look.
    pub(super) fn undo_failed(&mut self) {
        let now = self.state.root.at;
        if self.still_closes() {
            return;
        }
        let Some(unwinding) = self.unwinding() else {
            return;
        };
        unwinding.attempt += 1;
        let attempt = unwinding.attempt;
        if attempt < UNDO_TRIES_MAX {
            let backoff = Backoff::Exponential {
                factor: 2.0,
                max: None,
            };
            let wait = delay(Duration::from_secs(1), backoff, attempt);
            return self.stand(Doing::UndoBackoff {
                until: later(now, wait),
            });
        }
        unwinding.attempt = 0;
        self.stand(Doing::UndoBackoff { until: now });
        self.park(End::Park {
            reason: "compensation_failed".into(),
        });
    }

    /// A job that closes awaits what runs before it undoes anything: what ended is only let go.
    fn still_closes(&mut self) -> bool {
        let closing = self.state.root.closing.as_ref();
        let awaits = closing.is_some_and(|closing| closing.undoing.is_none());
        if awaits {
            self.stand(Doing::Nothing);
            self.ends_closing();
        }
        awaits
    }

    /// A call that undoes, rendered now.
    pub(super) fn open_target(
        &mut self,
        target: &Target,
        dot: Value,
        output: Option<&Value>,
    ) -> Result<OpenedCall, Fault> {
        self.output_bound = output.cloned();
        let opened = self.opened(target, dot, None);
        self.output_bound = None;
        opened
    }
}
