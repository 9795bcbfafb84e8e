//! Lets a test stand between any two statements: hear of each, hold it, or have it fail.
//!
//! The feature `hooks` comes with `testing`, which only tests ask for; without it a [`Seat`] is empty
//! and its functions are nothing. A hook is installed for one database, and tells its sessions apart
//! by the name that they gave when they connected (`connect_options`).

#[cfg(not(feature = "hooks"))]
mod absent;
#[cfg(feature = "hooks")]
mod present;
#[cfg(feature = "hooks")]
mod refusal;
#[cfg(feature = "hooks")]
mod statement;

#[cfg(not(feature = "hooks"))]
pub(super) use self::absent::Seat;
#[cfg(feature = "hooks")]
pub use self::present::{Answer, Hook, Installed, Moment, Point, install};
#[cfg(feature = "hooks")]
pub(super) use self::present::{Opened, Seat};
#[cfg(feature = "hooks")]
pub use self::refusal::{lost, refused};
#[cfg(feature = "hooks")]
pub use self::statement::Statement;
