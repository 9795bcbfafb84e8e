//! The worker's hot path: one connection that settles what jobs want to record and claims the next
//! ones, in one round trip (`queries/lease/exchange.sql`).
//!
//! A pump owns one `Hot`. Nothing is cancelled half-way: a future of `exchange` must be driven to its
//! end, and after an error the pump reconnects and asks what became of it.

mod columns;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgConnection};
use uuid::Uuid;
use windlass_workflows::machine::turn::{End, Entry, Head, Turn};

use self::columns::Columns;
use crate::Error;

/// Entries in one flush.
pub const ENTRIES_MAX: usize = 1_000;

/// Bytes of one flush, beside its last entry: Postgres takes a gigabyte, and a short flush is soon durable.
pub const FLUSH_BYTES_MAX: usize = 4 << 20;
/// What an entry's columns take without its texts.
const ENTRY_BYTES: usize = 100;

/// A row of `lease`: jobs of one kind inside one claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeaseKey {
    /// The claim, named by the worker before it was sent.
    pub claim: Uuid,
    /// Which kind of the claim, from 1.
    pub n: i16,
}

/// A job under lease.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Where its lease stands.
    pub lease: LeaseKey,
    /// Whose it is.
    pub tenant: i32,
    /// The job.
    pub id: i64,
    /// Random, so that its idempotency keys survive a restored database.
    pub nonce: i64,
    /// Row of its template version.
    pub template_version: i32,
    /// Its batch.
    pub batch: Option<i64>,
    /// Key of the member that it works on.
    pub member_key: Option<String>,
    /// Object key of its members.
    pub object: Option<String>,
    /// JSON text, checked when it was stored.
    pub input: String,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// Its lane.
    pub lane: i32,
    /// Unjournaled tries before this one.
    pub attempt: i16,
    /// Leases lost before this one.
    pub losses: i16,
    /// Whether it has a journal to load.
    pub journaled: bool,
    /// The database's time at the claim.
    pub claimed_at: DateTime<Utc>,
}

/// How a job leaves its lease.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The machine says so.
    Machine(End),
    /// Nothing runs here until the instant.
    Rest {
        /// When a timer falls due; without one only others can wake it.
        due: Option<DateTime<Utc>>,
    },
    /// Given back, no attempt spent.
    Back,
}

/// What one job wants to record in one flush.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// The job.
    pub job: i64,
    /// The lease that it runs under.
    pub lease: LeaseKey,
    /// It knows of the stop that somebody asked for and acts on it.
    pub obeys: bool,
    /// The journal's next row.
    pub entry: Option<Entry>,
    /// A head beside it.
    pub head: Option<Head>,
    /// How the job leaves, if it does.
    pub ending: Option<Ending>,
    /// The job has a journal by now, this entry included.
    pub remembers: bool,
    /// Members of the chunks that this entry finishes: progress of a combined batch.
    pub members: i64,
}

impl NewEntry {
    /// How a job leaves that has nothing else to record.
    pub fn leaving(job: i64, lease: LeaseKey, ending: Ending, remembers: bool) -> Self {
        Self {
            job,
            lease,
            obeys: false,
            entry: None,
            head: None,
            ending: Some(ending),
            remembers,
            members: 0,
        }
    }

    /// About how many bytes it sends.
    pub fn bytes(&self) -> usize {
        let entry = self.entry.as_ref().map_or(0, |entry| entry.data.len());
        let head = self.head.as_ref().map_or(0, |head| head.state.len());
        let result = match &self.ending {
            Some(Ending::Machine(End::Outcome(outcome))) => {
                outcome.result.as_ref().map_or(0, String::len)
            }
            _ => 0,
        };
        ENTRY_BYTES + entry + head + result
    }

    /// What a sealed turn wants to record.
    pub fn of(job: i64, lease: LeaseKey, turn: &Turn, remembers: bool) -> Self {
        let (entry, head) = (turn.entry.clone(), turn.head.clone());
        let remembers = remembers || entry.is_some();
        Self {
            job,
            lease,
            obeys: false,
            entry,
            head,
            ending: turn.end.clone().map(Ending::Machine),
            remembers,
            members: 0,
        }
    }
}

/// What a pump wants to claim.
#[derive(Clone, Debug)]
pub struct Want {
    /// Named here, so that an answer that was lost can be asked for.
    pub claim: Uuid,
    /// One lane, at most two.
    pub lanes: Vec<(i32, usize)>,
}

/// What an exchange did.
#[derive(Debug, Default)]
pub struct Exchanged {
    /// New work.
    pub claimed: Vec<Claimed>,
    /// Jobs whose entry did not land: the lease is lost, or somebody stopped the job.
    pub refused: Vec<i64>,
}

/// A pump's own connection.
#[derive(Debug)]
pub struct Hot {
    connection: PgConnection,
    /// The first flush after a connection checks the journal's sequence: a lossy failover leaves gaps.
    check_gap: bool,
}

impl Hot {
    /// Opens the connection. Its planner must keep to the indexes that the statements name.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, Error> {
        let options = options.clone().options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_bitmapscan", "off"),
            ("enable_mergejoin", "off"),
            ("jit", "off"),
        ]);
        Ok(Self {
            connection: options.connect().await?,
            check_gap: true,
        })
    }

    /// Records `entries`, at most [`ENTRIES_MAX`], and claims what is wanted.
    ///
    /// # Errors
    /// An unavailable database leaves the fate of both unknown: reconnect, then ask
    /// [`Hot::recorded`] and [`Hot::of_claim`]. Any other error recorded and claimed nothing.
    ///
    /// # Cancel safety
    /// Not cancel safe: drive it to its end.
    pub async fn exchange(
        &mut self,
        worker: Uuid,
        entries: &[NewEntry],
        want: Option<&Want>,
    ) -> Result<Exchanged, Error> {
        let ends = Columns::of(entries);
        let claims: Vec<Uuid> = ends.leases.iter().map(|lease| lease.claim).collect();
        let numbers: Vec<i16> = ends.leases.iter().map(|lease| lease.n).collect();
        let claim = want.map_or(Uuid::nil(), |want| want.claim);
        let (lanes, quotas) = lanes_of(want);
        let rows = sqlx::query_file_as!(
            Row,
            "queries/lease/exchange.sql",
            &ends.jobs,
            &ends.lease_of,
            &ends.obeys,
            &ends.seqs as &[Option<i32>],
            &ends.kinds as &[Option<&str>],
            &ends.ats as &[Option<DateTime<Utc>>],
            &ends.data as &[Option<&str>],
            &ends.folds as &[Option<i32>],
            &ends.states as &[Option<&[u8]>],
            &ends.endings as &[Option<&str>],
            &ends.outcomes as &[Option<&str>],
            &ends.codes as &[Option<&str>],
            &ends.fingerprints as &[Option<&str>],
            &ends.results as &[Option<&str>],
            &ends.dues as &[Option<DateTime<Utc>>],
            &ends.reasons as &[Option<&str>],
            &claims,
            &numbers,
            self.check_gap,
            claim,
            worker,
            &lanes,
            &quotas,
            extents_max(&quotas),
            &ends.remembers,
            &ends.members,
        )
        .fetch_all(&mut self.connection)
        .await?;
        self.check_gap = false;
        let mut exchanged = Exchanged::default();
        for row in rows {
            match row.n {
                Some(n) => exchanged.claimed.extend(row.claimed(LeaseKey { claim, n })),
                None => exchanged.refused = row.refused.unwrap_or_default(),
            }
        }
        Ok(exchanged)
    }

    /// Which of these entries, whose fate is unknown, were recorded.
    pub async fn recorded(&mut self, entries: &[NewEntry]) -> Result<Vec<i64>, Error> {
        let jobs: Vec<i64> = entries.iter().map(|new| new.job).collect();
        let seqs: Vec<Option<i32>> = entries
            .iter()
            .map(|new| new.entry.as_ref().map(|entry| entry.seq))
            .collect();
        let claims: Vec<Uuid> = entries.iter().map(|new| new.lease.claim).collect();
        let rows = sqlx::query_file!(
            "queries/lease/recorded.sql",
            &jobs,
            &seqs as &[Option<i32>],
            &claims
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows.into_iter().map(|row| row.job).collect())
    }

    /// What a claim took whose answer was lost.
    pub async fn of_claim(&mut self, claim: Uuid) -> Result<Vec<Claimed>, Error> {
        let rows = sqlx::query_file!("queries/lease/of_claim.sql", claim)
            .fetch_all(&mut self.connection)
            .await?;
        let claimed = rows.into_iter().map(|row| Claimed {
            lease: LeaseKey { claim, n: row.n },
            tenant: row.tenant,
            id: row.id,
            nonce: row.nonce,
            template_version: row.template_version,
            batch: row.batch,
            member_key: row.member_key,
            object: row.object,
            input: row.input,
            created_at: row.created_at,
            lane: row.lane,
            attempt: row.attempt,
            losses: row.losses,
            journaled: row.journaled,
            claimed_at: row.now,
        });
        Ok(claimed.collect())
    }

    /// Says goodbye to the server.
    pub async fn close(self) {
        // The server notices a vanished client too; nothing is lost when this fails.
        let _ = self.connection.close().await;
    }
}

/// A row of the answer: a claimed job, or the last one, which has no `n`.
struct Row {
    n: Option<i16>,
    tenant: Option<i32>,
    id: Option<i64>,
    nonce: Option<i64>,
    template_version: Option<i32>,
    batch: Option<i64>,
    member_key: Option<String>,
    object: Option<String>,
    input: Option<String>,
    created_at: Option<DateTime<Utc>>,
    lane: Option<i32>,
    attempt: Option<i16>,
    losses: Option<i16>,
    journaled: Option<bool>,
    now: DateTime<Utc>,
    refused: Option<Vec<i64>>,
}

impl Row {
    fn claimed(self, lease: LeaseKey) -> Option<Claimed> {
        Some(Claimed {
            lease,
            tenant: self.tenant?,
            id: self.id?,
            nonce: self.nonce?,
            template_version: self.template_version?,
            batch: self.batch,
            member_key: self.member_key,
            object: self.object,
            input: self.input?,
            created_at: self.created_at?,
            lane: self.lane?,
            attempt: self.attempt?,
            losses: self.losses?,
            journaled: self.journaled?,
            claimed_at: self.now,
        })
    }
}

fn lanes_of(want: Option<&Want>) -> (Vec<i32>, Vec<i32>) {
    want.map_or_else(Default::default, |want| {
        want.lanes
            .iter()
            .map(|(lane, quota)| (*lane, i32::try_from(*quota).unwrap_or(i32::MAX)))
            .unzip()
    })
}

/// How many extents a claim looks at in each lane: singles are the smallest, so the largest quota
/// suffices; bulk extents are cut by the quota anyway, and few are locked.
fn extents_max(quotas: &[i32]) -> i64 {
    quotas.iter().copied().max().map_or(0, i64::from)
}
