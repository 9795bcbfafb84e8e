//! What a measurement asks of the server beside the work: its log position, a clean start.

use tokio_postgres::{Client, Config, Error};

use crate::floor::connect;

/// A connection to one database of the server that is measured.
#[derive(Debug)]
pub struct Server {
    client: Client,
    config: Config,
}

/// A transaction that sees the database as it was: while it lives, nothing dead is cleaned up.
#[derive(Debug)]
pub struct Snapshot {
    client: Client,
}

impl Snapshot {
    /// Lets go of it.
    ///
    /// # Errors
    /// What the database says, for instance that the transaction was ended.
    pub async fn release(self) -> Result<(), Error> {
        self.client.batch_execute("commit").await
    }
}

impl Server {
    /// Connects.
    ///
    /// # Errors
    /// When `url` is no address, or nobody answers there.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let config: Config = url.parse()?;
        let client = connect(&config).await?;
        Ok(Self { client, config })
    }

    /// Bytes that were ever written to the log, by whomever.
    ///
    /// # Errors
    /// What the database says.
    pub async fn wal_bytes(&self) -> Result<i64, Error> {
        let row = self
            .client
            .query_one(include_str!("../queries/wal_bytes.sql"), &[])
            .await?;
        Ok(row.get(0))
    }

    /// Writes out what is dirty, so that no checkpoint falls into what is timed and log files are
    /// there to be used again.
    ///
    /// # Errors
    /// What the database says.
    pub async fn checkpoint(&self) -> Result<(), Error> {
        self.client.batch_execute("checkpoint").await
    }

    /// Vacuums and analyses this database, so that no automatic run falls into what is timed.
    ///
    /// # Errors
    /// What the database says.
    pub async fn vacuum(&self) -> Result<(), Error> {
        self.client.batch_execute("vacuum (analyze)").await
    }

    /// Outcomes of completed jobs that the engine has written, counted one by one.
    ///
    /// # Errors
    /// What the database says.
    pub async fn outcomes(&self) -> Result<u64, Error> {
        let row = self
            .client
            .query_one(include_str!("../queries/outcomes.sql"), &[])
            .await?;
        Ok(row.get::<_, i64>(0).cast_unsigned())
    }

    /// Holds a snapshot of this database, on a connection of its own.
    ///
    /// # Errors
    /// What the database says.
    pub async fn snapshot(&self) -> Result<Snapshot, Error> {
        let client = connect(&self.config).await?;
        client
            .batch_execute(include_str!("../queries/snapshot.sql"))
            .await?;
        Ok(Snapshot { client })
    }
}
