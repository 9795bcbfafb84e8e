//! Reading a source outside: a keeper takes the right to read, keeps block after block, and ends with a batch that
//! can be planned. Who reads knows the world; here is only what must hold whoever reads.
//!
//! ```text
//! take ─▶ keep ─▶ keep ─▶ … ─▶ end ─▶ the plan
//!   ▲                      └─▶ put back (broke off) ─▶ take …, at most three times
//! ```
//!
//! A block, its cursor and the check of the right are one transaction: a reader that was thought dead adds nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use windlass_workflows::category::{Item, ItemReader};
use windlass_workflows::configuration::{Duplicate, Invalid, JobConfiguration, Key, Source};
use windlass_workflows::plan::asked;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::plan::{occasion, typed, unplannable};
use super::rows::storable;
use super::upload::settle;
use crate::store::source::{self, SourceRow, Taken};
use crate::{Error, Store};

/// So often reading may begin without getting on.
const TRIES_MAX: i32 = 3;
/// The first pause after reading broke off; it doubles.
const PAUSE: Duration = Duration::from_secs(2);
/// Rows that are deleted at a time before reading begins anew.
const EMPTIED_MAX: i64 = 20_000;

/// The right to read a batch's source, and what is known of it.
#[derive(Debug)]
pub struct Drawing {
    /// Which batch.
    pub batch: i64,
    /// Whose.
    pub tenant: i32,
    /// What it runs.
    pub configuration: JobConfiguration,
    /// What the source is asked with.
    pub asked: Value,
    /// The instant of the plan.
    pub now: DateTime<Utc>,
    /// Where reading goes on, as it was last given to [`Store::keep_rows`].
    pub cursor: Option<Value>,
    /// Rows that were read.
    pub n: i64,
    tries: i32,
    claim: Uuid,
    lease: Duration,
}

/// A row of a source outside, or why it is none.
pub type OutsideRow = Result<Value, String>;

/// What lets somebody read.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// Whose source.
    pub batch: i64,
    /// How long it lasts, unless it is held on to.
    pub lease: Duration,
    claim: Uuid,
}

/// What the store made of something that a reader brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// It is kept.
    Kept,
    /// The source is not this reader's any more, or its batch is not planned any more.
    Lost,
    /// It refuses the batch, which has failed and says why.
    Refused,
}

impl Drawing {
    /// What lets its owner read.
    pub fn right(&self) -> Right {
        Right {
            batch: self.batch,
            lease: self.lease,
            claim: self.claim,
        }
    }

    /// Whether more rows would change nothing: as many as the selection wants are there, and none can drop out.
    pub fn is_enough(&self) -> bool {
        let selection = &self.configuration.selection;
        let refuses = selection.rows.invalid == Invalid::Refuse
            && selection.rows.duplicate == Duplicate::Refuse;
        let read = u64::try_from(self.n).unwrap_or_default();
        refuses && selection.filter.is_none() && selection.limit.is_some_and(|limit| read >= limit)
    }
}

impl Store {
    /// The right to read the oldest source that nobody reads, for as long as `lease`.
    ///
    /// # Errors
    /// What the database says.
    ///
    /// # Cancel safety
    /// Dropped, it may be taken until `lease` has passed.
    pub async fn take_source(&self, lease: Duration) -> Result<Option<Drawing>, Error> {
        let claim = Uuid::new_v4();
        while let Some(taken) = self.take_outside(claim, lease).await? {
            let batch = taken.batch;
            match drawing(taken, claim, lease) {
                Ok(drawing) => {
                    if let Some(begun) = self.begun(drawing).await? {
                        return Ok(Some(begun));
                    }
                }
                Err(problem) => self.fail_plan(batch, &problem).await?,
            }
        }
        Ok(None)
    }

    /// What has no cursor is read from its beginning; nothing when it is not this reader's any more.
    async fn begun(&self, mut drawing: Drawing) -> Result<Option<Drawing>, Error> {
        let resumes = drawing.cursor.is_some();
        while !resumes && drawing.n > 0 {
            // To empty it may take longer than the right to read lasts.
            if !self.hold_source(drawing.right()).await? {
                return Ok(None);
            }
            let emptied = self.empty_source(drawing.batch, drawing.claim, EMPTIED_MAX);
            if emptied.await? == 0 {
                drawing.n = 0;
            }
        }
        Ok(Some(drawing))
    }

    /// The source stays this reader's; `false` when it is not any more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn hold_source(&self, right: Right) -> Result<bool, Error> {
        self.hold_outside(right.batch, right.claim, right.lease)
            .await
    }

    /// Keeps the next rows, and where the ones after them begin.
    ///
    /// # Errors
    /// What the database says; nothing is kept then.
    ///
    /// # Cancel safety
    /// Dropped, the rows are kept with their cursor, or neither is.
    pub async fn keep_rows(
        &self,
        drawing: &mut Drawing,
        documents: Vec<OutsideRow>,
        cursor: Option<Value>,
    ) -> Result<Drawn, Error> {
        let rows = match rows(drawing, documents) {
            Ok(rows) => rows,
            Err(problem) => return self.fail_source_by(drawing, &problem).await,
        };
        let n = drawing.n + i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let advance = source::Advance {
            batch: drawing.batch,
            claim: drawing.claim,
            lease: drawing.lease,
            cursor: cursor.as_ref().map(Value::to_json),
            n,
        };
        let kept = self.transaction(move |connection| {
            Box::pin(async move { source::keep(connection, &advance, rows).await })
        });
        if !kept.await? {
            return Ok(Drawn::Lost);
        }
        (drawing.n, drawing.cursor) = (n, cursor);
        Ok(Drawn::Kept)
    }

    /// The source has ended: what repeats is decided, and the batch can be planned.
    ///
    /// # Errors
    /// What the database says; the source is still this reader's then.
    ///
    /// # Cancel safety
    /// Dropped, it has ended or it has not.
    pub async fn end_source(&self, drawing: Drawing) -> Result<Drawn, Error> {
        let (batch, claim) = (drawing.batch, drawing.claim);
        let configuration = drawing.configuration;
        let ended = self.transaction(move |connection| {
            Box::pin(async move {
                if !source::end(connection, batch, claim).await? {
                    return Ok(false);
                }
                let key = configuration.selection.source.identity();
                let key = key.map_or(Key::Row, |(key, _)| key.clone());
                let told = |n: i64| n.unsigned_abs();
                match settle(connection, batch, &configuration, &key, told).await? {
                    Some(problem) => Err(Error::invalid(problem)),
                    None => Ok(true),
                }
            })
        });
        match ended.await {
            Ok(true) => Ok(Drawn::Kept),
            Ok(false) => Ok(Drawn::Lost),
            Err(Error::Invalid { problems }) => {
                self.fail_plan(batch, &problems[0]).await?;
                Ok(Drawn::Refused)
            }
            Err(error) => Err(error),
        }
    }

    /// Reading broke off: somebody may try again later, or the batch fails when that was tried often enough.
    ///
    /// # Errors
    /// What the database says.
    pub async fn break_off_source(&self, drawing: &Drawing, why: &str) -> Result<Drawn, Error> {
        if drawing.tries >= TRIES_MAX {
            let message = format!("reading broke off {TRIES_MAX} times; at last: {why}");
            return self.fail_source(drawing, &message).await;
        }
        let doublings = u32::try_from(drawing.tries).unwrap_or_default();
        let pause = PAUSE * 2_u32.saturating_pow(doublings.saturating_sub(1));
        let reason = format!("reading the source broke off and begins again: {why}");
        self.release_source(drawing, pause, Some(reason), 0).await
    }

    /// Nobody's fault: this process ends. Whoever comes next goes on at once, and no try is spent.
    ///
    /// # Errors
    /// What the database says.
    pub async fn put_back_source(&self, drawing: &Drawing) -> Result<Drawn, Error> {
        self.release_source(drawing, Duration::ZERO, None, 1).await
    }

    /// The source cannot be read at all: the batch fails.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fail_source(&self, drawing: &Drawing, why: &str) -> Result<Drawn, Error> {
        self.fail_source_by(drawing, &source_failed(why)).await
    }

    /// The same, for a reason that has a name of its own.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fail_source_by(
        &self,
        drawing: &Drawing,
        problem: &Problem,
    ) -> Result<Drawn, Error> {
        if !self.hold_source(drawing.right()).await? {
            return Ok(Drawn::Lost);
        }
        self.fail_plan(drawing.batch, problem).await?;
        Ok(Drawn::Refused)
    }

    async fn release_source(
        &self,
        drawing: &Drawing,
        pause: Duration,
        reason: Option<String>,
        spared: i32,
    ) -> Result<Drawn, Error> {
        let (batch, claim) = (drawing.batch, drawing.claim);
        let released = self.put_back_outside(batch, claim, pause, reason.as_deref(), spared);
        Ok(match released.await? {
            true => Drawn::Kept,
            false => Drawn::Lost,
        })
    }
}

/// What was taken, typed.
fn drawing(taken: Taken, claim: Uuid, lease: Duration) -> Result<Drawing, Problem> {
    if taken.tries > TRIES_MAX {
        let message = format!("reading broke off {TRIES_MAX} times");
        return Err(source_failed(&message));
    }
    let typed = typed(taken.batch, &taken.document, None);
    let (configuration, _) = typed.map_err(|error| unplannable(&error))?;
    let slot = (taken.slot, taken.previous);
    let occasion = occasion(&configuration, slot, taken.created_at);
    let asked = asked(&configuration.selection.source, &occasion)?;
    let cursor = taken.cursor.as_deref().map(Value::parse).transpose();
    Ok(Drawing {
        batch: taken.batch,
        tenant: taken.tenant,
        asked,
        now: taken.created_at,
        cursor: cursor.ok().flatten(),
        n: taken.n,
        tries: taken.tries,
        claim,
        lease,
        configuration,
    })
}

fn source_failed(why: &str) -> Problem {
    Problem::new("source_failed", "/selection", why.to_owned())
        .hint("see that the source answers, and create the batch again")
}

/// Documents as rows of the source, from the next number on; the first that cannot be one refuses all, unless such are
/// left out.
fn rows(drawing: &Drawing, documents: Vec<OutsideRow>) -> Result<Vec<SourceRow>, Problem> {
    let selection = &drawing.configuration.selection;
    let reader = reader(&selection.source);
    let leaves_out = selection.rows.invalid == Invalid::LeaveOut;
    let numbered = (drawing.n + 1..).zip(documents);
    let rows = numbered.map(|(n, document)| match item(&reader, n, document) {
        Ok(item) => Ok(kept(n, item)),
        Err(_) if leaves_out => Ok(SourceRow::invalid(n)),
        Err(problem) => Err(of_row(n, problem)),
    });
    rows.collect()
}

/// How the rows of a source without a schema are read.
pub(super) fn reader(source: &Source) -> ItemReader {
    let (key, object) = source.identity().map_or((Key::Row, None), |(key, object)| {
        (key.clone(), object.cloned())
    });
    ItemReader::of(key, object, None)
}

pub(super) fn item(reader: &ItemReader, n: i64, row: OutsideRow) -> Result<Item, Problem> {
    let document = row.map_err(|why| Problem::new("invalid_row", "", why))?;
    let item = reader.item(n.unsigned_abs(), 0, document);
    item.and_then(|item| storable(item, 0))
        .map_err(|mut problems| problems.remove(0))
}

fn kept(n: i64, item: Item) -> SourceRow {
    SourceRow {
        n,
        key: item.key,
        object: item.object,
        document: item.document.to_json(),
        left_out: None,
    }
}

/// Names the row in what is wrong with it.
pub(super) fn of_row(n: i64, problem: Problem) -> Problem {
    let message = format!("row {n}: {}", problem.message);
    let (line, column) = (None, None);
    Problem {
        message,
        line,
        column,
        ..problem
    }
}
