//! What names of templates and purposes mean, kept between requests.
//!
//! The database counts changes of the catalogue. What was resolved under one number is used under that
//! number only: the statement that stores a request compares, and stores nothing when it has moved on.
//! So a cached meaning is never older than the snapshot that a job is stored in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use windlass_workflows::program::Bundle;
use windlass_workflows::schema::Schema;
use windlass_workflows::value::Value;

use super::admission::Admission;
use super::template_lane::{self, TemplateLane};
use super::work::{Resolved, Work, priority_seconds};
use crate::store::{LaneKey, NewRequest};
use crate::{Error, Store};

/// Names that are kept; beyond it all are forgotten, which costs a look-up each.
const KNOWN_MAX: usize = 1_000;

/// One name's meaning.
pub(crate) struct Known {
    pub(crate) resolved: Resolved,
    lane: LaneKey,
    admission: Admission,
    read: Option<TemplateLane>,
    /// Lane and bounded keys of all its jobs, where the input does not decide.
    fixed: Option<(i32, Vec<String>)>,
    /// `namespace.name@version`.
    pub(crate) label: String,
    pub(crate) schema: Option<Arc<Schema>>,
    /// The catalogue's number that it was resolved under.
    pub(crate) stamp: i64,
}

/// Meanings by tenant and name.
#[derive(Default)]
pub(crate) struct KnownCache(Mutex<HashMap<(i32, Work), Arc<Known>>>);

impl std::fmt::Debug for KnownCache {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("KnownCache").finish_non_exhaustive()
    }
}

impl Known {
    /// The lane of a job with this input, and those of its limits' keys that do not let it wait.
    ///
    /// The caller may name the lane beside whose work it goes; else the template may.
    ///
    /// # Errors
    /// `invalid` when a limit's key, or the template's lane, cannot be read from the input.
    pub(super) async fn place(
        &self,
        store: &Store,
        input: &Value,
        named: Option<&str>,
    ) -> Result<(i32, Vec<String>), Error> {
        if let (Some(fixed), None) = (&self.fixed, named) {
            return Ok(fixed.clone());
        }
        let limit_keys = self.admission.keys(input).map_err(Error::invalid)?;
        let bounded = self.admission.bounded(&limit_keys);
        let lane = self.shared_by(input, named)?;
        let lane = store.lane(&LaneKey { limit_keys, ..lane }).await?;
        Ok((lane, bounded))
    }

    /// The natural key of that lane, but for the keys of limits.
    ///
    /// # Errors
    /// `invalid` when the template's lane cannot be read from the input.
    pub(super) fn shared_by(&self, input: &Value, named: Option<&str>) -> Result<LaneKey, Error> {
        let lane = self.lane.clone();
        let group = match (named, &self.read) {
            (Some(name), _) => template_lane::named(lane.tenant, name),
            (None, Some(read)) => read
                .name(input)
                .map(|name| template_lane::group(lane.tenant, &name)),
            (None, None) => return Ok(lane),
        };
        let group = group.map_err(Error::invalid)?;
        Ok(LaneKey { group, ..lane })
    }
}

impl Known {
    /// A job that nobody asked for, with this input: what its schema says of that, the job hears when it runs.
    ///
    /// # Errors
    /// As [`Known::place`].
    pub(super) async fn job(&self, store: &Store, input: &Value) -> Result<NewRequest, Error> {
        let (lane, bounded) = self.place(store, input, None).await?;
        Ok(NewRequest {
            lane,
            template_version: self.resolved.template_version,
            input: input.to_json(),
            priority: priority_seconds(self.resolved.priority),
            expires_after: self.resolved.expires_after,
            bounded,
            ..NewRequest::default()
        })
    }
}

impl KnownCache {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<(i32, Work), Arc<Known>>> {
        self.0.lock().expect("no panic while holding it")
    }

    fn get(&self, key: &(i32, Work)) -> Option<Arc<Known>> {
        self.map().get(key).cloned()
    }

    fn put(&self, key: (i32, Work), known: Arc<Known>) {
        let mut map = self.map();
        if map.len() >= KNOWN_MAX {
            map.clear();
        }
        map.insert(key, known);
    }
}

impl Store {
    /// What `work` means: as it was last looked up, or freshly.
    ///
    /// # Errors
    /// As resolving it: `invalid` for a name that nothing answers to; `paused` when new work of this
    /// kind is refused.
    pub(crate) async fn known(
        &self,
        tenant: i32,
        work: &Work,
        afresh: bool,
    ) -> Result<Arc<Known>, Error> {
        let known = self.looked_up(tenant, work, afresh).await?;
        self.refuse_paused(&known.lane, None).await?;
        Ok(known)
    }

    /// The same, paused or not.
    pub(super) async fn looked_up(
        &self,
        tenant: i32,
        work: &Work,
        afresh: bool,
    ) -> Result<Arc<Known>, Error> {
        let key = (tenant, work.clone());
        let before = self.known.get(&key);
        if let (Some(known), false) = (&before, afresh) {
            return Ok(known.clone());
        }
        let known = Arc::new(self.look_up(tenant, work, before).await?);
        self.known.put(key, known.clone());
        Ok(known)
    }

    /// The stamp is read first: what changes behind it makes this answer stale, never wrong.
    async fn look_up(
        &self,
        tenant: i32,
        work: &Work,
        before: Option<Arc<Known>>,
    ) -> Result<Known, Error> {
        let row = sqlx::query_file!("queries/template/stamp.sql")
            .fetch_one(self.pool())
            .await?;
        let resolved = self.resolve(tenant, work).await?;
        let lane = resolved.lane(tenant, 0);
        let admission = self.admission(&lane, &resolved.limits).await?;
        let read = TemplateLane::of(resolved.lane_expression.as_deref(), &resolved.template)?;
        let fixed = match admission.is_fixed() && read.is_none() {
            false => None,
            true => {
                let limit_keys = admission.fixed();
                let bounded = admission.bounded(&limit_keys);
                let lane = lane.clone();
                let id = self.lane(&LaneKey { limit_keys, ..lane }).await?;
                Some((id, bounded))
            }
        };
        let same = before.filter(|old| old.resolved.template_version == resolved.template_version);
        let (label, schema) = match same {
            Some(old) => (old.label.clone(), old.schema.clone()),
            None => self.inlet(resolved.template_version).await?,
        };
        Ok(Known {
            resolved,
            lane,
            admission,
            read,
            fixed,
            label,
            schema,
            stamp: row.stamp,
        })
    }

    /// A version's full name, and the schema of its input, if it has one.
    pub(super) async fn inlet(
        &self,
        template_version: i32,
    ) -> Result<(String, Option<Arc<Schema>>), Error> {
        let pinned = self.pinned(template_version).await?;
        let unreadable = |message: String| Error::Unreadable {
            noun: "template version",
            name: pinned.label.clone(),
            message,
        };
        let bundle =
            Bundle::from_json(&pinned.bundle).map_err(|error| unreadable(error.to_string()))?;
        let Some(schema) = bundle.input_schema() else {
            return Ok((pinned.label, None));
        };
        let schema = Schema::compile(&schema).map_err(|error| unreadable(format!("{error:?}")))?;
        Ok((pinned.label, Some(Arc::new(schema))))
    }
}
