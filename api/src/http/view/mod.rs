//! The nouns as the API shows them: ids with prefixes, stored JSON as it is, no row numbers.

pub(super) mod batch;
pub(super) mod breaker;
pub(super) mod catalogue;
pub(super) mod context;
pub(super) mod doctor;
pub(super) mod failure;
pub(super) mod fleet;
pub(super) mod forecast;
pub(super) mod job;
pub(super) mod limit;
pub(super) mod member;
pub(super) mod order;
pub(super) mod plan;
pub(super) mod report;
pub(super) mod rules;
pub(super) mod schedule;
pub(super) mod webhook;
