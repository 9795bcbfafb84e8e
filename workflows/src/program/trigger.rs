//! Jobs that events start (ruling 28): what stands before the job is a listen, and what that gives is
//! the job's input. So correlation, `all` and `any` mean there what they mean inside a job.

use super::{Program, Unbuildable};
use crate::document::parse;
use crate::resource::Resources;
use crate::value::Value;

impl Program {
    /// The wait before a job of the template of this document, as a program of one listen whose output is the job's
    /// input: a list of envelopes, or of what `schedule.read` says. Nothing where no events start jobs.
    ///
    /// # Errors
    /// As [`Program::build`]; it never happens to what publish accepted.
    pub fn trigger(document: &Value) -> Result<Option<Self>, Unbuildable> {
        let schedule = document.get("schedule");
        let Some(events) = schedule.and_then(|schedule| schedule.get("on")) else {
            return Ok(None);
        };
        let read = schedule.and_then(|schedule| schedule.get("read")).cloned();
        let listen = Value::map([
            ("to", events.clone()),
            ("read", read.unwrap_or_else(|| Value::from("envelope"))),
        ]);
        let task = Value::map([("events", Value::map([("listen", listen)]))]);
        let header = document.get("document").cloned();
        let wait = Value::map([
            ("document", header.unwrap_or(Value::Null)),
            ("do", Value::list([task])),
        ]);
        let wait = parse::from_value(&wait, &Resources::default())
            .map_err(|problems| Unbuildable::of(&problems))?;
        Self::of(&wait).map(Some)
    }
}
