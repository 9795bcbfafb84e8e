//! A query on a registered Postgres, read to its end in blocks.
//!
//! Its address is the operator's own secret, so the rules for addresses that templates meet do not hold for it.

use secrecy::ExposeSecret;
use tokio::sync::mpsc;
use windlass_engine::protocol::OutsideRow;
use windlass_engine::store::foreign::{self, ForeignError, ForeignRow, Question};
use windlass_workflows::configuration::{Connection, Query};
use windlass_workflows::value::Value;

use super::{Asked, Sources, Stop, Taker, failed};

impl Sources {
    /// Reads the rows of a query from its beginning.
    pub(super) async fn read_query(
        &self,
        asked: &Asked<'_>,
        query: &Query,
        taker: &mut Taker<'_>,
    ) -> Result<(), Stop> {
        let name = &query.connection;
        let Connection::Postgres(database) = self.connection(asked.tenant, name).await? else {
            let message = format!("the connection `{name}` is no Postgres");
            return Err(Stop::Lasting(failed(&message)));
        };
        let most = database.max_connections;
        let _session = self.session(asked.tenant, name, most).await;
        let url = self.performer.revealed(&database.url).await?;
        let question = Question {
            url: url.expose_secret(),
            sql: &query.sql,
            params: asked.parameters,
            statement_timeout: database.statement_timeout,
        };
        // One block waits while another is kept: the other side goes no further ahead.
        let (sender, receiver) = mpsc::channel(1);
        let mut taken = std::pin::pin!(take_all(receiver, taker));
        tokio::select! {
            biased;
            read = foreign::read(question, sender) => {
                read?;
                taken.await
            }
            taken = &mut taken => taken,
        }
    }
}

async fn take_all(
    mut blocks: mpsc::Receiver<Vec<ForeignRow>>,
    taker: &mut Taker<'_>,
) -> Result<(), Stop> {
    while let Some(block) = blocks.recv().await {
        let rows = block.into_iter().map(row).collect();
        taker.take(rows, None).await?;
    }
    Ok(())
}

fn row(row: ForeignRow) -> OutsideRow {
    let text = row.ok_or("the row has more than 1 MiB")?;
    Value::parse(&text).map_err(|error| error.to_string())
}

impl From<ForeignError> for Stop {
    fn from(error: ForeignError) -> Self {
        match error {
            ForeignError::Lasting(why) => Self::Lasting(failed(&why)),
            ForeignError::Passing(why) => Self::Passing(why),
        }
    }
}
