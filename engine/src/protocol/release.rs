//! Release: planned jobs become ready while the batch's window, rate, hours and stages leave room.

use windlass_workflows::configuration::Pick;
use windlass_workflows::plan::{Allowed, Hold, spread};

use super::course::{CourseRow, OnCourse, count, stored_count};
use super::pass::Pass;
use crate::store::Session;
use crate::{Error, Store};

/// Extents moved in one pass of one batch: a million jobs of full blocks.
const EXTENTS_MAX: i64 = 1_000;
/// Places of a spread canary that one pass looks for.
const PLACES_MAX: usize = 10_000;

impl Store {
    /// Releases what open batches have room for; how many jobs.
    ///
    /// # Errors
    /// The first of a batch whose rules cannot be read; the others are released all the same.
    ///
    /// # Cancel safety
    /// Each batch is a transaction of its own.
    pub async fn release(&self) -> Result<u64, Error> {
        let (mut released, mut after, mut pass) = (0, 0, Pass::default());
        // Page by page: batches with a full window must not stand before the others.
        loop {
            let rows = sqlx::query_file!("queries/batch/to_release.sql", after)
                .fetch_all(self.pool())
                .await?;
            let Some(last) = rows.last() else {
                return pass.end(released);
            };
            after = last.id;
            for row in rows {
                released += pass.over(self.release_batch(row.id).await)?;
            }
        }
    }

    async fn release_batch(&self, batch: i64) -> Result<u64, Error> {
        self.transaction(move |connection| Box::pin(release_one(connection, batch)))
            .await
    }
}

async fn release_one(connection: &mut Session, batch: i64) -> Result<u64, Error> {
    // The lock first, what it guards in the next statement: a snapshot is older than the lock it waits for.
    let Some(row) = sqlx::query_file_as!(CourseRow, "queries/batch/lock_for_release.sql", batch)
        .fetch_optional(&mut *connection)
        .await?
    else {
        return Ok(0);
    };
    let batch = OnCourse::of(connection, row).await?;
    let may = match batch.row.halt {
        Some(_) => Allowed {
            room: 0,
            staged: count(batch.row.staged),
            tokens: batch.row.tokens,
            hold: None,
        },
        None => batch.allowed(),
    };
    if let Some(hold) = may.hold.as_ref().filter(|hold| hold.is_halt()) {
        halt(connection, &batch, hold).await?;
    }
    let moved = let_go(connection, &batch, may.room).await?;
    if moved > 0 || batch.is_news(&may) {
        note(connection, &batch, &may, moved).await?;
    }
    Ok(moved)
}

impl OnCourse {
    /// Whether a pass that let nothing go is to be written down all the same. What waits for a time or a stage is not
    /// written anew at each pass.
    fn is_news(&self, may: &Allowed) -> bool {
        let row = &self.row;
        let is_held = may.hold.as_ref().is_some_and(|hold| *hold != Hold::Window);
        let is_new = row.state == "planned" || row.rules.is_none();
        let is_at_rest = is_held || row.halt.is_some();
        is_new || !is_at_rest || may.staged != count(row.staged) || self.is_settled()
    }
}

async fn let_go(connection: &mut Session, batch: &OnCourse, room: u64) -> Result<u64, Error> {
    if room == 0 {
        return Ok(0);
    }
    let first = first_to_go(connection, batch, room).await?;
    let (id, mut left) = (batch.row.id, stored_count(room));
    if !first.is_empty() {
        left -= sqlx::query_file!("queries/batch/release_chosen.sql", id, left, &first)
            .fetch_one(&mut *connection)
            .await?
            .jobs;
    }
    if left > 0 {
        left -= sqlx::query_file!("queries/batch/release.sql", id, left, EXTENTS_MAX)
            .fetch_one(connection)
            .await?
            .jobs;
    }
    Ok(room - count(left))
}

/// Jobs that go before those that come next in their order: restarted ones of a stage, and a spread canary.
async fn first_to_go(
    connection: &mut Session,
    batch: &OnCourse,
    room: u64,
) -> Result<Vec<i64>, Error> {
    let Some(canary) = &batch.rules.canary else {
        return Ok(Vec::new());
    };
    let mut first = Vec::new();
    if batch.row.generation > 1 {
        let most = stored_count(room).min(EXTENTS_MAX);
        let rows = sqlx::query_file!("queries/batch/anew.sql", batch.row.id, most)
            .fetch_all(&mut *connection)
            .await?;
        first.extend(rows.into_iter().map(|row| row.job));
    }
    let is_first_stage = batch.course.staged == 0 && batch.course.released < canary.items;
    if canary.pick == Pick::Spread && is_first_stage {
        let places: Vec<u64> = spread(canary.items, batch.course.jobs).collect();
        // Of very many, those that are not out already.
        let out = usize::try_from(batch.course.released).unwrap_or(usize::MAX);
        let from = if places.len() > PLACES_MAX { out } else { 0 };
        let places = places.into_iter().skip(from).take(PLACES_MAX);
        first.extend(at_places(connection, batch.row.id, places).await?);
    }
    Ok(first)
}

/// The jobs at these places of a plan, which ascend.
async fn at_places(
    connection: &mut Session,
    batch: i64,
    places: impl Iterator<Item = u64>,
) -> Result<Vec<i64>, Error> {
    let ranges = sqlx::query_file!("queries/batch/ranges.sql", batch)
        .fetch_all(connection)
        .await?;
    let mut ranges = ranges.into_iter();
    let (mut range, mut before) = (ranges.next(), 0);
    let mut jobs = Vec::new();
    for place in places.map(stored_count) {
        while let Some(one) = range
            .as_ref()
            .filter(|one| place - before > one.last_id - one.first_id)
        {
            before += one.last_id - one.first_id + 1;
            range = ranges.next();
        }
        jobs.extend(range.as_ref().map(|one| one.first_id + place - before));
    }
    Ok(jobs)
}

async fn halt(connection: &mut Session, batch: &OnCourse, hold: &Hold) -> Result<(), Error> {
    let why = format!("{}: {hold}", hold.as_str());
    stand_still(connection, batch.row.tenant, batch.row.id, &why).await
}

/// Halts a batch by its own rules; the caller holds its row.
pub(super) async fn stand_still(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
    why: &str,
) -> Result<(), Error> {
    let halted = sqlx::query_file!("queries/pause/halt.sql", tenant, batch.to_string(), why);
    halted.execute(connection).await?;
    Ok(())
}

async fn note(
    connection: &mut Session,
    batch: &OnCourse,
    may: &Allowed,
    moved: u64,
) -> Result<(), Error> {
    // Of thousands of tokens a float holds every part that matters.
    let tokens = may.tokens.map(|tokens| tokens - moved as f64);
    sqlx::query_file!(
        "queries/batch/note_release.sql",
        batch.row.id,
        stored_count(moved),
        batch.stored.to_json(),
        batch.rules.tolerance.is_some() || batch.row.tripped.is_some(),
        stored_count(may.staged),
        tokens,
        batch.row.now
    )
    .execute(connection)
    .await?;
    Ok(())
}
