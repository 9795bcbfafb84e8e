//! The floor's own database and how its connections are set up.

use tokio_postgres::{Client, Config, Error, NoTls};

/// About one hundred bytes of ordinary JSON.
pub(crate) const PAYLOAD: &str = r#"{"to": "user@example.test", "n": 123456, "note": "about one hundred bytes of ordinary json pay"}"#;

/// The same plans on every connection, whatever the statistics say: those that the design is made for.
const PLANNER: &str = "set jit = off; set plan_cache_mode = force_generic_plan; set enable_seqscan = off; \
     set enable_hashjoin = off; set enable_mergejoin = off; set enable_bitmapscan = off";

/// A database of its own on the server that is measured. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Floor(Config);

impl Floor {
    /// The database at `url`, which must hold nothing else.
    ///
    /// # Errors
    /// When it is no address.
    pub fn new(url: &str) -> Result<Self, Error> {
        Ok(Self(url.parse()?))
    }

    /// A connection with the planner's switches set.
    pub(crate) async fn connect(&self) -> Result<Client, Error> {
        let client = connect(&self.0).await?;
        client.batch_execute(PLANNER).await?;
        Ok(client)
    }

    /// Where it is.
    pub(crate) fn config(&self) -> &Config {
        &self.0
    }

    /// Makes the tables anew, empty.
    ///
    /// # Errors
    /// What the database says.
    pub async fn reset(&self) -> Result<(), Error> {
        let client = self.connect().await?;
        client
            .batch_execute(include_str!("../queries/schema.sql"))
            .await
    }

    /// Makes jobs `first` to `last` ready.
    ///
    /// # Errors
    /// What the database says.
    pub async fn fill(&self, first: i64, last: i64) -> Result<(), Error> {
        let client = self.connect().await?;
        client
            .execute(
                include_str!("../queries/fill_job.sql"),
                &[&first, &last, &PAYLOAD],
            )
            .await?;
        client
            .execute(include_str!("../queries/fill_ready.sql"), &[&first, &last])
            .await?;
        Ok(())
    }
}

/// A connection whose traffic runs on a task of its own; the client's methods tell what breaks.
pub(crate) async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
