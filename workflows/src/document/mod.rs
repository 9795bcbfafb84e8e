//! Documents: what people write, read with its places, typed and checked.

pub mod cost;
pub mod difference;
pub mod event;
pub mod graph;
pub mod hash;
pub mod nearest;
pub mod needs;
pub mod outline;
pub mod parse;
pub mod scope;
pub mod settings;
pub mod step;
pub mod tree;

/// The JSON Schema of templates, for editors. It knows the form; `check` knows more.
pub const SCHEMA: &str = include_str!("schema.json");
