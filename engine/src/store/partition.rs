//! Partitions: made ahead of the ids, dropped behind them once everything in them is old enough.
//!
//! A range of ids is a partition of each of four tables. Where one is missing, rows go to the default
//! partition, `*_kept`: nobody who submits ever waits for us. A change takes its locks for a moment or
//! not at all, and one keeper at a time makes it (`change.rs`).

mod change;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

pub use self::change::RANGE_IDS;
use self::change::{BLOCKS, Range, Region, SINGLES, in_the_way, make, note, take_away};
use super::Store;
use crate::Error;

/// Partitions that are there before the first of their ids is.
const AHEAD: i64 = 3;
/// Whoever looks at a whole range does so again after an hour at the earliest.
const LOOK_AGAIN: TimeDelta = TimeDelta::hours(1);
/// Whoever holds a table, or takes too long: tried again with the next pass.
const BUSY_CODES: [&str; 2] = ["55P03", "57014"];

/// A partitioned table and the column that its range is of. In the order in which parts of a range go:
/// what has no job any more is seen by nobody.
const TABLES: [(&str, &str); 4] = [
    ("job", "id"),
    ("outcome", "first_id"),
    ("journal", "job"),
    ("head", "job"),
];

/// What is known of a range of ids that was full when somebody looked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RangeView {
    /// Its first id.
    pub first_id: i64,
    /// Its last one.
    pub last_id: i64,
    /// When the last of its jobs ended, if all have.
    pub newest: Option<DateTime<Utc>>,
    /// When somebody looked.
    pub looked_at: DateTime<Utc>,
    /// What keeps it.
    pub why: String,
    /// When it went.
    pub dropped_at: Option<DateTime<Utc>>,
    /// Whether what stood beside its jobs went too.
    pub is_swept: bool,
}

/// What a pass found and did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionsKept {
    /// Partitions made.
    pub made: usize,
    /// Whole ranges that have a partition of each table before any of their ids is used, of the region
    /// that has fewest; below 0 when the one in use has none.
    pub ahead: i64,
    /// Ranges that are there.
    pub ranges: usize,
}

impl Store {
    /// Makes the partitions that the next ids will need. One that cannot be made now is made by another
    /// pass; until then its rows stand in the default partition.
    ///
    /// # Errors
    /// What the database says; a table that is busy is none.
    ///
    /// # Cancel safety
    /// Each partition is a transaction.
    pub async fn make_partitions(&self) -> Result<PartitionsKept, Error> {
        let (missing, ahead, ranges) = self.missing().await?;
        let mut kept = PartitionsKept {
            made: 0,
            ahead,
            ranges,
        };
        for (range, table, key) in missing {
            let done = self
                .transaction(move |connection| Box::pin(make(connection, range, table, key)))
                .await;
            kept.made += usize::from(unless_busy(done)?.unwrap_or(false));
        }
        if kept.made > 0 {
            (_, kept.ahead, kept.ranges) = self.missing().await?;
        }
        Ok(kept)
    }

    /// Drops the oldest range of ids whose jobs all ended longer than `retention` ago; its first id, or
    /// none. A range with an open job or batch stays, as does what something still refers to.
    ///
    /// # Errors
    /// What the database says; a table that is busy is none.
    ///
    /// # Cancel safety
    /// Each table's part is a transaction, the jobs' first; a later pass drops the rest.
    pub async fn drop_partitions(&self, retention: Duration) -> Result<Option<i64>, Error> {
        let before = Utc::now() - TimeDelta::from_std(retention).unwrap_or(TimeDelta::MAX / 2);
        let (names, full) = self.full().await?;
        let known = self.id_ranges().await?;
        for range in full {
            let known = known.iter().find(|one| one.first_id == range.first_id());
            let is_gone = known.is_some_and(|one| one.dropped_at.is_some());
            let mut parts = TABLES
                .iter()
                .map(|(table, _)| names.contains(&range.name(table)));
            // What stands in a default partition in part is no range that could go as one.
            let is_whole = parts.clone().all(|is_there| is_there);
            let is_left = is_gone && parts.any(|is_there| is_there);
            let may_go = is_left || is_whole && self.may_go(range, known, before).await?;
            if !may_go {
                continue;
            }
            for (table, _) in TABLES {
                if names.contains(&range.name(table))
                    && !self.drop_part(range, table, before).await?
                {
                    return Ok(None);
                }
            }
            return Ok(Some(range.first_id()));
        }
        Ok(None)
    }

    /// Forgets what callers said beside jobs that went, and how their chunks ended, a page a pass; how many rows.
    pub async fn sweep_dropped(&self) -> Result<i64, Error> {
        let row = sqlx::query_file!("queries/partition/sweep.sql")
            .fetch_one(self.pool())
            .await?;
        Ok(row.rows)
    }

    /// What is known of ranges of ids that were full, oldest first.
    pub async fn id_ranges(&self) -> Result<Vec<RangeView>, Error> {
        Ok(
            sqlx::query_file_as!(RangeView, "queries/partition/ranges.sql")
                .fetch_all(self.pool())
                .await?,
        )
    }

    /// The ranges in use, and the names of all partitions.
    async fn counted(&self) -> Result<(Vec<String>, [Range; 2]), Error> {
        let names = sqlx::query_file!("queries/partition/present.sql")
            .fetch_all(self.pool())
            .await?;
        let counters = sqlx::query_file!("queries/partition/counters.sql")
            .fetch_one(self.pool())
            .await?;
        let range = |region: Region, id: i64| Range {
            region,
            n: (id - region.first_id) / RANGE_IDS,
        };
        let current = [
            range(BLOCKS, counters.blocks),
            range(SINGLES, counters.singles),
        ];
        Ok((names.into_iter().map(|row| row.name).collect(), current))
    }

    /// Which partitions are missing; how many ranges are whole ahead of the ids, and how many there are.
    async fn missing(&self) -> Result<(Vec<Part>, i64, usize), Error> {
        let (names, current) = self.counted().await?;
        let (mut missing, mut ahead) = (Vec::new(), AHEAD);
        for current in current {
            for n in current.n..=current.n + AHEAD {
                let range = Range { n, ..current };
                let of_range = TABLES.map(|(table, key)| (range, table, key));
                let before = missing.len();
                let is_missing = |part: &Part| !names.contains(&part.0.name(part.1));
                missing.extend(of_range.into_iter().filter(is_missing));
                if missing.len() > before {
                    ahead = ahead.min(n - current.n - 1);
                }
            }
        }
        let jobs = names.iter().filter(|name| name.starts_with("job_"));
        Ok((missing, ahead, jobs.count() - 1))
    }

    /// The ranges behind the ids, oldest first.
    async fn full(&self) -> Result<(Vec<String>, Vec<Range>), Error> {
        let (names, current) = self.counted().await?;
        let behind = current
            .into_iter()
            .flat_map(|current| (0..current.n).map(move |n| Range { n, ..current }));
        Ok((names, behind.collect()))
    }

    /// Whether nothing keeps this range; what does is noted.
    async fn may_go(
        &self,
        range: Range,
        known: Option<&RangeView>,
        before: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let newest = known.and_then(|known| known.newest);
        let is_young = newest.is_some_and(|newest| newest >= before);
        let is_fresh = known.is_some_and(|known| Utc::now() - known.looked_at < LOOK_AGAIN);
        if is_young || newest.is_none() && is_fresh {
            return Ok(false);
        }
        let mut connection = self.pool().acquire().await?;
        if let Some(why) = in_the_way(&mut connection, range, before).await? {
            note(&mut connection, range, None, &why, false).await?;
            return Ok(false);
        }
        let read = sqlx::query_file!("queries/partition/ended.sql", range.first_id(), range.end())
            .fetch_one(&mut connection)
            .await;
        let Some(found) = unless_busy(read.map_err(Error::from))? else {
            let why = "to read it took too long";
            note(&mut connection, range, None, why, false).await?;
            return Ok(false);
        };
        if found.jobs != found.ended {
            let why = format!(
                "{} of its {} jobs have no outcome",
                found.jobs - found.ended,
                found.jobs
            );
            note(&mut connection, range, None, &why, false).await?;
            return Ok(false);
        }
        let is_old = found.newest.is_none_or(|newest| newest < before);
        let why = if is_old { "" } else { "its jobs ended lately" };
        note(&mut connection, range, found.newest, why, false).await?;
        Ok(is_old)
    }

    async fn drop_part(
        &self,
        range: Range,
        table: &'static str,
        before: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let done = self
            .transaction(move |connection| Box::pin(take_away(connection, range, table, before)))
            .await;
        Ok(unless_busy(done)?.unwrap_or(false))
    }
}

/// A range, a table and its key.
type Part = (Range, &'static str, &'static str);

/// `None` where others hold what it needs.
fn unless_busy<T>(done: Result<T, Error>) -> Result<Option<T>, Error> {
    match done {
        Err(Error::Database(sqlx::Error::Database(refused)))
            if refused
                .code()
                .is_some_and(|code| BUSY_CODES.contains(&&*code)) =>
        {
            Ok(None)
        }
        done => done.map(Some),
    }
}
