//! The sample templates, published as their authors wrote them but for the addresses, and executed by a worker
//! against services that answer on this machine: which way they take, what they call, what they give.

mod accounts;
mod lists;
mod money;
mod outreach;
mod paging;
mod reports;
mod requests;
mod time;
mod tour;
mod world;
