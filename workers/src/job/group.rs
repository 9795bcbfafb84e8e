//! The groups that a job opens: a `map` and its items.
//!
//! A function that works on an item is called by a job too, so that an item has what jobs have: a lease, retries after
//! lost workers, a place in lists. It runs the part of this job's template that makes this one call.

use windlass_engine::store::{NewGroup, NewItem};
use windlass_workflows::catalogue::MAP;
use windlass_workflows::document::step::FunctionName;
use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::group::{Map, MapWork};
use windlass_workflows::value::Value;

use super::Stuck;
use super::child::{Placement, on_close};
use super::conduct::Conduct;
use super::mail::{not_yet, unread};

/// What a turn asks for.
pub(super) struct Opened<'a> {
    pub(super) activity: Activity,
    pub(super) function: &'a FunctionName,
    pub(super) input: &'a Value,
    /// Names the step of the job.
    pub(super) key: &'a str,
    pub(super) placement: Option<&'a Value>,
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
            on_close: on_close(map.fate),
            key: map.key,
            items: items.collect(),
        }))
    }
}
