//! `Limit`: how much of one thing may run at once, or start in a time.

use super::header::{self, Header};
use super::reference::TemplateReference;
use super::shape;
use super::spec::{Spec, field, named, section};
use super::spot::{Fault, Spot, is_name};
use crate::expression::{self, Source};

/// A limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Limit {
    /// Name, title, description, labels.
    pub header: Header,
    /// What it applies to.
    pub scope: LimitScope,
    /// jq over a job's input: each value is a key of its own. Null means that it does not apply.
    pub key: Option<String>,
    /// What every key is given.
    pub figures: Figures,
    /// What single keys are given instead.
    pub keys: Vec<(String, Figures)>,
    /// What happens to work that finds a key full.
    pub overflow: Overflow,
}

/// What a limit applies to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LimitScope {
    /// What names it under `limits`.
    #[default]
    Reference,
    /// Everything.
    Tenant,
    /// The work of a purpose.
    Purpose(String),
    /// All jobs of a template, `namespace.name`.
    Template(String),
    /// Everything that comes through a queue.
    Queue(String),
}

impl LimitScope {
    /// Its word, and the name that goes with it.
    pub fn parts(&self) -> (&'static str, &str) {
        match self {
            LimitScope::Reference => ("reference", ""),
            LimitScope::Tenant => ("tenant", ""),
            LimitScope::Purpose(name) => ("purpose", name),
            LimitScope::Template(name) => ("template", name),
            LimitScope::Queue(name) => ("queue", name),
        }
    }
}

/// The figures of one key.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Jobs at once.
    pub concurrency: Option<i32>,
    /// Starts a second.
    pub rate: Option<f64>,
    /// Starts that may come together.
    pub burst: Option<i32>,
}

impl Figures {
    /// The burst that holds: without one, what a second brings.
    pub fn burst(&self) -> Option<i32> {
        let rate = self.rate?;
        Some(self.burst.unwrap_or((rate.ceil() as i32).max(1)))
    }
}

/// What happens to work that finds a key full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// It waits.
    #[default]
    Queue,
    /// It is not taken.
    RejectNew,
    /// The oldest that waits is cancelled.
    CancelOldest,
    /// It is taken and cancelled.
    CancelNewest,
}

impl Overflow {
    /// All, with their words.
    pub const ALL: [(&str, Overflow); 4] = [
        ("queue", Overflow::Queue),
        ("reject_new", Overflow::RejectNew),
        ("cancel_oldest", Overflow::CancelOldest),
        ("cancel_newest", Overflow::CancelNewest),
    ];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        Overflow::ALL[self as usize].0
    }
}

/// A limit that a purpose or job configuration names: `limit`, or `limit:key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitReference {
    /// The limit.
    pub name: String,
    /// The key of it; otherwise what its own expression says.
    pub key: Option<String>,
}

impl LimitReference {
    /// `limit` or `limit:key`, if it is one.
    pub fn named(text: &str) -> Option<Self> {
        let (name, key) = text.split_once(':').unwrap_or((text, ""));
        let is_keyed = text.contains(':');
        let is_key = !key.is_empty() && key.len() <= LIMIT_KEY_BYTES_MAX && !key.contains('\0');
        (is_name(name) && is_key == is_keyed).then(|| Self {
            name: name.to_owned(),
            key: is_keyed.then(|| key.to_owned()),
        })
    }
}

pub(super) const SPEC: Spec = Spec {
    fields: &[
        field("windlass"),
        field("kind"),
        field("name"),
        field("title"),
        field("description"),
        field("labels"),
        field("concurrency"),
        field("rate"),
        field("burst"),
        named("keys", &FIGURES),
        field("key"),
        section("scope", &SCOPE),
        field("overflow").or("\"queue\""),
    ],
    later: &[],
};

const FIGURES: Spec = Spec {
    fields: &[field("concurrency"), field("rate"), field("burst")],
    later: &[],
};

const SCOPE: Spec = Spec {
    fields: &[
        field("tenant"),
        field("purpose"),
        field("template"),
        field("queue"),
    ],
    later: &["step"],
};

/// So many limits may be named at one place.
const REFERENCES_MAX: usize = 8;

/// Longest key of a limit, in bytes.
pub const LIMIT_KEY_BYTES_MAX: usize = 100;

pub(super) fn read(document: &Spot<'_>) -> Option<Limit> {
    let header = header::read(document);
    let figures = read_figures(document);
    if figures.is_some_and(|one| one.concurrency.is_none() && one.rate.is_none()) {
        let fault = Fault::new("one of `concurrency` and `rate` is needed");
        document.report("configuration.missing_key", fault);
    }
    let keys = document.get("keys").map(|keys| read_keys(&keys));
    let key = document.get("key").map(|key| read_key(&key));
    let scope = document.get("scope").map(|scope| read_scope(&scope));
    let overflow = document
        .get("overflow")
        .map(|overflow| overflow.choice(&Overflow::ALL));
    Some(Limit {
        header: header?,
        scope: scope.unwrap_or(Some(LimitScope::Reference))?,
        key: key.map_or(Some(None), |key| key.map(Some))?,
        figures: figures?,
        keys: keys.unwrap_or_else(|| Some(Vec::new()))?,
        overflow: overflow.unwrap_or(Some(Overflow::Queue))?,
    })
}

fn read_figures(spot: &Spot<'_>) -> Option<Figures> {
    let whole = |key: &str, least: i64| {
        let read = |spot: Spot<'_>| i32::try_from(spot.integer(least, i64::from(i32::MAX))?).ok();
        spot.get(key).map(read)
    };
    let (concurrency, burst) = (whole("concurrency", 0), whole("burst", 1));
    let rate = spot.get("rate").map(|rate| rate.parsed(per_second));
    let figures = Figures {
        concurrency: concurrency.map_or(Some(None), |read| read.map(Some))?,
        rate: rate.map_or(Some(None), |read| read.map(Some))?,
        burst: burst.map_or(Some(None), |read| read.map(Some))?,
    };
    Some(figures)
}

/// `20/s`, `50/min`, `1000/h`, `1/d`
pub(super) fn per_second(text: &str) -> Result<f64, Fault> {
    let wrong =
        || Fault::new(format!("`{text}` is no rate")).hint("write 20/s, 50/min, 1000/h or 5/d");
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1.0,
        "min" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        _ => return Err(wrong()),
    };
    let plain = count
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let count: f64 = count.parse().map_err(|_| wrong())?;
    match plain && count > 0.0 && count <= 1e9 {
        true => Ok(count / seconds),
        false => Err(wrong()),
    }
}

fn read_keys(spot: &Spot<'_>) -> Option<Vec<(String, Figures)>> {
    let keys = spot.members()?.into_iter().map(|(key, figures)| {
        let key = checked_key(&figures, key)?;
        Some((key.to_owned(), read_figures(figures.object()?)?))
    });
    keys.collect::<Vec<_>>().into_iter().collect()
}

fn checked_key<'a>(spot: &Spot<'_>, key: &'a str) -> Option<&'a str> {
    match key.is_empty() || key.len() > LIMIT_KEY_BYTES_MAX {
        true => spot.refuse(Fault::new(format!(
            "a key has 1 to {LIMIT_KEY_BYTES_MAX} bytes"
        ))),
        false => Some(key),
    }
}

fn read_key(spot: &Spot<'_>) -> Option<String> {
    let Some(jq) = shape::inside(spot.text()?) else {
        let fault = Fault::new("an expression is expected");
        return spot.refuse(fault.hint("write key: '${ .field }'"));
    };
    let source = Source {
        text: jq,
        variables: &[],
    };
    match expression::check(&source) {
        Ok(reads) if reads.clock => spot.refuse(Fault::new(
            "a key is read from the input alone: it must not ask for the time",
        )),
        Ok(_) => Some(jq.to_owned()),
        Err(problem) => {
            spot.report(problem.code, Fault(problem.message, problem.hint));
            None
        }
    }
}

fn read_scope(spot: &Spot<'_>) -> Option<LimitScope> {
    let members = spot.members()?;
    let [(word, member)] = members.as_slice() else {
        let fault =
            Fault::new("exactly one of `tenant`, `purpose`, `template` and `queue` is needed");
        return spot.refuse(fault.hint("a limit for two things at once is named by both instead"));
    };
    match *word {
        "tenant" => match member.flag()? {
            true => Some(LimitScope::Tenant),
            false => member.refuse(Fault::new("only `true` is possible")),
        },
        "purpose" => Some(LimitScope::Purpose(member.name()?.to_owned())),
        "queue" => Some(LimitScope::Queue(member.name()?.to_owned())),
        "template" => {
            let template = TemplateReference::at(member)?;
            let path = format!("{}.{}", template.namespace, template.name);
            match template.to_string() == path {
                true => Some(LimitScope::Template(path)),
                false => member.refuse(Fault::new("a limit is for all versions of a template")),
            }
        }
        // Reported with the unknown keys.
        _ => None,
    }
}

/// `limits: [ name, 'name:key' ]`
pub(super) fn references(document: &Spot<'_>) -> Option<Vec<LimitReference>> {
    let Some(limits) = document.get("limits") else {
        return Some(Vec::new());
    };
    limits.each(REFERENCES_MAX, |spot| {
        let text = spot.text()?;
        let (name, key) = match text.split_once(':') {
            Some((name, key)) => (name, Some(checked_key(spot, key)?.to_owned())),
            None => (text, None),
        };
        match is_name(name) {
            true => Some(LimitReference {
                name: name.to_owned(),
                key,
            }),
            false => spot.refuse(
                Fault::new(format!("`{text}` names no limit")).hint("write `limit` or `limit:key`"),
            ),
        }
    })
}
