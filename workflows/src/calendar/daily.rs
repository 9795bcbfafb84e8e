//! `daily`: every day at one or several times.

use chrono::{NaiveDateTime, NaiveTime};

use super::rule::Window;

/// Every day at the given times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daily {
    /// Times of day.
    pub at: Vec<NaiveTime>,
}

impl Daily {
    pub(super) fn walls(&self, window: Window) -> Vec<NaiveDateTime> {
        window
            .dates()
            .flat_map(|date| self.at.iter().map(move |time| date.and_time(*time)))
            .collect()
    }
}
