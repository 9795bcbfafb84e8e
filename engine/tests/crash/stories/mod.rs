//! The stories: together they pass every statement that writes.

mod approval;
mod batch;
mod breaker;
mod cancel;
mod context;
mod doctor;
mod document;
mod effect;
mod failure;
mod flight;
mod group;
mod key;
mod lease;
mod life;
mod limit;
mod mail;
mod own;
pub mod partition;
mod pause;
mod redrive;
mod request;
mod schedule;
mod share;

use crate::stage::Story;

pub fn all() -> Vec<Story> {
    let parts = [
        // the longest ones first: none is left alone at the end
        doctor::stories(),
        document::stories(),
        schedule::stories(),
        request::stories(),
        batch::stories(),
        cancel::stories(),
        key::stories(),
        lease::stories(),
        life::stories(),
        pause::stories(),
        limit::stories(),
        mail::stories(),
        own::stories(),
        effect::stories(),
        context::stories(),
        approval::stories(),
        group::stories(),
        failure::stories(),
        redrive::stories(),
        flight::stories(),
        share::stories(),
        breaker::stories(),
        partition::stories(),
    ];
    parts.into_iter().flatten().collect()
}
