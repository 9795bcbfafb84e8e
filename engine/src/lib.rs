//! Makes templates durable: the home of every SQL statement of Windlass.
//!
//! `store` holds the verbs, one file a noun; `protocol` joins decisions of `workflows` with
//! transactions: bounded passes that a keeper repeats.

pub mod chaos;
mod error;
pub mod explain;
pub mod local;
#[cfg(feature = "testing")]
pub mod model;
pub mod protocol;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod vocabulary;

pub use error::Error;
pub use store::Store;
