//! The habits of the API, one file each: every resource answers, pages, waits and refuses alike.

pub(super) mod envelope;
pub(super) mod etag;
pub(super) mod extract;
pub(super) mod idempotency;
pub(super) mod ids;
pub(super) mod page;
pub(super) mod precondition;
pub(super) mod problem;
pub(super) mod raw;
pub(super) mod spool;
pub(super) mod stream;
pub(super) mod wait;
