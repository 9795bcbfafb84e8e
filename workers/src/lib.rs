//! Does the work: leases jobs, runs their steps, records what came of them.
//!
//! The home of every side effect. A worker leases jobs, the interpreter says what to do, `perform`
//! does it, and nothing else in the workspace opens a socket or reads a secret for a template.
//!
//! ```text
//! Worker ─┬─ Pump × 2   claim → job::begin → record       one thread each
//!         └─ Control    heartbeat, trust, look-out        one thread
//! Keeper ─── duties of the engine, at their own pace
//! ```

pub mod answer;
pub mod apalis;
mod batches;
pub mod breaker;
pub mod catalogue;
pub mod connection;
mod control;
pub mod delivery;
mod documents;
pub mod egress;
mod follow;
mod formulas;
mod job;
pub mod keeper;
pub mod outside;
pub mod perform;
mod programs;
mod pump;
mod retries;
pub mod secret;
mod shared;
pub mod source;
mod worker;

pub use documents::StoredDocuments;
pub use worker::{Worker, WorkerOptions};
