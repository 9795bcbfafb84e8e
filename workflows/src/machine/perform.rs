//! What is open outside, as commands: asked for when it opens, and again by whoever takes the job over.

use super::command::{Call, Command, Perform, StepSettings};
use super::event::Activity;
use super::held::Held;
use super::state::{Doing, FrameKind, OpenCall, Step};
use super::turn::Effect;
use super::{Execution, request};
use crate::program::NodeId;

impl Execution {
    /// Everything open outside, as commands: what a worker that takes the job over asks for again.
    pub fn pending(&self) -> Vec<Command> {
        let places = 0..self.state.branches.len();
        places.flat_map(|place| self.perform_of(place)).collect()
    }

    /// The effects of steps that are open outside, whoever has asked for them.
    pub fn open_effects(&self) -> Vec<Effect> {
        effects_of(&self.pending())
    }

    /// The effects of what the turn in flight asks for.
    pub(super) fn asked_effects(&self) -> Box<[Effect]> {
        let in_flight = self.in_flight.as_ref();
        let effects = in_flight.map(|turn| effects_of(&turn.commands));
        effects.unwrap_or_default().into_boxed_slice()
    }

    /// What one branch asks for.
    pub(super) fn perform_of(&self, place: usize) -> Vec<Command> {
        // A closing job accepts what is under way, but nobody shall begin it again.
        let step = self.state.branches[place].step();
        let Some(step) = step.filter(|step| !step.is_stopping && !step.is_elsewhere()) else {
            return Vec::new();
        };
        match step.verify.as_ref().unwrap_or(&step.call) {
            OpenCall::Chunks(chunks) => chunks
                .open
                .iter()
                .map(|number| self.perform_chunk(place, step.activity, *number))
                .collect(),
            OpenCall::Http { request } => {
                let call = Call::Http(request::from_value(&request.value));
                vec![self.perform(place, step, call)]
            }
            OpenCall::Function { function, input } => {
                let call = Call::Function {
                    function: function.clone(),
                    input: input.value.clone(),
                };
                vec![self.perform(place, step, call)]
            }
            // A row of the turn that opened it.
            OpenCall::Child { .. }
            | OpenCall::Group { .. }
            | OpenCall::Context { .. }
            | OpenCall::Approval { .. } => Vec::new(),
        }
    }

    /// Whether anything is open outside: whether `pending` would give a command.
    pub fn awaits_steps(&self) -> bool {
        let steps = self
            .state
            .branches
            .iter()
            .filter_map(|branch| branch.step());
        let mut open = steps.filter(|step| !step.is_stopping && !step.is_elsewhere());
        open.any(|step| match step.verify.as_ref().unwrap_or(&step.call) {
            OpenCall::Chunks(chunks) => !chunks.open.is_empty(),
            OpenCall::Http { .. } | OpenCall::Function { .. } => true,
            OpenCall::Child { .. }
            | OpenCall::Group { .. }
            | OpenCall::Context { .. }
            | OpenCall::Approval { .. } => false,
        })
    }

    fn perform(&self, place: usize, step: &Step, call: Call) -> Command {
        let (node, visit, _) = self.asker(place, step);
        let path = self.program.node(node).pointer.to_string();
        let key = self.key_of(place, step);
        Command::Perform(Perform {
            activity: step.activity,
            path,
            visit,
            attempt: step.attempt,
            key,
            call,
            settings: settings_of(step),
            due: self.due_of(place),
        })
    }

    /// Stable idempotency key of what a step asks for.
    pub(super) fn key_of(&self, place: usize, step: &Step) -> String {
        let (node, visit, suffix) = self.asker(place, step);
        match &step.key {
            Some(key) if step.verify.is_none() => key.clone(),
            _ => format!(
                "{}{suffix}",
                self.facts.key(&self.program.node(node).pointer, visit)
            ),
        }
    }

    /// The task that a step belongs to, which visit of it, and what tells its key from the task's own.
    fn asker(&self, place: usize, step: &Step) -> (NodeId, u32, &'static str) {
        let branch = &self.state.branches[place];
        let closing = self.state.root.closing.as_ref();
        let of_frame = branch.top().and_then(|frame| match &frame.kind {
            FrameKind::Undoing { unwinding, .. } => Some(unwinding),
            _ => None,
        });
        let unwinding = closing
            .and_then(|closing| closing.undoing.as_ref())
            .or(of_frame);
        let undo = unwinding.and_then(|unwinding| unwinding.undos.last());
        match (undo, &branch.doing) {
            (Some(undo), Doing::Undo(_)) => (undo.node, undo.visit, "-undo"),
            _ => {
                let suffix = if step.verify.is_some() { "-verify" } else { "" };
                branch.top().map_or((NodeId::WORKFLOW, 1, suffix), |frame| {
                    (frame.node, frame.visit, suffix)
                })
            }
        }
    }

    pub(super) fn perform_chunk(&self, place: usize, activity: Activity, number: u32) -> Command {
        let step = self.state.branches[place].step();
        let key = step.map_or_else(String::new, |step| self.key_of(place, step));
        Command::PerformChunk {
            activity,
            number,
            key: format!("{key}-{number}"),
            due: self.due_of(place),
        }
    }
}

fn settings_of(step: &Step) -> Option<Box<StepSettings>> {
    let text = |held: &Held| {
        let value = &held.value;
        value
            .as_str()
            .map_or_else(|| value.to_json(), ToOwned::to_owned)
    };
    let settings = StepSettings {
        placement: step.placement.as_ref().map(|held| held.value.clone()),
        // Whoever finds out whether it happened does not do it.
        effect: step
            .effect
            .as_ref()
            .filter(|_| step.verify.is_none())
            .map(text),
    };
    let is_bare = settings.placement.is_none() && settings.effect.is_none();
    (!is_bare).then(|| Box::new(settings))
}

fn effects_of(commands: &[Command]) -> Vec<Effect> {
    let effect = |command: &Command| match command {
        Command::Perform(perform) => Some(Effect {
            activity: perform.activity,
            key: perform.settings.as_ref()?.effect.clone()?,
            step: perform.key.clone(),
        }),
        Command::PerformChunk { .. } | Command::Stop { .. } => None,
    };
    commands.iter().filter_map(effect).collect()
}
