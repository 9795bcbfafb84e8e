//! Blocks on their way into the database. Two are copied at a time, which takes most of the time of a plan and all of
//! one server process; each is committed behind the one before it.

use std::collections::VecDeque;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::block::{self, Columns, Row};
use super::lanes::PlanLanes;
use super::selecting::Page;
use super::shape::Block;
use super::{PlanRow, Stop};
use crate::{Error, Store};

/// Blocks that are stored at once.
const AT_ONCE: usize = 2;

/// How far a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Asked,
    /// It has its connection, so that those behind it cannot take the last one and wait for it.
    Begun,
    Stored,
}

/// The turn of a block among those of its plan.
#[derive(Clone)]
pub(super) struct Turn {
    own: watch::Sender<Stage>,
    /// That of the block before it, while one is under way.
    before: Option<watch::Receiver<Stage>>,
}

impl Turn {
    /// Says that the block has its connection.
    pub(super) fn begun(&self) {
        self.own.send_replace(Stage::Begun);
    }

    /// Whether it may have to wait for the block before it.
    pub(super) fn is_second(&self) -> bool {
        self.before.is_some()
    }

    /// Waits until the block before it is stored; `false` when that is not to be any more.
    pub(super) async fn comes(&mut self) -> bool {
        match &mut self.before {
            Some(before) => before
                .wait_for(|stage| *stage == Stage::Stored)
                .await
                .is_ok(),
            None => true,
        }
    }
}

/// A block that is being stored.
struct UnderWay {
    stage: watch::Receiver<Stage>,
    task: JoinHandle<Result<bool, Error>>,
}

impl UnderWay {
    /// Waits for its end.
    async fn end(self) -> Result<(), Stop> {
        match self.task.await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Stop::Taken),
            Ok(Err(error)) => Err(Stop::Store(error)),
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Stop::Store(sqlx::Error::WorkerCrashed.into())),
            },
        }
    }
}

/// What is stored of a plan.
pub(super) struct Storing<'a> {
    store: &'a Store,
    plan: &'a PlanRow,
    lanes: &'a PlanLanes,
    /// Where the cursor is behind the last block.
    cursor: i64,
    /// The job of the last block that is not whole yet.
    open: Option<i64>,
    under_way: VecDeque<UnderWay>,
}

impl<'a> Storing<'a> {
    pub(super) fn new(store: &'a Store, plan: &'a PlanRow, lanes: &'a PlanLanes) -> Self {
        Self {
            store,
            plan,
            lanes,
            cursor: plan.cursor,
            open: None,
            under_way: VecDeque::new(),
        }
    }

    /// Begins to store what a page came to, as soon as few enough blocks are under way.
    ///
    /// # Cancel safety
    /// Dropped, blocks that are under way are still stored, or none of those behind one that is not.
    pub(super) async fn add(&mut self, page: Page) -> Result<(), Stop> {
        self.store.leave_out(self.plan.id, &page.left_out).await?;
        for block in page.blocks {
            let lanes = self.lanes.of_block(self.store, &block).await?;
            let lanes = lanes.map_err(Stop::Refused)?;
            while self.under_way.len() >= AT_ONCE {
                self.end_first().await?;
            }
            self.begin(block, lanes).await?;
        }
        Ok(())
    }

    /// Waits for all of them.
    pub(super) async fn end(&mut self) -> Result<(), Stop> {
        while !self.under_way.is_empty() {
            self.end_first().await?;
        }
        Ok(())
    }

    async fn end_first(&mut self) -> Result<(), Stop> {
        match self.under_way.pop_front() {
            Some(first) => first.end().await,
            None => Ok(()),
        }
    }

    /// Ids are taken here, so that they are in the order of members.
    async fn begin(&mut self, block: Block, lanes: Vec<i32>) -> Result<(), Stop> {
        let moves = (self.cursor, block.cursor.max(self.cursor));
        let columns = Columns::of(block, lanes);
        let ids = self.ids(&columns).await?;
        self.open = ids.last().copied().filter(|_| columns.has_part());
        self.cursor = moves.1;
        let before = self.last_begun().await;
        let (own, stage) = watch::channel(Stage::Asked);
        let (store, row) = (self.store.clone(), Row::of(self.plan));
        let task = self.store.pool().spawn(async move {
            let turn = Turn { own, before };
            let stored = block::store(&store, row, (columns, ids), &turn, moves).await?;
            if stored {
                turn.own.send_replace(Stage::Stored);
            }
            Ok(stored)
        });
        self.under_way.push_back(UnderWay { stage, task });
        Ok(())
    }

    /// An id for each job, unless another planner has the batch: one that comes late finds it here, before it has
    /// copied anything.
    async fn ids(&self, columns: &Columns) -> Result<Vec<i64>, Stop> {
        let (batch, from) = (self.plan.id, self.cursor);
        let mut connection = self.store.pool().acquire().await?;
        if self.under_way.is_empty() && !block::stands(&mut connection, batch, from).await? {
            return Err(Stop::Taken);
        }
        let ids = columns.ids(&mut connection, batch, from, self.open);
        Ok(ids.await?)
    }

    /// The last block that is under way, once it has its connection.
    async fn last_begun(&mut self) -> Option<watch::Receiver<Stage>> {
        let last = self.under_way.back_mut()?;
        // An error says that it has ended, which its own end tells.
        let _ = last.stage.wait_for(|stage| *stage >= Stage::Begun).await;
        Some(last.stage.clone())
    }
}
