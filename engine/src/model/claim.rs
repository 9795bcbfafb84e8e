//! Claiming: due extents of a lane in their order, whole or split, a lease for each kind.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Extent, Lease, Model, Planted, take};

/// A job that was claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// The job.
    pub job: i64,
    /// Unjournaled tries before this one.
    pub attempt: i16,
    /// Leases lost before.
    pub losses: i16,
    /// Whether it has a journal.
    pub journaled: bool,
}

impl Model {
    /// A worker claims from lanes, each with its quota; the jobs, ascending.
    pub fn claim(&mut self, worker: Uuid, claim: Uuid, lanes: &[(i32, i64)]) -> Vec<Taken> {
        if !self.lives(worker) && !self.has(Planted::DeadClaims) {
            return Vec::new();
        }
        let own = self.leases.iter().filter(|lease| lease.worker == worker);
        let riskiest = own.map(|lease| lease.kind.losses).max().unwrap_or_default();
        let most = lanes
            .iter()
            .map(|(_, quota)| *quota)
            .max()
            .unwrap_or_default();
        let mut seen = Seen::default();
        let mut picked = Vec::new();
        for (lane, quota) in lanes {
            picked.extend(self.pick((*lane, *quota), most, riskiest, &mut seen));
        }
        let mut taken: Vec<Taken> = picked.iter().flat_map(taken).collect();
        taken.sort_unstable();
        let mut kinds: BTreeMap<_, Vec<Extent>> = BTreeMap::new();
        for extent in picked {
            kinds.entry(extent.kind()).or_default().push(extent);
        }
        let leases = kinds
            .into_values()
            .map(|extents| lease(worker, claim, &extents));
        self.leases.extend(leases);
        taken
    }

    /// Takes what a claim gets of a lane; the rest of a split extent stays. Of a worker that holds jobs
    /// which were lost before, others are kept.
    fn pick(
        &mut self,
        (lane, quota): (i32, i64),
        most: i64,
        riskiest: i16,
        seen: &mut Seen,
    ) -> Vec<Extent> {
        let mut candidates = take(&mut self.ready, |extent| {
            extent.lane == lane && fits(extent.losses, riskiest)
        });
        candidates.sort_by_key(|extent| (extent.eff, extent.first));
        let looked_at = usize::try_from(most)
            .unwrap_or_default()
            .min(candidates.len());
        let unseen = candidates.split_off(looked_at);
        self.ready.extend(unseen);
        let (mut picked, mut before) = (Vec::new(), 0);
        for extent in candidates {
            // A job that was lost twice is claimed alone: nothing else shares its fate.
            seen.is_risky |= extent.losses > 1;
            let is_alone = seen.extents == 0;
            seen.extents += 1;
            let start = before;
            before += extent.jobs();
            if start >= quota || (seen.is_risky && !is_alone) {
                self.ready.push(extent);
                continue;
            }
            let upto = extent.last.min(extent.first + (quota - start) - 1);
            if upto < extent.last {
                self.ready.push(extent.between(upto + 1, extent.last));
            }
            picked.push(extent.between(extent.first, upto));
        }
        picked
    }
}

/// What a claim has looked at so far, over all of its lanes.
#[derive(Default)]
struct Seen {
    extents: usize,
    is_risky: bool,
}

/// Whether a worker may claim a job that was lost so often, beside the most often lost that it holds.
fn fits(losses: i16, riskiest: i16) -> bool {
    match losses {
        0 => true,
        1 => riskiest < 2,
        _ => riskiest < 1,
    }
}

fn taken(extent: &Extent) -> impl Iterator<Item = Taken> + use<> {
    let (attempt, losses, journaled) = (extent.attempt, extent.losses, extent.journaled);
    (extent.first..=extent.last).map(move |job| Taken {
        job,
        attempt,
        losses,
        journaled,
    })
}

fn lease(worker: Uuid, claim: Uuid, extents: &[Extent]) -> Lease {
    let oldest = extents.iter().min_by_key(|extent| extent.eff);
    Lease {
        claim,
        worker,
        kind: oldest.expect("a kind has extents").clone(),
        jobs: extents
            .iter()
            .flat_map(|extent| extent.first..=extent.last)
            .collect(),
        stop: std::collections::BTreeSet::new(),
    }
}
