//! What a template means: language, checks, interpreter, plans and calendars.
//!
//! Pure: no I/O, no clock, no randomness, no async. Time, ids and randomness arrive as arguments.

pub mod calendar;
pub mod catalogue;
pub mod category;
pub mod check;
pub mod configuration;
pub mod context;
pub mod document;
pub mod duration;
pub mod expression;
pub mod machine;
pub mod notice;
pub mod openapi;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod program;
pub mod resource;
pub mod schema;
pub mod trial;
pub mod value;
