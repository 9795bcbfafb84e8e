//! The interpreter, ruling by ruling: each document is driven once steadily and once with a crash
//! after every turn, and after every turn its journal must fold to what stands.

mod calls;
mod cancels;
mod chunks;
mod flow;
mod journal;
mod random;
mod rig;
mod slices;
mod templates;
mod timeouts;
mod tries;
