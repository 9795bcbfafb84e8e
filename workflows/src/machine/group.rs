//! What a `map` asks for: its `with`, read, and what is told of it when it ends.
//!
//! Whoever opens the group makes the jobs; here stands what they are and how they are judged.

use super::fault::Fault;
use super::row::{ChildTemplate, Fate};
use crate::value::Value;

/// Items of one group, at most.
const ITEMS_MAX: usize = 100_000;
/// Items whose jobs are open at once.
const PARALLEL_MAX: u64 = 1_000;
/// The same, unless the template says otherwise.
const PARALLEL: u32 = 10;

/// What the items of a group may give together, in bytes: as the machine bounds every value.
pub const TOGETHER_BYTES_MAX: usize = 1 << 20;

/// What `with` of a `map` says.
#[derive(Debug, PartialEq)]
pub struct Map<'a> {
    /// What it works on, in order.
    pub items: Vec<Value>,
    /// What is done with each of them.
    pub work: MapWork<'a>,
    /// Items whose jobs are open at once, at most.
    pub parallel: u32,
    /// So many items may fail.
    pub failed_max: u32,
    /// What the idempotency keys of an item's steps begin with; its index follows.
    pub key: Option<String>,
    /// What becomes of its jobs when the step ends first: `Cancel` or `Abandon`.
    pub fate: Fate,
}

/// What a `map` does with an item.
#[derive(Debug, PartialEq)]
pub enum MapWork<'a> {
    /// A job makes this call of the same template.
    Call(&'a str),
    /// A job runs this template.
    Template(ChildTemplate),
}

impl<'a> Map<'a> {
    /// Reads the evaluated `with`.
    ///
    /// # Errors
    /// `configuration` 400 when it does not fit.
    pub fn read(with: &'a Value) -> Result<Self, Fault> {
        let items = with.get("items").and_then(Value::as_list);
        let items = items.ok_or_else(|| refused("`items` is no list"))?;
        let items = items.to_vec();
        if items.len() > ITEMS_MAX {
            let (actual, hint) = (items.len(), "make a batch of them");
            return Err(refused(format!(
                "`items` has {actual} items; {ITEMS_MAX} are allowed: {hint}"
            )));
        }
        let failed_max = tolerated(with.get("tolerate"), items.len())?;
        Ok(Self {
            work: work(with)?,
            parallel: parallel(with.get("parallel"))?,
            failed_max,
            key: key(with.get("key"))?,
            fate: match said(with, "onParentClose").map(Value::as_str) {
                None | Some(Some("cancel")) => Fate::Cancel,
                Some(Some("abandon")) => Fate::Abandon,
                _ => return Err(refused("`onParentClose` is cancel or abandon")),
            },
            items,
        })
    }
}

/// Null says nothing.
fn said<'a>(with: &'a Value, key: &str) -> Option<&'a Value> {
    with.get(key).filter(|value| !value.is_null())
}

fn work(with: &Value) -> Result<MapWork<'_>, Fault> {
    match (said(with, "call"), said(with, "workflow")) {
        (Some(call), None) => {
            let call = call.as_str();
            call.map(MapWork::Call)
                .ok_or_else(|| refused("`call` names no function"))
        }
        (None, Some(workflow)) => {
            let text = |key: &str| workflow.get(key).and_then(Value::as_str);
            let named = text("namespace").zip(text("name"));
            let (namespace, name) = named.ok_or_else(|| refused("`workflow` names no template"))?;
            Ok(MapWork::Template(ChildTemplate {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                version: text("version").unwrap_or("latest").to_owned(),
            }))
        }
        _ => Err(refused("`map` needs `call` or `workflow`, one of them")),
    }
}

fn parallel(value: Option<&Value>) -> Result<u32, Fault> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(PARALLEL);
    };
    let count = value.as_u64().filter(|n| (1..=PARALLEL_MAX).contains(n));
    let count = count.and_then(|count| u32::try_from(count).ok());
    count.ok_or_else(|| refused(format!("`parallel` is a number from 1 to {PARALLEL_MAX}")))
}

/// How many items may fail.
fn tolerated(tolerate: Option<&Value>, items: usize) -> Result<u32, Fault> {
    let Some(tolerate) = tolerate.filter(|tolerate| !tolerate.is_null()) else {
        return Ok(0);
    };
    let of = |key: &str| tolerate.get(key).and_then(Value::as_f64);
    let count = match (of("count"), of("percent")) {
        (Some(count), None) if count >= 0.0 => count,
        (None, Some(percent)) if (0.0..=100.0).contains(&percent) => items as f64 * percent / 100.0,
        _ => {
            return Err(refused(
                "`tolerate` is a `count` or a `percent` from 0 to 100",
            ));
        }
    };
    // A float becomes the nearest number that fits.
    Ok(count.floor() as u32)
}

fn key(value: Option<&Value>) -> Result<Option<String>, Fault> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let fits = |key: &&str| (1..=255).contains(&key.len()) && !key.contains('\0');
    let key = value.as_str().filter(fits);
    key.map(|key| Some(key.to_owned()))
        .ok_or_else(|| refused("`key` is a text of 1 to 255 bytes"))
}

fn refused(title: impl Into<String>) -> Fault {
    Fault::standard("configuration", 400, title.into())
}

/// Why a group ends before all of its items have.
pub fn too_many_failed(
    failed: impl Into<i64>,
    items: impl Into<i64>,
    failed_max: impl Into<i64>,
) -> String {
    let (failed, items, failed_max) = (failed.into(), items.into(), failed_max.into());
    format!("{failed} of {items} items failed; {failed_max} are tolerated")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(usize, u32, u32), u16> {
        let with = Value::parse(text).expect("JSON");
        let map = Map::read(&with).map_err(|fault| fault.status)?;
        Ok((map.items.len(), map.parallel, map.failed_max))
    }

    #[test]
    fn a_map_is_read_and_what_does_not_fit_is_refused() {
        assert_eq!(read(r#"{"items":[1,2],"call":"a"}"#), Ok((2, 10, 0)));
        assert_eq!(
            read(r#"{"items":[1,2,3],"call":"a","parallel":2,"tolerate":{"percent":67}}"#),
            Ok((3, 2, 2))
        );
        let template = r#""workflow":{"namespace":"a","name":"b"}"#;
        assert_eq!(
            read(&format!(
                r#"{{"items":[],{template},"tolerate":{{"count":4}}}}"#
            )),
            Ok((0, 10, 4))
        );
        for wrong in [
            r#"{"items":{},"call":"a"}"#,
            r#"{"items":[]}"#,
            r#"{"items":[],"call":"a","parallel":0}"#,
            r#"{"items":[],"call":"a","parallel":1001}"#,
            r#"{"items":[],"call":"a","tolerate":{"percent":101}}"#,
            r#"{"items":[],"call":"a","tolerate":3}"#,
            r#"{"items":[],"call":"a","key":""}"#,
            r#"{"items":[],"call":"a","onParentClose":"wait"}"#,
            r#"{"items":[],"call":"a","workflow":{"namespace":"a","name":"b"}}"#,
        ] {
            assert_eq!(read(wrong), Err(400), "{wrong}");
        }
    }
}
