//! Documents: what people write, read with its places, typed and checked.

pub mod event;
pub mod hash;
pub mod nearest;
pub mod parse;
pub mod scope;
pub mod settings;
pub mod step;
pub mod tree;
