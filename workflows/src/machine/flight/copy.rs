//! A new job from a copied state: it begins where another one was, under a nonce of its own.
//!
//! What the other has open outside is its own, so the copy enters those tasks anew: own steps, own
//! children, own keys. It undoes nothing that the other has done, and closes none of its children.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::history::{Found, is_undoing};
use super::rewind::discount;
use super::{By, History, StepId};
use crate::machine::fold::read;
use crate::machine::held::{Held, is_same};
use crate::machine::journal::{FOLD_CHANGED, head};
use crate::machine::secret::Marks;
use crate::machine::state::{Branch, FrameKind, State};
use crate::machine::{Execution, JobFacts, Journal};
use crate::problem::Problem;

/// A new job that stands where another one was.
pub struct Copied {
    /// To be sealed: its first turn writes its first entry and a head. It has not moved yet: whoever takes
    /// the job applies what is due.
    pub execution: Execution,
    /// The entry of the other job whose state was copied; 0 for its beginning.
    pub seq: i32,
}

/// A new job with the row `facts` from the state of the turn that opened a task in another one's history.
/// The other goes on as it is.
///
/// # Errors
/// `flight.no_step`, `flight.not_reached` if no turn ended there, `flight.undoing` if undos ran there,
/// `flight.other_input` if the new job's input is another one, `flight.history` if the journal cannot be
/// read.
pub fn copy(
    history: &History<'_>,
    to: &StepId,
    facts: JobFacts,
    at: DateTime<Utc>,
    by: By,
) -> Result<Copied, Vec<Problem>> {
    let mut problems = Vec::new();
    if !is_same(&history.facts.input, &facts.input) {
        let message =
            "a copied state belongs to the input that led to it; the new job has another one";
        problems.push(Problem::new("flight.other_input", "", message));
    }
    let found = history.find(to);
    if found.as_ref().is_ok_and(|found| is_undoing(&found.state)) {
        let message = "undos of the other job ran there, and are its own";
        problems.push(Problem::new("flight.undoing", to.path.as_str(), message));
    }
    match found {
        Ok(Found { seq, state, .. }) if problems.is_empty() => {
            let state = remarked(history, state, &facts).map_err(|problem| vec![problem])?;
            Ok(begun(history, seq, state, facts, at, by))
        }
        Ok(_) => Err(problems),
        Err(problem) => {
            problems.push(problem);
            Err(problems)
        }
    }
}

fn begun(
    history: &History<'_>,
    seq: i32,
    mut state: State,
    facts: JobFacts,
    at: DateTime<Utc>,
    by: By,
) -> Copied {
    let late = at - state.root.at;
    state.root.at = at;
    state.root.started += late;
    state.root.attempt = 0;
    state.root.loose.clear();
    state.root.parked.clear();
    let tops = state.branches.iter().filter_map(Branch::stood_in);
    tops.for_each(|top| discount(&mut state.root.visits, top));
    for branch in &mut state.branches {
        for frame in &mut branch.frames {
            frame.undos.clear();
            frame.started += late;
            frame.due = frame.due.map(|due| due + late);
            if let FrameKind::Try(tries) = &mut frame.kind {
                tries.begin_again(late);
            }
        }
        branch.enter_again();
    }
    let journal = Journal {
        is_changed: true,
        format: FOLD_CHANGED,
        ..Journal::default()
    };
    let mut execution = Execution::standing(history.program.clone(), facts, state, journal);
    execution.changed = true;
    execution.note("copied", at);
    execution.note_by(Some(by));
    Copied { execution, seq }
}

/// The state with the new job's markers in place of the old one's: secrets that it holds are revealed to
/// whoever bears the mark of its own row, and the two have each their own. A marker stands in JSON as it is.
fn remarked(history: &History<'_>, state: State, facts: &JobFacts) -> Result<State, Problem> {
    let secrets = &history.program.secrets;
    if secrets.is_empty() {
        return Ok(state);
    }
    let old = Marks::of(history.facts, secrets);
    let new = Marks::of(facts, secrets);
    let text = head(history.program, &state, FOLD_CHANGED);
    let text = new.in_place_of(&old, &text);
    let mut values = HashMap::from([(Held::INPUT, facts.input.clone())]);
    let read = read(history.program, 0, &text, &mut values);
    let (state, _) = read.map_err(|error| Problem::new("flight.history", "", error.to_string()))?;
    Ok(state)
}
