//! One partition at a time: how it is made and how it goes. Names of tables are no parameters, so these
//! statements are put together here and nowhere else.

use chrono::{DateTime, Utc};
use sqlx::AssertSqlSafe;

use super::TABLES;
use crate::Error;
use crate::store::gate::Session;

/// Ids of one partition; a multiple of a block, so no extent lies in two.
pub const RANGE_IDS: i64 = 16_000_000;
/// Rows of a range that had no partition which are moved into it, under a lock that everybody meets.
const MOVED_MAX: i64 = 10_000;
/// Longest wait for a table that others use: whoever comes after us waits as long.
const LOCK_TIMEOUT: &str = "set local lock_timeout = '100ms'; set local statement_timeout = '5s'";
/// Where ids come from, and how their partitions are called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    letter: char,
    pub(super) first_id: i64,
}

pub(super) const BLOCKS: Region = Region {
    letter: 'p',
    first_id: 0,
};
pub(super) const SINGLES: Region = Region {
    letter: 's',
    first_id: 1_000_000_000_000_000,
};

/// One range of ids.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) region: Region,
    pub(super) n: i64,
}

impl Range {
    pub(super) fn first_id(self) -> i64 {
        self.region.first_id + self.n * RANGE_IDS
    }

    pub(super) fn end(self) -> i64 {
        self.first_id() + RANGE_IDS
    }

    pub(super) fn name(self, table: &str) -> String {
        format!("{table}_{}{}", self.region.letter, self.n)
    }
}

/// Makes one partition, unless somebody else is at it or has done so.
pub(super) async fn make(
    connection: &mut Session,
    range: Range,
    table: &'static str,
    key: &'static str,
) -> Result<bool, Error> {
    let name = range.name(table);
    let (first, end) = (range.first_id(), range.end());
    if !turn(connection).await? || is_there(connection, &name).await? {
        return Ok(false);
    }
    if outside(connection, range, table).await? > MOVED_MAX {
        // Too many to move while everybody waits: they stay where they are.
        return Ok(false);
    }
    run(connection, LOCK_TIMEOUT.to_owned()).await?;
    run(
        connection,
        format!("create table {name} (like {table} including all)"),
    )
    .await?;
    // From here on no row of the range can come to stand outside of it.
    run(
        connection,
        format!("lock table {table}_kept in access exclusive mode"),
    )
    .await?;
    if outside(connection, range, table).await? > 0 {
        let within = format!("{key} >= {first} and {key} < {end}");
        let moved = format!(
            "with moved as (delete from {table}_kept where {within} returning *) insert into {name} select * from moved"
        );
        run(connection, moved).await?;
    }
    let bounds = format!("for values from ({first}) to ({end})");
    run(
        connection,
        format!("alter table {table} attach partition {name} {bounds}"),
    )
    .await?;
    Ok(true)
}

/// Drops one table's part of a range. The jobs' part only if nothing came into the way; then the range
/// counts as gone.
pub(super) async fn take_away(
    connection: &mut Session,
    range: Range,
    table: &'static str,
    before: DateTime<Utc>,
) -> Result<bool, Error> {
    let name = range.name(table);
    if !turn(connection).await? {
        return Ok(false);
    }
    if !is_there(connection, &name).await? {
        return Ok(true);
    }
    run(connection, LOCK_TIMEOUT.to_owned()).await?;
    if table == TABLES[0].0 {
        run(
            connection,
            format!("lock table {name} in access exclusive mode"),
        )
        .await?;
        if let Some(why) = in_the_way(connection, range, before).await? {
            note(connection, range, None, &why, false).await?;
            return Ok(false);
        }
        note(connection, range, None, "", true).await?;
    }
    run(connection, format!("drop table {name}")).await?;
    Ok(true)
}

async fn turn(connection: &mut Session) -> Result<bool, Error> {
    let row = sqlx::query_file!("queries/partition/turn.sql")
        .fetch_one(connection)
        .await?;
    Ok(row.is_mine)
}

async fn is_there(connection: &mut Session, name: &str) -> Result<bool, Error> {
    let names = sqlx::query_file!("queries/partition/present.sql")
        .fetch_all(connection)
        .await?;
    Ok(names.iter().any(|row| row.name == name))
}

async fn outside(connection: &mut Session, range: Range, table: &str) -> Result<i64, Error> {
    let rows = sqlx::query_file!(
        "queries/partition/outside.sql",
        range.first_id(),
        range.end()
    )
    .fetch_one(connection)
    .await?;
    Ok(match table {
        "job" => rows.job,
        "outcome" => rows.outcome,
        "journal" => rows.journal,
        _ => rows.head,
    })
}

pub(super) async fn in_the_way(
    connection: &mut Session,
    range: Range,
    before: DateTime<Utc>,
) -> Result<Option<String>, Error> {
    let row = sqlx::query_file!(
        "queries/partition/in_the_way.sql",
        range.first_id(),
        range.end(),
        before
    )
    .fetch_one(connection)
    .await?;
    Ok(row.why)
}

pub(super) async fn note(
    connection: &mut Session,
    range: Range,
    newest: Option<DateTime<Utc>>,
    why: &str,
    is_dropped: bool,
) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/partition/note.sql",
        range.first_id(),
        range.end() - 1,
        newest,
        why,
        is_dropped
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Statements without parameters, made of our own names and numbers.
async fn run(connection: &mut Session, statements: String) -> Result<(), Error> {
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(connection)
        .await?;
    Ok(())
}
