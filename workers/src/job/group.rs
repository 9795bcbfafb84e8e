//! The groups that a job opens: a `map` and its items.
//!
//! A function that works on an item is called by a job too, so that an item has what jobs have: a lease, retries after
//! lost workers, a place in lists. It runs the part of this job's template that makes this one call.

use windlass_engine::store::{NewGroup, NewItem, OnClose};
use windlass_workflows::catalogue::MAP;
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::ChildTemplate;
use windlass_workflows::value::Value;

use super::Stuck;
use super::child::Placement;
use super::conduct::Conduct;
use super::mail::{not_yet, unread};

/// Items of one group, at most.
const ITEMS_MAX: usize = 100_000;
/// Items whose jobs are open at once.
const PARALLEL_MAX: u64 = 1_000;
/// The same, unless the template says otherwise.
const PARALLEL: u32 = 10;

/// What a turn asks for.
pub(super) struct Opened<'a> {
    pub(super) activity: Activity,
    pub(super) function: &'a FunctionName,
    pub(super) input: &'a Value,
    /// Names the step of the job.
    pub(super) key: &'a str,
    pub(super) placement: Option<&'a Value>,
}

/// What `with` of a `map` says.
#[derive(Debug, PartialEq)]
struct Map<'a> {
    items: Vec<Value>,
    work: MapWork<'a>,
    parallel: u32,
    failed_max: u32,
    key: Option<String>,
    on_close: OnClose,
}

#[derive(Debug, PartialEq)]
enum MapWork<'a> {
    Call(&'a str),
    Template(ChildTemplate),
}

impl<'a> Map<'a> {
    fn read(with: &'a Value) -> Result<Self, Fault> {
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
            on_close: match said(with, "onParentClose").map(Value::as_str) {
                None | Some(Some("cancel")) => OnClose::Cancel,
                Some(Some("abandon")) => OnClose::Abandon,
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

impl Conduct {
    /// The group that a row opens, or why it cannot be.
    pub(super) async fn group(&self, opened: Opened<'_>) -> Result<Result<NewGroup, Fault>, Stuck> {
        if opened.function.name != MAP {
            return Ok(Err(not_yet()));
        }
        let read = Map::read(opened.input).and_then(|map| {
            let placed = Placement::read(opened.placement)?;
            Ok((map, placed))
        });
        let (map, placed) = match read {
            Ok(read) => read,
            Err(fault) => return Ok(Err(fault)),
        };
        let template = match &map.work {
            MapWork::Call(call) => self.execution.part(call),
            MapWork::Template(template) => template.clone(),
        };
        let store = &self.shared.store;
        let work = self.work_of(&template, &placed.terms, &map.items).await?;
        let work = match work {
            Ok(work) => work,
            Err(fault) => return Ok(Err(fault)),
        };
        let ids = store.child_ids(map.items.len()).await;
        let ids = ids.map_err(|error| unread(self.job, &error))?;
        let items = map.items.iter().zip(ids).zip(work.lanes);
        let items = items.map(|((item, job), lane)| NewItem {
            job,
            lane,
            input: item.to_json(),
        });
        Ok(Ok(NewGroup {
            activity: opened.activity.0,
            template_version: work.template_version,
            priority: work.priority,
            start_within: placed.start_within,
            parallel: map.parallel,
            failed_max: map.failed_max,
            on_close: map.on_close,
            key: map.key,
            items: items.collect(),
        }))
    }
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
