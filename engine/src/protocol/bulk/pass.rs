//! One pass over a change of many jobs: what its rate allows, job by job.
//!
//! A job is changed as it stands now, if it is still one of those that the filter is for; what a worker has is asked
//! again in later rounds over its page. Whoever changes a job takes it out of its page in the same transaction, so
//! two keepers that pass over one page change each job once, and one that dies leaves the rest to the next.

use std::time::{Duration, Instant};

use windlass_workflows::machine::flight::By;

use super::filter::elsewhere;
use super::{BulkChange, BulkFilter, BulkWords, Shelf, refusal};
use crate::store::bulk::{BulkPage, RunningBulk, Ticket};
use crate::store::{JobView, NewPause};
use crate::vocabulary::{JobState, PauseMode, PauseScope};
use crate::{Error, Store};

/// A pass is over by then, long before somebody else takes the change.
const PASS_MAX: Duration = Duration::from_secs(5);
/// Rounds over a page in which a job may be on its way: a minute and a half in all.
const ROUNDS_MAX: i16 = 8;

/// A change under way.
struct Under {
    bulk: i64,
    tenant: i32,
    filter: BulkFilter,
    change: BulkChange,
    who: String,
    why: String,
    shelf: Shelf,
}

/// What became of a job.
enum Fate {
    Changed,
    Refused,
    PutOff,
    /// Somebody else has it, or the change stands still.
    Gone,
}

impl Store {
    /// One pass of the change that waited longest; how many jobs it changed, `None` when none is due.
    ///
    /// # Cancel safety
    /// Each job is one transaction; dropped, the next pass goes on behind it.
    pub async fn pace_bulks(&self) -> Result<Option<i64>, Error> {
        let Some(running) = self.take_bulk().await? else {
            return Ok(None);
        };
        let mut left = running.room;
        let (under, began) = (Under::of(running)?, Instant::now());
        let mut changed = 0;
        while left > 0 && began.elapsed() < PASS_MAX {
            let Some(page) = self.bulk_page(under.bulk).await? else {
                break;
            };
            let passed = self.pass_page(&under, &page, left, began).await?;
            changed += passed.changed;
            left -= passed.asked.max(1);
            if passed.is_gone {
                break;
            }
        }
        self.end_bulk_pass(under.bulk).await?;
        Ok(Some(changed))
    }

    /// Up to `room` jobs of a page.
    async fn pass_page(
        &self,
        under: &Under,
        page: &BulkPage,
        room: i64,
        began: Instant,
    ) -> Result<Passed, Error> {
        let ticket = Ticket {
            bulk: under.bulk,
            page: page.n,
        };
        let mut passed = Passed::default();
        for job in &page.ids {
            if passed.asked >= room || began.elapsed() >= PASS_MAX {
                return Ok(passed);
            }
            passed.asked += 1;
            let is_last_round = page.rounds + 1 >= ROUNDS_MAX;
            match self.settle(under, ticket, *job, is_last_round).await? {
                Fate::Changed => passed.changed += 1,
                Fate::Refused | Fate::PutOff => {}
                Fate::Gone => {
                    passed.is_gone = true;
                    return Ok(passed);
                }
            }
        }
        let last = page.ids.last().copied().unwrap_or_default();
        self.end_bulk_round(ticket, last).await?;
        Ok(passed)
    }

    /// Changes a job, or notes why not.
    async fn settle(
        &self,
        under: &Under,
        ticket: Ticket,
        job: i64,
        is_last_round: bool,
    ) -> Result<Fate, Error> {
        let Err(error) = self.change_one(under, ticket, job).await else {
            return Ok(Fate::Changed);
        };
        match error.code() {
            Ticket::GONE => return Ok(Fate::Gone),
            "job_running" if !is_last_round => {
                self.pass_over_bulk(ticket, job).await?;
                return Ok(Fate::PutOff);
            }
            _ => {}
        }
        let (code, message) = refusal(error)?;
        self.refuse_bulk(ticket, job, (&code, &message)).await?;
        Ok(Fate::Refused)
    }

    async fn change_one(&self, under: &Under, ticket: Ticket, job: i64) -> Result<(), Error> {
        if let BulkChange::Fly(flight) = &under.change {
            let (what, by) = ((job, ticket), under.by());
            let made = self.fly_one_of_many(
                under.tenant,
                what,
                (flight, by),
                &under.shelf,
                &under.filter,
            );
            return made.await.map(drop);
        }
        let view = self.job(under.tenant, job).await?;
        if !self.is_so(under, &view).await? {
            match self.bulk_fits(&view, &under.filter).await {
                // An order reaches a job that runs as well.
                Err(error) if error.code() != "job_running" => return Err(error),
                _ => self.order(under, job).await?,
            }
        }
        self.tick_bulk(ticket, job).await
    }

    /// Whether it has come to that already: by us, before we could note it, or by somebody else.
    async fn is_so(&self, under: &Under, view: &JobView) -> Result<bool, Error> {
        let held = view.held.as_ref().map_or("", |held| held.reason.as_str());
        Ok(match under.change {
            BulkChange::Cancel => view.state == JobState::Cancelled || held == "cancelling",
            BulkChange::Pause => held == "paused",
            // A job that runs is held only when its lease ends.
            BulkChange::Resume => {
                !view.state.is_final() && !self.is_job_paused(under.tenant, view.id).await?
            }
            BulkChange::Fly(_) => false,
        })
    }

    /// What may be said twice to a job.
    async fn order(&self, under: &Under, job: i64) -> Result<(), Error> {
        let tenant = under.tenant;
        match under.change {
            BulkChange::Cancel => {
                let why = under.why_in_full();
                self.cancel(tenant, job, &under.who, &why).await?;
            }
            BulkChange::Pause => {
                let pause = NewPause {
                    scope: PauseScope::Job,
                    subject: job.to_string(),
                    mode: PauseMode::Hold,
                    who: under.who.clone(),
                    why: under.why_in_full(),
                    until: None,
                };
                self.pause(tenant, pause).await?;
            }
            BulkChange::Resume => {
                let subject = job.to_string();
                let pause = self.pause_of(tenant, PauseScope::Job, &subject).await?;
                self.resume(tenant, pause.id).await?;
            }
            BulkChange::Fly(_) => unreachable!("a change in flight is no order"),
        }
        Ok(())
    }

    /// Whether a job is still one of those that a filter is for.
    pub(in crate::protocol) async fn bulk_fits(
        &self,
        view: &JobView,
        filter: &BulkFilter,
    ) -> Result<(), Error> {
        filter.fits(view)?;
        let Some(wanted) = &filter.fingerprint else {
            return Ok(());
        };
        let found = self.bulk_fingerprint(view.id).await?;
        match found.as_ref() == Some(wanted) {
            true => Ok(()),
            false => Err(elsewhere(view.id, "is parked with another error by now")),
        }
    }
}

/// What a page came to.
#[derive(Default)]
struct Passed {
    asked: i64,
    changed: i64,
    is_gone: bool,
}

impl Under {
    fn of(running: RunningBulk) -> Result<Self, Error> {
        Ok(Self {
            bulk: running.id,
            tenant: running.tenant,
            filter: BulkFilter::from_json(&running.filter)?,
            change: BulkWords::from_json(&running.change)?.change()?,
            who: running.who,
            why: running.why,
            shelf: Shelf::default(),
        })
    }

    fn by(&self) -> By {
        By {
            who: self.who.clone(),
            why: self.why_in_full(),
            what: String::new(),
        }
    }

    /// With the change that it was one of.
    fn why_in_full(&self) -> String {
        format!("{} (c_{})", self.why, self.bulk)
    }
}
