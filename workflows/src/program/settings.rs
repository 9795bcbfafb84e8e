//! `metadata.windlass` of a task over that of the functions it calls: the caller wins key by key.

use std::sync::Arc;

use super::Unbuildable;
use super::lower::Lowering;
use super::node::{EffectNode, Form, NodeSettings, Target};
use super::placed::{chain, is_placed, merged};
use super::target;
use crate::document::settings::{Effect, Settings};
use crate::document::step::{Kind, Task};

/// Whether an error whose retries ran out parks the job, if any of them says so.
fn parks(chain: &[&Settings]) -> Option<bool> {
    let said = || chain.iter().filter_map(|settings| settings.parks);
    said().next().map(|_| said().any(|parks| parks))
}

impl Lowering<'_> {
    pub(super) fn settings(&mut self, task: &Task) -> Result<NodeSettings, Unbuildable> {
        let functions = self.named.functions;
        let chain = chain(functions, task);
        let placement = merged(functions, task);
        let lowered = placement
            .into_iter()
            .map(|(key, shape)| Ok((Arc::from(key.as_str()), self.places.form(shape)?)));
        let placement: Vec<(Arc<str>, Form)> = lowered.collect::<Result<_, Unbuildable>>()?;
        let effect = chain.iter().find_map(|settings| settings.effect.as_ref());
        let effect = effect.map(|effect| self.effect(effect, &task.pointer));
        let undo = chain.iter().find_map(|settings| settings.undo.as_deref());
        let undo = undo.map(|kind| self.callee(kind, &task.pointer));
        Ok(NodeSettings {
            placement: (!placement.is_empty()).then_some(Form::Map(placement)),
            is_placed: is_placed(functions, task),
            parks: parks(&chain),
            effect: effect.transpose()?,
            undo: undo.transpose()?,
            compensate: task.settings.compensate,
        })
    }

    fn effect(&mut self, effect: &Effect, pointer: &str) -> Result<EffectNode, Unbuildable> {
        let verify = effect.verify.as_deref();
        Ok(EffectNode {
            key: self.places.site(&effect.key)?,
            on_unknown: effect.on_unknown,
            verify: verify.map(|kind| self.callee(kind, pointer)).transpose()?,
        })
    }

    fn callee(&mut self, kind: &Kind, pointer: &str) -> Result<Target, Unbuildable> {
        target::target(&mut self.places, self.named, kind, pointer)
    }
}
