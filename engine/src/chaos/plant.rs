//! Faults that are planted on purpose, seen by the same evidence, and taken back.

use sqlx::Connection;

use super::{Evidence, Witness};
use crate::Error;

/// A fault of the product as the database would show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// A final job loses its outcome.
    OutcomeGone,
    /// A job has two outcomes.
    OutcomeTwice,
    /// A stored input changes.
    InputEdited,
    /// An accepted job vanishes.
    JobGone,
    /// A final job stands in a holder again.
    Revived,
    /// A batch's totals tell one too many.
    TallyOff,
    /// An outcome was recorded under a claim that had lost the job.
    StaleOutcome,
    /// A journal was written under a claim that had lost the job.
    StaleTurn,
    /// Two leases had a job at once.
    LeasedTwice,
    /// A final outcome was written again.
    OutcomeChanged,
    /// A job left its lease and stood nowhere.
    StrayedJob,
}

impl Plant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::OutcomeGone,
        Self::OutcomeTwice,
        Self::InputEdited,
        Self::JobGone,
        Self::Revived,
        Self::TallyOff,
        Self::StaleOutcome,
        Self::StaleTurn,
        Self::LeasedTwice,
        Self::OutcomeChanged,
        Self::StrayedJob,
    ];

    /// The statements that do it. The history keeps quiet, unless the fault is one of the history.
    fn statements(self) -> &'static str {
        match self {
            Self::OutcomeGone => {
                "set local session_replication_role = replica;
                 delete from outcome where first_id = (select min(o.first_id) from outcome o join request r on r.job = o.first_id
                    where not exists (select from chaos.judged where judged.job = o.first_id));"
            }
            Self::OutcomeTwice => {
                "set local session_replication_role = replica;
                 update outcome set last_id = last_id + 1, result = null where first_id = (
                    select min(a.first_id) from outcome a join outcome b on b.first_id = a.last_id + 1
                    where not exists (select from chaos.judged where judged.job = b.first_id));"
            }
            Self::InputEdited => {
                "update job set input = replace(input, '\"step\"', '\"stop\"') where id = (
                    select min(id) from job join request on request.job = job.id
                    where input like '%\"step\"%' and not exists (select from chaos.judged where judged.job = job.id));"
            }
            Self::JobGone => {
                "with gone as (delete from request where job = (select min(job) from request
                    where not exists (select from chaos.judged where judged.job = request.job)) returning job)
                 delete from job using gone where job.id = gone.job;"
            }
            Self::Revived => {
                "insert into ready (first_id, last_id, lane, eff, run_at)
                 select first_id, first_id, lane, now(), now() from outcome
                 where not exists (select from chaos.judged where judged.job = outcome.first_id) limit 1;"
            }
            Self::TallyOff => "insert into tally (batch, kind, n) select max(id), 'completed', 1 from batch;",
            Self::StaleOutcome => {
                "set local session_replication_role = replica;
                 update outcome set claim = gen_random_uuid() where first_id = (select min(first_id) from outcome
                    where claim is not null and not exists (select from chaos.judged where judged.job = outcome.first_id));"
            }
            Self::StaleTurn => {
                "update journal set claim = gen_random_uuid() where (job, seq) = (select job, seq from journal
                    where not exists (select from chaos.judged where judged.job = journal.job) order by job, seq limit 1);"
            }
            Self::LeasedTwice => {
                "insert into chaos.history (seq, job, claim, what)
                 select -1, job, gen_random_uuid(), 'claimed' from chaos.history where what = 'claimed' limit 1;"
            }
            Self::StrayedJob => {
                "update chaos.history set what = 'nowhere'
                 where seq = (select min(seq) from chaos.history where what = 'ended');"
            }
            Self::OutcomeChanged => {
                "update outcome set code = 'again' where first_id = (select min(first_id) from outcome
                    where not exists (select from chaos.judged where judged.job = outcome.first_id));"
            }
        }
    }
}

impl Witness {
    /// The evidence as it would be with this fault. Nothing stays: it is planted in a transaction that
    /// is rolled back.
    ///
    /// # Errors
    /// What the database says.
    pub async fn evidence_with(&mut self, plant: Plant) -> Result<Evidence, Error> {
        sqlx::raw_sql("begin").execute(&mut self.connection).await?;
        let seen = self.planted(plant).await;
        sqlx::raw_sql("rollback")
            .execute(&mut self.connection)
            .await?;
        self.connection.ping().await?;
        seen
    }

    async fn planted(&mut self, plant: Plant) -> Result<Evidence, Error> {
        sqlx::raw_sql(plant.statements())
            .execute(&mut self.connection)
            .await?;
        self.evidence().await
    }
}
