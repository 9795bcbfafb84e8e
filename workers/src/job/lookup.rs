//! The built-in functions that read what the store keeps: an item of a category, a context.
//!
//! What a step gave is recorded, so a job sees what was there when the step ran, however often the job is loaded
//! and whatever is written afterwards.

use windlass_workflows::catalogue::{CATEGORY_LOAD, CONTEXT_LOAD};
use windlass_workflows::machine::command::Call;
use windlass_workflows::value::Value;

use super::{item, shared_context};
use crate::perform::{StepContext, StepFailure, bounded};
use crate::shared::Shared;

/// What is read.
enum Kind {
    Item,
    Context,
}

/// A call that reads.
pub(super) struct Lookup<'a> {
    kind: Kind,
    input: &'a Value,
}

impl<'a> Lookup<'a> {
    /// The lookup that a call is; nothing for any other call.
    pub(super) fn of(call: &'a Call) -> Option<Self> {
        let Call::Function { function, input } = call else {
            return None;
        };
        let kind = match (function.name.as_str(), function.version.as_str()) {
            (CATEGORY_LOAD, "1.0.0") => Kind::Item,
            (CONTEXT_LOAD, "1.0.0") => Kind::Context,
            _ => return None,
        };
        Some(Self { kind, input })
    }

    /// What is found.
    ///
    /// # Errors
    /// `configuration` and `validation` when the input names nothing that can be read. A database that does not
    /// answer is nobody's error: the job is given back.
    pub(super) async fn perform(
        self,
        shared: &Shared,
        context: &StepContext,
    ) -> Result<Value, StepFailure> {
        let marks = context.marks.as_deref();
        if marks.is_some_and(|marks| marks.stand_in(self.input)) {
            let title = "a secret does not belong into the name of an item or a context";
            return Err(StepFailure::configuration(title));
        }
        let read = async {
            match self.kind {
                Kind::Item => item::load(shared, context.tenant, self.input).await,
                Kind::Context => {
                    let job = (context.tenant, context.job_id);
                    shared_context::load(shared, job, self.input).await
                }
            }
        };
        bounded(read, context).await
    }
}
