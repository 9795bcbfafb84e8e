//! Jobs of several steps, each durable before the next starts: group commit over the jobs in flight.
//!
//! A flusher takes whatever has come together since its last flush and commits it at once; there is no
//! timer. Claims stay half a window ahead.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Statement};

use crate::Floor;

/// About one hundred bytes: what a step remembers.
const DATA: &str = r#"{"ok": true, "value": 12345, "note": "result of one step, about one hundred bytes of ordinary json data"}"#;
/// Entries of one flush.
const FLUSH_MAX: usize = 1_024;
/// Entries that wait for the flusher; more than there are jobs in flight.
const QUEUE: usize = 4_096;
/// Jobs of one claim.
const CLAIM_MAX: usize = 500;
/// Extents of one claim.
const EXTENTS: i64 = 2;

/// A run of jobs with steps.
#[derive(Clone, Debug)]
pub struct Steps {
    /// Jobs that are ready beforehand.
    pub jobs: u64,
    /// Steps of each.
    pub steps: u16,
    /// Jobs in flight.
    pub in_flight: usize,
}

/// What one job wants to be durable.
enum Entry {
    Step {
        job: i64,
        lease: i64,
        seq: i16,
        durable: oneshot::Sender<()>,
    },
    Done {
        job: i64,
        lease: i64,
    },
}

impl Steps {
    /// Runs them; gives how many outcomes were written.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run(&self, floor: &Floor) -> Result<u64, Error> {
        let (entries, queue) = mpsc::channel(QUEUE);
        let flusher = Flusher::new(floor).await?;
        let flushing = tokio::spawn(flusher.run(queue));
        let client = floor.connect().await?;
        let leases = self.claim(&client, &entries).await?;
        drop(entries);
        let Ok(flushed) = flushing.await else {
            return Ok(0);
        };
        let (appended, settled) = flushed?;
        client
            .execute(include_str!("../queries/close_leases.sql"), &[&leases])
            .await?;
        Ok(settled.min(appended / u64::from(self.steps)))
    }

    /// Claims until nothing is ready, waits for the last job, and gives the leases.
    async fn claim(
        &self,
        client: &Client,
        entries: &mpsc::Sender<Entry>,
    ) -> Result<Vec<i64>, Error> {
        let mut leases = Vec::new();
        let claim = client.prepare(include_str!("../queries/claim.sql")).await?;
        let window = Arc::new(Semaphore::new(self.in_flight));
        let want = (self.in_flight / 2).clamp(1, CLAIM_MAX);
        while let Ok(mut room) = window.clone().acquire_many_owned(want as u32).await {
            let rows = client.query(&claim, &[&(want as i64), &EXTENTS]).await?;
            let Some(first) = rows.first() else {
                break;
            };
            leases.push(first.get(2));
            for row in rows {
                let (job, lease) = (row.get(0), row.get(2));
                let (entries, steps, room) = (entries.clone(), self.steps, room.split(1));
                tokio::spawn(async move {
                    run(job, lease, steps, entries).await;
                    drop(room);
                });
            }
        }
        let _ = window.acquire_many(self.in_flight as u32).await;
        Ok(leases)
    }
}

/// One job: a step after the other, then its end.
async fn run(job: i64, lease: i64, steps: u16, entries: mpsc::Sender<Entry>) {
    for seq in 1..=steps.cast_signed() {
        let (durable, is_durable) = oneshot::channel();
        let step = Entry::Step {
            job,
            lease,
            seq,
            durable,
        };
        if entries.send(step).await.is_err() || is_durable.await.is_err() {
            return;
        }
    }
    let _ = entries.send(Entry::Done { job, lease }).await;
}

/// The one connection that writes.
struct Flusher {
    client: Client,
    append: Statement,
    settle: Statement,
}

/// A flush, a column an array.
#[derive(Default)]
struct Columns {
    jobs: Vec<i64>,
    leases: Vec<i64>,
    seqs: Vec<i16>,
    durable: Vec<oneshot::Sender<()>>,
    ended_jobs: Vec<i64>,
    ended_leases: Vec<i64>,
}

impl Columns {
    fn of(entries: impl Iterator<Item = Entry>) -> Self {
        let mut columns = Self::default();
        for entry in entries {
            match entry {
                Entry::Step {
                    job,
                    lease,
                    seq,
                    durable,
                } => {
                    columns.jobs.push(job);
                    columns.leases.push(lease);
                    columns.seqs.push(seq);
                    columns.durable.push(durable);
                }
                Entry::Done { job, lease } => {
                    columns.ended_jobs.push(job);
                    columns.ended_leases.push(lease);
                }
            }
        }
        columns
    }
}

impl Flusher {
    async fn new(floor: &Floor) -> Result<Self, Error> {
        let client = floor.connect().await?;
        Ok(Self {
            append: client
                .prepare(include_str!("../queries/append.sql"))
                .await?,
            settle: client
                .prepare(include_str!("../queries/settle_some.sql"))
                .await?,
            client,
        })
    }

    /// Flushes until no job is left; gives how many rows of journal and outcome were written.
    async fn run(self, mut queue: mpsc::Receiver<Entry>) -> Result<(u64, u64), Error> {
        let mut entries = Vec::with_capacity(FLUSH_MAX);
        let mut written = (0, 0);
        while queue.recv_many(&mut entries, FLUSH_MAX).await > 0 {
            let columns = Columns::of(entries.drain(..));
            let (appended, settled) = self.flush(&columns).await?;
            written = (written.0 + appended, written.1 + settled);
            for durable in columns.durable {
                let _ = durable.send(());
            }
        }
        Ok(written)
    }

    async fn flush(&self, columns: &Columns) -> Result<(u64, u64), Error> {
        let data = vec![DATA; columns.jobs.len()];
        let (leases, ended_leases) = (distinct(&columns.leases), distinct(&columns.ended_leases));
        let (jobs, seqs) = (&columns.jobs, &columns.seqs);
        let append: [&(dyn ToSql + Sync); 5] = [jobs, &columns.leases, seqs, &data, &leases];
        let settle: [&(dyn ToSql + Sync); 3] =
            [&columns.ended_jobs, &columns.ended_leases, &ended_leases];
        if columns.ended_jobs.is_empty() {
            return Ok((self.client.execute(&self.append, &append).await?, 0));
        }
        if columns.jobs.is_empty() {
            return Ok((0, self.client.execute(&self.settle, &settle).await?));
        }
        let (begun, appended, settled, committed) = tokio::join!(
            self.client.batch_execute("begin"),
            self.client.execute(&self.append, &append),
            self.client.execute(&self.settle, &settle),
            self.client.batch_execute("commit"),
        );
        begun.and(committed)?;
        Ok((appended?, settled?))
    }
}

fn distinct(leases: &[i64]) -> Vec<i64> {
    let mut distinct = leases.to_vec();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}
