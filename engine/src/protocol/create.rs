//! A batch begins as one row in state `planning`; a keeper plans it.

mod row;

use std::sync::Arc;

use windlass_workflows::configuration::{self, Content, JobConfiguration};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use self::row::{give_lane, insert_row};
use super::plan::inline;
use super::upload::{self, Upload};
use super::work::{Resolved, Work};
use crate::store::{LaneKey, Session};
use crate::vocabulary::ConfigurationKind;
use crate::{Error, Store};

pub(super) use self::row::outside;
pub(crate) use self::row::{Made, insert};

/// Which recipe a batch follows.
#[derive(Clone, Debug)]
pub enum Source {
    /// A stored job configuration, by name.
    Named(String),
    /// A job configuration that is not stored.
    Document(Value),
}

/// A batch that somebody asks for.
#[derive(Clone, Debug)]
pub struct NewBatch {
    /// Its recipe.
    pub source: Source,
    /// For people; the configuration's name unless given.
    pub name: Option<String>,
    /// Who asks.
    pub who: String,
    /// At most one batch per key.
    pub idempotency_key: Option<String>,
}

/// A batch that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedBatch {
    /// Its id.
    pub id: i64,
    /// Whether this call made it.
    pub is_new: bool,
}

/// A recipe with everything that it names resolved.
pub(crate) struct Recipe {
    pub(crate) configuration: JobConfiguration,
    pub(crate) document: String,
    pub(crate) stored: Option<(String, i32)>,
    pub(crate) resolved: Resolved,
    /// The category and the version of it that the plan reads.
    pub(crate) category: Option<(i32, i32)>,
    /// Keys of limits that all its jobs are under.
    pub(crate) limit_keys: Vec<String>,
}

impl Recipe {
    pub(crate) fn name(&self) -> &str {
        &self.configuration.header.name
    }

    /// The lane of its jobs, but for their limits: of a batch, or of none (0).
    pub(crate) fn lane(&self, tenant: i32, batch: i64) -> LaneKey {
        in_queue(self.resolved.lane(tenant, batch), &self.configuration)
    }
}

impl Store {
    /// Creates a batch in state `planning`.
    ///
    /// # Errors
    /// `invalid` for an unknown configuration, template or category, or a selection whose first member is at fault;
    /// `key_reused` when the key made another batch; `paused` when new work of this kind is refused.
    ///
    /// # Cancel safety
    /// Dropped, the batch may exist; a repeat with the same key finds it.
    pub async fn create_batch(&self, tenant: i32, new: NewBatch) -> Result<CreatedBatch, Error> {
        self.create_batch_of(tenant, new, None).await
    }

    /// The same as [`Store::create_batch_of`], for a batch that takes more members until somebody closes it.
    pub async fn create_open_batch(
        &self,
        tenant: i32,
        new: NewBatch,
        file: Option<Upload>,
    ) -> Result<CreatedBatch, Error> {
        self.create(tenant, new, file, true).await
    }

    /// The same over a file that is sent along, of which nothing is kept when it is refused.
    ///
    /// # Errors
    /// As [`Store::create_batch`]; `file_missing` and `file_unexpected`; every row that is refused.
    ///
    /// # Cancel safety
    /// As [`Store::create_batch`].
    pub async fn create_batch_of(
        &self,
        tenant: i32,
        new: NewBatch,
        file: Option<Upload>,
    ) -> Result<CreatedBatch, Error> {
        self.create(tenant, new, file, false).await
    }

    async fn create(
        &self,
        tenant: i32,
        new: NewBatch,
        file: Option<Upload>,
        opened: bool,
    ) -> Result<CreatedBatch, Error> {
        let recipe = self.recipe(tenant, &new.source).await?;
        upload::check(&recipe.configuration.selection, file.is_some())?;
        let file = upload::hashed(file).await?;
        let same = Same {
            file: file.as_ref().map(|file| file.hash.clone()),
            opened,
        };
        if let Some(existing) = self.batch_of_key(tenant, &new, &recipe, &same).await? {
            return Ok(existing);
        }
        let name = recipe.stored.as_ref().map(|(name, _)| name.as_str());
        self.refuse_paused(&recipe.lane(tenant, 0), name).await?;
        self.refuse_faulty(&recipe).await?;
        let made = Made {
            name: new.name.clone(),
            who: new.who.clone(),
            idempotency_key: new.idempotency_key.clone(),
            schedule: None,
            slot: None,
        };
        let recipe = Arc::new(recipe);
        let inserted = Arc::clone(&recipe);
        match self
            .transaction(move |connection| {
                Box::pin(async move {
                    let id = insert_row(connection, tenant, &inserted, &made).await?;
                    if opened {
                        open(connection, id).await?;
                    }
                    if let Some(file) = file {
                        upload::stage(connection, id, &inserted.configuration, file).await?;
                    }
                    // Last: it holds the limits' rules, which others want to change.
                    give_lane(connection, tenant, id, &inserted).await?;
                    Ok(id)
                })
            })
            .await
        {
            Ok(id) => Ok(CreatedBatch { id, is_new: true }),
            // The same key at the same moment: the other call made it.
            Err(error) if is_key_taken(&error) => {
                let made = self.batch_of_key(tenant, &new, &recipe, &same);
                made.await?.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// The recipe that a source means now.
    pub(crate) async fn recipe(&self, tenant: i32, source: &Source) -> Result<Recipe, Error> {
        let (configuration, document, stored) = match source {
            Source::Named(name) => {
                let revision = self
                    .configuration(tenant, ConfigurationKind::JobConfiguration, name)
                    .await?;
                let Content::JobConfiguration(configuration) = revision.content()? else {
                    return Err(Error::not_found("job configuration", name.as_str()));
                };
                (
                    configuration,
                    revision.document,
                    Some((name.clone(), revision.revision)),
                )
            }
            Source::Document(value) => match configuration::restore(value) {
                Ok(Content::JobConfiguration(configuration)) => {
                    (configuration, value.to_json(), None)
                }
                Ok(_) => return Err(Error::invalid(not_a_job_configuration())),
                Err(problems) => return Err(Error::Invalid { problems }),
            },
        };
        let problems = inline::judged(&configuration.selection).problems;
        if !problems.is_empty() {
            return Err(Error::Invalid { problems });
        }
        let resolved = self.resolve(tenant, &Work::of(&configuration)).await?;
        let category = match &configuration.selection.source {
            configuration::Source::Category(name) => Some(self.category_now(tenant, name).await?),
            _ => None,
        };
        let mut named = configuration.limits.clone();
        named.extend(resolved.limits.iter().cloned());
        let limits = self
            .admission(&in_queue(resolved.lane(tenant, 0), &configuration), &named)
            .await?;
        Ok(Recipe {
            limit_keys: limits.fixed(),
            configuration: *configuration,
            document,
            stored,
            resolved,
            category,
        })
    }

    async fn category_now(&self, tenant: i32, name: &str) -> Result<(i32, i32), Error> {
        let row = sqlx::query_file!("queries/category/now.sql", tenant, name)
            .fetch_optional(self.pool())
            .await?;
        let row = row.ok_or_else(|| {
            let problem = Problem::new(
                "unknown_category",
                "/selection/category",
                format!("there is no category `{name}`"),
            );
            Error::invalid(problem.hint("apply its document, or see `windlass category list`"))
        })?;
        Ok((row.id, row.version))
    }

    async fn batch_of_key(
        &self,
        tenant: i32,
        new: &NewBatch,
        recipe: &Recipe,
        same: &Same,
    ) -> Result<Option<CreatedBatch>, Error> {
        let Some(key) = &new.idempotency_key else {
            return Ok(None);
        };
        let row = sqlx::query_file!("queries/batch/of_key.sql", tenant, key)
            .fetch_optional(self.pool())
            .await?;
        match row {
            None => Ok(None),
            Some(row)
                if row.document == recipe.document
                    && row.source_hash == same.file
                    && row.opened == same.opened =>
            {
                Ok(Some(CreatedBatch {
                    id: row.id,
                    is_new: false,
                }))
            }
            Some(row) => Err(Error::Conflict {
                code: "key_reused",
                message: format!(
                    "the idempotency key made batch b_{} of another content",
                    row.id
                ),
                hint: Some("send a new key for a new batch".into()),
            }),
        }
    }
}

/// The lane of work in the queue that its configuration names.
fn in_queue(lane: LaneKey, configuration: &JobConfiguration) -> LaneKey {
    match &configuration.queue {
        Some(queue) => LaneKey {
            queue: queue.clone(),
            ..lane
        },
        None => lane,
    }
}

/// What a repeat must have in common with the first call, beside its recipe.
struct Same {
    file: Option<String>,
    opened: bool,
}

/// It takes more members until somebody closes it.
async fn open(connection: &mut Session, batch: i64) -> Result<(), Error> {
    sqlx::query_file!("queries/addition/open.sql", batch)
        .execute(connection)
        .await?;
    Ok(())
}

fn is_key_taken(error: &Error) -> bool {
    matches!(error, Error::Database(sqlx::Error::Database(error)) if error.constraint() == Some("batch_tenant_key"))
}

fn not_a_job_configuration() -> Problem {
    Problem::new(
        "unknown_document",
        "/kind",
        "a batch follows a job configuration",
    )
    .hint("kind: JobConfiguration")
}
