//! The gate: the one way to the database. Every statement of the store goes through [`pass`].
//!
//! A [`Gate`] is the pool, a [`Session`] is one connection: somebody's own, a pooled one, or one inside
//! a transaction. Both are executors, so `query_file!(…).fetch_all(session)` is all a caller writes, and
//! nobody else names a connection of sqlx (`engine/tests/tidy.rs` looks). With the feature `hooks`, which
//! only tests have, `hook` hears of each statement before and after it; without it `pass` hands on what
//! it got.

mod held;

use std::io;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use sqlx::postgres::{
    PgConnectOptions, PgConnection, PgListener, PgNotification, PgPoolOptions, PgQueryResult,
    PgRow, PgStatement, PgTypeInfo,
};
use sqlx::{
    ConnectOptions, Connection, Either, Error, Execute, Executor, PgPool, Postgres, SqlStr,
};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::connect::CONNECT_MAX;
use super::hook::Seat;
use held::{Begun, Held};

/// What an executor gives: how many rows were touched, or one of them.
pub(super) type Step = Either<PgQueryResult, PgRow>;

/// The pool, for verbs of one statement. Cheap to clone.
///
/// A connection belongs to the runtime that it was opened on: it stalls where that is busy and breaks
/// when that ends. Callers come from several, so all are opened on the one that the pool was made on.
#[derive(Clone, Debug)]
pub struct Gate {
    pool: PgPool,
    seat: Seat,
    home: Option<Handle>,
}

impl From<PgPool> for Gate {
    fn from(pool: PgPool) -> Self {
        let seat = Seat::of(&pool.connect_options());
        let home = Handle::try_current().ok();
        Self { pool, seat, home }
    }
}

impl Gate {
    /// A pool of up to `connections`, each asked for at most `patience`. Fails when none can be made.
    pub(super) async fn open(
        options: PgConnectOptions,
        connections: u32,
        patience: Duration,
    ) -> Result<Self, Error> {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(patience);
        Ok(pool.connect_with(options).await?.into())
    }

    /// A pooled connection, given back when it is dropped.
    pub(crate) async fn acquire(&self) -> Result<Session, Error> {
        let pool = self.pool.clone();
        let held = match &self.home {
            Some(home) if home.id() != Handle::current().id() => {
                let acquired = home.spawn(async move { pool.acquire().await });
                acquired.await.map_err(|_| Error::WorkerCrashed)?
            }
            _ => pool.acquire().await,
        };
        Ok(Session::new(Held::Pooled(held?), self.seat.clone()))
    }

    /// Runs a task that uses the pool where the pool is at home, so that it outlives its caller.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        match &self.home {
            Some(home) => home.spawn(task),
            None => tokio::spawn(task),
        }
    }

    /// A pooled connection inside a transaction, which [`Session::commit`] or [`Session::rollback`] ends. Dropped
    /// before, the connection is closed.
    ///
    /// # Cancel safety
    /// Dropped, the connection is closed. [`Store::transaction`](super::Store) calls it on a task of its own at home,
    /// so that no connection is opened elsewhere.
    pub(super) async fn begin(&self) -> Result<Session, Error> {
        self.seat.before_begin().await?;
        let held = Held::Begun(Begun::new(self.pool.acquire().await?).await?);
        self.seat.after_begin().await?;
        Ok(Session::new(held, self.seat.clone()))
    }

    /// Closes every connection once it is given back.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    held: Held,
    seat: Seat,
}

impl Session {
    fn new(held: Held, seat: Seat) -> Self {
        Self { held, seat }
    }

    /// A connection of one's own, or an error within [`CONNECT_MAX`].
    pub(crate) async fn connect(options: &PgConnectOptions) -> Result<Self, Error> {
        let connection = timeout(CONNECT_MAX, options.connect()).await;
        let connection = connection.map_err(|_| silent())??;
        Ok(Self::new(Held::Own(connection), Seat::of(options)))
    }

    /// Says goodbye to the server, where the connection is one's own; else gives it back.
    pub(crate) async fn close(self) -> Result<(), Error> {
        match self.held {
            Held::Own(connection) => connection.close().await,
            Held::Pooled(_) | Held::Begun(_) => Ok(()),
        }
    }

    /// Ends the transaction; nothing without one.
    pub(super) async fn commit(self) -> Result<(), Error> {
        let Held::Begun(begun) = self.held else {
            return Ok(());
        };
        if let Err(refused) = self.seat.before_commit().await {
            begun.end("rollback").await?;
            return Err(refused);
        }
        begun.end("commit").await?;
        self.seat.after_commit().await
    }

    /// Rolls the transaction back, so that its connection is of further use; nothing without one.
    pub(super) async fn rollback(self) {
        if let Held::Begun(begun) = self.held
            && let Err(error) = begun.end("rollback").await
        {
            tracing::debug!(error = %error, "a transaction could not be rolled back");
        }
    }

    /// Rolls back what was begun on a connection of one's own. One that can not even do that is of no use: the
    /// next statement on it says so.
    pub(super) async fn undo(&mut self) {
        if let Err(error) = self.execute("rollback").await {
            tracing::debug!(error = %error, "a transaction could not be rolled back");
        }
    }

    /// Remembers this moment of the transaction for [`Session::forget`].
    pub(crate) async fn remember(&mut self) -> Result<(), Error> {
        self.execute("savepoint remembered").await.map(drop)
    }

    /// Undoes what the transaction did since [`Session::remember`].
    pub(crate) async fn forget(&mut self) -> Result<(), Error> {
        self.execute("rollback to savepoint remembered")
            .await
            .map(drop)
    }

    /// Copies rows, in a form of COPY, until their sender is gone; how many there were.
    ///
    /// After one that failed, a pooled connection is closed: PgBouncer no longer knows which answer on it belongs to
    /// what, when the end of the rows comes after the refusal (pgbouncer/pgbouncer#1470).
    pub(crate) async fn copy(
        &mut self,
        statement: &'static str,
        rows: mpsc::Receiver<Vec<u8>>,
    ) -> Result<u64, Error> {
        self.seat.before(statement).await?;
        let copied = copy(self.held.connection(), statement, rows).await;
        if copied.is_err() {
            self.held.part();
        }
        let copied = copied?;
        self.seat.after(statement).await?;
        Ok(copied)
    }

    /// The connection itself, for the migrator, which has an interface of its own.
    pub(super) fn past_the_gate(&mut self) -> &mut PgConnection {
        self.held.connection()
    }
}

/// A connection of one's own that hears what is notified on one channel.
#[derive(Debug)]
pub(super) struct Ear {
    listener: PgListener,
    seat: Seat,
}

impl Ear {
    /// Listens. A lost connection is made anew by itself.
    pub(super) async fn connect(options: &PgConnectOptions, channel: &str) -> Result<Self, Error> {
        let seat = Seat::of(options);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(CONNECT_MAX)
            .connect_with(options.clone())
            .await?;
        seat.before("listen").await?;
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.listen(channel).await?;
        seat.after("listen").await?;
        Ok(Self { listener, seat })
    }

    /// The next notification; `None` when the connection was lost, so that anything may have been said.
    ///
    /// # Cancel safety
    /// Safe: what has come in part stays with the connection.
    pub(super) async fn hear(&mut self) -> Result<Option<PgNotification>, Error> {
        self.listener.try_recv().await
    }

    /// Asks whether somebody is still there. What is notified meanwhile is kept for [`Ear::hear`].
    ///
    /// # Cancel safety
    /// None: drop it all.
    pub(super) async fn ask(&mut self) -> Result<(), Error> {
        let alive = sqlx::query_file!("queries/cluster/alive.sql");
        let asked = pass(&self.seat, &mut self.listener, alive);
        first(asked).await.map(drop)
    }
}

async fn copy(
    connection: &mut PgConnection,
    statement: &str,
    mut rows: mpsc::Receiver<Vec<u8>>,
) -> Result<u64, Error> {
    let mut copy = connection.copy_in_raw(statement).await?;
    while let Some(part) = rows.recv().await {
        copy.send(part).await?;
    }
    copy.finish().await
}

/// A peer that does not answer an attempt to connect.
fn silent() -> Error {
    let message = "the database did not answer an attempt to connect";
    Error::Io(io::Error::new(io::ErrorKind::TimedOut, message))
}

/// Every statement goes through here.
#[cfg(not(feature = "hooks"))]
#[inline(always)]
fn pass<'c: 'e, 'e, 'q: 'e, X, E>(
    _: &Seat,
    executor: X,
    query: E,
) -> BoxStream<'e, Result<Step, Error>>
where
    X: Executor<'c, Database = Postgres> + 'e,
    E: Execute<'q, Postgres> + 'q,
{
    executor.fetch_many(query)
}

/// Every statement goes through here; an answer is whole before anybody hears of it.
#[cfg(feature = "hooks")]
fn pass<'c: 'e, 'e, 'q: 'e, X, E>(
    seat: &Seat,
    executor: X,
    query: E,
) -> BoxStream<'e, Result<Step, Error>>
where
    X: Executor<'c, Database = Postgres> + 'e,
    E: Execute<'q, Postgres> + 'q,
{
    let seat = seat.clone();
    let query = super::hook::Opened::of(query);
    let steps = async move {
        let sql = query.text();
        seat.before(sql.as_str()).await?;
        let steps: Vec<Step> = executor.fetch_many(query).try_collect().await?;
        seat.after(sql.as_str()).await?;
        Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
    };
    stream::once(steps).try_flatten().boxed()
}

/// The first row, once the answer has come to its end: deferred checks speak last.
fn first<'e>(
    mut steps: BoxStream<'e, Result<Step, Error>>,
) -> BoxFuture<'e, Result<Option<PgRow>, Error>> {
    Box::pin(async move {
        let mut first = None;
        while let Some(step) = steps.try_next().await? {
            if let Either::Right(row) = step {
                first.get_or_insert(row);
            }
        }
        Ok(first)
    })
}

/// A pooled connection for one statement, given back once the answer is whole.
impl<'c> Executor<'c> for &'c Gate {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let steps = async move {
            let mut session = self.acquire().await?;
            let steps: Vec<Step> = session.fetch_many(query).try_collect().await?;
            Ok::<_, Error>(stream::iter(steps.into_iter().map(Ok)))
        };
        stream::once(steps).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        first(self.fetch_many(query))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.acquire().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.acquire().await?.describe(sql).await })
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        pass(&self.seat, self.held.connection(), query)
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        first(self.fetch_many(query))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        Executor::prepare_with(self.held.connection(), sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        Executor::describe(self.held.connection(), sql)
    }
}
