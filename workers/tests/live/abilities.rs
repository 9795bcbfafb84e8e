//! What templates ask for beside their steps, done by a real worker on a real database.

mod bulk;
mod catalogs;
mod demands;
mod effects;
mod flight;
mod flights;
mod lifecycle;
mod openapi;
mod placed;
mod placed_effects;
mod placement;
mod scheduled;
mod secrets;
mod site;
mod till;
mod undo;
mod words;
