//! What a planned batch asks of people: why, and how its plan differs from the last one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::source::LeftOut;

/// What a plan asks, or asked before somebody approved it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AsksView {
    /// Whether it waits for an answer.
    #[serde(default)]
    pub is_open: bool,
    /// Until when; then the batch is cancelled.
    #[serde(default)]
    pub until: Option<DateTime<Utc>>,
    /// The guards that ask.
    pub reasons: Vec<AskReason>,
    /// The configuration's latest batch that came to its end.
    pub last: Option<LastPlan>,
    /// Rows that it leaves out, by why, as they were counted at sealing; none of what an earlier release sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOutCounts>,
}

/// Why a plan asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskReason {
    /// Key of the guard, or `approval` where every plan is approved.
    pub guard: String,
    /// What was found, and what is allowed.
    pub message: String,
}

/// The plan before, in figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastPlan {
    /// Its batch.
    pub batch: i64,
    /// Items selected.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Rows left out.
    pub left_out: i64,
    /// Whether it selected the very same members and documents.
    pub same_selection: bool,
}

/// Rows that a plan leaves out, by why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutCounts {
    /// Another row has its key.
    pub duplicate: u64,
    /// It cannot be a member.
    pub invalid: u64,
}

impl LeftOutCounts {
    pub(crate) fn add(&mut self, row: &LeftOut) {
        match row.reason {
            "duplicate" => self.duplicate += 1,
            _ => self.invalid += 1,
        }
    }

    pub(crate) fn all(self) -> u64 {
        self.duplicate + self.invalid
    }
}

/// What was kept at sealing, with how it stands now.
pub(super) fn asks(
    kept: Option<&str>,
    is_open: bool,
    until: Option<DateTime<Utc>>,
) -> Option<AsksView> {
    let view: AsksView = serde_json::from_str(kept?).ok()?;
    Some(AsksView {
        is_open,
        until: until.filter(|_| is_open),
        ..view
    })
}
