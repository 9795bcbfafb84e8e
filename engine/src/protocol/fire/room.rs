//! Making room: what a schedule started is cancelled for the slot that waits for it.

use crate::protocol::own::is_own;
use crate::{Error, Store};

/// Why a job or a batch is cancelled for the next one of its schedule.
const MAKES_ROOM: &str = "a newer slot of its schedule is due";

impl Store {
    /// Asks what a schedule started to end, as a person would: a newer slot waits for it. Who dies in between
    /// leaves that slot waiting, and the next pass asks again.
    pub(super) async fn make_room(&self, tenant: i32, name: &str) -> Result<(), Error> {
        if !is_own(name) {
            return self.make_room_of_batches(tenant, name).await;
        }
        let running = sqlx::query_file!("queries/schedule/running.sql", tenant, name)
            .fetch_all(self.pool())
            .await?;
        let who = format!("schedule {name}");
        for row in running {
            match self.cancel(tenant, row.job, &who, MAKES_ROOM).await {
                Ok(_) => {}
                // It has ended by itself.
                Err(error) if error.is_permanent() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Any batch of the configuration, also a paused one and one that a person started.
    async fn make_room_of_batches(&self, tenant: i32, name: &str) -> Result<(), Error> {
        let open = sqlx::query_file!("queries/batch/open_of.sql", tenant, name)
            .fetch_all(self.pool())
            .await?;
        let who = format!("schedule {name}");
        for row in open {
            match self.cancel_batch(tenant, row.id, &who, MAKES_ROOM).await {
                Ok(_) => {}
                Err(error) if error.is_permanent() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
