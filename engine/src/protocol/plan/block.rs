//! One block of a plan, stored whole: jobs, members, holders, range and cursor.

use tokio::sync::mpsc;

use super::PlanRow;
use super::shape::{Block, PlannedMember};
use super::storing::Turn;
use crate::store::Session;
use crate::store::copy::Rows;
use crate::store::extents::Extents;
use crate::store::ids;
use crate::{Error, Store};

/// Code of the conflict that undoes a block.
const TAKEN: &str = "plan_taken";

/// Stores a block and moves the cursor from `from` to `to`; `false` when another planner moved it.
pub(super) async fn store(
    store: &Store,
    row: Row,
    (columns, ids): (Columns, Vec<i64>),
    turn: &Turn,
    (from, to): (i64, i64),
) -> Result<bool, Error> {
    let mut turn = turn.clone();
    let stored = store.transaction(move |connection| {
        Box::pin(async move {
            turn.begun();
            if turn.is_second() {
                sqlx::query_file!("queries/batch/await_turn.sql")
                    .fetch_one(&mut *connection)
                    .await?;
            }
            // New jobs are nobody's before they are held: these need not wait for the block before this one.
            columns.copy_jobs(connection, &row, &ids).await?;
            if !turn.comes().await || !moves(connection, row.batch, from, to).await? {
                return Err(taken(row.batch));
            }
            columns.hold(connection, &row, &ids).await
        })
    });
    match stored.await {
        Ok(()) => Ok(true),
        Err(error) if error.code() == TAKEN => Ok(false),
        Err(error) => Err(error),
    }
}

/// The batch of a block.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) batch: i64,
    pub(super) tenant: i32,
    pub(super) template_version: i32,
    pub(super) priority: i32,
    /// Whether it takes more members later, which must not have the names of these.
    pub(super) keeps_names: bool,
    /// Seconds that a job may take, where its template says nothing of that.
    pub(super) timeout: Option<f64>,
    /// The revision of its purpose that says what becomes of failed steps.
    pub(super) retry_revision: Option<i32>,
}

impl Row {
    pub(super) fn of(plan: &PlanRow) -> Self {
        Self {
            batch: plan.id,
            tenant: plan.tenant,
            template_version: plan.template_version,
            priority: plan.priority,
            keeps_names: plan.opened,
            timeout: plan.timeout,
            retry_revision: plan.retry_revision,
        }
    }
}

/// Whether the cursor is there.
pub(super) async fn stands(
    connection: &mut Session,
    batch: i64,
    cursor: i64,
) -> Result<bool, Error> {
    let row = sqlx::query_file!("queries/batch/cursor_stands.sql", batch, cursor)
        .fetch_one(connection)
        .await?;
    Ok(row.stands)
}

/// Whether the cursor was still there.
async fn moves(connection: &mut Session, batch: i64, from: i64, to: i64) -> Result<bool, Error> {
    let moved = sqlx::query_file!("queries/batch/move_cursor.sql", batch, from, to)
        .execute(connection)
        .await?;
    Ok(moved.rows_affected() > 0)
}

fn taken(batch: i64) -> Error {
    Error::Conflict {
        code: TAKEN,
        message: format!("another planner has b_{batch}, or it is no longer planned"),
        hint: None,
    }
}

impl Columns {
    /// Stores jobs, holders, range and members, and the names that no later member may have. The last member before
    /// this block stands at `before`.
    pub(super) async fn store(
        &self,
        connection: &mut Session,
        row: &Row,
        before: i64,
    ) -> Result<(), Error> {
        let ids = self.ids(connection, row.batch, before, None).await?;
        self.copy_jobs(connection, row, &ids).await?;
        self.hold(connection, row, &ids).await
    }

    /// An id for each job, and for the one that is not whole yet. The first may have one before an earlier block:
    /// `open`, or else the one where the last member before this block has it. Members are in the order of the ids.
    pub(super) async fn ids(
        &self,
        connection: &mut Session,
        batch: i64,
        before: i64,
        open: Option<i64>,
    ) -> Result<Vec<i64>, Error> {
        let mut ids = Vec::new();
        match open.filter(|_| self.continues) {
            Some(open) => ids.push(open),
            None if self.continues => {
                let first = sqlx::query_file!("queries/member/job.sql", batch, before)
                    .fetch_one(&mut *connection)
                    .await?;
                ids.push(first.job);
            }
            None => {}
        }
        let wanted = self.keys.len() + usize::from(self.has_part);
        let blocks = (wanted - ids.len()).div_ceil(ids::BLOCK as usize);
        let firsts = ids::next_blocks(connection, blocks as i64).await?;
        let fresh = firsts.iter().flat_map(|first| *first..*first + ids::BLOCK);
        ids.extend(fresh.take(wanted - ids.len()));
        Ok(ids)
    }

    /// Whether its last job is not whole yet.
    pub(super) fn has_part(&self) -> bool {
        self.has_part
    }

    /// Stores holders, range, members and names of its jobs.
    async fn hold(&self, connection: &mut Session, row: &Row, ids: &[i64]) -> Result<(), Error> {
        self.hold_jobs(connection, row, ids).await?;
        self.store_members(connection, row.batch, ids).await?;
        match row.keeps_names {
            true => self.names().keep(connection, row.batch).await,
            false => Ok(()),
        }
    }

    /// What no later member may have: the keys of its members, and the objects of its jobs where they have several.
    pub(super) fn names(&self) -> Names {
        let keys = self.keys.iter().flatten().chain(&self.member_keys);
        let objects = self.keys.iter().zip(&self.objects);
        let objects = objects.filter_map(|(key, object)| object.as_ref().filter(|_| key.is_none()));
        let keys = keys.map(|key| (false, key.clone()));
        Names::of(keys.chain(objects.map(|object| (true, object.clone()))))
    }

    /// Where the last member before it stands.
    pub(super) fn before(&self) -> i64 {
        self.member_ns.first().map_or(0, |n| n - 1)
    }

    /// Puts its members behind so many.
    pub(super) fn behind(&mut self, members: i64) {
        self.member_ns.iter_mut().for_each(|n| *n += members);
    }
}

/// Names of a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    is_object: Vec<bool>,
    names: Vec<String>,
}

impl FromIterator<Names> for Names {
    fn from_iter<I: IntoIterator<Item = Names>>(all: I) -> Self {
        all.into_iter().fold(Self::default(), |mut all, names| {
            all.is_object.extend(names.is_object);
            all.names.extend(names.names);
            all
        })
    }
}

impl Names {
    /// Each with whether it is an object's.
    pub(super) fn of(names: impl Iterator<Item = (bool, String)>) -> Self {
        let (is_object, names) = names.unzip();
        Self { is_object, names }
    }

    /// Keeps them.
    pub(super) async fn keep(&self, connection: &mut Session, batch: i64) -> Result<(), Error> {
        let (is_object, names) = (&self.is_object, &self.names);
        let kept = sqlx::query_file!("queries/addition/keep_names.sql", batch, is_object, names);
        kept.execute(connection).await?;
        Ok(())
    }

    /// Those that the batch has.
    pub(super) async fn standing<'e>(
        &self,
        connection: impl sqlx::PgExecutor<'e>,
        batch: i64,
    ) -> Result<Vec<String>, Error> {
        let rows = sqlx::query_file!(
            "queries/addition/names.sql",
            batch,
            &self.is_object,
            &self.names
        )
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }
}

/// A block, a column an array.
pub(super) struct Columns {
    lanes: Vec<i32>,
    keys: Vec<Option<String>>,
    objects: Vec<Option<String>>,
    inputs: Vec<String>,
    /// Place in this block of the job that the member belongs to.
    member_jobs: Vec<usize>,
    member_ns: Vec<i64>,
    member_chunks: Vec<Option<i32>>,
    member_keys: Vec<String>,
    member_objects: Vec<Option<String>>,
    member_documents: Vec<String>,
    continues: bool,
    has_part: bool,
}

impl Columns {
    pub(super) fn of(block: Block, lanes: Vec<i32>) -> Self {
        let mut columns = Self {
            lanes,
            keys: Vec::new(),
            objects: Vec::new(),
            inputs: Vec::new(),
            member_jobs: Vec::new(),
            member_ns: Vec::new(),
            member_chunks: Vec::new(),
            member_keys: Vec::new(),
            member_objects: Vec::new(),
            member_documents: Vec::new(),
            continues: block.continues,
            has_part: !block.part.is_empty(),
        };
        for (place, job) in block.jobs.into_iter().enumerate() {
            columns.keys.push(job.key);
            columns.objects.push(job.object);
            columns.inputs.push(job.input);
            job.members
                .into_iter()
                .for_each(|member| columns.add(place, member));
        }
        let place = columns.keys.len();
        block
            .part
            .into_iter()
            .for_each(|member| columns.add(place, member));
        columns
    }

    fn add(&mut self, job: usize, member: PlannedMember) {
        self.member_jobs.push(job);
        self.member_ns.push(member.n);
        self.member_chunks.push(member.chunk);
        self.member_keys.push(member.key);
        self.member_objects.push(member.object);
        self.member_documents.push(member.document);
    }

    /// The ids of the jobs that are whole, if there are any.
    fn of_whole<'i>(&self, ids: &'i [i64]) -> Option<&'i [i64]> {
        Some(&ids[..self.keys.len()]).filter(|ids| !ids.is_empty())
    }

    async fn copy_jobs(
        &self,
        connection: &mut Session,
        row: &Row,
        ids: &[i64],
    ) -> Result<(), Error> {
        let Some(ids) = self.of_whole(ids) else {
            return Ok(());
        };
        let statement = include_str!("../../../queries/batch/copy_jobs.sql");
        connection.copy(statement, self.jobs(row, ids)).await?;
        Ok(())
    }

    async fn hold_jobs(
        &self,
        connection: &mut Session,
        row: &Row,
        ids: &[i64],
    ) -> Result<(), Error> {
        let Some(ids) = self.of_whole(ids) else {
            return Ok(());
        };
        let jobs = ids.iter().zip(&self.lanes);
        let extents = Extents::of(jobs.map(|(id, lane)| (*id, *lane, row.priority)));
        let ranges = Extents::of_ids(ids);
        sqlx::query_file!(
            "queries/batch/hold_planned.sql",
            row.batch,
            row.priority,
            &extents.firsts,
            &extents.lasts,
            &extents.lanes,
            &ranges.firsts,
            &ranges.lasts,
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    fn jobs(&self, row: &Row, ids: &[i64]) -> mpsc::Receiver<Vec<u8>> {
        let mut rows = Rows::new();
        for (place, id) in ids.iter().enumerate() {
            let nonce: i64 = rand::random();
            rows.add(&[
                id,
                &row.tenant,
                &self.lanes[place],
                &row.template_version,
                &row.batch,
                &nonce,
                &self.keys[place],
                &self.objects[place],
                &self.inputs[place],
                &row.timeout,
                &row.retry_revision,
            ]);
        }
        rows.end()
    }

    async fn store_members(
        &self,
        connection: &mut Session,
        batch: i64,
        ids: &[i64],
    ) -> Result<(), Error> {
        if self.member_jobs.is_empty() {
            return Ok(());
        }
        let mut rows = Rows::new();
        for (place, job) in self.member_jobs.iter().enumerate() {
            rows.add(&[
                &batch,
                &ids[*job],
                &self.member_ns[place],
                &self.member_chunks[place],
                &self.member_keys[place],
                &self.member_objects[place],
                &self.member_documents[place],
            ]);
        }
        let statement = include_str!("../../../queries/batch/copy_members.sql");
        connection.copy(statement, rows.end()).await?;
        Ok(())
    }
}
