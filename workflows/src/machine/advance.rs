//! Walking the program: entering tasks, leaving them, going on.
//!
//! A job walks by itself until it stands at something outside: a step, a timer, its end. The walk is
//! cut in slices, so that a long pure loop cannot hold a thread.

use chrono::{DateTime, Utc};

use super::fault::Fault;
use super::limits::{FRAMES_MAX, SLICE_NODES};
use super::state::{Doing, Frame, FrameKind, Move, Tries};
use super::timers::timed_out;
use super::trace::Passage;
use super::{Applied, Execution};
use crate::policy::retry::later;
use crate::program::NodeId;
use crate::program::node::{CaseNode, ForNode, Next, NodeKind, Outlet, TryNode};
use crate::value::Value;

impl Execution {
    /// Goes on until the job stands, or the slice is spent. Branches go in declared order, each as far as
    /// it can.
    pub(super) fn advance(&mut self) -> Applied {
        for _ in 0..SLICE_NODES {
            let Some(place) = self.state.moving() else {
                return Applied::Done;
            };
            self.state.cursor = place;
            self.walked += 1;
            let moved = match self.state.branch().doing {
                Doing::Moving(Move::Enter(node)) => self.enter(node),
                Doing::Moving(Move::Iterate) => self.iterate(),
                _ => self.go_on_given(),
            };
            if let Err(fault) = moved {
                self.raise(fault, None);
            }
        }
        match self.state.moving() {
            Some(_) => Applied::More,
            None => Applied::Done,
        }
    }

    /// Begins the workflow itself.
    pub(super) fn begin(&mut self) {
        if let Err(fault) = self.enter(NodeId::WORKFLOW) {
            self.raise(fault, None);
        }
    }

    fn enter(&mut self, id: NodeId) -> Result<(), Fault> {
        let program = self.program.clone();
        let node = program.node(id);
        let raw = self.state.branch().data.clone();
        let frame = Frame {
            node: id,
            visit: self.state.root.visits[id.index()] + 1,
            input: raw.clone(),
            raw: raw.clone(),
            started: self.state.root.at,
            due: None,
            undos: Vec::new(),
            kind: FrameKind::List,
        };
        self.state.branch_mut().frames.push(frame);
        self.tell_task(id, "created", []);
        if let Some(condition) = node.condition
            && !self.holds(condition, &raw.value)?
        {
            // Skipped: the output is the raw input, without `output.as` and `export` (ruling 9).
            self.state.branch_mut().frames.pop();
            return self.follow(id, node.then);
        }
        self.state.root.visits[id.index()] += 1;
        if self.depth() > FRAMES_MAX {
            return Err(Fault::standard(
                "runtime",
                500,
                format!("tasks stand more than {FRAMES_MAX} deep in each other"),
            ));
        }
        self.open(id)
    }

    /// Tasks that stand in each other, through the forks around the branch.
    fn depth(&self) -> usize {
        let around = self.state.upwards(self.state.cursor);
        around
            .map(|place| self.state.branches[place].frames.len())
            .sum()
    }

    /// The clock and the input of the task on top, then its body.
    pub(super) fn open(&mut self, id: NodeId) -> Result<(), Fault> {
        self.pass(id, |_| Passage::Entered);
        let program = self.program.clone();
        let node = program.node(id);
        let raw = self.top().raw.value.clone();
        let length = match node.deadline {
            Some(span) => Some(self.length(span, &raw)?),
            None => self.facts.timeout.filter(|_| id == NodeId::WORKFLOW),
        };
        let mut due = length.map(|length| later(self.state.root.at, length));
        if let Some(span) = program.deadline.filter(|_| id == NodeId::WORKFLOW) {
            let end = later(self.facts.created_at, self.length(span, &raw)?);
            if end <= self.state.root.at {
                return Err(timed_out(""));
            }
            due = Some(due.map_or(end, |due| due.min(end)));
        }
        self.top_mut().due = due;
        if node.input.schema.is_some() || node.input.from.is_some() {
            let input = self.take_in(&node.input, &raw)?;
            let input = self.state.hold(input);
            self.top_mut().input = input.clone();
            self.state.branch_mut().data = input;
        }
        self.body(id, &node.kind)
    }

    fn body(&mut self, id: NodeId, kind: &NodeKind) -> Result<(), Fault> {
        match kind {
            NodeKind::Do { first } => self.enter_list(*first, id),
            NodeKind::Set(form) => {
                let value = self.fill(form, &self.top().input.value, None)?;
                self.give(value);
                self.leave(None)
            }
            NodeKind::Switch(cases) => self.switch(cases),
            NodeKind::Raise(form) => Err(self.raised(form)?),
            NodeKind::Wait(span) => {
                let until = later(
                    self.state.root.at,
                    self.length(*span, &self.top().input.value)?,
                );
                self.stand(Doing::Sleep { until });
                Ok(())
            }
            NodeKind::For(each) => self.begin_loop(each),
            NodeKind::Try(tried) => self.begin_try(tried, id),
            NodeKind::Call(target) => self.open_call(target),
            NodeKind::Function(function) => self.enter_function(function, id),
            NodeKind::Chunks(chunks) => self.open_chunks(chunks),
            NodeKind::Fork(fork) => self.begin_fork(fork),
            NodeKind::Listen(listen) => self.begin_listen(listen),
            NodeKind::Emit(event) => self.emit(event),
            NodeKind::Run(run) => self.start_child(run),
        }
    }

    pub(super) fn enter_list(&mut self, first: Option<NodeId>, list: NodeId) -> Result<(), Fault> {
        match first {
            Some(first) => self.stand(Doing::Moving(Move::Enter(first))),
            None => return self.end_of_list(list),
        }
        Ok(())
    }

    fn switch(&mut self, cases: &[CaseNode]) -> Result<(), Fault> {
        let input = self.top().input.value.clone();
        for case in cases {
            let matches = match case.when {
                Some(when) => self.holds(when, &input)?,
                None => true,
            };
            if matches {
                return self.leave((case.then != Next::Continue).then_some(case.then));
            }
        }
        self.leave(None)
    }

    fn begin_loop(&mut self, each: &ForNode) -> Result<(), Fault> {
        let list = self.evaluate(each.list, &self.top().input.value, None)?;
        if list.as_list().is_none() {
            return Err(Fault::standard(
                "expression",
                400,
                format!("`for.in` gave {}, not a list", list.kind()),
            ));
        }
        let list = self.state.hold(list);
        self.top_mut().kind = FrameKind::For { list, index: 0 };
        self.stand(Doing::Moving(Move::Iterate));
        Ok(())
    }

    /// Looks at the next item; `while` is asked before every iteration (ruling 12).
    fn iterate(&mut self) -> Result<(), Fault> {
        if matches!(self.top().kind, FrameKind::Listen(_)) {
            return self.go_on_listening();
        }
        let program = self.program.clone();
        let frame = self.top();
        let (FrameKind::For { list, index }, NodeKind::For(each)) =
            (&frame.kind, &program.node(frame.node).kind)
        else {
            unreachable!("only a loop iterates")
        };
        let is_over = *index as usize >= list.value.as_list().map_or(0, <[Value]>::len);
        let data = self.state.branch().data.value.clone();
        if is_over
            || each.condition.map_or(Ok(false), |condition| {
                self.holds(condition, &data).map(|holds| !holds)
            })?
        {
            return self.leave(None);
        }
        let node = frame.node;
        match each.first {
            Some(first) => {
                self.stand(Doing::Moving(Move::Enter(first)));
                Ok(())
            }
            None => self.end_of_list(node),
        }
    }

    fn begin_try(&mut self, tried: &TryNode, id: NodeId) -> Result<(), Fault> {
        let now = self.state.root.at;
        let range = id.0 + 1..tried.body_end.0;
        let visits = range
            .map(|number| (NodeId(number), self.state.root.visits[number as usize]))
            .collect();
        let due = self.try_due(tried, now)?;
        self.top_mut().kind = FrameKind::Try(Tries {
            first: now,
            attempt: 0,
            due,
            visits,
        });
        self.enter_list(tried.first, id)
    }

    /// The deadline of one try alone.
    pub(super) fn try_due(
        &self,
        tried: &TryNode,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Fault> {
        let span = tried
            .retry
            .as_ref()
            .and_then(|retry| retry.attempt_duration);
        span.map(|span| Ok(later(now, self.length(span, &self.top().input.value)?)))
            .transpose()
    }

    /// Begins the body of the `try` on top again; a retry keeps the keys of its steps.
    pub(super) fn try_again(&mut self) -> Result<(), Fault> {
        let program = self.program.clone();
        let id = self.top().node;
        let NodeKind::Try(tried) = &program.node(id).kind else {
            unreachable!("only a try is tried again")
        };
        // What goes wrong before the try begins is not of the try: it must not catch it.
        let kind = std::mem::replace(&mut self.top_mut().kind, FrameKind::List);
        let FrameKind::Try(mut tries) = kind else {
            unreachable!("it waits for another try")
        };
        tries.due = self.try_due(tried, self.state.root.at)?;
        let input = self.top().input.clone();
        for (node, visit) in &tries.visits {
            self.state.root.visits[node.index()] = *visit;
        }
        self.top_mut().kind = FrameKind::Try(tries);
        self.state.branch_mut().data = input;
        self.tell_task(id, "retried", []);
        self.enter_list(tried.first, id)
    }

    /// Leaves the task on top with the branch's data as its raw output.
    pub(super) fn leave(&mut self, directed: Option<Next>) -> Result<(), Fault> {
        let program = self.program.clone();
        let id = self.top().node;
        let node = program.node(id);
        // What goes wrong from here on is no longer inside: a `try` does not catch it.
        self.top_mut().kind = FrameKind::List;
        if node.output.shape.is_some() || node.output.schema.is_some() {
            let output = self.give_out(&node.output, &self.state.branch().data.value, None)?;
            self.give(output);
        }
        let output = self.state.branch().data.value.clone();
        self.export(&node.export, &output)?;
        if node.settings.undo.is_some() {
            self.keep_undo(&output)?;
        }
        self.pop_frame();
        self.pass(id, |job| {
            Passage::Left(job.state.branch().data.value.clone())
        });
        if id == NodeId::WORKFLOW {
            self.complete();
            return Ok(());
        }
        self.follow(id, directed.unwrap_or(node.then))
    }

    /// `export.as`: its result replaces `$context` whole (ruling 10).
    pub(super) fn export(&mut self, outlet: &Outlet, output: &Value) -> Result<(), Fault> {
        if outlet.shape.is_none() {
            return Ok(());
        }
        let context = self.give_out(outlet, output, Some(output))?;
        if context.as_map().is_none() {
            return Err(Fault::standard(
                "expression",
                400,
                format!("`export.as` gave {}, not an object", context.kind()),
            ));
        }
        let context = self.state.hold(context);
        self.state.branch_mut().context = context;
        Ok(())
    }

    /// Goes where a directive of `id` says.
    fn follow(&mut self, id: NodeId, next: Next) -> Result<(), Fault> {
        let program = self.program.clone();
        let node = program.node(id);
        let parent = node.parent.unwrap_or(NodeId::WORKFLOW);
        // The task of a branch stands alone: after it the branch is done.
        if self.state.branch().frames.is_empty() && !matches!(next, Next::Jump(_)) {
            return self.branch_done();
        }
        match (next, node.successor) {
            (Next::Jump(target), _) | (Next::Continue, Some(target)) => {
                self.stand(Doing::Moving(Move::Enter(target)))
            }
            (Next::Continue, None) | (Next::Exit, _) => return self.end_of_list(parent),
            // Each enclosing task's `output.as` and `export.as` still runs on the way out (ruling 13).
            (Next::End, _) => return self.leave(Some(Next::End)),
        }
        Ok(())
    }

    /// A list has ended; the task that holds it is on top.
    fn end_of_list(&mut self, list: NodeId) -> Result<(), Fault> {
        let program = self.program.clone();
        match &mut self.top_mut().kind {
            FrameKind::Listen(_) => {
                let foreach = match &program.node(list).kind {
                    NodeKind::Listen(node) => node.foreach.as_ref(),
                    _ => None,
                };
                match foreach {
                    Some(foreach) => self.event_done(foreach),
                    None => self.leave(None),
                }
            }
            FrameKind::List
            | FrameKind::Try(_)
            | FrameKind::Again { .. }
            | FrameKind::Fork { .. }
            | FrameKind::Undoing { .. } => self.leave(None),
            FrameKind::For { index, .. } => {
                *index += 1;
                self.stand(Doing::Moving(Move::Iterate));
                Ok(())
            }
            // `catch.then` applies after a handled error only (ruling 19).
            FrameKind::Catch { .. } => match &program.node(list).kind {
                NodeKind::Try(tried) if tried.then != Next::Continue => {
                    self.leave(Some(tried.then))
                }
                _ => self.leave(None),
            },
        }
    }

    pub(super) fn stand(&mut self, doing: Doing) {
        self.state.branch_mut().doing = doing;
    }

    /// The branch's data from here on.
    pub(super) fn give(&mut self, value: Value) {
        let held = self.state.hold(value);
        self.state.branch_mut().data = held;
    }

    pub(super) fn top(&self) -> &Frame {
        self.state
            .branch()
            .top()
            .expect("a task is on top while the job walks")
    }

    pub(super) fn top_mut(&mut self) -> &mut Frame {
        self.state
            .branch_mut()
            .frames
            .last_mut()
            .expect("a task is on top while the job walks")
    }
}
