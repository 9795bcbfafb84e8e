//! The interleavings that the durability protocol must survive, each by its number, in both orders.
//!
//! A test's name begins with `i`, the number, and a letter for the order: `i04b_…`. The verb that comes
//! first is held at a key that a third session has taken; the second one comes while it holds its locks.

#[path = "../common/mod.rs"]
mod common;

mod batch;
mod claim;
mod contexts;
mod coverage;
mod floor;
mod flush;
mod life;
mod mail;
mod mail_children;
mod old;
mod settle;
mod snapshot;
mod stage;
