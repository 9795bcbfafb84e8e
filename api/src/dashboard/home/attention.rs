//! What needs somebody: each finding with its reason, where to look, and the next thing to type.

use chrono::TimeDelta;
use windlass_engine::store::{
    AlertView, BatchView, HomeFigures, JobView, SlotView, ThreatenedBatch, WorkerView,
};

use super::super::chart::{BAD, ended};
use super::super::page::Now;
use super::super::words::{When, in_shell, thousands};

/// Findings older than this are history.
pub(in super::super) const RECENT: TimeDelta = TimeDelta::days(1);
/// A planned slot that is so long overdue has not been fired by anybody.
const SLOT_GRACE: TimeDelta = TimeDelta::minutes(1);
/// More findings hide the first ones; lists have the rest.
const FINDINGS_MAX: usize = 12;

/// One finding.
pub(in super::super) struct Attention {
    pub state: String,
    pub name: String,
    pub href: String,
    pub detail: String,
    pub age: Option<When>,
    pub command: String,
}

/// What is looked through.
pub(in super::super) struct Seen<'a> {
    pub now: Now,
    pub home: &'a HomeFigures,
    pub recent: &'a [BatchView],
    pub jobs: &'a [JobView],
    pub workers: &'a [WorkerView],
    pub threatened: &'a [ThreatenedBatch],
    pub behind: &'a [AlertView],
}

impl Seen<'_> {
    /// The findings: what stands still first, then what ended badly.
    pub fn attention(&self) -> Vec<Attention> {
        let open = self.home.open_batches.iter();
        let over = self.recent.iter().filter(|batch| self.just_ended(batch));
        let batches = open.chain(over).filter_map(|batch| self.batch(batch));
        let slots = self
            .home
            .slots_today
            .iter()
            .filter_map(|slot| self.slot(slot));
        let jobs = self.jobs.iter().filter_map(|job| self.job(job));
        let found = self
            .no_worker()
            .into_iter()
            .chain(self.behind.iter().map(|slot| self.behind(slot)))
            .chain(slots)
            .chain(self.threatened.iter().map(|batch| self.threat(batch)))
            .chain(batches)
            .chain(jobs);
        found.take(FINDINGS_MAX).collect()
    }

    fn just_ended(&self, batch: &BatchView) -> bool {
        batch
            .finished_at
            .is_some_and(|at| self.now.real - at < RECENT)
    }

    fn no_worker(&self) -> Option<Attention> {
        let ready: i64 = self.home.queues.iter().map(|queue| queue.ready).sum();
        let alive = self.workers.iter().any(|worker| worker.alive);
        (ready > 0 && !alive).then(|| Attention {
            state: "waiting".to_owned(),
            name: "no worker is alive".to_owned(),
            href: "/batches?state=open".to_owned(),
            detail: format!("{} jobs are ready and nobody takes them", thousands(ready)),
            age: None,
            command: "windlass serve --role worker".to_owned(),
        })
    }

    fn slot(&self, slot: &SlotView) -> Option<Attention> {
        let overdue = slot.state == "planned" && self.now.clock - slot.fire_at > SLOT_GRACE;
        let lost = ["missed", "skipped", "late"].contains(&slot.state.as_str());
        let at = slot.at.format("%H:%M");
        let why = slot
            .reason
            .as_deref()
            .unwrap_or(if overdue { "not started" } else { "" });
        let state = if overdue { "late" } else { slot.state.as_str() };
        let which = match slot.n {
            Some(n) => format!(
                "{} slots since {}",
                thousands(n),
                slot.at.format("%-d %b %H:%M")
            ),
            None => format!("slot of {at}"),
        };
        let schedule = in_shell(&slot.schedule);
        (overdue || lost).then(|| Attention {
            state: state.to_owned(),
            name: slot.schedule.clone(),
            href: "/schedules".to_owned(),
            detail: format!("{which} UTC {why}").trim_end().to_owned(),
            age: Some(When::new(slot.fire_at, self.now.clock)),
            command: match slot.n {
                Some(_) => format!("windlass schedule slots {schedule}"),
                None => format!(
                    "windlass schedule trigger {schedule} --slot {}",
                    slot.at.format("%Y-%m-%dT%H:%M:%SZ")
                ),
            },
        })
    }

    fn behind(&self, slot: &AlertView) -> Attention {
        let (at, what) = (slot.at.format("%H:%M"), slot.what.replace('_', " "));
        let href = slot.batch.map(|batch| format!("/batches/b_{batch}"));
        let command = match slot.batch {
            Some(batch) => format!("windlass batch show b_{batch}"),
            None => format!("windlass schedule slots {}", in_shell(&slot.schedule)),
        };
        Attention {
            state: "late".to_owned(),
            name: slot.schedule.clone(),
            href: href.unwrap_or_else(|| "/schedules".to_owned()),
            detail: format!("slot of {at} UTC had {what} in time"),
            age: Some(When::new(slot.since, self.now.clock)),
            command,
        }
    }

    fn threat(&self, batch: &ThreatenedBatch) -> Attention {
        let deadline = batch.deadline.map(|at| at.format("%d %b %H:%M UTC"));
        let deadline = deadline.map_or_else(String::new, |at| format!("to be done by {at}"));
        let binding = match batch.binding.as_str() {
            "" => String::new(),
            binding => format!("; what keeps it: {binding}"),
        };
        Attention {
            state: batch.light.replace('_', " "),
            name: batch.name.clone(),
            href: format!("/batches/b_{}", batch.id),
            detail: format!("{deadline}{binding}"),
            age: batch.seen_at.map(|at| When::new(at, self.now.real)),
            command: format!("windlass batch show b_{}", batch.id),
        }
    }

    fn batch(&self, batch: &BatchView) -> Option<Attention> {
        let bad = ended(batch, &BAD);
        let is_stopped = matches!(batch.state.as_str(), "paused" | "failed");
        let counts = format!(
            "{} of {} jobs ended badly",
            thousands(bad),
            thousands(batch.planned.jobs)
        );
        let detail = match &batch.reason {
            Some(reason) if bad == 0 => reason.clone(),
            Some(reason) => format!("{counts}: {reason}"),
            None => counts,
        };
        let verb = if bad > 0 { "errors" } else { "show" };
        (is_stopped || bad > 0).then(|| Attention {
            state: batch.state.clone(),
            name: batch.name.clone(),
            href: format!("/batches/b_{}", batch.id),
            detail,
            age: Some(When::new(
                batch.finished_at.unwrap_or(batch.created_at),
                self.now.real,
            )),
            command: format!("windlass batch {verb} b_{}", batch.id),
        })
    }

    /// Jobs of batches are told with their batch.
    fn job(&self, job: &JobView) -> Option<Attention> {
        let ended_at = job.outcome.as_ref().map(|outcome| outcome.at);
        let is_recent = ended_at.is_none_or(|at| self.now.real - at < RECENT);
        let code = job
            .outcome
            .as_ref()
            .and_then(|outcome| outcome.code.clone());
        let why = job.held.as_ref().map(|held| held.why.clone()).or(code);
        (job.batch.is_none() && is_recent).then(|| Attention {
            state: job.state.as_str().to_owned(),
            name: format!("j_{} {}", job.id, job.template),
            href: format!("/jobs/j_{}", job.id),
            detail: why.unwrap_or_default(),
            age: Some(When::new(ended_at.unwrap_or(job.created_at), self.now.real)),
            command: format!("windlass explain j_{}", job.id),
        })
    }
}
