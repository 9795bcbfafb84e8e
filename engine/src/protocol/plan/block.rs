//! One block of a plan, stored whole: jobs, members, holders, range and cursor.

use super::PlanRow;
use super::shape::{Block, PlannedMember};
use crate::store::Session;
use crate::store::ids;
use crate::{Error, Store};

/// Stores a block and moves the cursor from `from` to `to`; `false` when another planner moved it.
pub(super) async fn store(
    store: &Store,
    plan: &PlanRow,
    block: Block,
    lanes: Vec<i32>,
    from: i64,
    to: i64,
) -> Result<bool, Error> {
    let columns = Columns::of(block, lanes);
    let row = Row {
        batch: plan.id,
        tenant: plan.tenant,
        template_version: plan.template_version,
        priority: plan.priority,
    };
    store
        .transaction(move |connection| {
            Box::pin(async move { store_in(connection, row, columns, from, to).await })
        })
        .await
}

struct Row {
    batch: i64,
    tenant: i32,
    template_version: i32,
    priority: i32,
}

async fn store_in(
    connection: &mut Session,
    row: Row,
    columns: Columns,
    from: i64,
    to: i64,
) -> Result<bool, Error> {
    let moved = sqlx::query_file!("queries/batch/move_cursor.sql", row.batch, from, to)
        .execute(&mut *connection)
        .await?;
    if moved.rows_affected() == 0 {
        return Ok(false);
    }
    let ids = job_ids(connection, row.batch, &columns, from).await?;
    columns.store_jobs(connection, &row, &ids).await?;
    columns.store_members(connection, row.batch, &ids).await?;
    Ok(true)
}

/// An id for each job, and for the one that is not whole yet. The first may have one from an earlier block, where
/// the last member before this one has it.
async fn job_ids(
    connection: &mut Session,
    batch: i64,
    columns: &Columns,
    from: i64,
) -> Result<Vec<i64>, Error> {
    let mut ids = Vec::new();
    if columns.continues {
        let first = sqlx::query_file!("queries/member/job.sql", batch, from)
            .fetch_one(&mut *connection)
            .await?;
        ids.push(first.job);
    }
    let wanted = columns.keys.len() + usize::from(columns.has_part);
    let blocks = (wanted - ids.len()).div_ceil(ids::BLOCK as usize);
    let firsts = ids::next_blocks(connection, blocks as i64).await?;
    let fresh = firsts.iter().flat_map(|first| *first..*first + ids::BLOCK);
    ids.extend(fresh.take(wanted - ids.len()));
    Ok(ids)
}

/// A block, a column an array.
struct Columns {
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
    fn of(block: Block, lanes: Vec<i32>) -> Self {
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

    async fn store_jobs(
        &self,
        connection: &mut Session,
        row: &Row,
        ids: &[i64],
    ) -> Result<(), Error> {
        let ids = &ids[..self.keys.len()];
        if ids.is_empty() {
            return Ok(());
        }
        let nonces: Vec<i64> = ids.iter().map(|_| rand::random()).collect();
        sqlx::query_file!(
            "queries/batch/store_jobs.sql",
            row.batch,
            row.tenant,
            &self.lanes,
            row.template_version,
            row.priority,
            ids,
            &nonces,
            &self.keys as &[Option<String>],
            &self.objects as &[Option<String>],
            &self.inputs,
        )
        .execute(connection)
        .await?;
        Ok(())
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
        let jobs: Vec<i64> = self.member_jobs.iter().map(|place| ids[*place]).collect();
        sqlx::query_file!(
            "queries/batch/store_members.sql",
            batch,
            &jobs,
            &self.member_ns,
            &self.member_chunks as &[Option<i32>],
            &self.member_keys,
            &self.member_objects as &[Option<String>],
            &self.member_documents,
        )
        .execute(connection)
        .await?;
        Ok(())
    }
}
