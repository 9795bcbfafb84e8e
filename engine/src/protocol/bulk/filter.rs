//! Which jobs: what an index carries, or their numbers.

use serde::{Deserialize, Serialize};
use windlass_workflows::problem::Problem;

use super::{BULK_NAMED_MAX, BulkChange};
use crate::Error;
use crate::protocol::Flight;
use crate::store::JobView;
use crate::vocabulary::JobState;

/// Which jobs. A template, a batch, or numbers; the others narrow it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkFilter {
    /// `namespace.name`, or with `@version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Any of these; those that the change is for when empty.
    #[serde(default)]
    pub states: Vec<JobState>,
    /// Parked with this error; empty for those without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Of this batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<i64>,
    /// Of this purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// Of this lane, as `lane list` calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// These, at most [`BULK_NAMED_MAX`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jobs: Option<Vec<i64>>,
}

impl BulkFilter {
    /// The same with the states that the change is for, where none are said.
    pub(super) fn for_change(&self, change: &BulkChange) -> Self {
        use JobState::{Parked, Paused, Ready, Scheduled, Waiting};
        let mut filter = self.clone();
        if !filter.states.is_empty() || filter.jobs.is_some() {
            return filter;
        }
        filter.states = match change {
            _ if self.fingerprint.is_some() => vec![Parked],
            BulkChange::Fly(Flight::Skip { .. }) => vec![Parked],
            BulkChange::Fly(_) => vec![Waiting, Paused, Parked],
            BulkChange::Cancel => vec![Scheduled, Ready, Waiting, Paused, Parked],
            BulkChange::Pause => vec![Scheduled, Ready, Waiting],
            BulkChange::Resume => vec![Paused],
        };
        filter
    }

    /// All that is wrong with it.
    pub(super) fn check(&self, change: &BulkChange) -> Result<(), Error> {
        self.indexed()?;
        let mut problems = Vec::new();
        let mut wrong = |code: &str, pointer: &str, message: String| {
            problems.push(Problem::new(code, pointer, message));
        };
        if let BulkChange::Fly(Flight::Fork { .. }) = change {
            wrong(
                "wrong_value",
                "/change/verb",
                "a copy is made of one job".into(),
            );
        }
        if self.template.is_none() && self.batch.is_none() && self.jobs.is_none() {
            let message = "say which jobs: by `template`, `batch` or `jobs`";
            wrong("missing_field", "/filter", message.into());
        }
        if let Some(jobs) = &self.jobs {
            if !(1..=BULK_NAMED_MAX).contains(&jobs.len()) {
                let message = format!("between 1 and {BULK_NAMED_MAX} jobs, please");
                wrong("wrong_value", "/filter/jobs", message);
            }
            if self.narrows() {
                let message = "jobs by number stand alone, or with `states`";
                wrong("wrong_value", "/filter/jobs", message.into());
            }
        }
        if let Some(state) = self.states.iter().find(|state| state.is_final()) {
            let message = format!("a job that is {} has ended", state.as_str());
            wrong("wrong_value", "/filter/states", message);
        }
        if self.fingerprint.is_some() && self.states.iter().any(|state| *state != JobState::Parked)
        {
            let message = "only parked jobs have a fingerprint";
            wrong("wrong_value", "/filter/fingerprint", message.into());
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(Error::Invalid { problems }),
        }
    }

    /// Something beside numbers and states.
    fn narrows(&self) -> bool {
        let others = [&self.template, &self.fingerprint, &self.purpose, &self.lane];
        self.batch.is_some() || others.iter().any(|other| other.is_some())
    }

    /// Leases are ranges inside of rows: no index finds a job there.
    fn indexed(&self) -> Result<(), Error> {
        let moving = |state: &&JobState| matches!(state, JobState::Running | JobState::Unheld);
        match self.states.iter().find(moving) {
            None => Ok(()),
            Some(state) => Err(Error::Conflict {
                code: "filter_not_indexed",
                message: format!("no index carries a filter by `{}`", state.as_str()),
                hint: Some(
                    "name those jobs by number; or leave `states` out, pause the template, and \
                     change them as they come to rest"
                        .into(),
                ),
            }),
        }
    }

    /// Whether a job is still one of those.
    ///
    /// # Errors
    /// `job_running` for one that is on its way; `moved_on` for one that stands elsewhere by now.
    pub(super) fn fits(&self, view: &JobView) -> Result<(), Error> {
        let place = place(view);
        if let Some(template) = self.template.as_ref().filter(|name| name.contains('@'))
            && !is_of(&view.template, template)
        {
            return Err(elsewhere(
                view.id,
                &format!("is of {} by now", view.template),
            ));
        }
        if self.states.is_empty() || self.states.contains(&place) {
            return Ok(());
        }
        match place {
            JobState::Running | JobState::Ready => Err(Error::Conflict {
                code: "job_running",
                message: format!("job j_{} is on its way at this moment", view.id),
                hint: None,
            }),
            place => Err(elsewhere(view.id, &format!("is {} by now", place.as_str()))),
        }
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a filter is JSON")
    }

    pub(super) fn from_json(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| Error::Unreadable {
            noun: "filter",
            name: String::new(),
            message: error.to_string(),
        })
    }
}

/// Whether a version is meant by a reference that may leave its namespace out.
fn is_of(version: &str, reference: &str) -> bool {
    version == reference || version.ends_with(&format!(".{reference}"))
}

/// Where it stands, whatever a pause of its lane makes of it.
fn place(view: &JobView) -> JobState {
    match view.held.as_ref().map(|held| held.reason.as_str()) {
        Some("parked") => JobState::Parked,
        Some("paused") => JobState::Paused,
        Some("planned") => JobState::Scheduled,
        Some(_) => JobState::Waiting,
        None if view.state == JobState::Paused => JobState::Ready,
        None => view.state,
    }
}

pub(super) fn elsewhere(job: i64, what: &str) -> Error {
    Error::Conflict {
        code: "moved_on",
        message: format!("job j_{job} {what}"),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(filter: &BulkFilter) -> Vec<String> {
        match filter.check(&BulkChange::Cancel) {
            Ok(()) => Vec::new(),
            Err(Error::Invalid { problems }) => problems
                .into_iter()
                .map(|problem| problem.pointer)
                .collect(),
            Err(error) => vec![error.code().to_owned()],
        }
    }

    #[test]
    fn nobody_changes_all_jobs_by_leaving_the_filter_out() {
        let parked = BulkFilter {
            states: vec![JobState::Parked],
            ..BulkFilter::default()
        };

        assert_eq!(codes(&parked), ["/filter"]);
    }

    #[test]
    fn numbers_stand_alone() {
        let mixed = BulkFilter {
            jobs: Some(vec![7]),
            batch: Some(3),
            ..BulkFilter::default()
        };
        let many = BulkFilter {
            jobs: Some((0..1_001).collect()),
            ..BulkFilter::default()
        };

        assert_eq!(codes(&mixed), ["/filter/jobs"]);
        assert_eq!(codes(&many), ["/filter/jobs"]);
    }

    #[test]
    fn what_no_index_carries_is_refused() {
        let running = BulkFilter {
            template: Some("shop.order".into()),
            states: vec![JobState::Running],
            ..BulkFilter::default()
        };

        assert_eq!(codes(&running), ["filter_not_indexed"]);
    }
}
