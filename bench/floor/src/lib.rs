//! The floor: the same durable work as the engine's, in raw SQL without an engine around it.
//!
//! No check, no retry, no cancel, no handler: what Postgres itself can do with this design on this
//! machine, and so what the engine is measured against. It speaks through a pipelining client, so
//! that nothing stands between the statements and their speed. `server` is what a measurement asks
//! of the server beside.

mod drain;
mod floor;
mod pickup;
mod server;
mod steps;
mod submit;

pub use drain::Drain;
pub use floor::Floor;
pub use pickup::Pickup;
pub use server::{Server, Snapshot};
pub use steps::Steps;
pub use submit::Submit;
pub use tokio_postgres::Error;
