//! Figures over incidents: exact integer sums, counts by each column, and the spread of speeds.
//!
//! Counts and costs of parts add up to those of the whole, so a report may be made chunk by chunk.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::incident::Incident;

/// The most frequent species that are named; the file knows 37.
const SPECIES_MAX: usize = 5;

type Counts<'a> = BTreeMap<&'a str, u64>;

#[derive(Debug, Default, Serialize)]
pub(crate) struct Statistics<'a> {
    incidents: u64,
    cost_total: u64,
    cost_repair: u64,
    cost_other: u64,
    by_phase: Counts<'a>,
    by_size: Counts<'a>,
    by_damage: Counts<'a>,
    /// Most frequent first; of equals the first in the alphabet.
    by_species: Vec<Species<'a>>,
    by_year: Counts<'a>,
    by_month: Counts<'a>,
    speed: Speed,
    first_date: Option<&'a str>,
    last_date: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Species<'a> {
    species: &'a str,
    incidents: u64,
}

/// Over the reports that give a speed, in knots.
#[derive(Debug, Default, Serialize)]
struct Speed {
    count: usize,
    /// To one decimal.
    mean: Option<f64>,
    p50: Option<u32>,
    p95: Option<u32>,
}

pub(crate) fn measure(incidents: &[Incident]) -> Statistics<'_> {
    let mut statistics = Statistics::default();
    let mut species = Counts::new();
    for incident in incidents {
        statistics.add(incident);
        *species.entry(incident.species()).or_default() += 1;
    }
    statistics.by_species = most_frequent(species);
    statistics.speed = spread(incidents.iter().filter_map(Incident::speed).collect());
    statistics
}

impl<'a> Statistics<'a> {
    fn add(&mut self, incident: &'a Incident) {
        self.incidents += 1;
        self.cost_total += incident.cost_total();
        self.cost_repair += incident.cost_repair();
        self.cost_other += incident.cost_other();
        *self.by_phase.entry(incident.phase()).or_default() += 1;
        *self.by_size.entry(incident.size()).or_default() += 1;
        *self.by_damage.entry(incident.damage()).or_default() += 1;
        if let Some(date) = incident.date() {
            self.add_date(date);
        }
    }

    /// Dates of this form compare as text.
    fn add_date(&mut self, date: &'a str) {
        *self.by_year.entry(&date[..4]).or_default() += 1;
        *self.by_month.entry(&date[5..7]).or_default() += 1;
        self.first_date = Some(self.first_date.map_or(date, |first| first.min(date)));
        self.last_date = Some(self.last_date.map_or(date, |last| last.max(date)));
    }
}

fn most_frequent(counts: Counts<'_>) -> Vec<Species<'_>> {
    let mut all: Vec<_> = counts
        .into_iter()
        .map(|(species, incidents)| Species { species, incidents })
        .collect();
    // Stable: the map gave them in alphabetical order.
    all.sort_by_key(|species| std::cmp::Reverse(species.incidents));
    all.truncate(SPECIES_MAX);
    all
}

fn spread(mut speeds: Vec<u32>) -> Speed {
    speeds.sort_unstable();
    let count = speeds.len();
    let sum: u64 = speeds.iter().map(|&speed| u64::from(speed)).sum();
    Speed {
        count,
        mean: (count > 0).then(|| (sum as f64 / count as f64 * 10.0).round() / 10.0),
        p50: percentile(&speeds, 50),
        p95: percentile(&speeds, 95),
    }
}

/// The nearest rank: the smallest value that at least `percent` of all values do not exceed.
fn percentile(sorted: &[u32], percent: usize) -> Option<u32> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let sorted: Vec<u32> = (1..=20).collect();

        assert_eq!(percentile(&sorted, 50), Some(10));
        assert_eq!(percentile(&sorted, 95), Some(19));
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[], 50), None);
    }
}
