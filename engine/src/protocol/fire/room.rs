//! Making room: what a schedule started is cancelled for the slot that waits for it.

use crate::{Error, Store};

/// Why a job is cancelled for the next one of its schedule.
const MAKES_ROOM: &str = "a newer slot of its schedule is due";

impl Store {
    /// Asks the jobs that a schedule started to end, as a person would: a newer slot waits for them. Who dies in
    /// between leaves that slot waiting, and the next pass asks again.
    pub(super) async fn make_room(&self, tenant: i32, name: &str) -> Result<(), Error> {
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
}
