//! The effects of a job's steps: which of them began, and what a job says of them when it leaves.
//!
//! Between the turn that asks for a step with an effect and the one that has its result nobody knows whether it
//! happened, but for what the worker knows that had the job: what it never began, and what ended with nothing
//! done. A worker that is lost says neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windlass_engine::store::{NewEntry, Post, Taken};
use windlass_workflows::machine::command::StepSettings;
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::turn::{Effect, Turn};

use super::Stuck;
use super::conduct::Conduct;
use super::mail::unread;
use super::steps::StepEnd;

/// The effects of the steps that a job has open here.
#[derive(Default)]
pub(super) struct Effects {
    open: Vec<Open>,
    /// Nothing came of them; the next flush gives them up.
    freed: Vec<Effect>,
}

struct Open {
    effect: Effect,
    begun: Arc<AtomicBool>,
}

impl Open {
    fn is_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }
}

impl Effects {
    /// A step is asked for; what it sets when it begins, if it has an effect.
    pub(super) fn open(
        &mut self,
        activity: Activity,
        step: &str,
        settings: Option<&StepSettings>,
    ) -> Option<Arc<AtomicBool>> {
        let key = settings?.effect.clone()?;
        let begun = Arc::new(AtomicBool::new(false));
        self.open.push(Open {
            effect: Effect {
                activity,
                key,
                step: step.to_owned(),
            },
            begun: begun.clone(),
        });
        Some(begun)
    }

    /// A step has ended.
    pub(super) fn ended(&mut self, activity: Activity, end: &StepEnd) {
        match end {
            StepEnd::Event(EventKind::Failed { fault, .. }) => {
                // Any other error may have come after the deed.
                let is_refusal = (400..500).contains(&fault.status) && fault.status != 408;
                self.close(activity, is_refusal);
            }
            StepEnd::Event(_) => self.close(activity, false),
            // Whoever says so has done nothing.
            StepEnd::NotMine(_) | StepEnd::Parked(_) => self.close_as_unbegun(activity),
            StepEnd::Read(_) | StepEnd::Interrupted | StepEnd::Gone => {}
        }
    }

    /// A step is not wanted any more.
    pub(super) fn stopped(&mut self, activity: Activity) {
        let is_queued = self.at(activity).is_some_and(|open| !open.is_begun());
        self.close(activity, is_queued);
    }

    fn at(&self, activity: Activity) -> Option<&Open> {
        self.open
            .iter()
            .find(|open| open.effect.activity == activity)
    }

    fn close(&mut self, activity: Activity, frees: bool) {
        let place = |open: &Open| open.effect.activity == activity;
        if let Some(place) = self.open.iter().position(place) {
            let open = self.open.swap_remove(place);
            self.freed.extend(frees.then_some(open.effect));
        }
    }

    fn close_as_unbegun(&self, activity: Activity) {
        if let Some(open) = self.at(activity) {
            open.begun.store(false, Ordering::Relaxed);
        }
    }

    /// What the next flush gives up, but for what its own turn takes.
    pub(super) fn freed(&self, takes: &[Effect]) -> Vec<Effect> {
        let is_taken = |freed: &Effect| {
            let mut takes = takes.iter();
            takes.any(|takes| (&takes.key, &takes.step) == (&freed.key, &freed.step))
        };
        let freed = self.freed.iter().filter(|freed| !is_taken(freed));
        freed.cloned().collect()
    }

    /// A flush is durable: what it gave up is gone.
    pub(super) fn recorded(&mut self) {
        self.freed.clear();
    }
}

impl Conduct {
    /// A flush is durable: what it said beside its turn need not be said again.
    pub(super) fn recorded(&mut self) {
        self.mailbox.recorded();
        self.steps.effects.recorded();
    }

    /// How the job leaves with what it must say besides: signals that are for others, effects of which nothing
    /// came, and those that it asked for and never began.
    pub(super) fn parting(&mut self, mut new: NewEntry) -> NewEntry {
        let mut unbegun = self.execution.open_effects();
        unbegun.retain(|effect| {
            let open = self.steps.effects.at(effect.activity);
            open.is_none_or(|open| !open.is_begun())
        });
        let post = Post {
            tenant: self.tenant,
            effects_of: self.effects_of(),
            mark: self.mark(),
            spare: self.give_up(),
            freed: self.steps.effects.freed(&[]),
            unbegun,
            ..Post::default()
        };
        let is_silent = post.spare.is_empty() && post.freed.is_empty() && post.unbegun.is_empty();
        if !is_silent {
            new.post = Some(Box::new(post));
        }
        new.undoes = self.execution.undoes_on_cancel();
        new
    }

    /// Whose steps have its effects, if not it itself.
    pub(super) fn effects_of(&self) -> Option<i64> {
        self.execution
            .is_step()
            .then(|| self.execution.effects_of())
    }

    /// A turn was refused because one of its effects is another's: the machine hears of that instead.
    pub(super) fn effect_taken(
        &mut self,
        turn: Turn,
        members: i64,
        taken: Taken,
    ) -> Vec<EventKind> {
        self.execution.reopen(turn);
        self.members += members;
        vec![EventKind::EffectTaken {
            activity: taken.activity,
            holder: format!("j_{}", taken.holder),
        }]
    }

    /// The effects of a loaded job of which nobody knows whether they happened. Those that were never begun count
    /// as begun from here on.
    pub(super) async fn unknown_effects(&self) -> Result<Vec<EventKind>, Stuck> {
        let open = self.execution.open_effects();
        if open.is_empty() {
            return Ok(Vec::new());
        }
        let store = &self.shared.store;
        let holder = self.execution.effects_of();
        let unbegun = store.begin_effects(self.tenant, holder, &open).await;
        let unbegun = unbegun.map_err(|error| unread(self.job, &error))?;
        let unknown = open
            .iter()
            .filter(|effect| !unbegun.contains(&effect.activity));
        let unknown = unknown.map(|effect| EventKind::Unknown {
            activity: effect.activity,
        });
        Ok(unknown.collect())
    }
}
