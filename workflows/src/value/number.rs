//! Numbers that stay as they were written until somebody calculates with them.
//!
//! An id of 23 digits, `1.0` and `1E2` travel through the engine unchanged; only arithmetic makes
//! 64-bit integers or floats of them. Comparison is exact and by value, on the decimal digits.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// Whole floats below this are written as integers, as jq does: 2^53, where floats stop being exact.
const FLOAT_WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// A finite number.
#[derive(Clone)]
pub struct Number(Form);

#[derive(Clone)]
enum Form {
    Integer(i64),
    Float(f64),
    /// As written, a valid JSON number that is not the plain form of an `i64`.
    Written(Arc<str>),
}

impl Number {
    /// A finite float; whole ones become integers.
    pub fn from_f64(number: f64) -> Option<Number> {
        if !number.is_finite() {
            return None;
        }
        if number.fract() == 0.0 && number.abs() < FLOAT_WHOLE_MAX {
            return Some(Number(Form::Integer(number as i64)));
        }
        Some(Number(Form::Float(number)))
    }

    /// A number as a text that is already known to be a JSON number.
    pub(super) fn from_written(text: &str) -> Number {
        match text.parse::<i64>() {
            Ok(number) if text != "-0" => Number(Form::Integer(number)),
            _ => Number(Form::Written(text.into())),
        }
    }

    /// The exact integer, if it is one that fits.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Form::Integer(number) => Some(*number),
            _ => self.as_i128().and_then(|number| number.try_into().ok()),
        }
    }

    /// The exact integer, if it is one that fits.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Form::Integer(number) => (*number).try_into().ok(),
            _ => self.as_i128().and_then(|number| number.try_into().ok()),
        }
    }

    fn as_i128(&self) -> Option<i128> {
        let text = self.written();
        Decimal::of(&text).whole()
    }

    /// The nearest float, if that is finite.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.0 {
            Form::Integer(number) => Some(*number as f64),
            Form::Float(number) => Some(*number),
            Form::Written(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        }
    }

    /// The integer, if arithmetic may use it as one: no text is looked at.
    pub(crate) fn plain_integer(&self) -> Option<i64> {
        match &self.0 {
            Form::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The text as it was, or as it would be written.
    pub fn written(&self) -> Cow<'_, str> {
        match &self.0 {
            Form::Written(text) => Cow::Borrowed(text),
            Form::Integer(number) => Cow::Owned(number.to_string()),
            Form::Float(number) => Cow::Owned(float_text(*number)),
        }
    }
}

/// Digits that read back the same; exponents where zeros would be many, as in JavaScript.
fn float_text(number: f64) -> String {
    if (1e-5..1e21).contains(&number.abs()) {
        number.to_string()
    } else {
        format!("{number:e}")
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Number {
        Number(Form::Integer(number))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        match (&self.0, &other.0) {
            (Form::Integer(left), Form::Integer(right)) => left.cmp(right),
            (Form::Float(left), Form::Float(right)) => left.total_cmp(right),
            _ => Decimal::of(&self.written()).cmp(&Decimal::of(&other.written())),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.written())
    }
}

/// A number as `0.digits × 10^exponent`, digits without zeros at either end.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl Decimal {
    fn of(text: &str) -> Decimal {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = all.iter().take_while(|digit| **digit == b'0').count();
        let trailing = all.iter().rev().take_while(|digit| **digit == b'0').count();
        if leading == all.len() {
            return Decimal {
                negative: false,
                digits: Vec::new(),
                exponent: 0,
            };
        }
        // The reader bounds the exponent, so this cannot overflow.
        let power: i64 = power.parse().unwrap_or(0);
        Decimal {
            negative,
            digits: all[leading..all.len() - trailing].to_vec(),
            exponent: power + whole.len() as i64 - leading as i64,
        }
    }

    fn whole(&self) -> Option<i128> {
        let count = self.digits.len() as i64;
        if self.digits.is_empty() {
            return Some(0);
        }
        if self.exponent < count || self.exponent > 20 {
            return None;
        }
        let digits = self
            .digits
            .iter()
            .fold(0i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
        let size = digits * 10i128.pow((self.exponent - count) as u32);
        Some(if self.negative { -size } else { size })
    }

    fn cmp_size(&self, other: &Decimal) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            (false, false) => (self.exponent, &self.digits).cmp(&(other.exponent, &other.digits)),
        }
    }

    fn cmp(&self, other: &Decimal) -> Ordering {
        match (self.negative, other.negative) {
            (false, false) => self.cmp_size(other),
            (true, true) => other.cmp_size(self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::from_written(text)
    }

    #[test]
    fn numbers_are_equal_by_value_whatever_their_text() {
        assert_eq!(number("1"), number("1.0"));
        assert_eq!(number("1E2"), number("100"));
        assert_eq!(number("-0"), number("0.000e9"));
        assert_eq!(number("0.1"), Number::from_f64(0.1).unwrap());
        assert_ne!(number("0.3"), Number::from_f64(0.1 + 0.2).unwrap());
        assert_ne!(
            number("12345678901234567890123"),
            number("12345678901234567890124")
        );
    }

    #[test]
    fn numbers_are_ordered_exactly() {
        let rising = [
            "-1e5",
            "-2",
            "-1.5",
            "0",
            "1e-7",
            "0.5",
            "2",
            "10",
            "1e3",
            "12345678901234567890123",
        ];

        for pair in rising.windows(2) {
            assert!(
                number(pair[0]) < number(pair[1]),
                "{} < {}",
                pair[0],
                pair[1]
            );
        }
    }

    #[test]
    fn integers_are_exact_or_absent() {
        assert_eq!(number("1E2").as_i64(), Some(100));
        assert_eq!(number("1.5").as_i64(), None);
        assert_eq!(number("9223372036854775808").as_i64(), None);
        assert_eq!(number("9223372036854775808").as_u64(), Some(1 << 63));
        assert_eq!(number("-1").as_u64(), None);
        assert_eq!(number("1e400").as_f64(), None);
    }

    #[test]
    fn floats_are_written_shortly() {
        assert_eq!(Number::from_f64(3.0).unwrap().to_string(), "3");
        assert_eq!(Number::from_f64(0.5).unwrap().to_string(), "0.5");
        assert_eq!(Number::from_f64(1e300).unwrap().to_string(), "1e300");
        assert_eq!(Number::from_f64(1e-7).unwrap().to_string(), "1e-7");
        assert!(Number::from_f64(f64::NAN).is_none());
    }
}
