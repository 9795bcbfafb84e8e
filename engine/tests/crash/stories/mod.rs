//! The stories: together they pass every statement that writes.

mod batch;
mod cancel;
mod document;
mod lease;
mod life;
mod request;
mod schedule;

use crate::stage::Story;

pub fn all() -> Vec<Story> {
    let parts = [
        request::stories(),
        lease::stories(),
        life::stories(),
        cancel::stories(),
        batch::stories(),
        schedule::stories(),
        document::stories(),
    ];
    parts.into_iter().flatten().collect()
}
