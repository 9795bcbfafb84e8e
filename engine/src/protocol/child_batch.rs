//! The batch that a step opens: its recipe, resolved before the turn that opens it is written.

use chrono::{DateTime, Utc};
use windlass_workflows::configuration::of_step;
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::child::ChildTerms;
use super::create::{Recipe, Source, outside};
use super::upload;
use super::work::priority_seconds;
use crate::store::{NewChildBatch, OnClose, Tolerated};
use crate::vocabulary::ConfigurationKind;
use crate::{Error, Store};

/// A batch, as a step asks for it.
#[derive(Clone, Debug)]
pub struct ChildBatch<'a> {
    /// Which activity of the job is told.
    pub activity: u32,
    /// What `with` says.
    pub with: &'a Value,
    /// Under which name a recipe of the step's own goes.
    pub configuration: String,
    /// For people.
    pub name: String,
    /// Priority and limits of its jobs.
    pub terms: ChildTerms,
    /// Its end is waited for.
    pub is_awaited: bool,
    /// What becomes of it when the step ends first.
    pub on_close: OnClose,
    /// How many of its jobs may end badly.
    pub tolerated: Tolerated,
}

impl Store {
    /// The batch that a step asks for, with an id and a lane of its own; it is stored with the turn.
    ///
    /// # Errors
    /// `invalid` for a recipe that is none, an unknown template, purpose, category or limit; `not_found` for an
    /// unknown job configuration.
    ///
    /// # Cancel safety
    /// Dropped, an id and a lane may be left unused, which harms nobody.
    pub async fn child_batch(
        &self,
        tenant: i32,
        new: ChildBatch<'_>,
    ) -> Result<NewChildBatch, Error> {
        let recipe = self.recipe_of_step(tenant, &new).await?;
        let row = sqlx::query_file!("queries/child_batch/draw.sql")
            .fetch_one(self.pool())
            .await?;
        let mut lane = recipe.lane(tenant, row.id);
        lane.limit_keys.clone_from(&recipe.limit_keys);
        let lane = self.lane(&lane).await?;
        let done_by = self.done_by(&recipe).await?;
        let priority = recipe.configuration.priority;
        let priority = priority.unwrap_or(recipe.resolved.priority);
        Ok(NewChildBatch {
            id: row.id,
            lane,
            activity: new.activity,
            is_awaited: new.is_awaited,
            on_close: new.on_close,
            tolerated: new.tolerated,
            name: new.name,
            configuration: recipe.stored,
            strategy: recipe.configuration.strategy,
            template_version: recipe.resolved.template_version,
            purpose: recipe.resolved.purpose,
            document: recipe.document,
            purpose_input: recipe.resolved.purpose_input.map(|input| input.to_json()),
            priority: priority_seconds(priority),
            category: recipe.category,
            window: i64::try_from(recipe.configuration.release.window).unwrap_or(i64::MAX),
            done_by,
            outside: outside(&recipe.configuration.selection.source),
            callbacks: recipe.configuration.callbacks,
            timeout: recipe.resolved.timeout.map(|length| length.as_secs_f64()),
            retry_revision: recipe.resolved.retry_revision,
            weight: recipe.configuration.weight,
        })
    }

    /// When it is to be done, seen from now.
    async fn done_by(&self, recipe: &Recipe) -> Result<Option<DateTime<Utc>>, Error> {
        Ok(match recipe.configuration.deadline {
            Some(_) => recipe.configuration.done_by(self.clock().await?.now),
            None => None,
        })
    }

    /// The step's own words, or a stored job configuration with what they change of it.
    async fn recipe_of_step(&self, tenant: i32, new: &ChildBatch<'_>) -> Result<Recipe, Error> {
        let said = of_step(new.with, &new.configuration);
        let stored = new.with.get("configuration").and_then(Value::as_str);
        let (document, stored) = match stored {
            None => (said, None),
            Some(name) => {
                let kind = ConfigurationKind::JobConfiguration;
                let found = self.configuration(tenant, kind, name).await?;
                let document =
                    Value::parse(&found.document).map_err(|error| Error::Unreadable {
                        noun: "job configuration",
                        name: name.to_owned(),
                        message: error.to_string(),
                    })?;
                let stored = (name.to_owned(), found.revision);
                (document.patched(&said), Some(stored))
            }
        };
        let document = with_terms(document, &new.terms);
        let recipe = self.recipe(tenant, &Source::Document(document)).await?;
        // Nobody is there to send a file.
        upload::check(&recipe.configuration.selection, false)?;
        self.known_limits(tenant, &recipe).await?;
        Ok(Recipe { stored, ..recipe })
    }

    /// Limits of stored documents were looked up when they were applied; those of a step are not.
    async fn known_limits(&self, tenant: i32, recipe: &Recipe) -> Result<(), Error> {
        let named = &recipe.configuration.limits;
        if named.is_empty() {
            return Ok(());
        }
        let lane = recipe.lane(tenant, 0);
        let admission = self.admission(&lane, named).await?;
        match named.iter().find(|limit| !admission.has(&limit.name)) {
            None => Ok(()),
            Some(limit) => {
                let message = format!("there is no limit `{}`", limit.name);
                Err(Error::invalid(Problem::new(
                    "unknown_reference",
                    "/limits",
                    message,
                )))
            }
        }
    }
}

fn with_terms(document: Value, terms: &ChildTerms) -> Value {
    let priority = terms.priority.map(|priority| {
        let word = Value::from(priority.as_str());
        ("priority", word)
    });
    let own = document.get("limits").and_then(Value::as_list);
    let own = own.unwrap_or_default().iter().cloned();
    let more = terms.limits.iter().map(|limit| match &limit.key {
        Some(key) => Value::from(format!("{}:{key}", limit.name)),
        None => Value::from(limit.name.as_str()),
    });
    let limits = (!terms.limits.is_empty()).then(|| ("limits", Value::list(own.chain(more))));
    let said = Value::map(priority.into_iter().chain(limits));
    document.merged(&said)
}
