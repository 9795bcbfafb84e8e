//! What a job that starts others must know: the version, the lanes, the priority.

use std::collections::{BTreeMap, BTreeSet};

use windlass_workflows::configuration::{LimitReference, Priority};
use windlass_workflows::document::needs::{PREFERRED, listed};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::known::Known;
use super::template_lane;
use super::work::{Work, priority_seconds};
use crate::store::LaneKey;
use crate::{Error, Store};

/// What a job says of others that it starts, beside their inputs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChildTerms {
    /// The stream; the default one unless given.
    pub queue: Option<String>,
    /// The template's unless given.
    pub priority: Option<Priority>,
    /// Limits that they are under, beside those that hold for all work of their kind.
    pub limits: Vec<LimitReference>,
    /// What a worker must offer for it, beside what its template needs.
    pub needs: BTreeSet<String>,
    /// What a worker had better offer.
    pub prefers: BTreeSet<String>,
    /// How many units each of them takes of a limit, by its name; one unless given.
    pub cost: BTreeMap<String, i32>,
}

impl ChildTerms {
    /// Whether their lane is another than that of all other work of their kind.
    fn is_placed(&self) -> bool {
        let is_free = self.limits.is_empty() && self.cost.is_empty();
        self.queue.is_some() || !is_free || !self.needs.is_empty() || !self.prefers.is_empty()
    }

    /// What a worker must offer, and what it had better, beside this. What the template prefers gives way to another
    /// value of the same word.
    fn offers_beside(&self, capability: &str) -> String {
        let name = |word: &str| word.split('=').next().unwrap_or_default().to_owned();
        let said: BTreeSet<String> = self.prefers.iter().map(|word| name(word)).collect();
        let (mut needed, mut preferred) = (self.needs.clone(), self.prefers.clone());
        for word in capability.split(',').filter(|word| !word.is_empty()) {
            match word.strip_prefix(PREFERRED) {
                None => _ = needed.insert(word.to_owned()),
                Some(word) if said.contains(&name(word)) => {}
                Some(word) => _ = preferred.insert(word.to_owned()),
            }
        }
        listed(&needed, &preferred)
    }
}

/// A template resolved for jobs that a job starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChildWork {
    /// Row of the version.
    pub template_version: i32,
    /// The lane of each, in the order of the inputs.
    pub lanes: Vec<i32>,
    /// Seconds by which they may overtake later ones.
    pub priority: i32,
}

impl Store {
    /// The version that a job in the lane `home` means by `name`, `namespace.name`, for jobs with these inputs; its newest one unless
    /// one is given.
    ///
    /// # Errors
    /// `invalid` when there is no such version or limit, or a limit's key or a lane cannot be read from an input.
    pub async fn child_work(
        &self,
        tenant: i32,
        home: i32,
        name: &str,
        version: Option<&str>,
        terms: &ChildTerms,
        inputs: &[Value],
    ) -> Result<ChildWork, Error> {
        let reference = match version {
            Some(version) => format!("{name}@{version}"),
            None => name.to_owned(),
        };
        // A published version never changes; the newest one does.
        let afresh = version.is_none();
        let work = Work::Template(reference);
        let mut known = self.looked_up(tenant, &work, afresh).await?;
        if !afresh && !known.resolved.purpose.is_empty() {
            // A purpose that it serves changes all the same.
            known = self.looked_up(tenant, &work, true).await?;
        }
        let shared = self.lane_of_parent(&known, name, home).await?;
        let shared = shared.as_deref();
        let lanes = match terms.is_placed() {
            true => self.lanes_of(&known, tenant, terms, inputs, shared).await?,
            false => {
                let mut lanes = Vec::with_capacity(inputs.len());
                for input in inputs {
                    lanes.push(known.place(self, input, shared).await?.0);
                }
                lanes
            }
        };
        Ok(ChildWork {
            template_version: known.resolved.template_version,
            lanes,
            priority: priority_seconds(terms.priority.unwrap_or(known.resolved.priority)),
        })
    }

    /// The lane that a part of a template shares with the job that it is a part of: its input is an item, of which
    /// the template's expression knows nothing.
    async fn lane_of_parent(
        &self,
        known: &Known,
        name: &str,
        home: i32,
    ) -> Result<Option<String>, Error> {
        if known.resolved.lane_expression.is_none() || !name.contains('/') {
            return Ok(None);
        }
        let key = self.lane_key(home).await?;
        Ok(Some(template_lane::name_of(&key.group).to_owned()))
    }

    /// The lanes of jobs in a queue, or under limits, of their own.
    async fn lanes_of(
        &self,
        known: &Known,
        tenant: i32,
        terms: &ChildTerms,
        inputs: &[Value],
        shared: Option<&str>,
    ) -> Result<Vec<i32>, Error> {
        let resolved = &known.resolved;
        let mut lane = resolved.lane(tenant, 0);
        if let Some(queue) = &terms.queue {
            lane.queue.clone_from(queue);
        }
        lane.capability = terms.offers_beside(&lane.capability);
        let named: Vec<LimitReference> = terms
            .limits
            .iter()
            .chain(&resolved.limits)
            .cloned()
            .collect();
        let admission = self.admission(&lane, &named).await?;
        if let Some(limit) = named.iter().find(|limit| !admission.has(&limit.name)) {
            let message = format!("there is no limit `{}`", limit.name);
            return Err(Error::invalid(Problem::new(
                "unknown_reference",
                "/limits",
                message,
            )));
        }
        let mut lanes = Vec::with_capacity(inputs.len());
        for input in inputs {
            let limit_keys = admission.keys(input);
            let limit_keys = limit_keys.and_then(|keys| admission.weighed(keys, &terms.cost));
            let limit_keys = limit_keys.map_err(Error::invalid)?;
            let group = known.shared_by(input, shared)?.group;
            let lane = lane.clone();
            lanes.push(
                self.lane(&LaneKey {
                    limit_keys,
                    group,
                    ..lane
                })
                .await?,
            );
        }
        Ok(lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_prefers_stands_before_what_its_template_prefers() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let terms = ChildTerms {
            needs: words(&["ssd"]),
            prefers: words(&["region=eu"]),
            ..ChildTerms::default()
        };

        assert_eq!(
            terms.offers_beside("score:1.0.0,?gpu,?region=us,?ssd"),
            "score:1.0.0,ssd,?gpu,?region=eu"
        );
        assert_eq!(ChildTerms::default().offers_beside(""), "");
    }
}
