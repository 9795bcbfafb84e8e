//! Adding: more members for a batch that was opened, planned whole or not at all.
//!
//! Rows are read and shaped before anything is locked. Then one transaction takes the batch's lock, looks whether
//! another addition brought the same names meanwhile (then all is shaped anew), stores jobs, members and names, and
//! raises what the batch expects. The hash of the plan is chained to the one before.

mod open;
mod sift;

use windlass_workflows::configuration::Format;
use windlass_workflows::plan::{AddedHash, SelectionHash, Strategy};

use self::open::Lock;
use self::sift::Sifted;
use super::block::{Columns, Names, Row};
use super::lanes::PlanLanes;
use super::shape::Shaper;
use super::{PlanRow, Stop, rendering};
use crate::protocol::rows::Reading;
use crate::protocol::upload::{self, Upload};
use crate::store::Session;
use crate::store::source::LeftOut;
use crate::{Error, Store};

/// Members of one addition: they are shaped in memory and stored in one transaction.
pub const ADD_MEMBERS_MAX: usize = 100_000;
/// Bytes of their documents.
pub const ADD_BYTES_MAX: usize = 64 << 20;
/// Times that an addition is shaped, when others bring its names at the same moment.
const TRIES_MAX: usize = 5;

/// Members that somebody adds.
#[derive(Debug)]
pub struct NewMembers {
    /// Their documents.
    pub file: Upload,
    /// How those are written.
    pub format: Format,
    /// Who adds them.
    pub who: String,
    /// They are added once per key.
    pub idempotency_key: String,
}

/// What was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedMembers {
    /// Members that the batch has more.
    pub members: i64,
    /// Jobs made of them.
    pub jobs: i64,
    /// Chunks of those.
    pub chunks: i32,
    /// Rows that are no members, as the configuration's `rows` says.
    pub left_out: i64,
    /// The batch's hash of the plan after it.
    pub plan_hash: String,
    /// Whether this call added them.
    pub is_new: bool,
}

/// Whose addition it is.
struct Call {
    key: String,
    hash: String,
    who: String,
}

/// An addition that is ready to be stored.
struct Shaped {
    row: Row,
    blocks: Vec<Columns>,
    names: Names,
    left_out: Vec<LeftOut>,
    members: u64,
    jobs: u64,
    chunks: u64,
    selection: [u8; 32],
}

impl Store {
    /// Adds members to a batch that was opened, all or none: its `rows:` say what becomes of those that it cannot have.
    ///
    /// # Errors
    /// `batch_closed` for one that takes no more; `already_planned` for the members of a job that is planned;
    /// `illegal_state` before it is planned, while its plan asks, and when it ends; `key_reused`; every row that is refused.
    ///
    /// # Cancel safety
    /// One transaction, and row numbers that are skipped; a repeat with the same key finds what was added.
    pub async fn add_members(
        &self,
        tenant: i32,
        batch: i64,
        new: NewMembers,
    ) -> Result<AddedMembers, Error> {
        let file = upload::hash(new.file).await?;
        let call = Call {
            key: new.idempotency_key,
            hash: file.hash.clone(),
            who: new.who,
        };
        if let Some(earlier) = added_before(self.pool(), tenant, batch, &call).await? {
            return Ok(earlier);
        }
        let (plan, standing) = self.plan_to_add_to(tenant, batch).await?;
        standing.check(batch)?;
        has_room(&plan)?;
        let reading = self.rows_to_add(&plan, file.upload, new.format).await?;
        let call = std::sync::Arc::new(call);
        for _ in 0..TRIES_MAX {
            let shaped = self.shape_addition(&plan, &reading).await?;
            let call = std::sync::Arc::clone(&call);
            let kept = self.transaction(move |connection| {
                Box::pin(async move { keep(connection, shaped, &call).await })
            });
            if let Some(added) = kept.await? {
                return Ok(added);
            }
        }
        Err(busy(batch))
    }

    /// Members, jobs and lanes of an addition, as its batch is now.
    async fn shape_addition(&self, plan: &PlanRow, reading: &Reading) -> Result<Shaped, Error> {
        let rendering = rendering(plan).map_err(Stop::error)?;
        let sifted = self.sift(plan, &rendering, reading).await?;
        let Sifted { members, left_out } = sifted;
        let (mut shaper, mut hash) = (
            Shaper::new(&plan.configuration, &rendering),
            SelectionHash::new(),
        );
        for member in members {
            hash.add(&member);
            shaper.add(member, true).map_err(Error::invalid)?;
        }
        shaper.finish().map_err(Error::invalid)?;
        let lanes = PlanLanes::of(self, plan).await?;
        let mut blocks = Vec::new();
        while let Some(block) = shaper.take_block(true) {
            let lanes = lanes.of_block(self, &block).await?;
            blocks.push(Columns::of(block, lanes.map_err(Error::invalid)?));
        }
        Ok(Shaped {
            row: Row::of(plan),
            names: blocks.iter().map(Columns::names).collect(),
            blocks,
            left_out,
            members: hash.members(),
            jobs: shaper.jobs(),
            chunks: shaper.chunks(),
            selection: hash.finish(),
        })
    }
}

/// Stores an addition; nothing when another one brought some of its names meanwhile.
async fn keep(
    connection: &mut Session,
    mut shaped: Shaped,
    call: &Call,
) -> Result<Option<AddedMembers>, Error> {
    let (tenant, batch) = (shaped.row.tenant, shaped.row.batch);
    let lock = open::lock(connection, tenant, batch).await?;
    if let Some(earlier) = added_before(&mut *connection, shaped.row.tenant, batch, call).await? {
        return Ok(Some(earlier));
    }
    lock.standing.check(batch)?;
    let standing = shaped.names.standing(&mut *connection, batch).await?;
    if !standing.is_empty() {
        return Ok(None);
    }
    for block in &mut shaped.blocks {
        block.behind(lock.members);
        block.store(connection, &shaped.row, block.before()).await?;
    }
    leave_out(connection, batch, &shaped.left_out).await?;
    let added = shaped.added(&lock);
    raise(connection, batch, &added, &shaped.selection(&lock)).await?;
    note(connection, batch, &added, call).await?;
    Ok(Some(added))
}

impl Shaped {
    fn added(&self, lock: &Lock) -> AddedMembers {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let hash = AddedHash {
            plan: &lock.plan_hash,
            members: self.members,
            jobs: self.jobs,
            chunks: self.chunks,
            selection: &self.selection,
        };
        AddedMembers {
            members: count(self.members),
            jobs: count(self.jobs),
            chunks: i32::try_from(self.chunks).unwrap_or(i32::MAX),
            left_out: count(self.left_out.len() as u64),
            plan_hash: hex::encode(hash.finish()),
            is_new: true,
        }
    }

    /// The hash of all that its batch then selected.
    fn selection(&self, lock: &Lock) -> String {
        hex::encode(AddedHash::selection(&lock.selection_hash, &self.selection))
    }
}

/// What an earlier call under the same key added.
async fn added_before(
    connection: impl sqlx::PgExecutor<'_>,
    tenant: i32,
    batch: i64,
    call: &Call,
) -> Result<Option<AddedMembers>, Error> {
    let row = sqlx::query_file!("queries/addition/of_key.sql", batch, call.key, tenant)
        .fetch_optional(connection)
        .await?;
    match row {
        None => Ok(None),
        Some(row) if row.hash == call.hash => Ok(Some(AddedMembers {
            members: row.members,
            jobs: row.jobs,
            chunks: row.chunks,
            left_out: row.left_out,
            plan_hash: row.plan_hash,
            is_new: false,
        })),
        Some(_) => Err(Error::Conflict {
            code: "key_reused",
            message: format!("the idempotency key added other members to b_{batch}"),
            hint: Some("send a new key for more members".into()),
        }),
    }
}

async fn leave_out(connection: &mut Session, batch: i64, rows: &[LeftOut]) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let ns: Vec<i64> = rows.iter().map(|row| row.n).collect();
    let keys: Vec<String> = rows.iter().map(|row| row.key.clone()).collect();
    let reasons: Vec<String> = rows.iter().map(|row| row.reason.to_owned()).collect();
    sqlx::query_file!("queries/source/leave_out.sql", batch, &ns, &keys, &reasons)
        .execute(connection)
        .await?;
    Ok(())
}

async fn raise(
    connection: &mut Session,
    batch: i64,
    added: &AddedMembers,
    selection: &str,
) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/addition/raise.sql",
        batch,
        added.members,
        added.jobs,
        added.chunks,
        added.left_out,
        selection,
        added.plan_hash
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn note(
    connection: &mut Session,
    batch: i64,
    added: &AddedMembers,
    call: &Call,
) -> Result<(), Error> {
    sqlx::query_file!(
        "queries/addition/note.sql",
        batch,
        call.key,
        call.hash,
        added.members,
        added.jobs,
        added.chunks,
        added.left_out,
        added.plan_hash,
        call.who
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The one job of a combined batch is planned.
fn has_room(plan: &PlanRow) -> Result<(), Error> {
    if plan.configuration.strategy != Strategy::Combined {
        return Ok(());
    }
    Err(Error::Conflict {
        code: "already_planned",
        message: format!("b_{} is combined: its one job is planned", plan.id),
        hint: Some("create a new batch, or use the strategy `individual` or `object`".into()),
    })
}

fn busy(batch: i64) -> Error {
    Error::Conflict {
        code: "in_flight",
        message: format!("others add the same members to b_{batch} at this moment"),
        hint: Some("send it again, under the same key".into()),
    }
}
