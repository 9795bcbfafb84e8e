//! The words that rows become: states, reasons and their spelling in JSON and SQL alike.

use serde::{Deserialize, Serialize};

/// Where a job stands. Derived from its holder or outcome, stored nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Not due yet, or planned in a batch and not released.
    Scheduled,
    /// Due, and waiting for a worker.
    Ready,
    /// Under lease.
    Running,
    /// Resting until a timer, a signal or a child.
    Waiting,
    /// Stopped by a person.
    Paused,
    /// Stopped by a failure that needs a person.
    Parked,
    /// Ended well.
    Completed,
    /// Ended in an error.
    Failed,
    /// Ended by a person.
    Cancelled,
    /// Ended because its time was over.
    Expired,
    /// Ended before it began, by the rules about its subject.
    Suppressed,
    /// Neither holder nor outcome: a broken invariant, which the doctor repairs.
    Unheld,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [JobState; 12] = [
        JobState::Scheduled,
        JobState::Ready,
        JobState::Running,
        JobState::Waiting,
        JobState::Paused,
        JobState::Parked,
        JobState::Completed,
        JobState::Failed,
        JobState::Cancelled,
        JobState::Expired,
        JobState::Suppressed,
        JobState::Unheld,
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Scheduled => "scheduled",
            JobState::Ready => "ready",
            JobState::Running => "running",
            JobState::Waiting => "waiting",
            JobState::Paused => "paused",
            JobState::Parked => "parked",
            JobState::Completed => "completed",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Expired => "expired",
            JobState::Suppressed => "suppressed",
            JobState::Unheld => "unheld",
        }
    }

    /// The state of this word.
    pub fn parse(word: &str) -> Option<JobState> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the job has its outcome.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            JobState::Completed
                | JobState::Failed
                | JobState::Cancelled
                | JobState::Expired
                | JobState::Suppressed
        )
    }
}

/// Reads a word that our own statements wrote.
impl From<String> for JobState {
    fn from(word: String) -> Self {
        Self::parse(&word).unwrap_or(JobState::Unheld)
    }
}

/// The kinds of configuration documents that have revisions; templates have versions instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigurationKind {
    /// Why work is done, and with what by default.
    Purpose,
    /// A collection of items.
    Category,
    /// The recipe of a recurring batch.
    JobConfiguration,
    /// A service outside.
    Connection,
}

impl ConfigurationKind {
    /// Its word in the table, in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            ConfigurationKind::Purpose => "purpose",
            ConfigurationKind::Category => "category",
            ConfigurationKind::JobConfiguration => "job_configuration",
            ConfigurationKind::Connection => "connection",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_its_word() {
        for state in JobState::ALL {
            assert_eq!(JobState::parse(state.as_str()), Some(state));
        }

        assert_eq!(JobState::parse("sleeping"), None);
    }
}
