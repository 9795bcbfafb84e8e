//! A real Postgres for tests, with no set-up and nothing left behind.
//!
//! [`TestDatabase`] is a fresh, migrated database on a throw-away server that
//! all test processes of a run share. [`TestCluster`] is a durable server of
//! one's own, to be killed. `watchdog` sees to it that both end by themselves.
//! [`Pooler`] is a PgBouncer in front of the first; with `WINDLASS_TEST_POOLED`
//! set, every session of a [`TestDatabase`] goes through it. [`Proxy`] is a
//! network that can fall silent. [`application`] is what `windlass apply` would bring.

mod cluster;
mod crowd;
mod database;
mod documents;
mod pooler;
mod proxy;
mod shared;
mod watchdog;

pub use cluster::TestCluster;
pub use crowd::Crowd;
pub use database::{Held, TestDatabase};
pub use documents::application;
pub use pooler::Pooler;
pub use proxy::Proxy;
