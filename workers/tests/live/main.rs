//! Workers on a real database, and what they ask of services on this machine. One program, which links once.

mod common;

mod abilities;
mod answers;
mod batches;
mod branches;
mod contexts;
mod fairness;
mod groups;
mod keeper;
mod limits;
mod liveness;
mod mail;
mod outside;
mod people;
mod perform;
mod retries;
mod samples;
mod worker;
