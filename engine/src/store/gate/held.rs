//! The connection of a session, as it is held.

use sqlx::pool::PoolConnection;
use sqlx::postgres::PgConnection;
use sqlx::{Error, Executor, Postgres};

#[derive(Debug)]
pub(super) enum Held {
    Own(PgConnection),
    Pooled(PoolConnection<Postgres>),
    Begun(Begun),
}

impl Held {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Own(connection) => connection,
            Self::Pooled(connection) => connection,
            Self::Begun(begun) => &mut begun.connection,
        }
    }

    /// Nobody gets this connection again; who holds one of his own drops it.
    pub(super) fn part(&mut self) {
        match self {
            Self::Own(_) => {}
            Self::Pooled(connection) => connection.close_on_drop(),
            Self::Begun(begun) => begun.connection.close_on_drop(),
        }
    }
}

/// A transaction on a pooled connection, which is closed unless the transaction is brought to its end. Sqlx's
/// own transactions never part with their connection.
#[derive(Debug)]
pub(super) struct Begun {
    connection: PoolConnection<Postgres>,
    open: bool,
}

impl Begun {
    pub(super) async fn new(connection: PoolConnection<Postgres>) -> Result<Self, Error> {
        let open = true;
        let mut begun = Self { connection, open };
        begun.connection.execute("begin").await?;
        Ok(begun)
    }

    pub(super) async fn end(mut self, how: &'static str) -> Result<(), Error> {
        self.connection.execute(how).await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.open {
            self.connection.close_on_drop();
        }
    }
}
