//! `delpaths`: removing several places at once, the last ones first, so that places stay valid.
//!
//! A native, because removing one path after the other by definitions copies the whole each time.

use jaq_core::{Error, ValR};

use super::access;
use super::datum::{Datum, failed, own_entries, own_items, spent};
use super::meter;
use crate::value::Value;

/// The value without what stands at these paths.
pub(super) fn delete_paths(datum: Datum, paths: Datum) -> ValR<Datum> {
    let Value::List(list) = &paths.value else {
        return Err(failed(format!("{} is no list of paths", paths.shown())));
    };
    let mut paths: Vec<Datum> = list.items().iter().cloned().map(Datum::from).collect();
    paths.sort();
    let mut value = datum.value;
    for path in paths.iter().rev() {
        let parts = path.value.as_list();
        let parts = parts.ok_or_else(|| failed(format!("{} is no path", path.shown())))?;
        value = without(value, parts)?;
    }
    Ok(value.into())
}

/// The value without what stands at this path; what is not there need not go.
fn without(value: Value, path: &[Value]) -> Result<Value, Error<Datum>> {
    if !meter::step(1) {
        return Err(spent());
    }
    let Some((first, rest)) = path.split_first() else {
        return Ok(Value::Null);
    };
    match (value, first) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Map(map), Value::Text(name)) => {
            let mut entries = own_entries(map).ok_or_else(spent)?;
            match entries.get_mut(name) {
                Some(child) if !rest.is_empty() => {
                    *child = without(std::mem::take(child), rest)?;
                }
                _ => drop(entries.shift_remove(name)),
            }
            Ok(Datum::map_paid(entries).value)
        }
        (Value::List(list), place @ (Value::Number(_) | Value::Map(_))) => {
            let mut items = own_items(list).ok_or_else(spent)?;
            let places = access::places(place, items.len())?;
            if rest.is_empty() {
                items.drain(places);
            } else if let Some(child) = items.get_mut(places.start).filter(|_| !places.is_empty()) {
                *child = without(std::mem::take(child), rest)?;
            }
            Ok(Datum::list_paid(items).value)
        }
        (value, first) => {
            let (value, first) = (Datum::from(value), Datum::from(first.clone()));
            Err(failed(format!(
                "cannot delete {} from {}",
                first.shown(),
                value.shown()
            )))
        }
    }
}
