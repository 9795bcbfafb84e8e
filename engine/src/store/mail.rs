//! A job's inbox: what its holder reads, and what becomes of it when the job has ended.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use super::post::{Cause, Letter, LetterKind, Meeting, Spot};
use super::{DEFAULT_TENANT, LeaseKey, Store, signal};
use crate::Error;

impl Store {
    /// What a job was told and has not taken, up to 1,000 letters, oldest first. What people ordered is not
    /// among them: [`Store::order_of`].
    pub async fn letters(&self, job: i64) -> Result<Vec<Letter>, Error> {
        let rows = sqlx::query_file!("queries/mail/of_job.sql", job)
            .fetch_all(self.pool())
            .await?;
        let letters = rows.into_iter().map(|row| Letter {
            id: row.id,
            kind: match row.kind.as_str() {
                "child" => LetterKind::Child,
                _ => LetterKind::Event,
            },
            data: row.data,
            at: row.at,
        });
        Ok(letters.collect())
    }

    /// Gives a job that runs what it listens for and what has come: how many letters are new.
    pub async fn collect(
        &self,
        tenant: i32,
        job: i64,
        lease: LeaseKey,
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
        )
        .fetch_one(self.pool())
        .await?;
        Ok(row.letters)
    }

    /// One pass of all that must happen to mail although nobody asks: events are published, parents told,
    /// children closed, letters of ended jobs returned. How much it moved.
    pub async fn pass_mail(&self) -> Result<i64, Error> {
        let closed = i64::try_from(self.close_children().await?).unwrap_or(i64::MAX);
        let told = self.publish_events().await? + self.tell_parents().await?;
        Ok(closed + told + self.return_letters().await?)
    }

    /// Deletes what was told to jobs that have ended, a page a pass; signals among it go to whoever waits for
    /// them now, or are kept. How many letters.
    pub async fn return_letters(&self) -> Result<i64, Error> {
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
                let row = sqlx::query_file!("queries/mail/forget.sql", &jobs, &ids, &tenants)
                    .fetch_one(&mut *connection)
                    .await?;
                for (tenant, key, name) in spots {
                    signal::offer(connection, tenant, key, name).await?;
                }
                Ok(row.letters)
            })
        })
        .await
    }
}
