//! Calendars of an applied set, and the schedules that they have a say in.

use windlass_workflows::configuration::{self as documents, Document, JobConfiguration};

use super::Applying;
use crate::Error;
use crate::protocol::change::{Action, Change};
use crate::protocol::timing;
use crate::store::{self, Session};
use crate::vocabulary::ConfigurationKind;

impl Applying {
    /// Every document of the set, and then what its calendars change.
    pub(super) async fn documents(
        &mut self,
        connection: &mut Session,
        documents: &[Document],
    ) -> Result<(), Error> {
        // Calendars first: schedules are planned by them.
        let (days, others): (Vec<&Document>, Vec<&Document>) = documents
            .iter()
            .partition(|document| document.kind() == documents::Kind::Calendar);
        for document in days.iter().chain(&others) {
            self.document(connection, document, documents).await?;
        }
        for document in &days {
            self.edited(connection, document).await?;
        }
        // As they stand in the set: each calendar has made one change, and they came first.
        let is_day = |document: &&Document| document.kind() == documents::Kind::Calendar;
        let others = self.changes.split_off(self.changes.len().min(days.len()));
        let (mut days, mut others) = (
            std::mem::take(&mut self.changes).into_iter(),
            others.into_iter(),
        );
        let changes = documents
            .iter()
            .filter_map(|document| match is_day(&document) {
                true => days.next(),
                false => others.next(),
            });
        self.changes = changes.collect();
        Ok(())
    }

    /// Whether a job configuration would never start on its calendar; then that is a problem of it.
    pub(super) async fn never(
        &mut self,
        connection: &mut Session,
        document: &Document,
        job: &JobConfiguration,
    ) -> Result<bool, Error> {
        let Some(schedule) = &job.schedule else {
            return Ok(false);
        };
        let tenant = self.application.tenant;
        let mut found = timing::never(connection, tenant, schedule, self.now, "/schedule").await?;
        let is_never = !found.is_empty();
        // A calendar that does not exist was found with all other names.
        found.retain(|problem| problem.code != "unknown_reference");
        let place = document.place;
        let placed = found
            .into_iter()
            .map(|one| one.at(place.line, place.column));
        self.refuse(document, placed.collect());
        Ok(is_never)
    }

    /// Adds to the change of a job configuration which days lose a slot or gain one, where it was there before.
    pub(super) async fn tell_days(
        &mut self,
        connection: &mut Session,
        job: &JobConfiguration,
        rule: Option<&str>,
    ) -> Result<(), Error> {
        let Some(change) = self.changes.last_mut() else {
            return Ok(());
        };
        if change.action != Action::Changed {
            return Ok(());
        }
        let tenant = self.application.tenant;
        let stored = store::schedule::lock(connection, tenant, &job.header.name).await?;
        let edit = timing::Edit {
            tenant,
            stored: stored.as_ref(),
            rule,
            schedule: job.schedule.as_ref(),
            now: self.now,
        };
        change.diff.extend(timing::said(connection, edit).await?);
        Ok(())
    }

    /// Plans what an edited calendar has a say in.
    async fn edited(&mut self, connection: &mut Session, document: &Document) -> Result<(), Error> {
        let (tenant, name) = (self.application.tenant, document.name());
        let kind = ConfigurationKind::Calendar.as_str();
        let is_changed = |change: &&Change| {
            change.kind == kind && change.name == name && change.action == Action::Changed
        };
        if self.problems.is_empty() && self.changes.iter().any(|change| is_changed(&change)) {
            let change = self.changes.iter().find(is_changed);
            let revision = change.and_then(|change| change.revision).unwrap_or(1) - 1;
            let before = store::calendar::earlier(connection, tenant, &name, revision).await?;
            let edited = timing::EditedCalendar {
                tenant,
                name: &name,
                before: before.as_ref(),
                now: self.now,
            };
            let done = timing::calendar_edited(connection, edited).await?;
            if let Some(change) = self
                .changes
                .iter_mut()
                .find(|change| is_changed(&&**change))
            {
                change.diff.extend(done.said);
            }
            let place = document.place;
            let placed = done.problems.into_iter();
            let placed = placed.map(|one| one.at(place.line, place.column));
            self.refuse(document, placed.collect());
        }
        Ok(())
    }
}
