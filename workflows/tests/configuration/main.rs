//! Documents that people apply: what they become, what is refused, and where it says so.

mod accepted;
mod calendars;
mod corners;
mod documents;
mod limits;
mod refused;
mod sources;
mod told;
mod written;
