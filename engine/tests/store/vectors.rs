//! The reference vectors of batches that need rows: each case is played against the store, none is left out.

#[path = "../../../workflows/tests/vectors/kit.rs"]
mod kit;

mod approval;
mod guards;
mod inputs;
mod real;
mod selection;
mod sources;
mod totals;
