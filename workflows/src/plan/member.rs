//! A member: one document of a selection under its key.

use crate::configuration::Strategy;
use crate::value::Value;

/// One document of a selection.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its place in the selection, from 1.
    pub n: u64,
    /// Unique within the batch.
    pub key: String,
    /// What it belongs to.
    pub object: Option<String>,
    /// What it says.
    pub document: Value,
}

/// Why a document cannot be a member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberProblem {
    /// The strategy needs an object.
    #[error("member {n} (key `{key}`) has no object key, which the strategy `object` needs")]
    MissingObject {
        /// Its place.
        n: u64,
        /// Its key.
        key: String,
    },
}

impl MemberProblem {
    /// Stable code.
    pub fn code(&self) -> &'static str {
        "invalid_row"
    }

    /// What to do.
    pub fn hint(&self) -> &'static str {
        "fill the object field of the row, or leave the row out with a filter"
    }
}

impl Member {
    /// Can this be a member under `strategy`?
    ///
    /// # Errors
    /// When the strategy asks for an object and there is none.
    pub fn fits(&self, strategy: Strategy) -> Result<(), MemberProblem> {
        if strategy == Strategy::Object && self.object.is_none() {
            return Err(MemberProblem::MissingObject {
                n: self.n,
                key: self.key.clone(),
            });
        }
        Ok(())
    }
}
