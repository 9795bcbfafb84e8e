//! Checks before natives of jaq that multiply and add without looking at overflow.
//!
//! Unchecked they panic in a debug build and give a wrong date in a release build.

use jaq_core::ValR;

use super::datum::{Datum, failed};
use crate::value::Value;

/// Seconds from 1970 to the end of year 9999, and about as many back.
const SECONDS_MAX: f64 = 253_402_300_799.0;

/// Largest code point of Unicode.
const CODE_MAX: i64 = 0x10_ffff;

/// Passes on seconds since 1970 or broken down time that can be a date.
pub(super) fn instant(datum: Datum) -> ValR<Datum> {
    let fits = match &datum.value {
        Value::Number(number) => number
            .as_f64()
            .is_some_and(|seconds| seconds.abs() <= SECONDS_MAX),
        Value::List(list) => {
            let month = list.items().get(1).and_then(Value::as_i64);
            month.is_some_and(|month| (0..12).contains(&month))
        }
        _ => true,
    };
    if fits {
        Ok(datum)
    } else {
        Err(failed(format!("{} is no date", datum.shown())))
    }
}

/// Passes on a list of code points.
pub(super) fn codes(datum: Datum) -> ValR<Datum> {
    let code = |item: &Value| {
        item.as_i64()
            .is_some_and(|code| (0..=CODE_MAX).contains(&code))
    };
    match datum
        .value
        .as_list()
        .is_some_and(|items| items.iter().all(code))
    {
        true => Ok(datum),
        false => Err(failed(format!(
            "{} is no list of code points",
            datum.shown()
        ))),
    }
}
