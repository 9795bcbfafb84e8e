//! What a parked step gave, in a person's words: the job goes on as if it had answered so.
//!
//! Nothing is evaluated here. The answer stands in the state, and whoever takes the job goes on with it.

use super::{Change, What};
use crate::machine::Execution;
use crate::machine::state::Doing;
use crate::problem::Problem;
use crate::value::Value;

/// A skip of a parked step.
#[derive(Clone, Debug)]
pub struct Skipping {
    /// To be applied as `EventKind::Changed`.
    pub change: Change,
    /// The task, by pointer.
    pub path: String,
    /// It was to undo something: that stays as it was done.
    pub is_undo: bool,
}

/// Lets a parked step count as done with this output, in the step's own terms: the `output.as` and
/// `export.as` of its task still apply. A `try` whose retries ran out is skipped as a whole. Without `path`
/// it is the one step that is parked.
///
/// # Errors
/// `flight.not_parked` if no step is parked, or not that one; `flight.several` if it is not said which.
pub fn skip(job: &Execution, path: Option<&str>, output: Value) -> Result<Skipping, Problem> {
    let parked = job.state.root.parked.iter().filter_map(|parked| {
        let mut branches = job.state.branches.iter();
        let branch = branches.find(|branch| branch.id == parked.branch)?;
        let top = branch.top()?;
        let is_undo = matches!(branch.doing, Doing::UndoBackoff { .. });
        Some((
            branch.id,
            job.program.node(top.node).pointer.clone(),
            is_undo,
        ))
    });
    let wanted = |pointer: &str| path.is_none_or(|path| path == pointer);
    let mut parked = parked.filter(|(_, pointer, _)| wanted(pointer));
    let Some((branch, pointer, is_undo)) = parked.next() else {
        let place = path.unwrap_or_default();
        let message = "no step of the job is parked there; only a parked step can be skipped";
        return Err(Problem::new("flight.not_parked", place, message));
    };
    if let Some((_, other, _)) = parked.next() {
        let message = format!("`{pointer}` and `{other}` are parked");
        let problem = Problem::new("flight.several", "", message);
        return Err(problem.hint("say which step is skipped"));
    }
    Ok(Skipping {
        change: Change {
            expected: job.journal.seq,
            what: What::Skipped(branch, output),
            by: None,
        },
        path: pointer.to_string(),
        is_undo,
    })
}

impl Execution {
    /// The parked branch of that number has what it waited for; `false` if it waits for nothing.
    pub(super) fn skip(&mut self, branch: u32, output: Value) -> bool {
        let mut branches = self.state.branches.iter();
        let Some(place) = branches.position(|known| known.id == branch) else {
            return false;
        };
        self.state.cursor = place;
        match self.stood_at() {
            Doing::Stopped(step) => self.stand_given(Some(step), output),
            Doing::Backoff { .. } => self.stand_given(None, output),
            // The undo at hand counts as done; the next one begins when its time, now, has come.
            Doing::UndoBackoff { until } => {
                if let Some(unwinding) = self.unwinding() {
                    unwinding.undos.pop();
                    unwinding.attempt = 0;
                }
                self.stand(Doing::UndoBackoff { until });
            }
            other => {
                self.stand(other);
                return false;
            }
        }
        self.unpark(branch);
        true
    }

    fn stand_given(&mut self, step: Option<Box<crate::machine::state::Step>>, output: Value) {
        let output = self.state.hold(output);
        self.stand(Doing::Given { step, output });
    }
}
