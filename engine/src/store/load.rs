//! What a worker reads to run a job: its program's source, its memory, its batch, its chunks, its orders.

use chrono::{DateTime, Utc};
use windlass_workflows::machine::BatchFacts;
use windlass_workflows::machine::turn::{Entry, Head};

use super::{LeaseKey, Store};
use crate::Error;

/// A template version that jobs are pinned to.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// What publishing resolved, as JSON text.
    pub bundle: String,
    /// Number of the meaning that it was published under.
    pub semantics: i16,
    /// `namespace.name@version`.
    pub label: String,
}

/// A job's memory.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The newest whole state.
    pub head: Option<Head>,
    /// The turns after it.
    pub entries: Vec<Entry>,
}

/// A head or an entry.
struct Remembered {
    seq: i32,
    kind: String,
    at: Option<DateTime<Utc>>,
    data: Option<String>,
    fold: Option<i32>,
    state: Option<Vec<u8>>,
}

impl Loaded {
    fn of(rows: Vec<Remembered>) -> Self {
        let mut loaded = Self::default();
        for row in rows {
            match (row.fold, row.state, row.at, row.data) {
                (Some(fold), Some(state), _, _) => {
                    loaded.head = Some(Head {
                        seq: row.seq,
                        fold,
                        state,
                    })
                }
                (_, _, Some(at), Some(data)) => loaded.entries.push(Entry {
                    seq: row.seq,
                    kind: row.kind,
                    at,
                    data,
                }),
                _ => unreachable!("a row is a head or an entry"),
            }
        }
        loaded.entries.sort_by_key(|entry| entry.seq);
        loaded
    }
}

/// A job that another one repeats.
#[derive(Clone, Copy, Debug)]
pub struct EarlierJob {
    /// The job.
    pub job: i64,
    /// Row of its template version.
    pub template_version: i32,
}

/// A member of a chunk.
#[derive(Clone, Debug)]
pub struct ChunkMember {
    /// Its key.
    pub key: String,
    /// Its object key.
    pub object: Option<String>,
    /// JSON text.
    pub document: String,
}

/// Where the jobs of a batch stand in it, by their ranges: a large batch has thousands, and each job asks.
#[derive(Clone, Debug)]
struct Places {
    firsts: Vec<i64>,
    lasts: Vec<i64>,
    /// Jobs before each range.
    before: Vec<i64>,
}

impl Places {
    fn new(firsts: &[i64], lasts: &[i64]) -> Self {
        let jobs = firsts
            .iter()
            .zip(lasts)
            .map(|(first, last)| last - first + 1);
        let before = jobs.scan(0, |all, jobs| {
            let before = *all;
            *all += jobs;
            Some(before)
        });
        Self {
            firsts: firsts.to_vec(),
            lasts: lasts.to_vec(),
            before: before.collect(),
        }
    }

    fn last(&self) -> Option<i64> {
        self.lasts.last().copied()
    }

    /// The place of a job, from 0.
    fn of(&self, job: i64) -> u64 {
        let range = self.lasts.partition_point(|last| *last < job);
        let place = self
            .firsts
            .get(range)
            .map(|first| self.before[range] + job - first);
        place
            .and_then(|place| u64::try_from(place).ok())
            .unwrap_or_default()
    }
}

/// What a job may know of its batch.
#[derive(Clone, Debug)]
pub struct BatchOf {
    /// The batch.
    pub id: i64,
    /// Its job configuration.
    pub configuration: Option<String>,
    /// `individual`, `object`, `combined`.
    pub strategy: String,
    /// Jobs of the plan.
    pub jobs: i64,
    /// Its slot.
    pub slot: Option<DateTime<Utc>>,
    /// Key of its context.
    pub context: Option<String>,
    /// Whether it takes more members.
    is_open: bool,
    ranges: Places,
}

impl BatchOf {
    /// Whether what is known of the batch says where this job stands: others may be added later.
    pub fn knows(&self, job: i64) -> bool {
        !self.is_open || self.ranges.last().is_some_and(|last| job <= last)
    }

    /// What one of its jobs sees of it.
    pub fn facts(&self, job: i64, key: Option<String>, object: Option<String>) -> BatchFacts {
        BatchFacts {
            id: format!("b_{}", self.id),
            configuration: self.configuration.clone(),
            strategy: self.strategy.clone(),
            index: self.ranges.of(job),
            of: u64::try_from(self.jobs).unwrap_or_default(),
            key,
            object,
            slot: self.slot,
            context: self.context.clone(),
            chunks: None,
        }
    }
}

impl Store {
    /// The program's source of a version that a job is pinned to.
    pub async fn pinned(&self, template_version: i32) -> Result<Pinned, Error> {
        let row = sqlx::query_file!("queries/template/pinned.sql", template_version);
        let row = row.fetch_optional(self.pool()).await?;
        let missing = || Error::not_found("template version", template_version.to_string());
        let row = row.ok_or_else(missing)?;
        Ok(Pinned {
            bundle: row.bundle,
            semantics: row.semantics,
            label: format!("{}.{}@{}", row.namespace, row.name, row.version),
        })
    }

    /// Everything that a job remembers.
    pub async fn load(&self, job: i64) -> Result<Loaded, Error> {
        let rows = sqlx::query_file_as!(Remembered, "queries/journal/load.sql", job)
            .fetch_all(self.pool())
            .await?;
        Ok(Loaded::of(rows))
    }

    /// A job's memory as far back as it reads under its version, at most so many entries.
    pub(crate) async fn history(&self, job: i64, entries: i32) -> Result<Loaded, Error> {
        let rows = sqlx::query_file_as!(Remembered, "queries/flight/history.sql", job, entries)
            .fetch_all(self.pool())
            .await?;
        Ok(Loaded::of(rows))
    }

    /// The jobs that one repeats, the latest first.
    pub async fn lineage(&self, job: i64) -> Result<Vec<EarlierJob>, Error> {
        let rows = sqlx::query_file_as!(EarlierJob, "queries/member/lineage.sql", job)
            .fetch_all(self.pool())
            .await?;
        Ok(rows)
    }

    /// The memory of a job that has ended, as far back as it reads under its version.
    pub async fn history_of(&self, job: i64) -> Result<Loaded, Error> {
        self.history(job, i32::MAX).await
    }

    /// The oldest order for a leased job; `None` inside when there is none, outside when the lease is gone.
    pub async fn order_of(
        &self,
        job: i64,
        lease: LeaseKey,
    ) -> Result<Option<Option<String>>, Error> {
        let row = sqlx::query_file!("queries/inbox/orders.sql", job, lease.claim, lease.n)
            .fetch_one(self.pool())
            .await?;
        Ok(row.leased.then_some(row.order))
    }

    /// What a job may know of its batch.
    pub async fn batch_of(&self, batch: i64) -> Result<BatchOf, Error> {
        let row = sqlx::query_file!("queries/batch/facts.sql", batch)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::not_found("batch", format!("b_{batch}")))?;
        Ok(BatchOf {
            id: batch,
            configuration: row.configuration,
            strategy: row.strategy,
            jobs: row.jobs,
            slot: row.slot_at,
            context: row.context,
            is_open: row.open,
            ranges: Places::new(&row.firsts, &row.lasts),
        })
    }

    /// The members of one chunk, in order.
    pub async fn chunk(&self, job: i64, number: u32) -> Result<Vec<ChunkMember>, Error> {
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let rows = sqlx::query_file!("queries/member/chunk.sql", job, number)
            .fetch_all(self.pool())
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| ChunkMember {
                key: row.key,
                object: row.object,
                document: row.document,
            })
            .collect())
    }

    /// How many chunks a job reads.
    pub async fn chunks_of(&self, job: i64) -> Result<u32, Error> {
        let row = sqlx::query_file!("queries/member/chunks.sql", job)
            .fetch_one(self.pool())
            .await?;
        Ok(u32::try_from(row.chunks).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_stands_behind_all_of_the_ranges_before_its_own() {
        let places = Places::new(&[1_001, 2_001, 9_001], &[2_000, 2_010, 9_003]);

        let of = [1_001, 2_000, 2_001, 2_010, 9_001, 9_003].map(|job| places.of(job));

        assert_eq!(of, [0, 999, 1_000, 1_009, 1_010, 1_012]);
        assert_eq!(places.last(), Some(9_003));
    }
}
