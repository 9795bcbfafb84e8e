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
    let found = named(connection, tenant, name).await?;
    let missing = || Error::not_found(ConfigurationKind::Calendar.as_str(), name);
    found.ok_or_else(missing).map(Some)
}

/// A calendar; nothing where there is none of this name.
///
/// # Errors
/// [`Error::Unreadable`] when another release wrote it.
pub(crate) async fn named(
    connection: &mut Session,
    tenant: i32,
    name: &str,
) -> Result<Option<Calendar>, Error> {
    let kind = ConfigurationKind::Calendar;
    let Some(found) = configuration::latest(connection, tenant, kind, name).await? else {
        return Ok(None);
    };
    match found.content()? {
        Content::Calendar(calendar) => Ok(Some(calendar.days)),
        _ => Ok(None),
    }
}

/// A calendar in an earlier revision; nothing where there is none, or where another release wrote it.
pub(crate) async fn earlier(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    revision: i32,
) -> Result<Option<Calendar>, Error> {
    let kind = ConfigurationKind::Calendar;
    let found = configuration::revision(connection, tenant, kind, name, revision).await?;
    match found.map(|found| found.content()) {
        Some(Ok(Content::Calendar(calendar))) => Ok(Some(calendar.days)),
        _ => Ok(None),
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
