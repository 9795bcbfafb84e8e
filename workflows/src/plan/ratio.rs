//! Shares as documents write them: `2%`, `0.02`. Kept in millionths, so that comparing them is exact.

/// A share of a whole; it may be more than the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ratio(u64);

/// The whole.
const WHOLE: u64 = 1_000_000;

impl Ratio {
    /// All of it.
    pub const ALL: Ratio = Ratio(WHOLE);

    /// `2%`, `97.5%`; at most four decimals count.
    pub fn parse(text: &str) -> Option<Ratio> {
        let digits = text.strip_suffix('%')?;
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !is_plain(whole) || !is_plain(rest) {
            return None;
        }
        let kept: String = rest.chars().chain("0000".chars()).take(4).collect();
        let whole: u64 = whole.parse().ok()?;
        let parts: u64 = kept.parse().ok()?;
        Some(Ratio(whole.checked_mul(WHOLE / 100)?.checked_add(parts)?))
    }

    /// `0.02`: from nothing to all.
    pub fn of_number(number: f64) -> Option<Ratio> {
        let is_share = (0.0..=1.0).contains(&number);
        is_share.then(|| Ratio((number * WHOLE as f64).round() as u64))
    }

    /// As it is kept in a row.
    pub fn millionths(self) -> u64 {
        self.0
    }

    /// Of a row.
    pub fn of_millionths(parts: u64) -> Ratio {
        Ratio(parts)
    }

    /// Whether `part` of `whole` is more than this.
    pub fn is_exceeded(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) > u128::from(self.0) * u128::from(whole)
    }

    /// Whether `part` of `whole` is no less than this.
    pub fn is_reached(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) >= u128::from(self.0) * u128::from(whole)
    }

    /// So much of `whole`, rounded up.
    pub fn of(self, whole: u64) -> u64 {
        let parts = u128::from(self.0) * u128::from(whole);
        u64::try_from(parts.div_ceil(u128::from(WHOLE))).unwrap_or(u64::MAX)
    }
}

/// As people read it: `97.5%`.
pub fn percent(part: u64, whole: u64) -> String {
    let tenths = match whole {
        0 if part == 0 => 0,
        0 => 1_000,
        _ => u128::from(part) * 1_000 / u128::from(whole),
    };
    match tenths % 10 {
        0 => format!("{}%", tenths / 10),
        tenth => format!("{}.{tenth}%", tenths / 10),
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&percent(self.0, WHOLE))
    }
}
