//! The interpreter, ruling by ruling: each document is driven once steadily and once with a crash
//! after every turn, and after every turn its journal must fold to what stands.

mod again;
mod again_flights;
mod amends;
mod batch_steps;
mod batches;
mod beside;
mod calls;
mod cancels;
mod cases;
mod chunks;
mod effects;
mod exhausted;
mod flight;
mod flights;
mod flow;
mod forks;
mod hand;
mod hands;
mod journal;
#[path = "../vectors/kit.rs"]
mod kit;
mod lifecycle;
mod listens;
mod migrations;
mod placed;
mod programs;
mod random;
mod rewinds;
mod rig;
mod slices;
mod templates;
mod timeouts;
mod tries;
mod turns;
mod undos;
