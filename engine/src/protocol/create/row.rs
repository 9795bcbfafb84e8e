//! The row of a batch, its lane, and what is noted beside it.

use windlass_workflows::configuration::{self, JobConfiguration};
use windlass_workflows::plan::SlotScope;
use windlass_workflows::value::Value;

use super::Recipe;
use crate::Error;
use crate::protocol::work::priority_seconds;
use crate::store::{LaneKey, Session, lane, notice};

/// Who made a batch, and when.
pub(crate) struct Made {
    pub(crate) name: Option<String>,
    pub(crate) who: String,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) schedule: Option<String>,
    pub(crate) slot: Option<SlotScope>,
}

/// Stores the row of a batch and its lane.
pub(crate) async fn insert(
    connection: &mut Session,
    tenant: i32,
    recipe: &Recipe,
    made: &Made,
) -> Result<i64, Error> {
    let batch = insert_row(connection, tenant, recipe, made).await?;
    give_lane(connection, tenant, batch, recipe).await?;
    Ok(batch)
}

pub(super) async fn give_lane(
    connection: &mut Session,
    tenant: i32,
    batch: i64,
    recipe: &Recipe,
) -> Result<(), Error> {
    let lane = LaneKey {
        limit_keys: recipe.limit_keys.clone(),
        ..recipe.lane(tenant, batch)
    };
    let lane = lane::ensure(connection, &lane).await?;
    sqlx::query_file!("queries/batch/set_lane.sql", batch, lane)
        .execute(&mut *connection)
        .await?;
    lane::weigh(connection, batch, recipe.configuration.weight).await
}

pub(super) async fn insert_row(
    connection: &mut Session,
    tenant: i32,
    recipe: &Recipe,
    made: &Made,
) -> Result<i64, Error> {
    let configuration = &recipe.configuration;
    let name = made
        .name
        .clone()
        .unwrap_or_else(|| recipe.name().to_owned());
    let priority = configuration.priority.unwrap_or(recipe.resolved.priority);
    let row = sqlx::query_file!(
        "queries/batch/create.sql",
        tenant,
        name,
        recipe.stored.as_ref().map(|(name, _)| name.as_str()),
        recipe.stored.as_ref().map(|(_, revision)| *revision),
        configuration.strategy.as_str(),
        recipe.resolved.template_version,
        recipe.resolved.purpose,
        recipe.document,
        recipe.resolved.purpose_input.as_ref().map(Value::to_json),
        priority_seconds(priority),
        recipe.category.map(|(id, _)| id),
        recipe.category.map(|(_, version)| version),
        made.schedule,
        made.slot.as_ref().map(|slot| slot.at),
        made.slot.as_ref().and_then(|slot| slot.previous),
        i64::try_from(configuration.release.window).unwrap_or(i64::MAX),
        made.who,
        made.idempotency_key,
        outside(&configuration.selection.source),
        recipe.resolved.timeout.map(|length| length.as_secs_f64()),
        recipe.resolved.retry_revision,
    )
    .fetch_one(&mut *connection)
    .await?;
    expect(connection, row.id, configuration, made.slot.as_ref()).await?;
    notice::watch(connection, row.id, &configuration.callbacks).await?;
    Ok(row.id)
}

/// What a keeper must read before the batch can be planned.
pub(in crate::protocol) fn outside(source: &configuration::Source) -> Option<&'static str> {
    match source {
        configuration::Source::Query(_) => Some("query"),
        configuration::Source::Http(_) => Some("http"),
        _ => None,
    }
}

/// Notes when a batch is to be done, seen from its slot, or from now.
async fn expect(
    connection: &mut Session,
    batch: i64,
    configuration: &JobConfiguration,
    slot: Option<&SlotScope>,
) -> Result<(), Error> {
    if configuration.deadline.is_none() {
        return Ok(());
    }
    let from = match slot {
        Some(slot) => slot.at,
        None => {
            sqlx::query_file!("queries/cluster/clock.sql")
                .fetch_one(&mut *connection)
                .await?
                .now
        }
    };
    sqlx::query_file!(
        "queries/forecast/expect.sql",
        batch,
        configuration.done_by(from)
    )
    .execute(connection)
    .await?;
    Ok(())
}
