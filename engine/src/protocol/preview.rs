//! Preview: what a plan would hold, from the beginning of the selection; nothing is stored.

use std::time::{Duration, Instant};

use serde::Serialize;
use windlass_workflows::configuration::Source as Selected;
use windlass_workflows::plan::{Occasion, Rendering};

use super::create::{Recipe, Source};
use super::plan::judge::{Verdict, judge};
use super::plan::members::Members;
use super::plan::shape::{PlannedJob, Shaper};
use super::upload;
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
        upload::check(&recipe.configuration.selection, false)?;
        self.scan(&recipe, false).await
    }

    /// Refuses a recipe whose selection is at fault before its first member, where it must have one: who asks
    /// hears of it at once. What a file brings is known when it is planned.
    pub(crate) async fn refuse_faulty(&self, recipe: &Recipe) -> Result<(), Error> {
        let source = &recipe.configuration.selection.source;
        let is_file = matches!(source, Selected::File { .. }) || source.is_outside();
        match recipe.configuration.guards.min_members {
            _ if is_file => Ok(()),
            0 => Ok(()),
            _ => self.scan(recipe, true).await.map(drop),
        }
    }

    async fn scan(&self, recipe: &Recipe, first_only: bool) -> Result<BatchPreview, Error> {
        let configuration = &recipe.configuration;
        let rendering = rendering(recipe)?;
        let mut members = Members::of(self.clone(), configuration, recipe.category, None);
        let mut shaper = Shaper::of_preview(configuration, &rendering);
        let mut preview = empty(recipe);
        let since = Instant::now();
        'reading: while let Some(page) = members.page().await? {
            for mut member in page {
                let verdict = judge(configuration, &rendering, &member).map_err(Error::invalid)?;
                if !matches!(verdict, Verdict::Member) {
                    continue;
                }
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
