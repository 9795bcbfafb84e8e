//! The jobs that a job starts: what they run, where and how urgently.

use std::time::Duration;

use windlass_engine::Error;
use windlass_engine::protocol::{ChildTerms, ChildWork};
use windlass_engine::store::{NewChild, NewChildBatch, NewGroup, NewSave, OnClose};
use windlass_workflows::catalogue::BATCH;
use windlass_workflows::configuration::{LimitReference, Priority, is_name};
use windlass_workflows::document::cost::costs;
use windlass_workflows::document::needs::needed;
use windlass_workflows::duration;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::{ChildTemplate, Fate, Row, StartChild};
use windlass_workflows::value::Value;

use super::Stuck;
use super::conduct::Conduct;
use super::group::Opened;
use super::mail::{failed, unread};

/// Where the input of a step's job says which job that is: a copy of it makes no call.
pub(super) const STEP_JOB: &str = "stepJob";

/// What `metadata.windlass` says of a child.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Placement {
    pub(super) terms: ChildTerms,
    pub(super) start_within: Option<Duration>,
}

impl Placement {
    pub(super) fn read(placement: Option<&Value>) -> Result<Self, Fault> {
        let mut placed = Self::default();
        let entries = placement.and_then(Value::as_map).into_iter();
        for (key, value) in entries.flat_map(|map| map.iter()) {
            placed.say(key, value).ok_or_else(|| unfit(key, value))?;
        }
        Ok(placed)
    }

    /// Nothing when the value does not fit; null says nothing.
    fn say(&mut self, key: &str, value: &Value) -> Option<()> {
        if value.is_null() {
            return Some(());
        }
        match key {
            "queue" => {
                let queue = value.as_str().filter(|name| is_name(name))?;
                self.terms.queue = Some(queue.to_owned());
            }
            "priority" => self.terms.priority = Some(Priority::named(value.as_str()?)?),
            "limits" => {
                let limits = value.as_list()?.iter();
                let limits = limits.map(|limit| LimitReference::named(limit.as_str()?));
                self.terms.limits = limits.collect::<Option<_>>()?;
            }
            "cost" => self.terms.cost = costs(value)?,
            "needs" => self.terms.needs = needed(value)?,
            "prefers" => self.terms.prefers = needed(value)?,
            "startBy" => self.start_within = Some(duration::parse(value.as_str()?).ok()?),
            // Publishing refuses what says nothing of a child, but for a heartbeat, which nobody needs.
            _ => {}
        }
        Some(())
    }
}

/// What becomes of a job whose parent ends first.
pub(super) fn on_close(fate: Fate) -> OnClose {
    match fate {
        Fate::Wait => OnClose::Wait,
        Fate::Cancel => OnClose::Cancel,
        Fate::Abandon => OnClose::Abandon,
    }
}

fn unfit(key: &str, value: &Value) -> Fault {
    let title = format!("`{key}` cannot be {}", value.to_json());
    Fault::standard("configuration", 400, title)
}

/// What rows start and save.
#[derive(Default)]
pub(super) struct Born {
    pub(super) children: Vec<NewChild>,
    pub(super) groups: Vec<NewGroup>,
    pub(super) batches: Vec<NewChildBatch>,
    pub(super) saves: Vec<NewSave>,
}

impl Conduct {
    /// What rows start and save, and what the machine must hear instead of what cannot be.
    pub(super) async fn children(&self, rows: &[Row]) -> Result<(Born, Vec<EventKind>), Stuck> {
        let (mut born, mut faults) = (Born::default(), self.unaskable(rows));
        for row in rows {
            match row {
                Row::StartChild(start) => match self.child(start).await? {
                    Ok(child) => born.children.push(child),
                    Err(fault) => faults.push(failed(start.activity, fault)),
                },
                Row::OpenGroup {
                    activity,
                    function,
                    input,
                    key,
                    placement,
                } => {
                    let opened = Opened {
                        activity: *activity,
                        function,
                        input,
                        key,
                        placement: placement.as_ref(),
                    };
                    let fault = self.open(opened, &mut born).await?.err();
                    faults.extend(fault.map(|fault| failed(*activity, fault)));
                }
                Row::SaveContext {
                    activity,
                    input,
                    key,
                } => match self.save(*activity, input, key).await {
                    Ok(save) => born.saves.push(save),
                    Err(fault) => faults.push(failed(*activity, fault)),
                },
                Row::CloseChild { .. }
                | Row::CloseGroup { .. }
                | Row::OpenApproval { .. }
                | Row::CloseApproval { .. }
                | Row::Publish { .. }
                | Row::TakeMail { .. }
                | Row::ReturnMail { .. }
                | Row::BeginChunksAgain
                | Row::EndChunk { .. } => {}
            }
        }
        Ok((born, faults))
    }

    /// A group, or a batch.
    async fn open(&self, opened: Opened<'_>, born: &mut Born) -> Result<Result<(), Fault>, Stuck> {
        Ok(match opened.function.name.as_str() {
            BATCH => self
                .batch(opened)
                .await?
                .map(|batch| born.batches.push(batch)),
            _ => self
                .group(opened)
                .await?
                .map(|group| born.groups.push(group)),
        })
    }

    /// With the version that the job's template pinned when it was published, where it did.
    async fn pinned(&self, template: &ChildTemplate) -> Result<ChildTemplate, Stuck> {
        let mut template = template.clone();
        if template.version == "latest" {
            let name = format!("{}.{}", template.namespace, template.name);
            let pinned = self.shared.store.pinned_child(self.job, &name).await;
            let pinned = pinned.map_err(|error| unread(self.job, &error))?;
            template.version = pinned.unwrap_or(template.version);
        }
        Ok(template)
    }

    async fn child(&self, start: &StartChild) -> Result<Result<NewChild, Fault>, Stuck> {
        let placed = match Placement::read(start.placement.as_ref()) {
            Ok(placed) => placed,
            Err(fault) => return Ok(Err(fault)),
        };
        let input = start.step_input.as_ref().unwrap_or(&start.input);
        let input = std::slice::from_ref(input);
        let template = self.pinned(&start.template).await?;
        let work = self.work_of(&template, &placed.terms, input).await?;
        let work = match work {
            Ok(work) => work,
            Err(fault) => return Ok(Err(fault)),
        };
        let ids = self.shared.store.child_ids(1).await;
        let ids = ids.map_err(|error| unread(self.job, &error))?;
        let id = *ids.first().ok_or(Stuck::Back)?;
        Ok(Ok(NewChild {
            id,
            lane: *work.lanes.first().ok_or(Stuck::Back)?,
            template_version: work.template_version,
            input: match start.step_input {
                Some(_) => {
                    let own = Value::map([(STEP_JOB, Value::from(id))]);
                    start.input.merged(&own).to_json()
                }
                None => start.input.to_json(),
            },
            priority: work.priority,
            start_within: placed.start_within,
            activity: start.activity.0,
            awaited: start.is_awaited,
            on_close: on_close(start.fate),
        }))
    }
}

impl Conduct {
    /// What jobs of a template need, or why they cannot be started.
    pub(super) async fn work_of(
        &self,
        template: &ChildTemplate,
        terms: &ChildTerms,
        inputs: &[Value],
    ) -> Result<Result<ChildWork, Fault>, Stuck> {
        let name = format!("{}.{}", template.namespace, template.name);
        let version = Some(template.version.as_str()).filter(|version| *version != "latest");
        let store = &self.shared.store;
        let work = store.child_work(self.tenant, self.lane, &name, version, terms, inputs);
        match work.await {
            Ok(work) => Ok(Ok(work)),
            Err(error @ (Error::Invalid { .. } | Error::NotFound { .. })) => {
                Ok(Err(Fault::standard(
                    "configuration",
                    404,
                    format!("`{name}` cannot be started: {error}"),
                )))
            }
            Err(error) => Err(unread(self.job, &error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Placement, Fault> {
        Placement::read(Some(&Value::parse(text).expect("JSON")))
    }

    #[test]
    fn a_placement_is_read_and_what_does_not_fit_is_refused() {
        let placed = read(
            r#"{"queue":"bulk","priority":"high","limits":["crm","vendor:acme"],"startBy":"PT30M"}"#,
        );

        let placed = placed.expect("it fits");
        assert_eq!(placed.terms.queue.as_deref(), Some("bulk"));
        assert_eq!(placed.terms.priority, Some(Priority::High));
        let keys = placed.terms.limits.iter().map(|limit| limit.key.as_deref());
        assert_eq!(keys.collect::<Vec<_>>(), [None, Some("acme")]);
        assert_eq!(placed.start_within, Some(Duration::from_secs(1_800)));
        assert_eq!(read("{}"), Ok(Placement::default()));
        assert_eq!(read(r#"{"queue":null}"#), Ok(Placement::default()));
        let needs = read(r#"{"needs":{"gpu":true,"region":"eu"}}"#).expect("it fits");
        assert_eq!(Vec::from_iter(needs.terms.needs), ["gpu", "region=eu"]);
        for wrong in [
            r#"{"needs":{"gpu":7}}"#,
            r#"{"prefers":{"gpu":7}}"#,
            r#"{"cost":{"tokens":0}}"#,
            r#"{"cost":{"tokens":"4"}}"#,
            r#"{"queue":"a b"}"#,
            r#"{"priority":"soon"}"#,
            r#"{"limits":"crm"}"#,
            r#"{"limits":["a:"]}"#,
            r#"{"startBy":"P1M"}"#,
        ] {
            assert_eq!(
                read(wrong).map_err(|fault| fault.status),
                Err(400),
                "{wrong}"
            );
        }
    }
}
