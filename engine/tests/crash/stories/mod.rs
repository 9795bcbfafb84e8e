//! The stories: together they pass every statement that writes.

mod addition;
mod approval;
mod batch;
mod batch_life;
mod breaker;
mod bulk;
mod cancel;
mod category;
mod child_batch;
mod chunk;
mod context;
mod doctor;
mod document;
mod effect;
mod failure;
mod flight;
mod forecast;
mod group;
mod key;
mod lease;
mod life;
mod limit;
mod mail;
mod notice;
mod own;
pub mod partition;
mod pause;
mod redrive;
mod reference;
mod request;
mod restart;
mod rules;
mod schedule;
mod share;
pub mod source;

use crate::stage::Story;

pub fn all() -> Vec<Story> {
    let parts = [
        // the longest ones first: none is left alone at the end
        doctor::stories(),
        document::stories(),
        category::stories(),
        schedule::stories(),
        request::stories(),
        batch::stories(),
        child_batch::stories(),
        chunk::stories(),
        batch_life::stories(),
        source::stories(),
        addition::stories(),
        cancel::stories(),
        key::stories(),
        lease::stories(),
        life::stories(),
        pause::stories(),
        limit::stories(),
        mail::stories(),
        own::stories(),
        notice::stories(),
        effect::stories(),
        context::stories(),
        approval::stories(),
        group::stories(),
        failure::stories(),
        redrive::stories(),
        reference::stories(),
        restart::stories(),
        rules::stories(),
        flight::stories(),
        forecast::stories(),
        bulk::stories(),
        share::stories(),
        breaker::stories(),
        partition::stories(),
    ];
    parts.into_iter().flatten().collect()
}
