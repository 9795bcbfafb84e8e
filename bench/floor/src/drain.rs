//! From ready to outcome: claims that settle the jobs before them in the same round trip.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::sleep;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, Row, Statement};

use crate::Floor;

/// Extents in a first claim; doubled when a claim came back short.
const EXTENTS_FIRST: i64 = 2;
/// Pause of a claimer that found nothing while another one still settles.
const EMPTY_PAUSE: Duration = Duration::from_micros(200);

/// A drain: so many jobs, over so many connections, so many a claim.
#[derive(Clone, Debug)]
pub struct Drain {
    /// Jobs that are ready beforehand.
    pub jobs: u64,
    /// Jobs of one claim.
    pub claim: u32,
    /// Claimers, a connection each.
    pub connections: usize,
}

impl Drain {
    /// Drains them; gives how many outcomes were written.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run(&self, floor: &Floor) -> Result<u64, Error> {
        let settled = Arc::new(AtomicU64::new(0));
        let claimers = (0..self.connections).map(|_| {
            let (drain, floor, settled) = (self.clone(), floor.clone(), settled.clone());
            async move { drain.claimer(&floor, &settled).await }
        });
        let tasks = claimers.map(tokio::spawn);
        for ended in try_join_all(tasks).await.into_iter().flatten() {
            ended?;
        }
        Ok(settled.load(Ordering::Relaxed))
    }

    async fn claimer(&self, floor: &Floor, settled: &AtomicU64) -> Result<(), Error> {
        let mut claimer = Claimer::new(floor, self.claim.into()).await?;
        loop {
            let ends = claimer.held.0.len() as u64;
            let rows = claimer.exchange().await?;
            settled.fetch_add(ends, Ordering::Relaxed);
            claimer.hold(&rows);
            if !rows.is_empty() {
                continue;
            }
            if settled.load(Ordering::Relaxed) >= self.jobs {
                return Ok(());
            }
            sleep(EMPTY_PAUSE).await;
        }
    }
}

/// A connection and what it has claimed and not yet settled.
struct Claimer {
    client: Client,
    claim: Statement,
    settle: Statement,
    count: i64,
    extents: i64,
    held: (Vec<i64>, i64),
}

impl Claimer {
    async fn new(floor: &Floor, count: i64) -> Result<Self, Error> {
        let client = floor.connect().await?;
        Ok(Self {
            claim: client.prepare(include_str!("../queries/claim.sql")).await?,
            settle: client
                .prepare(include_str!("../queries/settle.sql"))
                .await?,
            client,
            count,
            extents: EXTENTS_FIRST,
            held: Default::default(),
        })
    }

    /// Settles what is held and claims the next in one transaction and one round trip.
    async fn exchange(&self) -> Result<Vec<Row>, Error> {
        let claim: [&(dyn ToSql + Sync); 2] = [&self.count, &self.extents];
        let (jobs, lease) = &self.held;
        if jobs.is_empty() {
            return self.client.query(&self.claim, &claim).await;
        }
        let settle: [&(dyn ToSql + Sync); 2] = [jobs, lease];
        let (begun, settled, rows, committed) = tokio::join!(
            self.client.batch_execute("begin"),
            self.client.execute(&self.settle, &settle),
            self.client.query(&self.claim, &claim),
            self.client.batch_execute("commit"),
        );
        begun.and(settled.map(drop)).and(committed).and(rows)
    }

    fn hold(&mut self, rows: &[Row]) {
        let jobs: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        if (jobs.len() as i64) < self.count {
            self.extents = (self.extents * 2).min(self.count.max(EXTENTS_FIRST));
        }
        self.held = (jobs, rows.first().map_or(0, |row| row.get(2)));
    }
}
