//! The value type that jaq works on: a `Value` whose every operation pays first.
//!
//! It also counts how far it was looked up below a built value, because `null` can be looked into
//! without end and jaq keeps the path as a linked list, which drops recursively.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::sync::Arc;

use jaq_core::val::Range;
use jaq_core::{Error, ValR};

use super::meter::{self, Stop};
use crate::value::{Entries, List, Map, Number, Value};

/// How deep a value may be while an expression works; stored values end at half of it.
pub(super) const DEPTH_MAX: u32 = 128;

/// How many look-ups may hang below one another; each is a level of recursion when dropped.
const LOOKUPS_MAX: u32 = 1_000;

/// What an item of a list takes, its share of the container included.
const ITEM_BYTES: u64 = 32;

/// What an entry of a map takes beside its key's text, the hash table included.
const ENTRY_BYTES: u64 = 80;

/// What part of its bytes a copy pays that is made to change one place: the original is usually
/// dropped next, and authors gather results with `. + [$x]`. At worst eight budgets are held.
const COPY_SHARE: u64 = 8;

/// How much of a value an error message shows.
const SHOWN_BYTES_MAX: usize = 80;

/// What an operation says that found the meter spent; nobody sees it, the meter is asked first.
pub(super) fn spent() -> Error<Datum> {
    Error::new(Datum::from(Value::Null))
}

pub(super) fn failed(message: impl Into<String>) -> Error<Datum> {
    Error::new(Datum::from(Value::text(message.into())))
}

/// A value at work.
#[derive(Clone, Debug, Default)]
pub struct Datum {
    pub(super) value: Value,
    lookups: u32,
}

impl Datum {
    pub(super) fn list(items: Vec<Value>) -> Datum {
        if !meter::allocate(ITEM_BYTES * (items.len() as u64 + 1)) {
            return Datum::default();
        }
        Datum::list_paid(items)
    }

    /// A list whose bytes are paid already.
    pub(super) fn list_paid(items: Vec<Value>) -> Datum {
        match List::new(items, DEPTH_MAX) {
            Ok(list) => Value::List(Arc::new(list)).into(),
            Err(_) => too_deep(),
        }
    }

    pub(super) fn map(entries: Entries) -> Datum {
        if !meter::allocate(ENTRY_BYTES * (entries.len() as u64 + 1)) {
            return Datum::default();
        }
        Datum::map_paid(entries)
    }

    pub(super) fn map_paid(entries: Entries) -> Datum {
        match Map::new(entries, DEPTH_MAX) {
            Ok(map) => Value::Map(Arc::new(map)).into(),
            Err(_) => too_deep(),
        }
    }

    pub(super) fn text(text: impl AsRef<str> + Into<Arc<str>>) -> Datum {
        if !meter::allocate(text.as_ref().len() as u64 + 16) {
            return Datum::default();
        }
        Value::text(text).into()
    }

    /// A value found inside this one.
    pub(super) fn found(&self, value: Value) -> ValR<Datum> {
        let lookups = self.lookups + 1;
        if lookups > LOOKUPS_MAX {
            meter::stop(Stop::Depth);
            return Err(spent());
        }
        Ok(Datum { value, lookups })
    }

    /// The value as JSON text, paid for as it grows.
    pub(super) fn to_json(&self) -> Result<String, Error<Datum>> {
        let mut out = Paid(String::new());
        self.value.write(&mut out).map_err(|_| spent())?;
        Ok(out.0)
    }

    fn beginning(&self) -> (String, &'static str) {
        let mut out = Beginning(String::new());
        let whole = self.value.write(&mut out).is_ok();
        (out.0, if whole { "" } else { "…" })
    }

    /// What an error message calls this: its type and the beginning of its text.
    pub(super) fn shown(&self) -> String {
        let (beginning, rest) = self.beginning();
        format!("{} ({beginning}{rest})", self.value.kind())
    }
}

fn too_deep() -> Datum {
    meter::stop(Stop::Depth);
    Datum::default()
}

/// Pays for a copy of so many bytes.
pub(super) fn pay_copy(bytes: u64) -> bool {
    meter::allocate(1 + bytes / COPY_SHARE)
}

/// A list or map about to be changed: a copy is paid for unless nobody else holds it.
pub(super) fn own_items(list: Arc<List>) -> Option<Vec<Value>> {
    let count = list.items().len() as u64;
    let paid = match Arc::strong_count(&list) {
        1 => meter::step(1 + count / 64),
        _ => pay_copy(ITEM_BYTES * (count + 1)),
    };
    paid.then(|| Arc::unwrap_or_clone(list).into_items())
}

pub(super) fn own_entries(map: Arc<Map>) -> Option<Entries> {
    let count = map.len() as u64;
    let paid = match Arc::strong_count(&map) {
        1 => meter::step(1 + count / 64),
        _ => pay_copy(ENTRY_BYTES * (count + 1)),
    };
    paid.then(|| Arc::unwrap_or_clone(map).into_entries())
}

/// Collects text and pays for it; writing fails when the meter is spent.
struct Paid(String);

impl Write for Paid {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if !meter::allocate(part.len() as u64) {
            return Err(fmt::Error);
        }
        self.0.push_str(part);
        Ok(())
    }
}

/// Shows the beginning of a value: what stands in error messages must not be large.
impl fmt::Display for Datum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Value::Text(text) = &self.value {
            return formatter.write_str(text);
        }
        let (beginning, rest) = self.beginning();
        write!(formatter, "{beginning}{rest}")
    }
}

struct Beginning(String);

impl Write for Beginning {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = SHOWN_BYTES_MAX.saturating_sub(self.0.len());
        if part.len() <= room {
            self.0.push_str(part);
            return Ok(());
        }
        let end = (0..=room)
            .rev()
            .find(|at| part.is_char_boundary(*at))
            .unwrap_or(0);
        self.0.push_str(&part[..end]);
        Err(fmt::Error)
    }
}

impl From<Value> for Datum {
    fn from(value: Value) -> Datum {
        Datum { value, lookups: 0 }
    }
}

impl From<bool> for Datum {
    fn from(flag: bool) -> Datum {
        Value::Bool(flag).into()
    }
}

impl From<isize> for Datum {
    fn from(number: isize) -> Datum {
        Value::from(number as i64).into()
    }
}

impl From<usize> for Datum {
    fn from(number: usize) -> Datum {
        Value::from(number as i64).into()
    }
}

/// What is not finite ends the evaluation: JSON has no word for it.
impl From<f64> for Datum {
    fn from(number: f64) -> Datum {
        if !number.is_finite() {
            meter::stop(Stop::NotFinite);
        }
        Value::from(number).into()
    }
}

impl From<String> for Datum {
    fn from(text: String) -> Datum {
        Datum::text(text)
    }
}

/// A slice as part of a path.
impl From<Range<Datum>> for Datum {
    fn from(range: Range<Datum>) -> Datum {
        let bound = |datum: Option<Datum>| datum.map_or(Value::Null, |datum| datum.value);
        let entries = [
            ("start".into(), bound(range.start)),
            ("end".into(), bound(range.end)),
        ];
        Datum::map(Entries::from_iter(entries))
    }
}

impl FromIterator<Datum> for Datum {
    fn from_iter<I: IntoIterator<Item = Datum>>(items: I) -> Datum {
        let mut list = Vec::new();
        for item in items {
            if !meter::allocate(ITEM_BYTES) {
                return Datum::default();
            }
            list.push(item.value);
        }
        Datum::list_paid(list)
    }
}

impl Datum {
    /// Compares and pays; the result says whether that could be paid.
    fn weighed(&self, other: &Datum) -> (Ordering, bool) {
        let mut steps = 0;
        let order = self
            .value
            .order_counting(&other.value, &mut |count| steps += count);
        (order, meter::step(steps))
    }
}

/// Sorting asks this and must see one order throughout. It knows no errors either, so a spent meter
/// unwinds to `Library::evaluate`, past the panic hook.
impl Ord for Datum {
    fn cmp(&self, other: &Datum) -> Ordering {
        match self.weighed(other) {
            (order, true) => order,
            (_, false) => std::panic::resume_unwind(Box::new("the meter is spent")),
        }
    }
}

impl Eq for Datum {}

/// A spent meter makes every comparison fail, which ends the loops of `range` and `limit`.
#[expect(
    clippy::non_canonical_partial_ord_impl,
    reason = "operators can end in failure, sorting cannot"
)]
impl PartialOrd for Datum {
    fn partial_cmp(&self, other: &Datum) -> Option<Ordering> {
        meter::step(1).then(|| self.weighed(other).0)
    }
}

impl PartialEq for Datum {
    fn eq(&self, other: &Datum) -> bool {
        !meter::step(1) || self.weighed(other).0.is_eq()
    }
}

impl jaq_std::ValT for Datum {
    fn into_seq<S: FromIterator<Datum>>(self) -> Result<S, Datum> {
        match &self.value {
            Value::List(list) if meter::allocate(ITEM_BYTES * list.items().len() as u64) => {
                Ok(list.items().iter().cloned().map(Datum::from).collect())
            }
            _ => Err(self),
        }
    }

    fn is_int(&self) -> bool {
        self.value.as_i64().is_some()
    }

    fn as_isize(&self) -> Option<isize> {
        self.value
            .as_i64()
            .and_then(|number| number.try_into().ok())
    }

    fn as_f64(&self) -> Option<f64> {
        self.value.as_number().and_then(Number::as_f64)
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self.value, Value::Text(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        let text = self.value.as_str()?;
        meter::step(text.len() as u64 / 64).then_some(text.as_bytes())
    }

    fn as_sub_str(&self, part: &[u8]) -> Datum {
        Datum::text(String::from_utf8_lossy(part).into_owned())
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Datum {
        Datum::text(String::from_utf8_lossy(bytes.as_ref()).into_owned())
    }
}
