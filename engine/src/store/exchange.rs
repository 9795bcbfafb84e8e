//! The worker's hot path: one connection that settles what jobs want to record and claims the next
//! ones, in one round trip (`queries/lease/exchange_plain.sql`) unless an entry says more than that can.
//!
//! A pump owns one `Hot`. Nothing is cancelled half-way: a future of `exchange` must be driven to its
//! end, and after an error the pump reconnects and asks what became of it.

mod columns;
mod entry;
mod floor;
mod journals;
mod plain;
mod posted;

use std::borrow::Borrow;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use uuid::Uuid;

use self::columns::Columns;
pub use self::entry::{Ending, NewEntry};
use self::floor::Floors;
use self::journals::Journals;
pub use self::posted::Taken;
use super::gate::Session;
use crate::Error;

/// Entries in one flush.
pub const ENTRIES_MAX: usize = 1_000;

/// Bytes of one flush, beside its last entry: Postgres takes a gigabyte, and a short flush is soon durable.
pub const FLUSH_BYTES_MAX: usize = 4 << 20;
/// Extents that a claim looks at, and so locks, in each lane: two of a bulk submission are enough, and
/// singles make as many as the largest claim has jobs.
const EXTENTS_MIN: i64 = 2;
const EXTENTS_MAX: i64 = 1_000;

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
    /// Not started by then, it ends `expired`.
    pub expires_at: Option<DateTime<Utc>>,
    /// How long it may take from its start on, where its template says nothing of that.
    pub timeout: Option<Duration>,
    /// The revision of its lane's purpose that says what becomes of failed steps, if one does.
    pub retry_revision: Option<i32>,
    /// The job that started it, and is told of its end.
    pub parent: Option<i64>,
    /// Its lane.
    pub lane: i32,
    /// Unjournaled tries before this one.
    pub attempt: i16,
    /// Leases lost before this one.
    pub losses: i16,
    /// Whether it has a journal to load.
    pub journaled: bool,
    /// Whether limits count it: what leaves makes room for another of its lane.
    pub limited: bool,
    /// The database's time at the claim.
    pub claimed_at: DateTime<Utc>,
}

/// A length that is stored as seconds.
fn length(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds).ok()
}

/// What a pump wants to claim.
#[derive(Clone, Debug)]
pub struct Want {
    /// Named here, so that an answer that was lost can be asked for. Of version 7: a later connection tells
    /// by it that the claim was made before.
    pub claim: Uuid,
    /// Few lanes, each with the most to take of it; several where the lanes have little room.
    pub lanes: Vec<(i32, usize)>,
    /// Limits count the jobs of these lanes.
    pub limited: bool,
    /// A notification named these lanes, and no look has seen them: the claim takes only from those that
    /// this worker can work for, without a pause, a limit or a bound of anybody's share.
    pub named: bool,
}

/// What an exchange did.
#[derive(Debug, Default)]
pub struct Exchanged {
    /// New work.
    pub claimed: Vec<Claimed>,
    /// Jobs whose entry did not land: the lease is lost, or somebody stopped the job.
    pub refused: Vec<i64>,
    /// Those of them that were refused for an effect which is another's.
    pub taken: Vec<Taken>,
    /// The claim is short only because it looked at too few extents: there may be more work.
    pub more: bool,
    /// Due extents that the claim looked at, and those of them that it took from.
    extents: i64,
    picked: i64,
}

/// A pump's own connection.
#[derive(Debug)]
pub struct Hot {
    connection: Session,
    journals: Journals,
    /// Extents that the next claim looks at in each lane.
    extents: i64,
    /// Jobs that were lost more often are left to others.
    losses_max: i16,
    floors: Floors,
}

impl Hot {
    /// Opens the connection.
    pub async fn connect(options: &PgConnectOptions) -> Result<Self, Error> {
        Ok(Self {
            connection: Session::connect(options).await?,
            journals: Journals::new(),
            extents: EXTENTS_MAX,
            losses_max: i16::MAX,
            floors: Floors::default(),
        })
    }

    /// Claims no job that must be alone on its worker. Of the connections of one worker all but one
    /// must do so: two that claim at once see nothing of each other.
    pub fn avoiding_risk(self) -> Self {
        Self {
            losses_max: 1,
            ..self
        }
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
        self.extents = EXTENTS_MAX;
        self.floors.clear();
        self.exchange_of(worker, entries, want).await
    }

    /// [`Hot::exchange`] of entries that stand inside something of the caller's, whose claims look at as
    /// few extents as the last ones needed: what one claim locks, others pass by.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn exchange_of<E: Borrow<NewEntry> + Sync>(
        &mut self,
        worker: Uuid,
        entries: &[E],
        want: Option<&Want>,
    ) -> Result<Exchanged, Error> {
        let is_plain = |new: &NewEntry| plain::is_plain(new) && !self.journals.is_unseen(new);
        let mut exchanged = if entries.iter().map(Borrow::borrow).all(is_plain) {
            self.exchange_plain(worker, entries, want).await?
        } else {
            let (refused, taken) = self.settle_with_post(worker, entries).await?;
            // What has left made room under its limits.
            let exchanged = match want {
                Some(want) => self.exchange_plain::<E>(worker, &[], Some(want)).await?,
                None => Exchanged::default(),
            };
            Exchanged {
                refused,
                taken,
                ..exchanged
            }
        };
        // Durable by now: a flush that was rolled back has shown nothing.
        self.journals.see(entries, &exchanged.refused);
        if let Some(want) = want.filter(|want| !want.limited) {
            self.adapt(want, &mut exchanged);
        }
        Ok(exchanged)
    }

    /// The narrow form. What it could not judge, the full form does, job by job: an error of that leaves
    /// its fate unknown as any other, and the claim's leases are there to be asked for.
    async fn exchange_plain<E: Borrow<NewEntry> + Sync>(
        &mut self,
        worker: Uuid,
        entries: &[E],
        want: Option<&Want>,
    ) -> Result<Exchanged, Error> {
        let bounds = (self.extents_for(want), self.losses_max, &mut self.floors);
        let (mut exchanged, undecided) =
            plain::exchange(&mut self.connection, worker, entries, want, bounds).await?;
        if !undecided.is_empty() {
            let all = entries.iter().map(Borrow::borrow);
            let again: Vec<&NewEntry> = all.filter(|new| undecided.contains(&new.job)).collect();
            exchanged.refused = self.settle(worker, &again).await?;
        }
        Ok(exchanged)
    }

    /// The next claim looks at about as many extents as this one needed, or at twice as many when
    /// they were too few.
    fn adapt(&mut self, want: &Want, exchanged: &mut Exchanged) {
        let asked: usize = want.lanes.iter().map(|(_, quota)| quota).sum();
        let is_short = exchanged.claimed.len() < asked;
        exchanged.more = is_short && exchanged.extents >= self.extents_for(Some(want));
        let needed = match is_short {
            true => self.extents * 2,
            false => exchanged.picked + 1,
        };
        self.extents = needed.clamp(EXTENTS_MIN, EXTENTS_MAX);
    }

    /// How many extents a claim looks at in each lane. Under limits a lane's quota says it.
    fn extents_for(&self, want: Option<&Want>) -> i64 {
        let quotas = want.iter().flat_map(|want| &want.lanes);
        let most = quotas.map(|(_, quota)| *quota).max().unwrap_or_default();
        let most = i64::try_from(most).unwrap_or(EXTENTS_MAX);
        match want {
            Some(want) if !want.limited => most.min(self.extents),
            _ => most,
        }
    }

    /// The full form, which judges each job. Gives those that did not land.
    async fn settle<E: Borrow<NewEntry> + Sync>(
        &mut self,
        worker: Uuid,
        entries: &[E],
    ) -> Result<Vec<i64>, Error> {
        let ends = Columns::of(entries);
        let mut all = entries.iter().map(Borrow::borrow);
        let looks_for_gaps = all.any(|new| self.journals.is_unseen(new));
        let claims: Vec<Uuid> = ends.leases.iter().map(|lease| lease.claim).collect();
        let numbers: Vec<i16> = ends.leases.iter().map(|lease| lease.n).collect();
        let rows = sqlx::query_file!(
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
            looks_for_gaps,
            worker,
            &ends.remembers,
            &ends.members,
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows.into_iter().map(|row| row.job).collect())
    }

    /// Which of these entries, whose fate is unknown, were recorded.
    pub async fn recorded<E: Borrow<NewEntry> + Sync>(
        &mut self,
        entries: &[E],
    ) -> Result<Vec<i64>, Error> {
        let entries: Vec<&NewEntry> = entries.iter().map(Borrow::borrow).collect();
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
            expires_at: row.expires_at,
            timeout: row.timeout.and_then(length),
            retry_revision: row.retry_revision,
            parent: row.parent,
            lane: row.lane,
            attempt: row.attempt,
            losses: row.losses,
            journaled: row.journaled,
            limited: row.limited,
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

fn lanes_of(want: Option<&Want>) -> (Vec<i32>, Vec<i32>) {
    want.map_or_else(Default::default, |want| {
        want.lanes
            .iter()
            .map(|(lane, quota)| (*lane, i32::try_from(*quota).unwrap_or(i32::MAX)))
            .unzip()
    })
}
