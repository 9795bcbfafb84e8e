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
    /// How much of one thing may run.
    Limit,
    /// Which days are open.
    Calendar,
    /// Who is told outside.
    Webhook,
}

impl ConfigurationKind {
    /// Every kind, in the order in which they are exported: what others name comes before them.
    pub const ALL: [ConfigurationKind; 7] = [
        ConfigurationKind::Connection,
        ConfigurationKind::Limit,
        ConfigurationKind::Calendar,
        ConfigurationKind::Webhook,
        ConfigurationKind::Category,
        ConfigurationKind::Purpose,
        ConfigurationKind::JobConfiguration,
    ];

    /// The kind of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Its word in the table, in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            ConfigurationKind::Purpose => "purpose",
            ConfigurationKind::Category => "category",
            ConfigurationKind::JobConfiguration => "job_configuration",
            ConfigurationKind::Connection => "connection",
            ConfigurationKind::Limit => "limit",
            ConfigurationKind::Calendar => "calendar",
            ConfigurationKind::Webhook => "webhook",
        }
    }
}

/// What a pause may stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseScope {
    /// A stream of work.
    Queue,
    /// Every version of a template.
    Template,
    /// An entry point.
    Purpose,
    /// Everything of a tenant.
    Tenant,
    /// One batch.
    Batch,
    /// The batches of a job configuration, and its schedule; or a template's own schedule, `namespace/name`.
    Configuration,
    /// One job.
    Job,
}

impl PauseScope {
    /// Every scope.
    pub const ALL: [PauseScope; 7] = [
        PauseScope::Queue,
        PauseScope::Template,
        PauseScope::Purpose,
        PauseScope::Tenant,
        PauseScope::Batch,
        PauseScope::Configuration,
        PauseScope::Job,
    ];

    /// Its word in the table, in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            PauseScope::Queue => "queue",
            PauseScope::Template => "template",
            PauseScope::Purpose => "purpose",
            PauseScope::Tenant => "tenant",
            PauseScope::Batch => "batch",
            PauseScope::Configuration => "configuration",
            PauseScope::Job => "job",
        }
    }

    /// The scope of this word.
    pub fn parse(word: &str) -> Option<PauseScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// The kind of document that a subject of this scope is, where it is one.
    pub(crate) fn kind(self) -> Option<ConfigurationKind> {
        match self {
            PauseScope::Purpose => Some(ConfigurationKind::Purpose),
            PauseScope::Configuration => Some(ConfigurationKind::JobConfiguration),
            _ => None,
        }
    }
}

/// What a pause does with new work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseMode {
    /// It is taken and waits.
    #[default]
    Hold,
    /// It is refused.
    Reject,
}

impl PauseMode {
    /// Its word in the table, in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            PauseMode::Hold => "hold",
            PauseMode::Reject => "reject",
        }
    }
}

/// What a share belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareKind {
    /// A tenant and a purpose, or a template where the work came without one.
    Group,
    /// A stream of work.
    Queue,
}

impl ShareKind {
    /// Its word in the table, in JSON and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            ShareKind::Group => "group",
            ShareKind::Queue => "queue",
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
