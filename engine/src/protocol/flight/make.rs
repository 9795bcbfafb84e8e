//! A change made of what a job remembers: its turn, and what people are shown of it. Nothing is read here.

use std::collections::BTreeMap;

use windlass_workflows::machine::flight::{
    By, Change, History, Mapping, StepId, copy, migrate, patch, rewind, skip,
};
use windlass_workflows::machine::row::Row;
use windlass_workflows::machine::turn::{Entry, Head};
use windlass_workflows::machine::{Applied, Execution, Refusal};
use windlass_workflows::problem::Problem;

use super::stand::{Standing, unreadable};
use super::{Flight, FlightPreview};
use crate::Error;
use crate::protocol::change::diff;
use crate::store::{Letter, LetterKind, Post};
use crate::vocabulary::JobState;

/// A change, ready to be written.
pub(super) struct Made {
    pub(super) preview: FlightPreview,
    pub(super) entry: Entry,
    pub(super) head: Head,
    pub(super) post: Post,
}

impl Standing {
    /// The change, its turn and its preview.
    pub(super) fn make(&self, flight: &Flight, by: By) -> Result<Made, Error> {
        let execution = self.execution()?;
        if let Flight::Fork { from } = flight {
            return self.copied(&execution, flight, from, by);
        }
        let mut preview = self.preview(flight, &execution);
        let change = match flight {
            Flight::Rewind { to } => {
                let to = StepId::read(&execution, to).map_err(Error::invalid)?;
                let rewinding = rewind(&self.history(), &to).map_err(Error::invalid)?;
                preview.what = format!("back to {}", name_of(&to));
                (preview.again, preview.stops) = (rewinding.again, rewinding.stops);
                rewinding.change
            }
            Flight::Patch { with } => {
                preview.what = "another context".into();
                patch(&execution, with).map_err(invalid)?
            }
            Flight::Migrate { steps, .. } => self.migration(&execution, steps, &mut preview)?,
            Flight::Skip { step, output } => {
                let step = step.as_deref().map(|step| StepId::read(&execution, step));
                let step = step.transpose().map_err(Error::invalid)?;
                let path = step.as_ref().map(|step| step.path.as_str());
                let skipping = skip(&execution, path, output.clone()).map_err(Error::invalid)?;
                preview.what = match skipping.is_undo {
                    true => format!("the undo at {} counts as done", skipping.path),
                    false => format!("{} counts as done", skipping.path),
                };
                skipping.change
            }
            Flight::Fork { .. } => unreachable!("a copy is no change"),
        };
        self.amended(execution, change, preview, by)
    }

    fn migration(
        &self,
        execution: &Execution,
        steps: &BTreeMap<String, String>,
        preview: &mut FlightPreview,
    ) -> Result<Change, Error> {
        let to = self.to.as_ref().expect("a migration has a version");
        let mapping = Mapping {
            steps: steps.clone(),
        };
        let migration = migrate(execution, &to.program, &mapping).map_err(invalid)?;
        preview.what = format!("from {} to {}", self.view.template, to.label);
        preview.removed = migration.removed;
        migration.change.map_err(invalid)
    }

    fn amended(
        &self,
        mut execution: Execution,
        change: Change,
        mut preview: FlightPreview,
        by: By,
    ) -> Result<Made, Error> {
        let (undos, context) = (execution.kept_undos(), execution.context().clone());
        let what = preview.what.clone();
        let applied = execution.amend(self.row.now, change.by(By { what, ..by }));
        let applied = applied.map_err(|refusal| self.refused(&refusal))?;
        if applied == Applied::Late {
            let message = "the job stands there already";
            let problem = Problem::new("flight.here", "", message);
            return Err(Error::invalid(problem.hint(
                "a parked job goes on by a redrive, and a waiting one by what it waits for",
            )));
        }
        if execution.is_ended() {
            let message = "the job would hold more than it may";
            return Err(Error::invalid(Problem::new(
                "flight.too_large",
                "",
                message,
            )));
        }
        preview.goes_on_at = execution.goes_on_at();
        preview.lost_undos = missing(undos, execution.kept_undos());
        preview.context = diff(&context, execution.context());
        written(execution, preview)
    }

    fn copied(
        &self,
        execution: &Execution,
        flight: &Flight,
        from: &str,
        by: By,
    ) -> Result<Made, Error> {
        let from = StepId::read(execution, from).map_err(Error::invalid)?;
        let mut preview = self.preview(flight, execution);
        preview.what = format!("as j_{} was at {}", self.of.id, name_of(&from));
        let what = preview.what.clone();
        let by = By { what, ..by };
        let copied = copy(
            &self.history(),
            &from,
            self.facts.clone(),
            self.facts.created_at,
            by,
        );
        let copied = copied.map_err(invalid)?;
        preview.goes_on_at = copied.execution.goes_on_at();
        written(copied.execution, preview)
    }

    fn execution(&self) -> Result<Execution, Error> {
        let (head, entries) = (self.memory.head.clone(), self.memory.entries.clone());
        Execution::load(self.program.clone(), self.of.clone(), head, entries)
            .map_err(|error| unreadable(self.of.id, error.to_string()))
    }

    fn history(&self) -> History<'_> {
        History {
            program: &self.program,
            facts: &self.of,
            head: self.memory.head.as_ref(),
            entries: &self.memory.entries,
        }
    }

    fn preview(&self, flight: &Flight, execution: &Execution) -> FlightPreview {
        let last = self.memory.entries.last().map(|entry| entry.seq);
        let of_head = self.memory.head.as_ref().map(|head| head.seq);
        let seq = last.or(of_head).unwrap_or_default();
        let held = self
            .view
            .held
            .as_ref()
            .map_or("", |held| held.reason.as_str());
        let lets_go = matches!(
            flight,
            Flight::Rewind { .. } | Flight::Skip { .. } | Flight::Fork { .. }
        );
        let then = match held {
            "paused" if !matches!(flight, Flight::Fork { .. }) => JobState::Paused,
            "parked" if !lets_go => JobState::Parked,
            _ => JobState::Ready,
        };
        FlightPreview {
            token: flight.token(self.of.id, seq),
            seq,
            state: self.view.state,
            then,
            what: String::new(),
            goes_on_at: execution.goes_on_at(),
            again: Vec::new(),
            stops: Vec::new(),
            lost_undos: Vec::new(),
            removed: Vec::new(),
            context: Vec::new(),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        match refusal {
            Refusal::MovedOn { .. } => super::moved_on(self.of.id),
            Refusal::Illegal(_) => {
                let message =
                    "the job is ending: what it did is undone, and nothing else is changed";
                Error::invalid(Problem::new("flight.closing", "", message))
            }
        }
    }
}

/// Seals the turn.
fn written(mut execution: Execution, preview: FlightPreview) -> Result<Made, Error> {
    let turn = execution.seal().and_then(|mut turn| {
        let (entry, head) = (turn.entry.take()?, turn.head.take()?);
        Some((entry, head, turn.rows))
    });
    let Some((entry, head, rows)) = turn else {
        return Err(unreadable(0, "a change made no turn".into()));
    };
    Ok(Made {
        preview,
        entry,
        head,
        post: post_of(&rows),
    })
}

/// What the change lets go: children and groups close, people are asked no more, mail goes back. Nothing begins in it.
fn post_of(rows: &[Row]) -> Post {
    let mut post = Post::default();
    for row in rows {
        match row {
            Row::CloseChild { activity } => post.closed.push(activity.0),
            Row::CloseGroup { activity } => post.closed_groups.push(activity.0),
            Row::CloseApproval { activity } => post.withdrawn.push(activity.0),
            Row::ReturnMail {
                id,
                envelope,
                arrived,
            } => post.returned.push(Letter {
                id: *id,
                kind: LetterKind::Event,
                data: envelope.to_json(),
                at: *arrived,
            }),
            _ => {}
        }
    }
    post
}

/// Those of the first that are not among the second, each as often.
fn missing(before: Vec<String>, mut after: Vec<String>) -> Vec<String> {
    let is_gone = |path: &String| match after.iter().position(|kept| kept == path) {
        Some(place) => {
            after.swap_remove(place);
            false
        }
        None => true,
    };
    before.into_iter().filter(is_gone).collect()
}

fn name_of(step: &StepId) -> String {
    match step.visit {
        0 | 1 => step.path.clone(),
        visit => format!("{}#{visit}", step.path),
    }
}

fn invalid(problems: Vec<Problem>) -> Error {
    Error::Invalid { problems }
}
