//! Makes templates durable: the home of every SQL statement of Windlass.
//!
//! `store` holds the verbs, one file a noun; `protocol` joins decisions of `workflows` with
//! transactions: bounded passes that a keeper repeats.

mod error;
pub mod explain;
pub mod local;
pub mod protocol;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod vocabulary;

pub use error::Error;
pub use store::Store;
