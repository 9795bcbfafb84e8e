//! The native filters: jaq's that are safe, and ours.
//!
//! Whatever could end the process, read the environment, the clock or the machine's time zone is
//! left out by name; what may loop charges the meter in a way that `try` cannot catch.

use std::cell::RefCell;

use jaq_core::box_iter::box_once;
use jaq_core::compile::TermId;
use jaq_core::data::HasLut;
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Bind, Cv, DataT, Exn, Lut, Native, ValR, ValXs};

use super::datum::Datum;
use super::{guards, meter, regular, removal, structure, texts};

/// Natives of jaq that must not be reachable, or that ours replace. `jn` and `yn` loop as often as
/// their first argument says.
const LEFT_OUT: [&str; 13] = [
    "debug_empty",
    "env",
    "halt",
    "input",
    "inputs",
    "jn",
    "localtime",
    "ltrimstr",
    "now",
    "rtrimstr",
    "stderr_empty",
    "strflocaltime",
    "yn",
];

/// Natives of jaq that our own definitions in `before.jq` call after a check or a fee.
const RENAMED: [(&str, &str); 8] = [
    ("gmtime", "w_gmtime"),
    ("implode", "w_implode"),
    ("matches", "w_matches"),
    ("mktime", "w_mktime"),
    ("split_", "w_split"),
    ("split_matches", "w_split_matches"),
    ("strftime", "w_strftime"),
    ("todateiso8601", "w_todate"),
];

/// The code of our own halt; nobody sees it, the meter knows the reason.
const HALTED: i32 = 137;

/// Kinds of data of our programs.
pub(super) struct Jq;

/// What a running program can see.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'a> {
    pub(super) lut: &'a Lut<Jq>,
    /// Seconds since 1970, for `now`.
    pub(super) now: f64,
    /// Where the entries of expressions are collected, once after compiling.
    pub(super) entries: Option<&'a Entries>,
}

/// The definitions of a program, found from inside it: jaq gives out their numbers nowhere else.
pub(super) struct Entries {
    pub(super) count: usize,
    pub(super) ids: RefCell<Vec<TermId>>,
}

/// Takes the entries from the arguments of its call, last one first; gives nothing.
pub(super) fn collect_entries() -> Native<Jq> {
    Native::new(|mut cv: Cv<'_, Jq>| {
        if let Some(entries) = cv.0.data().entries {
            let ids = (0..entries.count).map(|_| cv.0.pop_fun().0).collect();
            entries.ids.replace(ids);
        }
        Box::new(std::iter::empty())
    })
}

impl DataT for Jq {
    type V<'a> = Datum;
    type Data<'a> = Surroundings<'a>;
}

impl<'a> HasLut<'a, Jq> for Surroundings<'a> {
    fn lut(&self) -> &'a Lut<Jq> {
        self.lut
    }
}

pub(super) fn all() -> Vec<Fun<Jq>> {
    let core = jaq_core::funs::<Jq>();
    let standard = jaq_std::funs::<Jq>().filter_map(|(name, arguments, native)| {
        let renamed = RENAMED.iter().find(|(old, _)| *old == name);
        match renamed {
            Some((_, new)) => Some((*new, arguments, native)),
            None => (!LEFT_OUT.contains(&name)).then_some((name, arguments, native)),
        }
    });
    core.chain(standard)
        .chain(unary())
        .chain(binary())
        .chain(special())
        .collect()
}

fn unary() -> impl Iterator<Item = Fun<Jq>> {
    let filters: [(&'static str, jaq_core::RunPtr<Jq>); 13] = [
        ("length", |cv| plain(cv, structure::length)),
        ("keys", |cv| plain(cv, structure::keys)),
        ("add", |cv| plain(cv, structure::add)),
        ("from_entries", |cv| plain(cv, structure::from_entries)),
        ("tojson", |cv| plain(cv, structure::to_json)),
        ("fromjson", |cv| plain(cv, structure::from_json)),
        ("tonumber", |cv| plain(cv, structure::to_number)),
        ("@csv", |cv| plain(cv, texts::csv)),
        ("@tsv", |cv| plain(cv, texts::tsv)),
        ("w_instant", |cv| plain(cv, guards::instant)),
        ("w_codes", |cv| plain(cv, guards::codes)),
        ("w_base32", |cv| plain(cv, texts::to_base32)),
        ("w_base32d", |cv| plain(cv, texts::from_base32)),
    ];
    filters
        .into_iter()
        .map(|(name, filter)| run::<Jq>((name, v(0), filter)))
}

fn binary() -> impl Iterator<Item = Fun<Jq>> {
    let filters: [(&'static str, jaq_core::RunPtr<Jq>); 8] = [
        ("has", |cv| with_one(cv, structure::has)),
        ("contains", |cv| with_one(cv, structure::contains)),
        ("delpaths", |cv| with_one(cv, removal::delete_paths)),
        ("indices", |cv| with_one(cv, structure::indices)),
        ("bsearch", |cv| with_one(cv, structure::bsearch)),
        ("join", |cv| with_one(cv, structure::join)),
        ("ltrimstr", |cv| with_one(cv, texts::trim_start)),
        ("rtrimstr", |cv| with_one(cv, texts::trim_end)),
    ];
    filters
        .into_iter()
        .map(|(name, filter)| run::<Jq>((name, v(1), filter)))
}

fn plain(cv: Cv<'_, Jq>, filter: fn(Datum) -> ValR<Datum>) -> ValXs<'_, Datum> {
    if !meter::step(1) {
        return box_once(Err(Exn::halt(HALTED)));
    }
    bome(filter(cv.1))
}

fn with_one(mut cv: Cv<'_, Jq>, filter: fn(Datum, Datum) -> ValR<Datum>) -> ValXs<'_, Datum> {
    if !meter::step(1) {
        return box_once(Err(Exn::halt(HALTED)));
    }
    let argument = cv.0.pop_var();
    bome(filter(cv.1, argument))
}

fn special() -> [Fun<Jq>; 3] {
    let tick = Native::<Jq>::new(|cv| tick(cv.1))
        .with_paths(|cv| match meter::step(1) {
            true => box_once(Ok(cv.1)),
            false => box_once(Err(Exn::halt(HALTED))),
        })
        .with_update(|cv, update| match meter::step(1) {
            true => update(cv.1),
            false => box_once(Err(Exn::halt(HALTED))),
        });
    let now = Native::new(|cv: Cv<'_, Jq>| bome(Ok(Datum::from(cv.0.data().now))));
    let fee = Native::new(|cv| match fee(cv) {
        Ok(datum) if meter::step(1) => box_once(Ok(datum)),
        Ok(_) => box_once(Err(Exn::halt(HALTED))),
        Err(error) => box_once(Err(error.into())),
    });
    [
        ("w_tick", v(0), tick),
        ("now", v(0), now),
        ("w_fee", v(2), fee),
    ]
}

/// Passes its input on and charges a step; what it raises, `try` cannot catch.
fn tick<'a>(input: Datum) -> ValXs<'a, Datum> {
    match meter::step(1) {
        true => box_once(Ok(input)),
        false => box_once(Err(Exn::halt(HALTED))),
    }
}

fn fee(mut cv: Cv<'_, Jq>) -> ValR<Datum> {
    let flags = cv.0.pop_var();
    let expression = cv.0.pop_var();
    regular::pay(&cv.1, &expression, &flags)?;
    Ok(cv.1)
}

/// Arguments of a native that takes this many filters.
pub(super) fn filters(count: usize) -> Box<[Bind]> {
    std::iter::repeat_n(Bind::Fun(()), count).collect()
}
