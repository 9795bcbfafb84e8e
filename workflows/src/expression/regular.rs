//! What a regular expression costs: paid before jaq compiles and runs it.
//!
//! Matching takes time in proportion to text × program, and counted repetitions multiply the
//! program, so both are estimated first. Finding all matches can rescan the rest from each of them.

use jaq_core::Error;

use super::datum::{Datum, failed, spent};
use super::meter;

/// Largest estimated program; ordinary expressions stay under a few hundred.
const PROGRAM_MAX: u64 = 20_000;

/// Products of text and program bytes that are matched for the price of one step.
const WORK_A_STEP: u64 = 128;

/// Squares of text bytes that finding all matches costs a step for; 20 KB of text are the most.
const SQUARE_A_STEP: u64 = 2_048;

/// Groups of matches found for the price of a step; jaq keeps them all before it gives the first.
const MATCHES_A_STEP: u64 = 4;

/// Pays for matching the input against an expression with these flags.
pub(super) fn pay(input: &Datum, expression: &Datum, flags: &Datum) -> Result<(), Error<Datum>> {
    let length = |datum: &Datum| datum.value.as_str().map_or(0, str::len) as u64;
    let text = length(input);
    let program = program_size(expression.value.as_str().unwrap_or(""));
    if program > PROGRAM_MAX {
        return Err(failed("the regular expression is too large"));
    }
    let repeats = expression
        .value
        .as_str()
        .is_some_and(|text| text.contains(['*', '+', '{']));
    let all = flags
        .value
        .as_str()
        .is_some_and(|flags| flags.contains('g'));
    let groups = expression
        .value
        .as_str()
        .map_or(0, |text| text.matches('(').count()) as u64;
    let rescans = match all {
        true if repeats => text * text / SQUARE_A_STEP,
        _ => 0,
    };
    let matches = if all {
        text * (1 + groups) / MATCHES_A_STEP
    } else {
        0
    };
    let steps = 5 + program / 4 + text * program / WORK_A_STEP + rescans + matches;
    if meter::step(steps) {
        Ok(())
    } else {
        Err(spent())
    }
}

/// Bytes of the expression times all its counted repetitions: never too small.
fn program_size(expression: &str) -> u64 {
    let counts = expression.split('{').skip(1).filter_map(|rest| {
        let (count, _) = rest.split_once('}')?;
        let largest = count.rsplit(',').find(|part| !part.is_empty())?;
        largest.trim().parse::<u64>().ok()
    });
    counts.fold(expression.len() as u64 + 1, |size, count| {
        size.saturating_mul(count.max(1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counted_repetitions_multiply() {
        assert_eq!(program_size("abc"), 4);
        assert!(program_size("(a{1000}){1000}") > PROGRAM_MAX);
        assert!(program_size(r"^\d{4}-\d{2}-\d{2}$") < PROGRAM_MAX);
        assert_eq!(program_size("a{2,}"), 12);
    }
}
