//! Documents that people apply: what they become, what is refused, and where it says so.

mod accepted;
mod documents;
mod limits;
mod refused;
