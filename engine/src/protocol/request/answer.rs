//! What a caller hears of a request.

use windlass_workflows::problem::Problem;

use crate::store::JobView;

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A new job.
    Created {
        /// Its id; the request's is the same number.
        job: i64,
    },
    /// A new job in place of one that nobody had started, which ended.
    Replaced {
        /// The new job.
        job: i64,
        /// The ended one.
        old: i64,
    },
    /// A new job behind one that had started.
    Succeeds {
        /// The new job.
        job: i64,
        /// The one that had started.
        first: i64,
    },
    /// The queued job starts at the new time; it keeps its input.
    Extended {
        /// The job.
        job: i64,
    },
    /// The key was used before for the same payload.
    Duplicate {
        /// The first job.
        job: i64,
    },
    /// The key was used before for another payload.
    KeyReused {
        /// The first job.
        job: i64,
    },
    /// The key was used before, and the caller wants no second answer.
    Rejected {
        /// The first job.
        job: i64,
    },
    /// The key's first request is being stored at this moment.
    InFlight,
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
