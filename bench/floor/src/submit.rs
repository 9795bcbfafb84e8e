//! Submission: rows of jobs and of what is ready, durable before the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::future::try_join_all;
use tokio_postgres::Error;

use crate::Floor;
use crate::floor::PAYLOAD;

/// A submission: so many jobs, over so many connections, so many a statement.
#[derive(Clone, Debug)]
pub struct Submit {
    /// Jobs in all.
    pub jobs: u64,
    /// Jobs of one statement, at most 1,000.
    pub page: u32,
    /// Submitters, a connection each.
    pub connections: usize,
}

impl Submit {
    /// Submits them; gives how many were stored.
    ///
    /// # Errors
    /// What the database says.
    pub async fn run(&self, floor: &Floor) -> Result<u64, Error> {
        let left = Arc::new(AtomicI64::new(self.jobs.cast_signed()));
        let submitters = (0..self.connections).map(|_| {
            let (floor, left, page) = (floor.clone(), left.clone(), i64::from(self.page));
            async move { submitter(&floor, &left, page).await }
        });
        let tasks = submitters.map(tokio::spawn);
        let mut stored = 0;
        for ended in try_join_all(tasks).await.into_iter().flatten() {
            stored += ended?;
        }
        Ok(stored)
    }
}

async fn submitter(floor: &Floor, left: &AtomicI64, page: i64) -> Result<u64, Error> {
    let client = floor.connect().await?;
    let submit = client
        .prepare(include_str!("../queries/submit.sql"))
        .await?;
    let mut stored = 0;
    loop {
        let before = left.fetch_sub(page, Ordering::Relaxed);
        if before <= 0 {
            return Ok(stored);
        }
        let count = before.min(page);
        let payloads = vec![PAYLOAD; count.cast_unsigned() as usize];
        client.execute(&submit, &[&payloads]).await?;
        stored += count.cast_unsigned();
    }
}
