//! The value that a job stands for, by strategy and chunk: what `.` is in `input:`, and the whole input
//! where there is none.
//!
//! With `chunk` it never holds items, however few there are: the shape must not depend on the data.

use super::member::Member;
use crate::value::{ParseError, Value};

/// What a job, or one of its chunks, stands for.
#[derive(Clone, Copy, Debug)]
pub enum MemberValue<'a> {
    /// Strategy `individual`.
    Individual(&'a Member),
    /// Strategy `object` without `chunk`; members in source order.
    Object {
        /// Object key.
        object: &'a str,
        /// Its members.
        members: &'a [Member],
    },
    /// Strategy `object` with `chunk`.
    ObjectInChunks {
        /// Object key.
        object: &'a str,
        /// How many members it has.
        count: u64,
        /// How many chunks they make.
        chunks: u64,
    },
    /// Strategy `combined` without `chunk`.
    Combined(&'a [Member]),
    /// Strategy `combined` with `chunk`.
    CombinedInChunks {
        /// How many members there are.
        count: u64,
        /// How many chunks they make.
        chunks: u64,
    },
    /// One chunk of a job.
    Chunk {
        /// Object key, under the strategy `object`.
        object: Option<&'a str>,
        /// Which, from 1.
        chunk: u64,
        /// Of how many.
        chunks: u64,
        /// Its members.
        members: &'a [Member],
    },
}

impl MemberValue<'_> {
    /// The value itself.
    ///
    /// # Errors
    /// When the document of a member is no JSON.
    pub fn to_value(&self) -> Result<Value, ParseError> {
        Ok(match *self {
            MemberValue::Individual(member) => member.document.value()?.clone(),
            MemberValue::Object { object, members } => {
                Value::map(head(object).into_iter().chain(items(members)?))
            }
            MemberValue::Combined(members) => Value::map(items(members)?),
            MemberValue::ObjectInChunks {
                object,
                count,
                chunks,
            } => Value::map(head(object).into_iter().chain(counts(count, chunks))),
            MemberValue::CombinedInChunks { count, chunks } => Value::map(counts(count, chunks)),
            MemberValue::Chunk {
                object,
                chunk,
                chunks,
                members,
            } => {
                let place = [("chunk", number(chunk)), ("chunks", number(chunks))];
                let object = object.into_iter().flat_map(head);
                Value::map(object.chain(place).chain(items(members)?))
            }
        })
    }

    /// `$key`: only a member of its own has one.
    pub fn key(&self) -> Option<&str> {
        match self {
            MemberValue::Individual(member) => Some(&member.key),
            _ => None,
        }
    }

    /// `$object`.
    pub fn object(&self) -> Option<&str> {
        match self {
            MemberValue::Individual(member) => member.object.as_deref(),
            MemberValue::Object { object, .. } | MemberValue::ObjectInChunks { object, .. } => {
                Some(object)
            }
            MemberValue::Chunk { object, .. } => *object,
            MemberValue::Combined(_) | MemberValue::CombinedInChunks { .. } => None,
        }
    }
}

fn head(object: &str) -> [(&'static str, Value); 1] {
    [("object", Value::text(object))]
}

fn counts(count: u64, chunks: u64) -> [(&'static str, Value); 2] {
    [("count", number(count)), ("chunks", number(chunks))]
}

fn items(members: &[Member]) -> Result<[(&'static str, Value); 3], ParseError> {
    let keys = members.iter().map(|member| Value::text(&*member.key));
    let documents = members.iter().map(|member| member.document.value());
    let documents: Vec<&Value> = documents.collect::<Result<_, _>>()?;
    Ok([
        ("count", number(members.len() as u64)),
        ("keys", Value::list(keys)),
        ("items", Value::list(documents.into_iter().cloned())),
    ])
}

fn number(count: u64) -> Value {
    Value::from(i64::try_from(count).unwrap_or(i64::MAX))
}
