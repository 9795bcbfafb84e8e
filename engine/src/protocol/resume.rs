//! Letting a paused schedule go on, and with it the slots that its pause skipped, as far as catch-up wants them.

use chrono::{DateTime, Utc};
use windlass_workflows::calendar::CatchUp;
use windlass_workflows::policy::catch_up::{DueSlot, Verdict, resume};

use crate::store::{PauseView, Session};
use crate::vocabulary::PauseScope;
use crate::{Error, Store};

/// Reason of a planned slot that a pause had skipped.
const LET_GO: &str = "late: let go after a pause";

impl Store {
    /// Ends the pause of a schedule now. Of the slots that it skipped those run late that `catch_up` chooses, by the
    /// schedule's own rule where it is `None`; the others stay skipped. Returns the pause as it was, and their number.
    ///
    /// # Errors
    /// `not_found` when there is no such schedule, or it is not paused by itself; as resolving what it starts.
    ///
    /// # Cancel safety
    /// Dropped, either all of it has happened or nothing.
    pub async fn resume_schedule(
        &self,
        tenant: i32,
        name: &str,
        catch_up: Option<CatchUp>,
    ) -> Result<(PauseView, usize), Error> {
        let scope = PauseScope::Configuration;
        let pause = self.pause_of(tenant, scope, name).await?;
        let start = self.start_of(tenant, name).await?;
        let said = start.schedule().map(|schedule| schedule.catch_up);
        let catch_up = catch_up.or(said).unwrap_or_default();
        let now = self.clock().await?.now;
        // What nobody has decided yet lies in the pause too.
        self.fire_schedule(tenant, name.to_owned(), now).await?;
        let resuming = Resuming {
            tenant,
            name: name.to_owned(),
            pause: pause.id,
            since: pause.since,
            now,
            catch_up,
        };
        let late = self.transaction(move |connection| Box::pin(resuming.run(connection)));
        let late = late.await?;
        self.forget_rejects();
        Ok((pause, late))
    }
}

struct Resuming {
    tenant: i32,
    name: String,
    pause: i64,
    since: DateTime<Utc>,
    now: DateTime<Utc>,
    catch_up: CatchUp,
}

impl Resuming {
    async fn run(self, connection: &mut Session) -> Result<usize, Error> {
        let (tenant, name) = (self.tenant, self.name.as_str());
        sqlx::query_file!("queries/schedule/lock.sql", tenant, name)
            .fetch_optional(&mut *connection)
            .await?;
        let ended = sqlx::query_file!("queries/pause/end.sql", self.pause)
            .execute(&mut *connection)
            .await?;
        // Another has ended it since it was found, and has let its slots go.
        if ended.rows_affected() == 0 {
            return Err(Error::not_found("pause", format!("configuration:{name}")));
        }
        let rows = sqlx::query_file!("queries/slot/paused.sql", tenant, name, self.since)
            .fetch_all(&mut *connection)
            .await?;
        let paused: Vec<DueSlot> = rows
            .into_iter()
            .map(|row| DueSlot {
                at: row.at,
                fire_at: row.fire_at,
            })
            .collect();
        let verdicts = resume(&paused, self.now, self.catch_up);
        let (ats, starts): (Vec<DateTime<Utc>>, Vec<DateTime<Utc>>) = paused
            .iter()
            .zip(verdicts)
            .filter_map(|(slot, verdict)| match verdict {
                Verdict::Late { not_before } => Some((slot.at, not_before)),
                _ => None,
            })
            .unzip();
        let done = sqlx::query_file!(
            "queries/slot/let_go.sql",
            tenant,
            name,
            &ats,
            &starts,
            LET_GO
        )
        .execute(connection)
        .await?;
        Ok(usize::try_from(done.rows_affected()).unwrap_or_default())
    }
}
