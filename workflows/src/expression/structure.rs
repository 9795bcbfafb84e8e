//! Natives about the shape of values: length, has, contains, indices, join, add, entries, JSON text.
//!
//! jaq ties these to its own value type, so they are ours; each pays for what it looks at.

use std::sync::Arc;

use jaq_core::{Error, ValR, ValT};

use super::datum::{DEPTH_MAX, Datum, failed, spent};
use super::meter;
use crate::value::{Entries, Value};

fn pay(steps: usize) -> Result<(), Error<Datum>> {
    if meter::step(steps as u64) {
        Ok(())
    } else {
        Err(spent())
    }
}

pub(super) fn length(datum: Datum) -> ValR<Datum> {
    let count = match &datum.value {
        Value::Null => 0,
        Value::Bool(_) => return Err(failed(format!("{} has no length", datum.shown()))),
        Value::Number(number) => {
            let negative = number.as_f64().is_some_and(|number| number < 0.0);
            return if negative { -datum } else { Ok(datum) };
        }
        Value::Text(text) => {
            pay(text.len() / 64)?;
            text.chars().count()
        }
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
    };
    Ok(count.into())
}

pub(super) fn has(datum: Datum, key: Datum) -> ValR<Datum> {
    pay(1)?;
    match (&datum.value, &key.value) {
        (Value::Map(map), Value::Text(key)) => Ok(map.contains_key(key).into()),
        (Value::List(list), Value::Number(number)) => {
            let at = number.as_f64().unwrap_or(-1.0);
            Ok((at >= 0.0 && at < list.items().len() as f64).into())
        }
        _ => Err(failed(format!(
            "cannot check whether {} has {}",
            datum.shown(),
            key.shown()
        ))),
    }
}

pub(super) fn keys(datum: Datum) -> ValR<Datum> {
    match &datum.value {
        Value::Map(map) => {
            pay(map.len())?;
            let keys = map.sorted_keys().into_iter();
            Ok(Datum::list(
                keys.map(|key| Value::Text(key.clone())).collect(),
            ))
        }
        Value::List(list) => Ok(Datum::list(
            (0..list.items().len())
                .map(|at| Value::from(at as i64))
                .collect(),
        )),
        _ => Err(failed(format!("{} has no keys", datum.shown()))),
    }
}

pub(super) fn contains(datum: Datum, part: Datum) -> ValR<Datum> {
    if datum.value.kind() != part.value.kind() {
        return Err(failed(format!(
            "{} cannot contain {}",
            datum.shown(),
            part.shown()
        )));
    }
    within(&datum.value, &part.value).map(Datum::from)
}

fn within(whole: &Value, part: &Value) -> Result<bool, Error<Datum>> {
    pay(1)?;
    match (whole, part) {
        (Value::Map(whole), Value::Map(part)) => {
            let mut entries = part.iter();
            try_all(&mut entries, |(key, part)| match whole.get(key) {
                Some(whole) => within(whole, part),
                None => Ok(false),
            })
        }
        (Value::List(whole), Value::List(part)) => try_all(&mut part.items().iter(), |part| {
            let missing = |whole: &Value| within(whole, part).map(|found| !found);
            Ok(!try_all(&mut whole.items().iter(), missing)?)
        }),
        (Value::Text(whole), Value::Text(part)) => {
            pay((whole.len() + part.len()) / 64)?;
            Ok(whole.contains(&**part))
        }
        _ => Ok(Datum::from(whole.clone()) == part.clone().into()),
    }
}

fn try_all<T>(
    items: &mut impl Iterator<Item = T>,
    test: impl Fn(T) -> Result<bool, Error<Datum>>,
) -> Result<bool, Error<Datum>> {
    for item in items {
        if !test(item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Where a part stands: every place of a text in a text (in characters), of an item or a run in a list.
pub(super) fn places(datum: &Datum, part: &Datum) -> ValR<Datum> {
    let found: Vec<usize> = match (&datum.value, &part.value) {
        (Value::Null, _) => return Ok(Datum::default()),
        (Value::Text(text), Value::Text(part)) => text_places(text, part)?,
        (Value::List(list), Value::List(part)) => {
            let (items, part) = (list.items(), part.items());
            pay(items.len() * part.len().max(1))?;
            let runs = items.windows(part.len().max(1)).enumerate();
            let found = runs.filter(|(_, run)| !part.is_empty() && same_run(run, part));
            found.map(|(at, _)| at).collect()
        }
        (Value::List(list), _) => {
            let items = list.items().iter().enumerate();
            let same = |item: &Value| Datum::from(item.clone()) == *part;
            items
                .filter(|(_, item)| same(item))
                .map(|(at, _)| at)
                .collect()
        }
        _ => {
            return Err(failed(format!(
                "cannot look for {} in {}",
                part.shown(),
                datum.shown()
            )));
        }
    };
    Ok(Datum::list(
        found.into_iter().map(|at| Value::from(at as i64)).collect(),
    ))
}

fn same_run(run: &[Value], part: &[Value]) -> bool {
    let mut pairs = run.iter().zip(part);
    pairs.all(|(item, part)| Datum::from(item.clone()) == part.clone().into())
}

fn text_places(text: &str, part: &str) -> Result<Vec<usize>, Error<Datum>> {
    pay(1 + text.len() / 16)?;
    if part.is_empty() {
        return Ok(Vec::new());
    }
    // Overlapping places count too, as in jq; comparing at each of them is what the price bounds.
    let starts = text.char_indices().map(|(at, _)| at).enumerate();
    let mut found = Vec::new();
    for (character, at) in starts {
        if text.as_bytes()[at..].starts_with(part.as_bytes()) {
            pay(1 + part.len() / 64)?;
            found.push(character);
        }
    }
    Ok(found)
}

pub(super) fn indices(datum: Datum, part: Datum) -> ValR<Datum> {
    places(&datum, &part)
}

/// Binary search in a sorted list: the place, or `-1 - place` where it belongs.
pub(super) fn bsearch(datum: Datum, wanted: Datum) -> ValR<Datum> {
    let Value::List(list) = &datum.value else {
        return Err(failed(format!("cannot search in {}", datum.shown())));
    };
    let order = |item: &Value| Datum::from(item.clone()).cmp(&wanted);
    Ok(match list.items().binary_search_by(order) {
        Ok(at) => at.into(),
        Err(at) => (-1 - at as isize).into(),
    })
}

/// Texts, numbers and truth values with a separator between; null counts as empty.
pub(super) fn join(datum: Datum, separator: Datum) -> ValR<Datum> {
    let (Value::List(list), Some(separator)) = (&datum.value, separator.value.as_str()) else {
        return Err(failed(format!(
            "cannot join {} with {}",
            datum.shown(),
            separator.shown()
        )));
    };
    let mut out = String::new();
    for (at, item) in list.items().iter().enumerate() {
        let part = match item {
            Value::Null => String::new(),
            Value::Text(text) => text.to_string(),
            Value::Number(_) | Value::Bool(_) => item.to_json(),
            _ => {
                return Err(failed(format!(
                    "cannot join {}",
                    Datum::from(item.clone()).shown()
                )));
            }
        };
        let separator = if at > 0 { separator } else { "" };
        if !meter::allocate((part.len() + separator.len()) as u64) {
            return Err(spent());
        }
        out.push_str(separator);
        out.push_str(&part);
    }
    Ok(Datum::text(out))
}

/// The sum of all items; the running sum is owned alone, so that lists and maps grow in place.
pub(super) fn add(datum: Datum) -> ValR<Datum> {
    if let Some(texts) = datum.value.as_list().and_then(all_texts) {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        pay(texts.len())?;
        return if meter::allocate(bytes as u64) {
            Ok(Value::text(texts.concat()).into())
        } else {
            Err(spent())
        };
    }
    let mut sum = Datum::default();
    for item in datum.values() {
        sum = (sum + item?)?;
    }
    Ok(sum)
}

fn all_texts(items: &[Value]) -> Option<Vec<&str>> {
    let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
    texts.filter(|texts| !texts.is_empty())
}

/// `[{key, value}]` to a map; also the other names that jq takes.
pub(super) fn from_entries(datum: Datum) -> ValR<Datum> {
    let mut map = Entries::default();
    for entry in datum.values() {
        let entry = entry?;
        let (key, value) = entry_of(&entry)?;
        map.insert(key, value);
    }
    Ok(Datum::map(map))
}

fn entry_of(entry: &Datum) -> Result<(Arc<str>, Value), Error<Datum>> {
    let Some(map) = entry.value.as_map() else {
        return Err(failed(format!("{} is no entry", entry.shown())));
    };
    let names = ["key", "k", "name", "Name", "Key", "K"];
    let set = |value: &&Value| !matches!(value, Value::Null | Value::Bool(false));
    let key = names
        .iter()
        .filter_map(|name| map.get(name))
        .find(set)
        .or(map.get("key"));
    let key = match key {
        Some(Value::Text(text)) => text.clone(),
        None | Some(Value::Null) => "null".into(),
        Some(key @ (Value::Bool(_) | Value::Number(_))) => key.to_json().into(),
        Some(key) => {
            return Err(failed(format!(
                "cannot use {} as a key",
                Datum::from(key.clone()).shown()
            )));
        }
    };
    let value = ["value", "v", "Value", "V"]
        .iter()
        .find_map(|name| map.get(name));
    Ok((key, value.cloned().unwrap_or_default()))
}

pub(super) fn to_json(datum: Datum) -> ValR<Datum> {
    datum.to_json().map(|text| Value::text(text).into())
}

pub(super) fn from_json(datum: Datum) -> ValR<Datum> {
    let Value::Text(text) = &datum.value else {
        return Err(failed(format!("cannot read {} as JSON", datum.shown())));
    };
    // A value in memory takes several times its text; `[0,0,…]` is the worst.
    if !meter::allocate(8 * text.len() as u64) {
        return Err(spent());
    }
    let value = Value::parse_within(text, DEPTH_MAX);
    value
        .map(Datum::from)
        .map_err(|error| failed(error.to_string()))
}

pub(super) fn to_number(datum: Datum) -> ValR<Datum> {
    let read = match &datum.value {
        Value::Number(_) => return Ok(datum),
        Value::Text(text) => Value::parse(text)
            .ok()
            .filter(|value| value.as_number().is_some()),
        _ => None,
    };
    let read = read.map(Datum::from);
    read.ok_or_else(|| failed(format!("cannot read {} as a number", datum.shown())))
}
