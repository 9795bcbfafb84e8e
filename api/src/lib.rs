//! Where people and programs meet Windlass: HTTP, dashboard, command line.
//!
//! `cli` is the command tree, `serve` the composition root, `config` the one reader of the
//! environment; `dev` and `demo` put a whole engine together on one machine,
//! `bench` measures one.

pub mod bench;
pub mod chaos;
pub mod cli;
pub mod client;
pub mod config;
pub mod dashboard;
pub mod demo;
pub mod dev;
pub mod exit;
pub mod http;
pub mod local_postgres;
pub mod serve;
