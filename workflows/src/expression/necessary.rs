//! What must hold of a document and of a row for a filter to keep it, as far as a database can be asked.
//!
//! Only the top-level `and` parts that compare a way through members, `$key` or `$object` with what is written out, in
//! their order: a part that may fail ends the list, for whoever drops a row by a later part would hide the failure.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::Cmp;
use jaq_core::path::{Opt, Part, Path};

use super::check::{parse, with_room};
use crate::value::Value;

/// One part of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Necessary {
    /// What stands at the end of a way through members is one of these values.
    OneOf {
        /// Keys, from the document on.
        way: Vec<String>,
        /// Plain values.
        values: Vec<Value>,
    },
    /// The row's key or object stands so to a text.
    Row {
        /// `$key`, else `$object`.
        is_key: bool,
        /// How.
        order: Order,
        /// One text; several where it equals one of them.
        texts: Vec<String>,
    },
}

/// How a row's key or object stands to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// It is one of them.
    Equal,
    /// It is the same or after it.
    From,
    /// It is the same or before it.
    To,
}

/// The parts of a filter that a database can be asked, in their order.
pub(crate) fn necessary(text: &str) -> Vec<Necessary> {
    with_room(|| {
        let Ok(term) = parse(text) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        for part in parts(&term, is_and) {
            match asked(part) {
                Asked::Necessary(one) => found.push(one),
                Asked::Harmless => {}
                Asked::Unknown => break,
            }
        }
        found
    })
}

/// What one part of a filter is.
enum Asked {
    Necessary(Necessary),
    /// It never fails, and cannot be asked.
    Harmless,
    Unknown,
}

/// The operands of an operator that may be repeated, in the order in which they are evaluated.
fn parts<'t, 's>(
    term: &'t Term<&'s str>,
    is_it: fn(&BinaryOp<&'s str>) -> bool,
) -> Vec<&'t Term<&'s str>> {
    match term {
        Term::BinOp(left, operator, right) if is_it(operator) => {
            let mut all = parts(left, is_it);
            all.extend(parts(right, is_it));
            all
        }
        other => vec![other],
    }
}

fn is_and(operator: &BinaryOp<&str>) -> bool {
    matches!(operator, BinaryOp::And)
}

fn is_or(operator: &BinaryOp<&str>) -> bool {
    matches!(operator, BinaryOp::Or)
}

fn asked(part: &Term<&str>) -> Asked {
    let choices = parts(part, is_or);
    let compared: Option<Vec<_>> = choices.into_iter().map(compared).collect();
    let Some(compared) = compared else {
        return Asked::Unknown;
    };
    if let [(subject, comparison, value)] = compared.as_slice() {
        return alone(subject, *comparison, value);
    }
    let subject = compared[0].0.clone();
    let is_choice = compared
        .iter()
        .all(|(one, comparison, _)| *one == subject && matches!(comparison, Cmp::Eq));
    let values = compared.into_iter().map(|(_, _, value)| value).collect();
    match is_choice {
        true => equal(subject, values),
        false => Asked::Unknown,
    }
}

/// What a comparison is about.
#[derive(Clone, Debug, PartialEq)]
enum Subject {
    Way(Vec<String>),
    Key,
    Object,
}

/// A comparison of a subject with what is written out, the subject on its left.
fn compared(term: &Term<&str>) -> Option<(Subject, Cmp, Value)> {
    let Term::BinOp(left, BinaryOp::Cmp(comparison), right) = term else {
        return None;
    };
    match (subject(left), literal(right)) {
        (Some(subject), Some(value)) => Some((subject, *comparison, value)),
        _ => Some((subject(right)?, turned(*comparison), literal(left)?)),
    }
}

fn turned(comparison: Cmp) -> Cmp {
    match comparison {
        Cmp::Lt => Cmp::Gt,
        Cmp::Le => Cmp::Ge,
        Cmp::Gt => Cmp::Lt,
        Cmp::Ge => Cmp::Le,
        same => same,
    }
}

fn alone(subject: &Subject, comparison: Cmp, value: &Value) -> Asked {
    let order = match comparison {
        Cmp::Eq => return equal(subject.clone(), vec![value.clone()]),
        Cmp::Gt | Cmp::Ge => Some(Order::From),
        Cmp::Lt | Cmp::Le => Some(Order::To),
        Cmp::Ne => None,
    };
    let text = value.as_str().filter(|text| !text.contains('\0'));
    match (subject, order, text) {
        (Subject::Key | Subject::Object, Some(order), Some(text)) => {
            Asked::Necessary(Necessary::Row {
                is_key: *subject == Subject::Key,
                order,
                texts: vec![text.to_owned()],
            })
        }
        (Subject::Way(way), ..) if way.len() > 1 => Asked::Unknown,
        _ => Asked::Harmless,
    }
}

/// A subject that is one of some values.
fn equal(subject: Subject, values: Vec<Value>) -> Asked {
    let texts: Option<Vec<String>> = values
        .iter()
        .map(|value| value.as_str().map(ToOwned::to_owned))
        .collect();
    let is_askable = values.iter().all(is_askable);
    match (subject, texts) {
        (Subject::Way(way), _) if is_askable => Asked::Necessary(Necessary::OneOf { way, values }),
        (Subject::Way(way), _) if way.len() > 1 => Asked::Unknown,
        (subject @ (Subject::Key | Subject::Object), Some(texts)) if is_askable => {
            Asked::Necessary(Necessary::Row {
                is_key: subject == Subject::Key,
                order: Order::Equal,
                texts,
            })
        }
        _ => Asked::Harmless,
    }
}

/// Whether a database takes the value as it is written: no NUL, no exponent, no endless digits.
fn is_askable(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Text(text) => !text.contains('\0'),
        Value::Number(number) => {
            let text = number.written();
            text.len() <= 40 && !text.contains(['e', 'E'])
        }
        Value::List(_) | Value::Map(_) => false,
    }
}

fn subject(term: &Term<&str>) -> Option<Subject> {
    match term {
        Term::Var("$key") => Some(Subject::Key),
        Term::Var("$object") => Some(Subject::Object),
        Term::Path(start, Path(steps)) if matches!(**start, Term::Id) => {
            let keys: Option<Vec<String>> = steps.iter().map(key).collect();
            keys.filter(|keys| !keys.is_empty()).map(Subject::Way)
        }
        _ => None,
    }
}

fn key(step: &(Part<Term<&str>>, Opt)) -> Option<String> {
    let (Part::Index(index), Opt::Essential) = step else {
        return None;
    };
    let key = literal(index)?.as_str()?.to_owned();
    (!key.contains('\0')).then_some(key)
}

fn literal(term: &Term<&str>) -> Option<Value> {
    match term {
        Term::Num(text) => Value::parse(text).ok(),
        Term::Neg(inner) => match (&**inner, literal(inner)?) {
            (Term::Num(text), Value::Number(_)) => Value::parse(&format!("-{text}")).ok(),
            _ => None,
        },
        Term::Str(None, parts) => text(parts),
        Term::Call("null", arguments) if arguments.is_empty() => Some(Value::Null),
        Term::Call("true", arguments) if arguments.is_empty() => Some(true.into()),
        Term::Call("false", arguments) if arguments.is_empty() => Some(false.into()),
        _ => None,
    }
}

fn text(parts: &[StrPart<&str, Term<&str>>]) -> Option<Value> {
    let mut text = String::new();
    for part in parts {
        match part {
            StrPart::Str(plain) => text.push_str(plain),
            StrPart::Char(one) => text.push(*one),
            StrPart::Term(_) => return None,
        }
    }
    Some(Value::text(text))
}
