//! Where a job is, in words for a preview: which step somebody means, where it goes on, what is kept to be
//! undone.

use super::{StepId, unknown_step};
use crate::machine::Execution;
use crate::machine::state::{Doing, Move};
use crate::problem::Problem;
use crate::value::Value;

impl StepId {
    /// The step that somebody means: a pointer, or the name of a task where it is the only one, and behind
    /// `#` which visit; the last one unless said.
    ///
    /// # Errors
    /// `flight.no_step` if there is no such task, or several.
    pub fn read(job: &Execution, text: &str) -> Result<Self, Problem> {
        let program = &job.program;
        let numbered = |(place, visit): (&str, &str)| Some((place.to_owned(), visit.parse().ok()?));
        let (place, visit) = match text.rsplit_once('#').and_then(numbered) {
            Some((place, visit)) => (place, Some(visit)),
            None => (text.to_owned(), None),
        };
        let asked = Self {
            path: place.clone(),
            visit: visit.unwrap_or(1),
        };
        let node = match place.starts_with('/') {
            true => program.numbered(&place),
            false => {
                let named = (program.nodes.iter()).filter(|node| *node.name == *place);
                let pointers: Vec<&str> = named.map(|node| &*node.pointer).collect();
                match pointers.as_slice() {
                    [one] => program.numbered(one),
                    [] => None,
                    several => {
                        let message = format!("several tasks are named `{place}`");
                        let problem = Problem::new("flight.no_step", "", message);
                        return Err(problem.hint(format!("one of {}", several.join(", "))));
                    }
                }
            }
        };
        let node = node.ok_or_else(|| unknown_step(program, &asked))?;
        Ok(Self {
            path: program.node(node).pointer.to_string(),
            visit: visit.unwrap_or(job.state.root.visits[node.index()]),
        })
    }
}

impl Execution {
    /// Tasks at which the job stands or that it enters next, by pointer, one a branch.
    pub fn goes_on_at(&self) -> Vec<String> {
        let places = self.state.branches.iter().filter_map(|branch| {
            let node = match &branch.doing {
                Doing::Moving(Move::Enter(node)) => *node,
                Doing::Forked | Doing::Done | Doing::Lost | Doing::Nothing => return None,
                _ => branch.top()?.node,
            };
            Some(self.program.node(node).pointer.to_string())
        });
        places.collect()
    }

    /// `$context` as a patch would find it.
    pub fn context(&self) -> &Value {
        &self.state.branches[0].context.value
    }

    /// Tasks whose undos the job keeps, by pointer, each as often as it is to be undone.
    pub fn kept_undos(&self) -> Vec<String> {
        let frames = self.state.branches.iter().flat_map(|branch| &branch.frames);
        let undos = frames.flat_map(|frame| &frame.undos);
        undos
            .map(|undo| self.program.node(undo.node).pointer.to_string())
            .collect()
    }
}
