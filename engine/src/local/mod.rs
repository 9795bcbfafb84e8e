//! A Postgres of our own, for people and tests that have none running.
//!
//! `find` looks for installed programs, `cluster` starts and stops a server
//! on a data folder, `account` lends it an identity when we are root. Nothing
//! here reads the environment: paths and choices arrive as values.

mod account;
mod announcement;
mod cluster;
mod error;
mod find;
mod folder;
pub(crate) mod process;
mod server;

pub use account::Account;
pub use cluster::{Cluster, ClusterOptions, Durability};
pub use error::LocalError;
pub use find::{Programs, VERSION_MIN};
