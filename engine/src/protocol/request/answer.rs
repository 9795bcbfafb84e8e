//! What a caller hears of a request.

use windlass_workflows::problem::Problem;

use crate::store::{JobView, Submitted};

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is a job, or its key says which job it was before.
    Submitted(Submitted),
    /// A limit is full and takes no more; nothing was stored.
    LimitFull {
        /// Which one.
        message: String,
    },
    /// Nothing was stored.
    Invalid(Vec<Problem>),
    /// Nothing was stored: somebody paused this kind of work, and new work is refused.
    Paused {
        /// Who, why and until when.
        message: String,
    },
    /// The database refused this request, or was lost on the way: repeat it with the same key.
    Failed {
        /// As [`Error::code`].
        code: &'static str,
        /// For people.
        message: String,
    },
}

/// The answer to one request, with the job that it made.
#[derive(Debug)]
pub struct Receipt {
    /// What became of it.
    pub answer: Answer,
    /// A new job as it was stored, so that nobody needs to read it again.
    pub job: Option<JobView>,
}
