//! When a delivery that failed is tried again: soon at first, then for days (Standard Webhooks' own sequence).

use std::time::Duration;

/// Tries of a delivery before it is dead: spread over three days and a half, so that a weekend passes.
pub const TRIES_MAX: u32 = PAUSES.len() as u32 + 1;

/// Seconds after each failed try.
const PAUSES: [u64; 10] = [
    5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 50_400, 72_000, 72_000,
];

/// What the other side asks for is believed up to a day.
const ASKED_MAX: Duration = Duration::from_hours(24);

/// How long after try number `tries`, from 1 on, the next one begins; none when that was the last. `random`, from 0 to 1,
/// moves it by a tenth either way, and it is never sooner than the other side `asked` for.
pub fn pause(tries: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
    let index = usize::try_from(tries.checked_sub(1)?).ok()?;
    let pause = Duration::from_secs(*PAUSES.get(index)?);
    let pause = pause.mul_f64(0.9 + random.clamp(0.0, 1.0) / 5.0);
    Some(pause.max(asked.unwrap_or_default().min(ASKED_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_over_days_and_end() {
        let pauses: Vec<Duration> = (1..TRIES_MAX)
            .map(|tries| pause(tries, None, 0.5).unwrap())
            .collect();

        assert!(pauses.is_sorted());
        let all: Duration = pauses.iter().sum();
        assert!(all > Duration::from_hours(72) && all < Duration::from_hours(120));
        assert_eq!(pause(TRIES_MAX, None, 0.5), None);
        assert_eq!(pause(0, None, 0.5), None);
    }

    #[test]
    fn jitter_is_a_tenth_and_the_other_side_may_ask_for_more() {
        let seconds = |random, asked| pause(2, asked, random).unwrap().as_secs();
        assert_eq!((seconds(0.0, None), seconds(1.0, None)), (270, 330));

        let hour = Some(Duration::from_hours(1));
        assert_eq!(seconds(0.5, hour), 3_600);
        let year = Some(Duration::from_hours(24 * 365));
        assert_eq!(seconds(0.5, year), 86_400);
    }
}
