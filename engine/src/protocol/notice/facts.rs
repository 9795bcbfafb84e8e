//! What is known of a notice: the batch or slot that it is about, as those outside are told it.

use chrono::{DateTime, SecondsFormat, Utc};
use tracing::warn;
use windlass_workflows::configuration::{self, Callback, Content};
use windlass_workflows::value::Value;

use super::when;
use crate::store::notice::OpenNotice;
use crate::store::{BatchReport, ErrorGroup};
use crate::{Error, Store};

/// What is known of a notice.
#[derive(Default)]
pub(super) struct Facts {
    /// `data` of its event.
    pub data: Value,
    /// `$batch` of callbacks: the same with the report.
    pub batch: Value,
    /// The callbacks of its batch.
    pub callbacks: Vec<Callback>,
}

impl Store {
    pub(super) async fn facts(
        &self,
        notice: &OpenNotice,
        callbacks: Vec<Callback>,
    ) -> Result<Facts, Error> {
        let said = Value::parse(&notice.data).unwrap_or_default();
        let Some(batch) = notice.batch else {
            return Ok(Facts {
                data: of_slot(notice, &said),
                batch: Value::Null,
                callbacks,
            });
        };
        let mut report = self.report_of_figures(notice.tenant, batch).await?;
        let is_called = |callback: &Callback| Some(callback.when) == when(&notice.kind);
        if callbacks.iter().any(is_called) {
            report.errors = self.errors_in_time(notice.tenant, batch).await?;
        }
        let data = of_batch(notice, &report, &said);
        let written = report_value(&report, &data);
        Ok(Facts {
            batch: data.merged(&Value::map([("report", written)])),
            data,
            callbacks,
        })
    }

    /// Why members failed; nothing where the database cannot say it in time, for to be told late is worse than to be told less.
    async fn errors_in_time(&self, tenant: i32, batch: i64) -> Result<Vec<ErrorGroup>, Error> {
        match self.reported_errors(tenant, batch).await {
            Err(error) if error.is_busy() || error.is_too_much() => {
                warn!(batch.id = batch, error = %error, "a callback is told without its groups of errors");
                Ok(Vec::new())
            }
            answer => answer,
        }
    }

    /// What the recipe of a batch wants, as it was when the batch was made.
    pub(super) async fn callbacks_wanted(
        &self,
        notice: &OpenNotice,
    ) -> Result<Vec<Callback>, Error> {
        let Some(batch) = notice.batch else {
            return Ok(Vec::new());
        };
        let row = sqlx::query_file!("queries/notice/recipe.sql", batch)
            .fetch_one(self.pool())
            .await?;
        let restored = Value::parse(&row.document)
            .ok()
            .and_then(|document| configuration::restore(&document).ok());
        match restored {
            Some(Content::JobConfiguration(job)) => Ok(job.callbacks),
            // Whoever made it could read it; an older binary may not, and leaves its callbacks to none.
            _ => Ok(Vec::new()),
        }
    }
}

fn of_batch(notice: &OpenNotice, report: &BatchReport, said: &Value) -> Value {
    let figures = &report.figures;
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
    let known = Value::map([
        ("id", Value::from(format!("b_{}", figures.batch))),
        ("name", Value::from(figures.name.as_str())),
        ("configuration", text(&figures.configuration)),
        ("slot", figures.slot.map_or(Value::Null, instant)),
        ("state", Value::from(figures.state.as_str())),
        ("members", Value::from(figures.members)),
        ("jobs", Value::from(figures.jobs)),
        ("outcomes", outcomes(report, said)),
    ]);
    let generation = match notice.generation {
        0 => Value::map([] as [(&str, Value); 0]),
        generation => Value::map([("generation", Value::from(i64::from(generation)))]),
    };
    let members = said.as_map().into_iter().flat_map(|map| map.iter());
    let members = members.filter(|(key, _)| &***key != "tally");
    let said = Value::map(members.map(|(key, value)| (key.clone(), value.clone())));
    known.merged(&generation).merged(&said)
}

/// Endings as they stood then; where nothing was kept of that moment, as they stand.
fn outcomes(report: &BatchReport, said: &Value) -> Value {
    let Some(tally) = said.get("tally").and_then(Value::as_map) else {
        let counts = report.figures.outcomes.iter();
        return Value::map(counts.map(|(kind, n)| (kind.clone(), Value::from(*n))));
    };
    let count = |kind: &str| said.get("tally").and_then(|all| all.get(kind)?.as_i64());
    let kinds = tally.iter().filter_map(|(kind, n)| {
        let is_ending = !kind.starts_with("restarted_") && &**kind != "chunk_members";
        let again = count(&format!("restarted_{kind}")).unwrap_or_default();
        is_ending.then(|| {
            (
                kind.clone(),
                Value::from(n.as_i64().unwrap_or_default() - again),
            )
        })
    });
    Value::map(kinds.collect::<Vec<_>>())
}

/// The report as it is read elsewhere, with the state and the counts of the moment.
fn report_value(report: &BatchReport, data: &Value) -> Value {
    let written = serde_json::to_string(report).unwrap_or_default();
    let written = Value::parse(&written).unwrap_or_default();
    let named = ["state", "outcomes"].into_iter();
    let named = named.filter_map(|key| Some((key, data.get(key)?.clone())));
    let batch = ("batch", data.get("id").cloned().unwrap_or_default());
    written.merged(&Value::map(named.chain([batch])))
}

fn of_slot(notice: &OpenNotice, said: &Value) -> Value {
    let mut named = Vec::new();
    if let Some(schedule) = &notice.schedule {
        named.push(("schedule", Value::from(schedule.as_str())));
        named.push(("configuration", Value::from(schedule.as_str())));
    }
    if let Some(at) = notice.slot_at {
        named.push(("slot", instant(at)));
    }
    for (key, letter) in [("batch", 'b'), ("job", 'j')] {
        if let Some(id) = said.get(key).and_then(Value::as_i64) {
            named.push((key, Value::from(format!("{letter}_{id}"))));
        }
    }
    said.merged(&Value::map(named))
}

fn instant(at: DateTime<Utc>) -> Value {
    Value::from(at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}
