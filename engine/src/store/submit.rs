//! Submission: requests become jobs. An answer is given only after its commit.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;

use super::Store;
use crate::Error;

/// Requests in one statement.
pub const SUBMIT_MAX: usize = 1_000;

/// A request whose template is resolved and whose input is checked.
#[derive(Clone, Debug)]
pub struct NewRequest {
    /// From [`Store::lane`].
    pub lane: i32,
    /// Row of the template version that it is pinned to.
    pub template_version: i32,
    /// JSON text.
    pub input: String,
    /// At most one job per key within its hold.
    pub idempotency_key: Option<String>,
    /// Not before this instant.
    pub start_at: Option<DateTime<Utc>>,
    /// Seconds by which the job may overtake later ones; negative to fall behind.
    pub priority: i32,
    /// A JSON object of text values.
    pub tags: Option<serde_json::Value>,
}

/// What became of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// A new job.
    Created {
        /// Its id.
        job: i64,
    },
    /// The key was used before for the same payload.
    Duplicate {
        /// The first job.
        job: i64,
    },
    /// The key was used before for another payload.
    KeyReused {
        /// The first job.
        job: i64,
    },
    /// The key's first request is still being stored by somebody else.
    InFlight,
}

impl Store {
    /// Stores up to [`SUBMIT_MAX`] requests, each with its ready row, in one statement; answers in order.
    ///
    /// # Errors
    /// All or nothing: on an error none was stored, or the repeat with the same keys finds them.
    ///
    /// # Cancel safety
    /// Dropped, the statement may still commit; a repeat with the same keys finds its jobs.
    pub async fn submit(
        &self,
        tenant: i32,
        who: &str,
        requests: &[NewRequest],
    ) -> Result<Vec<Submitted>, Error> {
        assert!(
            requests.len() <= SUBMIT_MAX,
            "callers send pages of SUBMIT_MAX"
        );
        let mut connection = self.pool().acquire().await?;
        let ids = self.ids.take(&mut connection, requests.len()).await?;
        let columns = Columns::of(requests, &ids);
        let stored = columns.insert(&mut connection, tenant, who).await?;
        if stored.len() == requests.len() {
            return Ok(ids
                .into_iter()
                .map(|job| Submitted::Created { job })
                .collect());
        }
        let taken = keys(&mut connection, tenant, requests).await?;
        Ok(requests
            .iter()
            .zip(ids)
            .map(|(request, job)| answer(request, job, &stored, &taken))
            .collect())
    }
}

fn answer(
    request: &NewRequest,
    job: i64,
    stored: &[i64],
    taken: &HashMap<String, (Vec<u8>, i64)>,
) -> Submitted {
    if stored.binary_search(&job).is_ok() {
        return Submitted::Created { job };
    }
    match request
        .idempotency_key
        .as_ref()
        .and_then(|key| taken.get(key))
    {
        Some((hash, first)) if *hash == payload_hash(request) => {
            Submitted::Duplicate { job: *first }
        }
        Some((_, first)) => Submitted::KeyReused { job: *first },
        None => Submitted::InFlight,
    }
}

async fn keys(
    connection: &mut PgConnection,
    tenant: i32,
    requests: &[NewRequest],
) -> Result<HashMap<String, (Vec<u8>, i64)>, Error> {
    let wanted: Vec<String> = requests
        .iter()
        .filter_map(|request| request.idempotency_key.clone())
        .collect();
    let rows = sqlx::query_file!("queries/request/key.sql", tenant, &wanted)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.key, (row.hash, row.job)))
        .collect())
}

/// What must be equal for a repeated key to mean the same request.
fn payload_hash(request: &NewRequest) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(request.lane.to_be_bytes());
    hash.update(request.input.as_bytes());
    hash.finalize().to_vec()
}

/// The requests, a column an array.
struct Columns {
    ids: Vec<i64>,
    lanes: Vec<i32>,
    versions: Vec<i32>,
    nonces: Vec<i64>,
    inputs: Vec<String>,
    keys: Vec<Option<String>>,
    hashes: Vec<Option<Vec<u8>>>,
    starts: Vec<Option<DateTime<Utc>>>,
    priorities: Vec<i32>,
    tags: Vec<Option<serde_json::Value>>,
}

impl Columns {
    fn of(requests: &[NewRequest], ids: &[i64]) -> Self {
        Self {
            ids: ids.to_vec(),
            lanes: requests.iter().map(|request| request.lane).collect(),
            versions: requests
                .iter()
                .map(|request| request.template_version)
                .collect(),
            nonces: requests.iter().map(|_| rand::random()).collect(),
            inputs: requests
                .iter()
                .map(|request| request.input.clone())
                .collect(),
            keys: requests
                .iter()
                .map(|request| request.idempotency_key.clone())
                .collect(),
            hashes: requests
                .iter()
                .map(|request| {
                    request
                        .idempotency_key
                        .as_ref()
                        .map(|_| payload_hash(request))
                })
                .collect(),
            starts: requests.iter().map(|request| request.start_at).collect(),
            priorities: requests.iter().map(|request| request.priority).collect(),
            tags: requests
                .iter()
                .map(|request| request.tags.clone())
                .collect(),
        }
    }

    /// The ids that were stored, ascending.
    async fn insert(
        &self,
        connection: &mut PgConnection,
        tenant: i32,
        who: &str,
    ) -> Result<Vec<i64>, Error> {
        let rows = sqlx::query_file!(
            "queries/request/submit.sql",
            tenant,
            who,
            &self.ids,
            &self.lanes,
            &self.versions,
            &self.nonces,
            &self.inputs,
            &self.keys as &[Option<String>],
            &self.hashes as &[Option<Vec<u8>>],
            &self.starts as &[Option<DateTime<Utc>>],
            &self.priorities,
            &self.tags as &[Option<serde_json::Value>],
        )
        .fetch_all(connection)
        .await?;
        let mut ids: Vec<i64> = rows.into_iter().map(|row| row.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }
}
