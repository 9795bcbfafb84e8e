//! The API on a real database: each resource's accepted and refused side, and the habits of all.

mod additions;
mod apply;
mod approvals;
mod batch_life;
mod batches;
mod bulk;
mod catalogue;
mod category_load;
mod context_references;
mod contexts;
mod description;
mod elsewhere;
mod envelope;
mod failures;
mod item_filter;
mod jobs;
mod messages;
mod purposes;
mod requests;
mod restarts;
mod schedules;
mod site;
mod socket;
mod submission;
