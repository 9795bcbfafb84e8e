//! A template's own schedule: made, changed and ended by the version that is published.

use chrono::{DateTime, Utc};
use windlass_workflows::configuration::{TemplateReference, Timing, VersionChoice, timing};
use windlass_workflows::value::Value;

use super::timing::{Applied, Edit, never, said, timed};
use crate::Error;
use crate::store::schedule::{NewSchedule, OwnTiming, StoredSchedule};
use crate::store::{self, NewTemplate, Session};

/// Where its settings stand.
const EXTRAS: &str = "/document/metadata/windlass/schedule";

/// The name of a template's own schedule: no job configuration has a name with a slash.
pub(super) fn schedule_name(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

/// Whether this schedule is a template's own.
pub(crate) fn is_own(schedule: &str) -> bool {
    schedule.contains('/')
}

/// Brings a template's own schedule in line with a version that was just published, if that is the newest:
/// one without a schedule ends it. Says which days lose or gain a slot by that.
pub(super) async fn keep(
    connection: &mut Session,
    tenant: i32,
    template: &NewTemplate,
    version: i32,
    now: DateTime<Utc>,
) -> Result<Vec<String>, Error> {
    let header = &template.header;
    let newest = TemplateReference {
        namespace: header.namespace.clone(),
        name: header.name.clone(),
        version: VersionChoice::Newest,
    };
    let newest = store::template::find(connection, tenant, &newest).await?;
    if newest.is_none_or(|newest| newest.id != version) {
        return Ok(Vec::new());
    }
    // Nobody edits its calendar while it is planned: taken before its own row, as applies do.
    let rule = template.rule.as_ref();
    if rule.is_some_and(|rule| rule.get("calendar").is_some()) {
        store::configuration::lock(connection, tenant).await?;
    }
    let name = schedule_name(&header.namespace, &header.name);
    let stored = store::schedule::lock(connection, tenant, &name).await?;
    if stored.is_none() && template.rule.is_none() {
        return Ok(Vec::new());
    }
    let rule = template.rule.as_ref().map(Value::to_json);
    let keeping = Keeping {
        tenant,
        name: &name,
        version,
        now,
        rule: rule.as_deref().unwrap_or_default(),
    };
    let timing = template.rule.as_ref().map(timing).transpose();
    let timing = timing.map_err(|problems| Error::Invalid { problems })?;
    let said = keeping
        .said(connection, stored.as_ref(), timing.as_ref())
        .await?;
    let same = stored.filter(|stored| stored.is_timed_by(keeping.rule, true));
    if same.is_none() {
        keeping.clear(connection).await?;
    }
    match timing {
        None => store::schedule::disable(connection, tenant, &name, version).await?,
        Some(timing) => keeping.write(connection, timing, same, template).await?,
    }
    Ok(said)
}

struct Keeping<'a> {
    tenant: i32,
    name: &'a str,
    version: i32,
    now: DateTime<Utc>,
    rule: &'a str,
}

impl Keeping<'_> {
    /// Which days lose or gain a slot; a first schedule says nothing of days.
    async fn said(
        &self,
        connection: &mut Session,
        stored: Option<&StoredSchedule>,
        timing: Option<&Timing>,
    ) -> Result<Vec<String>, Error> {
        if stored.is_none() {
            return Ok(Vec::new());
        }
        let schedule = match timing {
            Some(Timing::Slots(schedule)) => Some(&**schedule),
            Some(Timing::After(_) | Timing::Events) | None => None,
        };
        let edit = Edit {
            tenant: self.tenant,
            stored,
            rule: Some(self.rule),
            schedule,
            now: self.now,
        };
        said(connection, edit).await
    }

    /// Takes back what another rule planned, and what it gathered.
    async fn clear(&self, connection: &mut Session) -> Result<(), Error> {
        let (tenant, name) = (self.tenant, self.name);
        store::unplan_slots(connection, tenant, name, self.now).await?;
        sqlx::query_file!(
            "queries/gather/lose.sql",
            tenant,
            name,
            None::<DateTime<Utc>>
        )
        .fetch_one(&mut *connection)
        .await?;
        sqlx::query_file!("queries/schedule/open_jobs.sql", tenant, name)
            .fetch_one(connection)
            .await?;
        Ok(())
    }

    async fn write(
        &self,
        connection: &mut Session,
        timing: Timing,
        same: Option<StoredSchedule>,
        template: &NewTemplate,
    ) -> Result<(), Error> {
        let mut own = OwnTiming {
            template_version: self.version,
            ..OwnTiming::default()
        };
        match timing {
            Timing::Slots(schedule) => {
                let problems = never(connection, self.tenant, &schedule, self.now, EXTRAS).await?;
                if !problems.is_empty() {
                    return Err(Error::Invalid { problems });
                }
                let applied = Applied {
                    tenant: self.tenant,
                    name: self.name,
                    revision: self.version,
                    rule: None,
                    schedule: None,
                    now: self.now,
                    own: Some(own),
                };
                return timed(connection, applied, &schedule, self.rule, same).await;
            }
            Timing::After(delay) => own.after = Some(delay.as_secs_f64()),
            Timing::Events => {
                own.event_pos = match same.as_ref().and_then(|same| same.event_pos) {
                    Some(pos) => Some(pos),
                    None => Some(newest_event(connection).await?),
                };
                own.event_types = template.event_types.as_deref();
            }
        }
        let new = NewSchedule {
            name: self.name,
            revision: self.version,
            rule: self.rule,
            zone_data: "",
            planned_until: same.map_or(self.now, |same| same.planned_until),
            enabled: true,
            calendar: None,
            own: Some(own),
        };
        store::schedule::upsert(connection, self.tenant, new).await
    }
}

/// What came before a template was published starts no job of it.
async fn newest_event(connection: &mut Session) -> Result<i64, Error> {
    let row = sqlx::query_file!("queries/gather/head.sql")
        .fetch_one(connection)
        .await?;
    Ok(row.pos)
}
