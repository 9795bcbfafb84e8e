//! One incident report as the callers send it: a row of the wildlife strike file, by its column names.
//!
//! Other columns are ignored and a missing or null one is absent, so a caller may send the rows as it
//! has them. A column of the wrong type is refused.

use serde::Deserialize;

/// What a report without the column counts under.
pub(crate) const UNKNOWN: &str = "Unknown";

/// The columns that the analysis reads. Costs are whole dollars; 32 bits each keep every sum within
/// one request exact in 64.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Incident {
    #[serde(rename = "Effect Amount of damage")]
    damage: Option<String>,
    #[serde(rename = "Flight Date")]
    date: Option<String>,
    #[serde(rename = "Phase of flight")]
    phase: Option<String>,
    #[serde(rename = "Wildlife Size")]
    size: Option<String>,
    #[serde(rename = "Wildlife Species")]
    species: Option<String>,
    #[serde(rename = "Time of day")]
    time: Option<String>,
    #[serde(rename = "Cost Other")]
    cost_other: Option<u32>,
    #[serde(rename = "Cost Repair")]
    cost_repair: Option<u32>,
    #[serde(rename = "Cost Total $")]
    cost_total: Option<u32>,
    #[serde(rename = "Speed IAS in knots")]
    speed: Option<u32>,
}

impl Incident {
    pub(crate) fn damage(&self) -> &str {
        or_unknown(&self.damage)
    }

    pub(crate) fn phase(&self) -> &str {
        or_unknown(&self.phase)
    }

    pub(crate) fn size(&self) -> &str {
        or_unknown(&self.size)
    }

    pub(crate) fn species(&self) -> &str {
        or_unknown(&self.species)
    }

    pub(crate) fn time(&self) -> &str {
        or_unknown(&self.time)
    }

    pub(crate) fn cost_other(&self) -> u64 {
        self.cost_other.unwrap_or(0).into()
    }

    pub(crate) fn cost_repair(&self) -> u64 {
        self.cost_repair.unwrap_or(0).into()
    }

    pub(crate) fn cost_total(&self) -> u64 {
        self.cost_total.unwrap_or(0).into()
    }

    pub(crate) fn speed(&self) -> Option<u32> {
        self.speed
    }

    /// The flight date, if it has the form `YYYY-MM-DD`.
    pub(crate) fn date(&self) -> Option<&str> {
        self.date.as_deref().filter(|text| is_date(text))
    }
}

fn or_unknown(text: &Option<String>) -> &str {
    match text.as_deref() {
        None | Some("") => UNKNOWN,
        Some(text) => text,
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
