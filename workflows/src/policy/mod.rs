//! Decisions about failure, lateness and overlap: pure functions of what happened.

pub mod catch_up;
pub mod fingerprint;
pub mod overlap;
pub mod retry;
pub mod skim;
pub mod step;
