//! Listens: which mail they take, when they have enough, and what they give (rulings 26 and 27).
//!
//! What a filter must equal is settled when the wait begins and stored. Mail that nobody here wants stays
//! in the inbox; mail that a listen had taken goes back there when the listen ends before it is done.

use chrono::{DateTime, Utc};

use super::Execution;
use super::event::Activity;
use super::fault::Fault;
use super::held::is_same;
use super::limits::MAIL_MAX;
use super::row::Row;
use super::state::{Doing, FrameKind, Listening, Move, Taken};
use super::transition::Verdict;
use crate::document::event::{Mode, Read};
use crate::program::NodeKind;
use crate::program::node::{FilterNode, ForeachNode, Form, ListenNode, UntilNode};
use crate::value::Value;

impl Taken {
    /// What of the event becomes data.
    pub(super) fn read(&self, read: Read) -> Value {
        let data = || self.envelope.value.get("data").cloned();
        match read {
            Read::Envelope => self.envelope.value.clone(),
            Read::Data => data().unwrap_or(Value::Null),
            Read::Raw => {
                let data = data().unwrap_or(Value::Null);
                let text = data.as_str().map(ToOwned::to_owned);
                Value::from(text.unwrap_or_else(|| data.to_json()))
            }
        }
    }
}

impl Listening {
    /// Events that are given out: those of `until` are not.
    pub(super) fn given<'a>(&'a self, node: &'a ListenNode) -> impl Iterator<Item = &'a Taken> {
        let count = node.filters.len();
        self.taken
            .iter()
            .filter(move |taken| (taken.filter as usize) < count)
    }

    pub(super) fn fills(&self, filter: usize) -> bool {
        self.taken
            .iter()
            .any(|taken| taken.filter as usize == filter)
    }
}

impl Execution {
    pub(super) fn begin_listen(&mut self, node: &ListenNode) -> Result<(), Fault> {
        let input = self.top().input.value.clone();
        let mut keys = Vec::new();
        for (place, filter) in filters(node).enumerate() {
            for one in &filter.correlate {
                if let Some(expect) = &one.expect {
                    let value = self.fill(expect, &input, None)?;
                    keys.push((key(place, &one.name), value));
                }
            }
        }
        let keys = self.state.hold(Value::map(keys));
        let outputs = self.state.hold(Value::list([]));
        let activity = self.next_activity();
        self.top_mut().kind = FrameKind::Listen(Box::new(Listening {
            activity,
            since: self.state.root.at,
            keys,
            taken: Vec::new(),
            is_full: false,
            index: 0,
            outputs,
        }));
        self.stand(Doing::Listening);
        Ok(())
    }

    /// Mail that some listen wants is taken by the first in declared order.
    pub(super) fn mail(
        &mut self,
        id: i64,
        envelope: &Value,
        arrived: DateTime<Utc>,
    ) -> Verdict<()> {
        if self.state.root.closing.is_some() || self.has_taken(id) {
            return Verdict::Late;
        }
        for place in 0..self.state.branches.len() {
            self.state.cursor = place;
            let Some(frame) = self.listening() else {
                continue;
            };
            if self.due_of(place).is_some_and(|due| arrived > due) {
                continue;
            }
            match self.fitting(frame, envelope) {
                Ok(None) => {}
                Ok(Some((filter, keys))) => {
                    self.take(frame, id, envelope, arrived, filter, keys);
                    return Verdict::To(());
                }
                Err(fault) => {
                    self.raise(fault, None);
                    return Verdict::To(());
                }
            }
        }
        self.state.cursor = 0;
        Verdict::Late
    }

    fn has_taken(&self, id: i64) -> bool {
        let frames = self.state.branches.iter().flat_map(|branch| &branch.frames);
        let mut taken = frames.flat_map(|frame| match &frame.kind {
            FrameKind::Listen(listening) => listening.taken.as_slice(),
            _ => &[],
        });
        // One that was taken and done with in the open turn lies in the inbox until that is durable.
        taken.any(|taken| taken.id == id) || self.rows.contains(&Row::TakeMail { id })
    }

    /// Place of the frame of the branch's listen, if it takes mail: its `foreach` may be at work above.
    pub(super) fn listening(&self) -> Option<usize> {
        let frames = &self.state.branch().frames;
        frames.iter().rposition(
            |frame| matches!(&frame.kind, FrameKind::Listen(listening) if !listening.is_full),
        )
    }

    pub(super) fn listen_node(&self, frame: usize) -> (&Listening, &ListenNode) {
        let frame = &self.state.branch().frames[frame];
        match (&frame.kind, &self.program.node(frame.node).kind) {
            (FrameKind::Listen(listening), NodeKind::Listen(node)) => (listening, node),
            _ => unreachable!("the frame is a listen"),
        }
    }

    /// The filter that an event fills, and the correlations as they stand then.
    pub(super) fn fitting(
        &self,
        frame: usize,
        envelope: &Value,
    ) -> Result<Option<(usize, Value)>, Fault> {
        let (listening, node) = self.listen_node(frame);
        for (place, filter) in filters(node).enumerate() {
            let mode = match &node.until {
                Some(UntilNode::Events { mode, .. }) if place >= node.filters.len() => *mode,
                _ => node.mode,
            };
            if mode == Mode::All && listening.fills(place) {
                continue;
            }
            let input = &self.state.branch().frames[frame].input.value;
            if !self.is_like(filter, envelope, input)? {
                continue;
            }
            if let Some(keys) = self.correlates(place, filter, envelope, &listening.keys.value)? {
                return Ok(Some((place, keys)));
            }
        }
        Ok(None)
    }

    /// Every attribute equal, every predicate true.
    fn is_like(&self, filter: &FilterNode, envelope: &Value, input: &Value) -> Result<bool, Fault> {
        for (name, form) in &filter.with {
            let actual = envelope.get(name).cloned().unwrap_or(Value::Null);
            let fits = match form {
                Form::Site(site) => self.holds(*site, &actual)?,
                form => is_same(&self.fill(form, input, None)?, &actual),
            };
            if !fits {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The correlations with what this event adds, if it agrees with them; null agrees with nothing.
    fn correlates(
        &self,
        place: usize,
        filter: &FilterNode,
        envelope: &Value,
        keys: &Value,
    ) -> Result<Option<Value>, Fault> {
        let mut keys = keys.clone();
        for one in &filter.correlate {
            let actual = self.evaluate(one.from, envelope, None)?;
            let name = match one.expect {
                Some(_) => key(place, &one.name),
                None => format!("/{}", one.name),
            };
            match keys.get(&name) {
                _ if actual.is_null() => return Ok(None),
                Some(expected) if is_same(expected, &actual) => {}
                Some(_) => return Ok(None),
                None => keys = keys.merged(&Value::map([(name, actual)])),
            }
        }
        Ok(Some(keys))
    }

    fn take(
        &mut self,
        frame: usize,
        id: i64,
        envelope: &Value,
        arrived: DateTime<Utc>,
        filter: usize,
        keys: Value,
    ) {
        self.rows.push(Row::TakeMail { id });
        let envelope = self.state.hold(envelope.clone());
        let keys = self.state.hold(keys);
        let FrameKind::Listen(listening) = &mut self.state.branch_mut().frames[frame].kind else {
            return;
        };
        listening.keys = keys;
        listening.taken.push(Taken {
            id,
            arrived,
            filter: filter as u32,
            envelope,
        });
        if let Err(fault) = self.took(frame) {
            self.raise(fault, None);
        }
    }

    /// Whether that was enough, and what follows.
    fn took(&mut self, frame: usize) -> Result<(), Fault> {
        if self.listen_node(frame).0.taken.len() > MAIL_MAX {
            let title = format!("a listen took more than {MAIL_MAX} events");
            return Err(Fault::standard("runtime", 500, title));
        }
        let is_full = self.has_enough(frame)?;
        let FrameKind::Listen(listening) = &mut self.state.branch_mut().frames[frame].kind else {
            return Ok(());
        };
        listening.is_full = is_full;
        // While the body of an earlier event runs, this one waits its turn.
        if matches!(self.state.branch().doing, Doing::Listening) {
            return self.go_on_listening();
        }
        Ok(())
    }

    fn has_enough(&self, frame: usize) -> Result<bool, Fault> {
        let (listening, node) = self.listen_node(frame);
        let count = node.filters.len();
        Ok(match (&node.until, node.mode) {
            (None, Mode::One | Mode::Any) => true,
            (None, Mode::All) => (0..count).all(|filter| listening.fills(filter)),
            (Some(UntilNode::Condition(site)), _) => {
                let so_far = listening.given(node).map(|taken| taken.read(node.read));
                let so_far = Value::list(so_far.collect::<Vec<_>>());
                self.holds(*site, &so_far)?
            }
            (Some(UntilNode::Events { mode, filters }), _) => {
                let mut fills =
                    (count..count + filters.len()).map(|filter| listening.fills(filter));
                match mode {
                    Mode::All => fills.all(|fills| fills),
                    Mode::One | Mode::Any => fills.any(|fills| fills),
                }
            }
        })
    }

    /// The listen on top: the body of its next event, more mail, or the end.
    pub(super) fn go_on_listening(&mut self) -> Result<(), Fault> {
        let program = self.program.clone();
        let frame = self.state.branch().frames.len() - 1;
        let (listening, node) = self.listen_node(frame);
        let next = listening.given(node).nth(listening.index as usize);
        let next = next.map(|taken| taken.read(node.read));
        let is_full = listening.is_full;
        let has_body = node.foreach.is_some();
        let NodeKind::Listen(node) = &program.node(self.top().node).kind else {
            unreachable!("a listen is on top")
        };
        match (next, &node.foreach) {
            (Some(event), Some(foreach)) => {
                self.give(event);
                match foreach.first {
                    Some(first) => self.stand(Doing::Moving(Move::Enter(first))),
                    None => return self.event_done(foreach),
                }
                Ok(())
            }
            _ if is_full => {
                let output = match has_body {
                    true => self.listened().outputs.value.clone(),
                    false => given_out(self.listened(), node),
                };
                // Done: nothing of what it took goes back.
                self.top_mut().kind = FrameKind::List;
                self.stand(Doing::Nothing);
                self.give(output);
                self.leave(None)
            }
            _ => {
                self.stand(Doing::Listening);
                Ok(())
            }
        }
    }

    fn listened(&self) -> &Listening {
        self.listen_node(self.state.branch().frames.len() - 1).0
    }

    /// The body of one event has ended: its output is shaped and kept.
    pub(super) fn event_done(&mut self, foreach: &ForeachNode) -> Result<(), Fault> {
        let data = self.state.branch().data.value.clone();
        let output = self.give_out(&foreach.output, &data, None)?;
        self.export(&foreach.export, &output)?;
        let outputs = self.listened().outputs.value.clone();
        let items = outputs.as_list().unwrap_or_default().iter().cloned();
        let outputs = self
            .state
            .hold(Value::list(items.chain([output]).collect::<Vec<_>>()));
        if let FrameKind::Listen(listening) = &mut self.top_mut().kind {
            listening.outputs = outputs;
            listening.index += 1;
        }
        self.stand(Doing::Moving(Move::Iterate));
        Ok(())
    }

    /// A listen that ended before it was done gives back what it had taken.
    pub(super) fn return_mail(&mut self, kind: FrameKind) {
        let FrameKind::Listen(listening) = kind else {
            return;
        };
        for taken in listening.taken {
            let taking = Row::TakeMail { id: taken.id };
            let known = self.rows.len();
            self.rows.retain(|row| *row != taking);
            // What this turn took and gives back was never taken.
            if self.rows.len() == known {
                self.rows.push(Row::ReturnMail {
                    id: taken.id,
                    envelope: taken.envelope.value,
                    arrived: taken.arrived,
                });
            }
        }
    }

    pub(super) fn next_activity(&mut self) -> Activity {
        let activity = Activity(self.state.root.next_activity);
        self.state.root.next_activity += 1;
        activity
    }
}

/// The filters, then those of `until`.
pub(super) fn filters(node: &ListenNode) -> impl Iterator<Item = &FilterNode> {
    let until = match &node.until {
        Some(UntilNode::Events { filters, .. }) => filters.as_slice(),
        _ => &[],
    };
    node.filters.iter().chain(until)
}

pub(super) fn key(place: usize, name: &str) -> String {
    format!("{place}/{name}")
}

/// Events in the order of their coming; of an `all`, in the order of its filters.
fn given_out(listening: &Listening, node: &ListenNode) -> Value {
    let mut given: Vec<&Taken> = listening.given(node).collect();
    if node.mode == Mode::All {
        given.sort_by_key(|taken| taken.filter);
    }
    Value::list(given.into_iter().map(|taken| taken.read(node.read)))
}
