//! Rounds of both sides, one beside the other, so that a busy moment of the machine meets both.

use super::Bench;
use super::database::Side;
use super::meter::Sample;
use crate::cli::error::CliError;

/// The samples of each side, in order of the rounds.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    /// Windlass.
    pub engine: Vec<Sample>,
    /// Raw SQL.
    pub floor: Vec<Sample>,
}

impl Rounds {
    /// Runs both sides once a round; who begins changes from round to round.
    ///
    /// # Errors
    /// The first error of a side.
    pub async fn interleaved(
        bench: &Bench<'_>,
        count: u32,
        mut engine: impl AsyncFnMut() -> Result<Sample, CliError>,
        mut floor: impl AsyncFnMut() -> Result<Sample, CliError>,
    ) -> Result<Self, CliError> {
        let mut rounds = Self::default();
        for round in 0..count {
            let order = match round % 2 {
                0 => [Side::Floor, Side::Engine],
                _ => [Side::Engine, Side::Floor],
            };
            for side in order {
                // Log files of earlier rounds are there to be used again, as on a server that runs for long.
                bench.database.server(side).checkpoint().await?;
                let (samples, sample) = match side {
                    Side::Engine => (&mut rounds.engine, engine().await?),
                    Side::Floor => (&mut rounds.floor, floor().await?),
                };
                bench.context.say(&format!(
                    "round {}  {:<6}  {:>9.0} jobs/s",
                    round + 1,
                    side.as_str(),
                    sample.rate()
                ));
                samples.push(sample);
            }
        }
        Ok(rounds)
    }
}

/// Median, least and most of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one; the mean of two when there are two.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
}

impl Spread {
    /// Of figures in any order; nothing of none.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => (sorted.get(middle.checked_sub(1)?)? + sorted[middle]) / 2.0,
            _ => sorted[middle],
        };
        Some(Self {
            median,
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_order_and_one_bad_round() {
        let spread = Spread::of([9.0, 1.0, 8.0]).expect("figures");

        assert_eq!((spread.median, spread.min, spread.max), (8.0, 1.0, 9.0));
        assert_eq!(
            Spread::of([4.0, 2.0]).map(|spread| spread.median),
            Some(3.0)
        );
        assert_eq!(Spread::of([]), None);
    }
}
