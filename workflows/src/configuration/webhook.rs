//! `Webhook`: an address outside that is told, signed, what happens to batches, slots and callbacks.

use std::time::Duration;

use super::connection::{Address, Secret, read_address, read_secret};
use super::header::{self, Header};
use super::spec::{Spec, field};
use super::spot::{Fault, Spot};
use super::{length, shape};
use crate::notice::{LATER, is_event};

/// An address outside that is told what happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Name, title, description, labels.
    pub header: Header,
    /// Where it is.
    pub url: Address,
    /// What signs; while it rotates, several keys with blanks between.
    pub signing_key: Secret,
    /// `batch.finished`, or `batch.*` for all of a noun.
    pub events: Vec<String>,
    /// jq over the event; null is false.
    pub filter: Option<String>,
    /// After so long without a single success it is told nothing more.
    pub disable_after: Duration,
    /// Whether it is told anything.
    pub enabled: bool,
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("windlass"),
        field("kind"),
        field("name"),
        field("title"),
        field("description"),
        field("labels"),
        field("url"),
        field("signing_key"),
        field("events"),
        field("filter"),
        field("disable_after").or("\"5d\""),
        field("enabled").or("true"),
    ],
    later: &[],
};

/// So many patterns are more than there are events.
const EVENTS_MAX: usize = 50;
/// So many characters fit a filter.
const FILTER_CHARS_MAX: usize = 8_192;
/// Five days.
const DISABLE_AFTER: Duration = Duration::from_hours(5 * 24);

pub(super) fn read(document: &Spot<'_>) -> Option<Webhook> {
    let header = header::read(document);
    let url = document.need("url").and_then(|url| read_address(&url));
    let key = document.need("signing_key");
    let key = key.and_then(|key| read_secret(&key));
    let events = document.need("events");
    let events = events.and_then(|events| events.each(EVENTS_MAX, read_event));
    let filter = document.get("filter").map(|filter| read_filter(&filter));
    let after = document.get("disable_after");
    let after = after.map_or(Some(DISABLE_AFTER), |after| after.parsed(length::parse));
    let enabled = document.get("enabled");
    let enabled = enabled.map_or(Some(true), |enabled| enabled.flag());
    Some(Webhook {
        header: header?,
        url: url?,
        signing_key: key?,
        events: events?,
        filter: filter.map_or(Some(None), |read| read.map(Some))?,
        disable_after: after?,
        enabled: enabled?,
    })
}

/// `batch.finished` or `batch.*`
fn read_event(spot: &Spot<'_>) -> Option<String> {
    let text = spot.text()?;
    let noun = text.split('.').next().unwrap_or_default();
    if LATER.contains(&noun) {
        return spot.later(format!("`{text}`"));
    }
    if !is_event(text) {
        let fault = Fault::new(format!("no event is named `{text}`"));
        return spot.refuse(fault.hint("such as batch.finished, slot.missed or callback.*"));
    }
    Some(text.to_owned())
}

/// Bare jq over the event; braces around it change nothing.
fn read_filter(spot: &Spot<'_>) -> Option<String> {
    let text = spot.filled()?;
    if text.chars().count() > FILTER_CHARS_MAX {
        let message = format!("a filter has at most {FILTER_CHARS_MAX} characters");
        return spot.refuse(Fault::new(message));
    }
    let jq = shape::inside(text).unwrap_or(text);
    Some(shape::checked(spot, jq, &[])?.text)
}
