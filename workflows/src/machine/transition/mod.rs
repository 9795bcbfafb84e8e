//! All transitions, each table one `match` on (state, event).
//!
//! What a table refuses is `Illegal`: logged by the driver, the state untouched. What it expects to
//! come late is `Late`: a result that met its own timeout, or arrived after a stop.

pub mod job;
pub mod step;

/// An event that its state cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {thing} that is {state} cannot take {event}")]
pub struct Illegal {
    /// `step` or `job`.
    pub thing: &'static str,
    /// The state, as it stands in the table.
    pub state: &'static str,
    /// The event, as it stands in the table.
    pub event: &'static str,
}

/// Where an event leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<S> {
    /// The next state, which may be the same.
    To(S),
    /// Expected and too late: nothing changes.
    Late,
}
