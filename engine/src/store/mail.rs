//! A job's inbox: what its holder reads, and what becomes of it when the job has ended.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::post::{Cause, Letter, LetterKind, Meeting, Spot};
use super::signal::{self, Kept};
use super::{DEFAULT_TENANT, LeaseKey, Store};
use crate::Error;

/// A pass goes on from page to page for so long; the next one does the rest.
pub(super) const PASS_MAX: Duration = Duration::from_secs(1);

/// Which letters of a job to read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unread<'a> {
    /// Names the listens that stand: what they refused is not read ([`Post::mark`](super::Post::mark)).
    pub mark: i64,
    /// Letters that its holder has.
    pub known: &'a [i64],
    /// Only what answers to the job's own rows: children that ended, contexts that it changed.
    pub of_children: bool,
}

/// A page of a job's letters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Letters {
    /// Oldest first.
    pub page: Vec<Letter>,
    /// There are more than these.
    pub more: bool,
}

impl Store {
    /// What a job was told and has not taken: up to 1,000 letters of 8 MiB, oldest first. What people ordered
    /// is not among them: [`Store::order_of`].
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Reads only.
    pub async fn letters(&self, job: i64, unread: Unread<'_>) -> Result<Letters, Error> {
        let Unread {
            mark,
            known,
            of_children,
        } = unread;
        let rows = sqlx::query_file!("queries/mail/of_job.sql", job, mark, known, of_children)
            .fetch_all(self.pool())
            .await?;
        let more = rows.first().is_some_and(|row| row.more);
        let page = rows.into_iter().map(|row| Letter {
            id: row.id,
            kind: match (row.kind.as_str(), &row.data) {
                ("child", _) => LetterKind::Child,
                ("context", _) => LetterKind::Context,
                (_, Some(_)) => LetterKind::Event,
                (_, None) => LetterKind::Gone,
            },
            data: row.data.unwrap_or_default(),
            at: row.at,
        });
        Ok(Letters {
            page: page.collect(),
            more,
        })
    }

    /// Gives a job that runs what the listens with this mark wait for and what has come: how many letters are
    /// new.
    pub async fn collect(
        &self,
        tenant: i32,
        job: i64,
        lease: LeaseKey,
        mark: i64,
        causes: &[Cause],
    ) -> Result<i64, Error> {
        let once: BTreeSet<&Cause> = causes.iter().collect();
        let texts =
            |of: fn(&Cause) -> &str| -> Vec<&str> { once.iter().map(|cause| of(cause)).collect() };
        let row = sqlx::query_file!(
            "queries/mail/collect.sql",
            job,
            lease.claim,
            lease.n,
            tenant,
            &texts(|cause| cause.kind.as_str()) as &[&str],
            &texts(|cause| &cause.name) as &[&str],
            &texts(|cause| &cause.key) as &[&str],
            mark,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(row.letters)
    }

    /// One pass of all that must happen to mail although nobody asks: events are published and their waiters
    /// woken, parents told, children closed, letters of ended jobs and refused signals passed on. How much it
    /// moved.
    pub async fn pass_mail(&self) -> Result<i64, Error> {
        let closed = self.close_children().await?;
        let published = self.position_events().await? + self.wake_listeners().await?;
        let told = published + self.tell_parents().await? + self.tell_of_batches().await?;
        let told = told + self.return_letters().await? + self.pass_signals_on().await?;
        let closed = closed + self.close_child_batches().await?;
        Ok(told + i64::try_from(closed).unwrap_or(i64::MAX))
    }

    /// Deletes what was told to jobs that have ended; signals among it go to whoever waits for them now, or are
    /// kept. How many letters.
    pub async fn return_letters(&self) -> Result<i64, Error> {
        let since = Instant::now();
        let mut returned = 0;
        loop {
            returned += self.return_page().await?;
            let is_through = self.returned_behind.load(Ordering::Relaxed) == 0;
            if is_through || since.elapsed() > PASS_MAX {
                return Ok(returned);
            }
        }
    }

    async fn return_page(&self) -> Result<i64, Error> {
        let behind = self.returned_behind.load(Ordering::Relaxed);
        let page = sqlx::query_file!("queries/mail/left.sql", behind)
            .fetch_all(self.pool())
            .await?;
        let last = page.first().and_then(|row| row.last).unwrap_or(0);
        self.returned_behind.store(last, Ordering::Relaxed);
        let left: Vec<_> = page.into_iter().filter(|row| row.over).collect();
        if left.is_empty() {
            return Ok(0);
        }
        self.transaction(move |connection| {
            Box::pin(async move {
                let tenant_of = |tenant: Option<i32>| tenant.unwrap_or(DEFAULT_TENANT);
                let spots: BTreeSet<_> = left
                    .iter()
                    .filter(|row| row.signal.is_some())
                    .filter_map(|row| {
                        let (name, key) = row.name.as_deref().zip(row.key.as_deref())?;
                        Some((tenant_of(row.tenant), key, name))
                    })
                    .collect();
                let mut meeting = Meeting::default();
                for (tenant, key, name) in &spots {
                    meeting.alone(*tenant, Spot::Signal(name, key));
                }
                meeting.hold(connection).await?;
                let jobs: Vec<i64> = left.iter().map(|row| row.job).collect();
                let ids: Vec<i64> = left.iter().map(|row| row.id).collect();
                let tenants: Vec<i32> = left.iter().map(|row| tenant_of(row.tenant)).collect();
                // Whoever did not read it has refused nothing.
                let marks: Vec<Option<i64>> = vec![None; left.len()];
                let row = sqlx::query_file!(
                    "queries/mail/forget.sql",
                    &jobs,
                    &ids,
                    &tenants,
                    &marks as &[Option<i64>],
                )
                .fetch_one(&mut *connection)
                .await?;
                for (tenant, key, name) in spots {
                    let spot = (tenant, key, name);
                    signal::give(connection, spot, Kept::Fresh).await?;
                }
                Ok(row.letters)
            })
        })
        .await
    }
}
