//! Bounds of the machine, each with its reason.

use std::time::Duration;

/// Tasks inside tasks: there is no recursion, so deeper is a mistake of a generator.
pub const FRAMES_MAX: usize = 64;

/// Nodes entered in one slice, so that one job cannot hold an evaluation thread.
pub const SLICE_NODES: u32 = 1_000;

/// Nodes without an outside event: a job that turns in place is ended.
pub const NODES_MAX: u32 = 1_000_000;

/// One value as JSON; the job's input alone may be larger, it is read from its row.
pub const VALUE_BYTES_MAX: usize = 1024 * 1024;

/// All values that one job holds.
pub const STATE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A head is written once so many bytes of entries follow the last one, or its own size if larger.
pub const HEAD_BYTES_MIN: usize = 32 * 1024;

/// How long a cancelled job waits for its running step's result.
pub const GRACE: Duration = Duration::from_secs(10);

/// The name of an effect, in bytes: as long as an idempotency key may be.
pub const EFFECT_KEY_MAX: usize = 255;

/// Chunks of one activity in flight.
pub const PARALLEL_MAX: u32 = 256;

/// Notes of tasks inside the machine, a turn: the timeline of a long loop is counted, not listed.
pub const NOTES_MAX: usize = 100;

/// Text of an error, as reports keep it.
pub const ERROR_BYTES_MAX: usize = 16 * 1024;

/// Branches that stand beside each other: each costs memory and a look at every step.
pub const BRANCHES_MAX: usize = 1_024;

/// Events that one listen takes: they are kept until it is done.
pub const MAIL_MAX: usize = 1_000;

/// Tries of one undo before a person must look.
pub const UNDO_TRIES_MAX: u32 = 5;
