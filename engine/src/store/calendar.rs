//! Calendars as schedules are planned with them: the newest revision of each.

use windlass_workflows::calendar::{Calendar, Schedule};
use windlass_workflows::configuration::Content;

use super::gate::Session;
use super::{Store, configuration};
use crate::Error;
use crate::vocabulary::ConfigurationKind;

/// The calendar that a schedule names; nothing where it names none.
///
/// # Errors
/// [`Error::NotFound`] when it was never applied; [`Error::Unreadable`] when another release wrote it.
pub(crate) async fn of(
    connection: &mut Session,
    tenant: i32,
    schedule: &Schedule,
) -> Result<Option<Calendar>, Error> {
    let Some(name) = schedule.calendar.as_deref() else {
        return Ok(None);
    };
    let kind = ConfigurationKind::Calendar;
    let found = configuration::latest(connection, tenant, kind, name).await?;
    let found = found.ok_or_else(|| Error::not_found(kind.as_str(), name))?;
    match found.content()? {
        Content::Calendar(calendar) => Ok(Some(calendar.days)),
        _ => Err(Error::not_found(kind.as_str(), name)),
    }
}

impl Store {
    /// The calendar that a schedule names; nothing where it names none.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it was never applied; [`Error::Unreadable`] when another release wrote it.
    pub async fn calendar_of(
        &self,
        tenant: i32,
        schedule: &Schedule,
    ) -> Result<Option<Calendar>, Error> {
        if schedule.calendar.is_none() {
            return Ok(None);
        }
        let mut connection = self.pool().acquire().await?;
        of(&mut connection, tenant, schedule).await
    }
}
