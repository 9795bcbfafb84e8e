//! Preview: what a plan would hold, from the beginning of the selection; nothing is stored.

use std::time::{Duration, Instant};

use serde::Serialize;
use windlass_workflows::plan::{Occasion, Rendering};
use windlass_workflows::problem::Problem;

use super::create::{Recipe, Source};
use super::plan::members::Members;
use super::plan::shape::{PlannedJob, Shaper};
use crate::{Error, Store};

/// A preview reads no longer than this and then says "at least".
const READING_MAX: Duration = Duration::from_secs(30);
/// Jobs that are rendered.
const RENDERED_MAX: u64 = 20;

/// What a plan would hold.
#[derive(Clone, Debug, Serialize)]
pub struct BatchPreview {
    /// Name of the configuration.
    pub configuration: String,
    /// `individual`, `object`, `combined`.
    pub strategy: &'static str,
    /// `namespace.name`.
    pub template: String,
    /// Members that pass the filter.
    pub members: u64,
    /// Jobs that they make.
    pub jobs: u64,
    /// Whether reading stopped early, so that there may be more.
    pub at_least: bool,
    /// The first jobs, rendered.
    pub sample: Vec<PreviewedJob>,
}

/// One rendered job.
#[derive(Clone, Debug, Serialize)]
pub struct PreviewedJob {
    /// Key of its member, where it has one member.
    pub key: Option<String>,
    /// Its object, or its member's.
    pub object: Option<String>,
    /// What the template would receive, JSON.
    pub input: serde_json::Value,
}

impl Store {
    /// What a plan of this recipe would hold now.
    ///
    /// # Errors
    /// As [`Store::create_batch`], and `filter_error` with the member.
    pub async fn preview_batch(&self, tenant: i32, source: &Source) -> Result<BatchPreview, Error> {
        let recipe = self.recipe(tenant, source).await?;
        self.scan(&recipe, false).await
    }

    /// Refuses a recipe whose selection is empty, where the guard asks for a member.
    pub(crate) async fn refuse_empty(&self, _tenant: i32, recipe: &Recipe) -> Result<(), Error> {
        if recipe.configuration.guards.min_members == 0
            || self.scan(recipe, true).await?.members > 0
        {
            return Ok(());
        }
        let problem = Problem::new(
            "empty_selection",
            "/selection",
            "the selection has no member",
        );
        Err(Error::invalid(problem.hint("look at the filter, or at the category's last load; `guards: { min_members: 0 }` allows it")))
    }

    async fn scan(&self, recipe: &Recipe, first_only: bool) -> Result<BatchPreview, Error> {
        let configuration = &recipe.configuration;
        let rendering = rendering(recipe)?;
        let mut members = Members::of(self.clone(), configuration, recipe.category);
        let mut shaper = Shaper::of_preview(configuration, &rendering);
        let mut preview = empty(recipe);
        let since = Instant::now();
        'reading: while let Some(page) = members.page().await? {
            for mut member in page {
                if !rendering
                    .keeps(&member)
                    .map_err(|error| refusal(error.code(), "/selection/filter", &error))?
                {
                    continue;
                }
                member
                    .fits(configuration.strategy)
                    .map_err(|error| refusal("missing_object", "/selection", &error))?;
                preview.members += 1;
                if first_only {
                    return Ok(preview);
                }
                member.n = preview.members;
                shaper
                    .add(member, shaper.jobs() < RENDERED_MAX)
                    .map_err(Error::invalid)?;
                if members.is_beyond_limit(preview.members) {
                    break 'reading;
                }
            }
            if since.elapsed() > READING_MAX {
                preview.at_least = true;
                break;
            }
        }
        shaper.finish().map_err(Error::invalid)?;
        preview.jobs = shaper.jobs();
        while let Some(block) = shaper.take_block(true) {
            preview.sample.extend(block.jobs.into_iter().map(previewed));
        }
        Ok(preview)
    }
}

fn empty(recipe: &Recipe) -> BatchPreview {
    BatchPreview {
        configuration: recipe.name().to_owned(),
        strategy: recipe.configuration.strategy.as_str(),
        template: recipe.resolved.template.clone(),
        members: 0,
        jobs: 0,
        at_least: false,
        sample: Vec::new(),
    }
}

fn previewed(job: PlannedJob) -> PreviewedJob {
    let input = serde_json::from_str(&job.input).unwrap_or_default();
    PreviewedJob {
        key: job.key,
        object: job.object,
        input,
    }
}

fn refusal(code: &str, pointer: &str, error: &dyn std::fmt::Display) -> Error {
    Error::invalid(Problem::new(code, pointer, error.to_string()))
}

fn rendering(recipe: &Recipe) -> Result<Rendering, Error> {
    let occasion = Occasion {
        now: chrono::Utc::now(),
        slot: None,
        configuration: recipe.name().to_owned(),
    };
    Rendering::compile(
        &recipe.configuration,
        recipe.resolved.purpose_input.as_ref(),
        occasion,
    )
    .map_err(|problems| Error::Invalid { problems })
}
