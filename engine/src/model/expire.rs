//! What becomes of a dead worker's leases, and of those that a living one does not know.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::{Lease, Model, Planted, take};

/// Losses, the last one alone, after which a job is at fault.
const LOSSES_MAX: i16 = 3;
/// The same beside others, of which one may be.
const LOSSES_BESIDE_MAX: i16 = 5;

impl Model {
    /// Takes back the leases of dead and missing workers: how many leases, jobs that are ready, jobs parked.
    pub fn expire(&mut self) -> (i64, i64, i64) {
        let workers = self.workers.clone();
        let lives = |worker: &Uuid| workers.get(worker).copied().unwrap_or_default();
        let gone = take(&mut self.leases, |lease| !lives(&lease.worker));
        let before = self.jobs_ready();
        let leases = i64::try_from(gone.len()).unwrap_or_default();
        let beside =
            |lease: &Lease| gone.iter().filter(|one| one.worker == lease.worker).count() > 1;
        let lost: Vec<(bool, Lease)> = gone
            .iter()
            .map(|lease| (beside(lease), lease.clone()))
            .collect();
        let parked = lost
            .iter()
            .map(|(in_company, lease)| self.lose(lease, *in_company))
            .sum();
        (leases, self.jobs_ready() - before, parked)
    }

    /// A living worker does not list these claims: they go back; how many leases.
    pub fn give_back_unlisted(
        &mut self,
        worker: Uuid,
        known: &[Uuid],
        _older_than: Duration,
    ) -> i64 {
        let unknown = take(&mut self.leases, |lease| {
            lease.worker == worker && !known.contains(&lease.claim)
        });
        let leases = i64::try_from(unknown.len()).unwrap_or_default();
        for lease in unknown {
            let losses = lease.kind.losses;
            self.come_back(&lease, losses, |_| 0);
        }
        leases
    }

    /// A quarter after one loss, alone after two, parked after three alone; how many were parked.
    fn lose(&mut self, lease: &Lease, in_company: bool) -> i64 {
        let losses = lease.kind.losses + 1;
        let size = lease.jobs.len();
        let job = lease.jobs.first().copied().unwrap_or_default();
        let most = if in_company {
            LOSSES_BESIDE_MAX
        } else {
            LOSSES_MAX
        };
        if losses >= most && size == 1 && !lease.stop.contains(&job) {
            let mut of = lease.kind.between(job, job);
            (of.losses, of.journaled) = (losses, self.remembers(lease, job));
            self.tell(of.lane, "parked", 1);
            self.held.push((of, "parked"));
            return 1;
        }
        let piece = if losses == 1 {
            size.div_ceil(4).max(1)
        } else {
            1
        };
        self.come_back(lease, losses, |place| place / piece);
        0
    }

    /// Jobs become ready in pieces by their place in the lease; stopped ones are held for their end.
    fn come_back(&mut self, lease: &Lease, losses: i16, piece: impl Fn(usize) -> usize) {
        let mut pieces: BTreeMap<(usize, bool), Vec<i64>> = BTreeMap::new();
        let now = self.now();
        for (place, job) in lease.jobs.iter().copied().enumerate() {
            let journaled = self.remembers(lease, job);
            let mut of = lease.kind.between(job, job);
            (of.losses, of.journaled) = (losses, journaled);
            if lease.stop.contains(&job) {
                self.held.push((of, "cancelling"));
            } else {
                pieces
                    .entry((piece(place), journaled))
                    .or_default()
                    .push(job);
            }
        }
        for ((_, journaled), jobs) in pieces {
            let mut of = lease.kind.clone();
            (of.losses, of.journaled, of.run_at) = (losses, journaled, now);
            let ends = jobs.first().copied().zip(jobs.last().copied());
            match ends {
                Some((first, last)) if self.has(Planted::FilledGaps) => {
                    self.ready.push(of.between(first, last));
                }
                _ => self.ready.extend(of.over(jobs)),
            }
        }
    }

    /// A job that began without a journal may have got one under this lease.
    fn remembers(&self, lease: &Lease, job: i64) -> bool {
        let begun = self.turns(job) > 0 && !self.has(Planted::ForgottenJournal);
        lease.kind.journaled || begun
    }

    fn jobs_ready(&self) -> i64 {
        self.ready.iter().map(super::Extent::jobs).sum()
    }
}
