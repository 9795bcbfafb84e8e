//! What `+ - * / %` mean: 64-bit integers that become floats when they overflow, nothing infinite.
//!
//! Big numbers would be exact but could grow without end inside one operation; floats cannot.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::sync::Arc;

use jaq_core::ValR;

use super::datum::{Datum, failed, own_entries, own_items, pay_copy, spent};
use super::meter;
use crate::value::{Entries, Number, Value};

/// Said when a calculation leaves what JSON can write; recognised again as `NotFinite`.
pub(super) const NOT_FINITE: &str = "the result is not a finite number";

fn cannot<T>(what: &str, left: &Datum, right: &Datum) -> ValR<T, Datum> {
    let (left, right) = (left.shown(), right.shown());
    Err(failed(format!("cannot {what} {left} and {right}")))
}

fn finite(number: f64) -> ValR<Datum> {
    let number = Number::from_f64(number).ok_or_else(|| failed(NOT_FINITE))?;
    Ok(Value::Number(number).into())
}

/// Integers while they fit, floats otherwise.
fn calculate(
    left: &Number,
    right: &Number,
    exact: fn(i64, i64) -> Option<i64>,
    rounded: fn(f64, f64) -> f64,
) -> ValR<Datum> {
    let integers = left.plain_integer().zip(right.plain_integer());
    if let Some(number) = integers.and_then(|(left, right)| exact(left, right)) {
        return Ok(Value::from(number).into());
    }
    let floats = left.as_f64().zip(right.as_f64());
    let (left, right) = floats.ok_or_else(|| failed(NOT_FINITE))?;
    finite(rounded(left, right))
}

impl Add for Datum {
    type Output = ValR<Datum>;

    fn add(self, other: Datum) -> ValR<Datum> {
        if !meter::step(1) {
            return Err(spent());
        }
        match (self.value, other.value) {
            (Value::Null, value) | (value, Value::Null) => Ok(value.into()),
            (Value::Number(left), Value::Number(right)) => {
                calculate(&left, &right, i64::checked_add, |a, b| a + b)
            }
            (Value::Text(left), Value::Text(right)) => {
                if !meter::allocate(right.len() as u64 + 16) || !pay_copy(left.len() as u64) {
                    return Err(spent());
                }
                Ok(Value::text([&*left, &*right].concat()).into())
            }
            (Value::List(left), Value::List(right)) => {
                let mut items = own_items(left).ok_or_else(spent)?;
                if !meter::allocate(32 * right.items().len() as u64) {
                    return Err(spent());
                }
                items.extend_from_slice(right.items());
                Ok(Datum::list_paid(items))
            }
            (Value::Map(left), Value::Map(right)) => {
                let mut entries = own_entries(left).ok_or_else(spent)?;
                if !meter::allocate(80 * right.len() as u64) {
                    return Err(spent());
                }
                entries.extend(
                    right
                        .iter()
                        .map(|(key, value)| (key.clone(), value.clone())),
                );
                Ok(Datum::map_paid(entries))
            }
            (left, right) => cannot("add", &left.into(), &right.into()),
        }
    }
}

impl Sub for Datum {
    type Output = ValR<Datum>;

    fn sub(self, other: Datum) -> ValR<Datum> {
        if !meter::step(1) {
            return Err(spent());
        }
        match (&self.value, &other.value) {
            (Value::Number(left), Value::Number(right)) => {
                calculate(left, right, i64::checked_sub, |a, b| a - b)
            }
            (Value::List(left), Value::List(right)) => {
                let gone = |item: &&Value| {
                    let item = Datum::from((*item).clone());
                    right
                        .items()
                        .iter()
                        .any(|other| item == Datum::from(other.clone()))
                };
                let kept = left.items().iter().filter(|item| !gone(item));
                Ok(Datum::list(kept.cloned().collect()))
            }
            _ => cannot("subtract", &self, &other),
        }
    }
}

impl Mul for Datum {
    type Output = ValR<Datum>;

    fn mul(self, other: Datum) -> ValR<Datum> {
        if !meter::step(1) {
            return Err(spent());
        }
        match (&self.value, &other.value) {
            (Value::Number(left), Value::Number(right)) => {
                calculate(left, right, i64::checked_mul, |a, b| a * b)
            }
            (Value::Text(text), Value::Number(times))
            | (Value::Number(times), Value::Text(text)) => {
                repeated(text, times.as_f64().unwrap_or(f64::MAX))
            }
            (Value::Map(_), Value::Map(_)) => merged(self.value, &other.value),
            _ => cannot("multiply", &self, &other),
        }
    }
}

fn repeated(text: &str, times: f64) -> ValR<Datum> {
    if times < 1.0 {
        return Ok(Value::Null.into());
    }
    // The cast saturates, and so does the product: far more than any budget.
    let bytes = (times as u64).saturating_mul(text.len() as u64);
    if !meter::allocate(bytes) {
        return Err(spent());
    }
    Ok(Value::text(text.repeat(if text.is_empty() { 0 } else { times as usize })).into())
}

/// Merges maps all the way down; recursion ends with the depth of the values.
fn merged(left: Value, right: &Value) -> ValR<Datum> {
    let (Value::Map(left), Value::Map(right)) = (left, right) else {
        return Ok(right.clone().into());
    };
    let mut entries = own_entries(left).ok_or_else(spent)?;
    if !meter::allocate(80 * right.len() as u64) {
        return Err(spent());
    }
    for (key, value) in right.iter() {
        merge_entry(&mut entries, key, value)?;
    }
    Ok(Datum::map_paid(entries))
}

fn merge_entry(entries: &mut Entries, key: &Arc<str>, value: &Value) -> ValR<(), Datum> {
    let merged = match entries.get_mut(key).map(std::mem::take) {
        Some(old @ Value::Map(_)) => merged(old, value)?.value,
        _ => value.clone(),
    };
    entries.insert(key.clone(), merged);
    Ok(())
}

impl Div for Datum {
    type Output = ValR<Datum>;

    fn div(self, other: Datum) -> ValR<Datum> {
        if !meter::step(1) {
            return Err(spent());
        }
        match (&self.value, &other.value) {
            (Value::Number(_), Value::Number(right)) if is_zero(right) => {
                Err(failed("cannot divide by zero"))
            }
            (Value::Number(left), Value::Number(right)) => {
                let exact = |a: i64, b: i64| (a.checked_rem(b)? == 0).then_some(a / b);
                calculate(left, right, exact, |a, b| a / b)
            }
            (Value::Text(text), Value::Text(separator)) => Ok(split(text, separator)),
            _ => cannot("divide", &self, &other),
        }
    }
}

fn is_zero(number: &Number) -> bool {
    number.as_f64() == Some(0.0)
}

fn split(text: &str, separator: &str) -> Datum {
    if !meter::allocate(text.len() as u64) {
        return Datum::default();
    }
    let mut characters = [0; 4];
    let parts: Vec<Value> = match (text, separator) {
        ("", _) => Vec::new(),
        (_, "") => text
            .chars()
            .map(|c| Value::from(&*c.encode_utf8(&mut characters)))
            .collect(),
        _ => text.split(separator).map(Value::from).collect(),
    };
    Datum::list(parts)
}

impl Rem for Datum {
    type Output = ValR<Datum>;

    /// Of whole numbers, as in jq: fractions are cut off first.
    fn rem(self, other: Datum) -> ValR<Datum> {
        if !meter::step(1) {
            return Err(spent());
        }
        let whole = |datum: &Datum| {
            let number = datum.value.as_number()?;
            // The cast saturates at the ends of the range.
            number
                .as_i64()
                .or_else(|| number.as_f64().map(|float| float as i64))
        };
        match (whole(&self), whole(&other)) {
            (Some(_), Some(0)) => Err(failed("cannot divide by zero")),
            (Some(left), Some(right)) => Ok(Value::from(left.wrapping_rem(right)).into()),
            _ => cannot("divide", &self, &other),
        }
    }
}

impl Neg for Datum {
    type Output = ValR<Datum>;

    fn neg(self) -> ValR<Datum> {
        match &self.value {
            Value::Number(_) => Datum::from(0isize) - self,
            _ => Err(failed(format!("cannot negate {}", self.shown()))),
        }
    }
}
