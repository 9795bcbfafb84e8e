//! The interpreter, ruling by ruling: each document is driven once steadily and once with a crash
//! after every turn, and after every turn its journal must fold to what stands.

mod batches;
mod calls;
mod cancels;
mod chunks;
mod exhausted;
mod flow;
mod journal;
mod random;
mod rig;
mod slices;
mod templates;
mod timeouts;
mod tries;
