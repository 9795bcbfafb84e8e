//! How jaq looks into values and changes them: `.a`, `.[0]`, `.[2:4]`, `.[]` and their updates.
//!
//! Updating `null` builds what is missing, as in jq (`{} | .a.b = 1`); an update that gives nothing
//! removes its place.

use std::sync::Arc;

use jaq_core::box_iter::BoxIter;
use jaq_core::path::Opt;
use jaq_core::val::Range;
use jaq_core::{Error, ValR, ValT, ValX};

use super::datum::{Datum, failed, own_entries, own_items, spent};
use super::{meter, structure};
use crate::value::{Entries, List, Map, Value};

impl ValT for Datum {
    fn from_num(text: &str) -> ValR<Datum> {
        match Value::parse(text) {
            Ok(value @ Value::Number(_)) => Ok(value.into()),
            // jq also writes `.5` and `1.`.
            _ => text
                .parse::<f64>()
                .map(Datum::from)
                .map_err(|error| failed(error.to_string())),
        }
    }

    fn from_map<I: IntoIterator<Item = (Datum, Datum)>>(entries: I) -> ValR<Datum> {
        let mut map = Entries::default();
        for (key, value) in entries {
            match &key.value {
                Value::Text(text) => map.insert(text.clone(), value.value),
                _ => return Err(failed(format!("cannot use {} as a key", key.shown()))),
            };
        }
        Ok(Datum::map(map))
    }

    fn key_values(self) -> BoxIter<'static, ValR<(Datum, Datum), Datum>> {
        let count = count(&self.value);
        match self.value.clone() {
            Value::List(list) => paid(count, move |at| {
                let item = self.found(list.items()[at].clone())?;
                Ok((Datum::from(at), item))
            }),
            Value::Map(map) => paid(count, move |at| {
                let (key, value) = map.at(at).ok_or_else(spent)?;
                Ok((Value::Text(key.clone()).into(), self.found(value.clone())?))
            }),
            _ => Box::new(std::iter::once(Err(not_iterable(self)))),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Datum>>> {
        let count = count(&self.value);
        match self.value.clone() {
            Value::List(list) => paid(count, move |at| self.found(list.items()[at].clone())),
            Value::Map(map) => paid(count, move |at| {
                let (_, value) = map.at(at).ok_or_else(spent)?;
                self.found(value.clone())
            }),
            _ => Box::new(std::iter::once(Err(not_iterable(self)))),
        }
    }

    fn index(self, key: &Datum) -> ValR<Datum> {
        if !meter::step(1) {
            return Err(spent());
        }
        let value = match (&self.value, &key.value) {
            (_, Value::Map(slice)) => return sliced(&self, &bounds(slice)),
            (Value::Null, Value::Text(_) | Value::Number(_) | Value::Null) => Value::Null,
            (Value::Map(map), Value::Text(key)) => map.get(key).cloned().unwrap_or_default(),
            (Value::List(list), Value::Number(_)) => {
                let at = position(key, list.items().len());
                at.and_then(|at| list.items().get(at))
                    .cloned()
                    .unwrap_or_default()
            }
            (Value::List(_), Value::List(_)) => return structure::places(&self, key),
            _ => return Err(cannot_index(&self, key)),
        };
        self.found(value)
    }

    fn range(self, range: Range<&Datum>) -> ValR<Datum> {
        sliced(&self, &values_of(&range))
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Datum>>>(
        self,
        opt: Opt,
        update: impl Fn(Datum) -> I,
    ) -> ValX<'a, Datum> {
        match &self.value {
            Value::List(list) => map_list(&self, list, update),
            Value::Map(map) => map_map(&self, map, update),
            _ => opt.fail(self, |datum| not_iterable(datum).into()),
        }
    }

    fn map_index<'a, I: Iterator<Item = ValX<'a, Datum>>>(
        self,
        key: &Datum,
        opt: Opt,
        update: impl Fn(Datum) -> I,
    ) -> ValX<'a, Datum> {
        if !meter::step(1) {
            return Err(spent().into());
        }
        match (&self.value, &key.value) {
            (_, Value::Map(slice)) => map_slice(self, &bounds(slice), opt, update),
            (Value::Null | Value::Map(_), Value::Text(name)) => map_entry(self, name, update),
            (Value::Null | Value::List(_), Value::Number(_)) => map_item(self, key, update),
            _ => opt.fail(self, |datum| cannot_index(&datum, key).into()),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Datum>>>(
        self,
        range: Range<&Datum>,
        opt: Opt,
        update: impl Fn(Datum) -> I,
    ) -> ValX<'a, Datum> {
        map_slice(self, &values_of(&range), opt, update)
    }

    fn as_bool(&self) -> bool {
        !matches!(self.value, Value::Null | Value::Bool(false))
    }

    fn into_string(self) -> Datum {
        match &self.value {
            Value::Text(_) => self,
            _ => self.to_json().map(Value::text).unwrap_or_default().into(),
        }
    }
}

fn not_iterable(datum: Datum) -> Error<Datum> {
    failed(format!("cannot iterate over {}", datum.shown()))
}

fn cannot_index(datum: &Datum, key: &Datum) -> Error<Datum> {
    failed(format!(
        "cannot index {} with {}",
        datum.shown(),
        key.shown()
    ))
}

fn count(value: &Value) -> usize {
    match value {
        Value::List(list) => list.items().len(),
        Value::Map(map) => map.len(),
        _ => 0,
    }
}

/// Items by place, each paid for; ends at the first one that cannot be paid.
fn paid<T: 'static>(
    count: usize,
    item: impl Fn(usize) -> ValR<T, Datum> + Clone + 'static,
) -> BoxIter<'static, ValR<T, Datum>> {
    let places = (0..count).map_while(|at| meter::step(1).then_some(at));
    Box::new(places.map(item))
}

/// The places that a number or a slice of a path means in a list of this length.
pub(super) fn places(part: &Value, length: usize) -> Result<std::ops::Range<usize>, Error<Datum>> {
    if let Value::Map(slice) = part {
        return ends(&bounds(slice), length).map(|(start, end)| start..end);
    }
    let at = position(&part.clone().into(), length).filter(|at| *at < length);
    Ok(at.map_or(0..0, |at| at..at + 1))
}

/// The place that a number means in a list: whole, from the end when negative.
fn position(key: &Datum, length: usize) -> Option<usize> {
    let at = key.value.as_f64()?.floor();
    let at = if at < 0.0 { at + length as f64 } else { at };
    // The cast saturates; a place that large is past every end.
    (at >= 0.0).then_some(at as usize)
}

/// The ends of a slice that stands in a path as `{start, end}`.
fn bounds(slice: &Map) -> Range<&Value> {
    slice.get("start")..slice.get("end")
}

fn values_of<'a>(range: &Range<&'a Datum>) -> Range<&'a Value> {
    range.start.map(|datum| &datum.value)..range.end.map(|datum| &datum.value)
}

fn sliced(datum: &Datum, range: &Range<&Value>) -> ValR<Datum> {
    if !meter::step(1) {
        return Err(spent());
    }
    let value = match &datum.value {
        Value::Null => Value::Null,
        Value::List(list) => {
            let (start, end) = ends(range, list.items().len())?;
            Datum::list(list.items()[start..end].to_vec()).value
        }
        Value::Text(text) => slice_text(text, range)?,
        _ => return Err(failed(format!("cannot slice {}", datum.shown()))),
    };
    datum.found(value)
}

fn map_slice<'a, I: Iterator<Item = ValX<'a, Datum>>>(
    whole: Datum,
    range: &Range<&Value>,
    opt: Opt,
    update: impl Fn(Datum) -> I,
) -> ValX<'a, Datum> {
    let items = match &whole.value {
        Value::List(list) => list.items(),
        Value::Null => &[],
        _ => {
            let refused = |datum: Datum| failed(format!("cannot slice {}", datum.shown()));
            return opt.fail(whole, |datum| refused(datum).into());
        }
    };
    let (start, end) = ends(range, items.len())?;
    let part = whole.found(Datum::list(items[start..end].to_vec()).value)?;
    let middle = match update(part).next().transpose()?.map(|datum| datum.value) {
        None => Vec::new(),
        Some(Value::List(list)) => list.items().to_vec(),
        Some(_) => return Err(failed("a slice can only become an array").into()),
    };
    Ok(Datum::list(
        [&items[..start], &middle, &items[end..]].concat(),
    ))
}

fn ends(range: &Range<&Value>, length: usize) -> Result<(usize, usize), Error<Datum>> {
    let bound = |value: Option<&Value>, absent: usize, round: fn(f64) -> f64| {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Ok(absent);
        };
        let at = value
            .as_f64()
            .ok_or_else(|| failed("a slice needs numbers as its ends"))?;
        let at = round(if at < 0.0 { at + length as f64 } else { at });
        Ok((at.max(0.0) as usize).min(length))
    };
    let start = bound(range.start, 0, f64::floor)?;
    let end = bound(range.end, length, f64::ceil)?;
    Ok((start, end.max(start)))
}

fn slice_text(text: &str, range: &Range<&Value>) -> ValR<Value, Datum> {
    if !meter::step(text.len() as u64 / 64) {
        return Err(spent());
    }
    let (start, end) = ends(range, text.chars().count())?;
    let part: String = text.chars().skip(start).take(end - start).collect();
    Ok(Datum::text(part).value)
}

fn map_list<'a, I: Iterator<Item = ValX<'a, Datum>>>(
    whole: &Datum,
    list: &Arc<List>,
    update: impl Fn(Datum) -> I,
) -> ValX<'a, Datum> {
    let mut items = Vec::with_capacity(list.items().len());
    for item in list.items() {
        if !meter::step(1) {
            return Err(spent().into());
        }
        for new in update(whole.found(item.clone())?).take(1) {
            items.push(new?.value);
        }
    }
    Ok(Datum::list(items))
}

fn map_map<'a, I: Iterator<Item = ValX<'a, Datum>>>(
    whole: &Datum,
    map: &Arc<Map>,
    update: impl Fn(Datum) -> I,
) -> ValX<'a, Datum> {
    let mut entries = Entries::with_capacity_and_hasher(map.len(), ahash::RandomState::default());
    for (key, value) in map.iter() {
        if !meter::step(1) {
            return Err(spent().into());
        }
        for new in update(whole.found(value.clone())?).take(1) {
            entries.insert(key.clone(), new?.value);
        }
    }
    Ok(Datum::map(entries))
}

fn map_entry<'a, I: Iterator<Item = ValX<'a, Datum>>>(
    whole: Datum,
    name: &Arc<str>,
    update: impl Fn(Datum) -> I,
) -> ValX<'a, Datum> {
    let old = whole.found(whole.value.get(name).cloned().unwrap_or_default())?;
    let new = update(old).next().transpose()?;
    let mut entries = match whole.value {
        Value::Map(map) => own_entries(map).ok_or_else(spent)?,
        _ => Entries::default(),
    };
    match new {
        Some(new) => drop(entries.insert(name.clone(), new.value)),
        None => drop(entries.shift_remove(name)),
    }
    if !meter::allocate(96) {
        return Err(spent().into());
    }
    Ok(Datum::map_paid(entries))
}

fn map_item<'a, I: Iterator<Item = ValX<'a, Datum>>>(
    whole: Datum,
    key: &Datum,
    update: impl Fn(Datum) -> I,
) -> ValX<'a, Datum> {
    let length = count(&whole.value);
    let Some(at) = position(key, length) else {
        return Err(failed(format!("the place {key} lies before the array")).into());
    };
    let old = whole.found(whole.value.at(at).cloned().unwrap_or_default())?;
    let new = update(old).next().transpose()?;
    // Filling up to a far place is paid before it is done.
    let grown = (at as u64).saturating_sub(length as u64).saturating_add(1);
    if new.is_some() && !meter::allocate(grown.saturating_mul(32)) {
        return Err(spent().into());
    }
    let mut items = match whole.value {
        Value::List(list) => own_items(list).ok_or_else(spent)?,
        _ => Vec::new(),
    };
    match new {
        Some(new) => {
            items.resize(items.len().max(at + 1), Value::Null);
            items[at] = new.value;
        }
        None if at < items.len() => drop(items.remove(at)),
        None => {}
    }
    Ok(Datum::list_paid(items))
}
