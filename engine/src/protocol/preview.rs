//! Preview: what a plan would hold, from the beginning of the selection; nothing is stored.

use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::yield_now;
use windlass_workflows::configuration::{JobConfiguration, Source as Selected};
use windlass_workflows::plan::{Rendering, SelectionHash, asked, context_key};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::create::{Recipe, Source};
use super::draw::{OutsideRow, item, of_row, reader};
use super::figures::{Drawing, PlanFigures, PreviewedJob, SAMPLE_MAX};
use super::plan::inline::Judged;
use super::plan::judge::{Verdict, judge};
use super::plan::members::Members;
use super::plan::shape::{PlannedJob, Shaper};
use super::plan::{inline, occasion};
use super::rows::Collected;
use super::upload::{self, Upload};
use crate::store::LeftOutCounts;
use crate::{Error, Store};

/// A preview reads no longer than this and then says "at least".
const READING_MAX: Duration = Duration::from_secs(30);

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
    /// What was left out, what would stop it, how it differs from the last batch, and its first jobs. Where reading
    /// stopped early, guards that look at all of the selection say nothing.
    pub figures: PlanFigures,
}

impl Store {
    /// What a plan of this recipe would hold now.
    ///
    /// # Errors
    /// As [`Store::create_batch`], and `filter_error` with the member.
    pub async fn preview_batch(&self, tenant: i32, source: &Source) -> Result<BatchPreview, Error> {
        self.preview_batch_of(tenant, source, Given::Nothing).await
    }

    /// The same over a file that is sent along, or rows that were read outside.
    ///
    /// # Errors
    /// As [`Store::preview_batch`], and every row that refuses the selection.
    pub async fn preview_batch_of(
        &self,
        tenant: i32,
        source: &Source,
        given: Given,
    ) -> Result<BatchPreview, Error> {
        let recipe = self.recipe(tenant, source).await?;
        let configuration = &recipe.configuration;
        let is_file = matches!(given, Given::File(_));
        upload::check(&configuration.selection, is_file)?;
        let is_cut = matches!(&given, Given::Rows(sample) if sample.at_least);
        let collected = match given {
            Given::Nothing if configuration.selection.source.is_outside() => {
                let message = "this process reads no sources outside";
                let problem = Problem::new("source_failed", "/selection", message);
                return Err(Error::invalid(problem.hint("ask a server")));
            }
            Given::Nothing => {
                let category = recipe.category;
                let members = Members::of(self.clone(), configuration, category, None);
                let scanned = scan(&recipe, members, false).await?;
                return self.previewed(tenant, &recipe, scanned).await;
            }
            Given::File(file) => upload::collected(configuration, file).await?,
            Given::Rows(sample) => sample.collected(configuration),
        };
        let at_least = is_cut || collected.is_full();
        let judged = judged(configuration, collected)?;
        let members = Members::given(self.clone(), configuration, judged.members);
        let mut scanned = scan(&recipe, members, false).await?;
        scanned.at_least |= at_least;
        (judged.left_out.iter()).for_each(|row| scanned.left_out.add(row));
        self.previewed(tenant, &recipe, scanned).await
    }

    /// What was read, with all that people judge it by.
    async fn previewed(
        &self,
        tenant: i32,
        recipe: &Recipe,
        scanned: Scanned,
    ) -> Result<BatchPreview, Error> {
        let drawing = Drawing {
            members: scanned.members,
            jobs: scanned.jobs,
            left_out: scanned.left_out,
            at_least: scanned.at_least,
            selection: &hex::encode(scanned.selection.finish()),
        };
        let stored = recipe.stored.as_ref().map(|(name, _)| name.as_str());
        let configuration = &recipe.configuration;
        let figures = self
            .figures(tenant, stored, configuration, &drawing)
            .await?;
        let (_, schema) = self.inlet(recipe.resolved.template_version).await?;
        let jobs = scanned.sample.into_iter();
        let sample = jobs.map(|job| PreviewedJob::planned(job, schema.as_deref()));
        Ok(BatchPreview {
            configuration: recipe.name().to_owned(),
            strategy: configuration.strategy.as_str(),
            template: recipe.resolved.template.clone(),
            members: scanned.members,
            jobs: scanned.jobs,
            at_least: scanned.at_least,
            figures: PlanFigures {
                sample: sample.collect(),
                ..figures
            },
        })
    }

    /// The configuration of a recipe whose members stand outside, and what they are asked with now; nothing
    /// where they stand elsewhere.
    ///
    /// # Errors
    /// As [`Store::preview_batch`].
    pub async fn outside_of(
        &self,
        tenant: i32,
        source: &Source,
    ) -> Result<Option<(JobConfiguration, Value)>, Error> {
        let configuration = self.recipe(tenant, source).await?.configuration;
        if !configuration.selection.source.is_outside() {
            return Ok(None);
        }
        let occasion = occasion(&configuration, (None, None), chrono::Utc::now());
        let asked = asked(&configuration.selection.source, &occasion).map_err(Error::invalid)?;
        Ok(Some((configuration, asked)))
    }

    /// Refuses a recipe whose selection is at fault before its first member, where it must have one: who asks
    /// hears of it at once. What a file brings is known when it is planned.
    pub(crate) async fn refuse_faulty(&self, recipe: &Recipe) -> Result<(), Error> {
        let occasion = occasion(&recipe.configuration, (None, None), chrono::Utc::now());
        context_key(&recipe.configuration, &occasion).map_err(Error::invalid)?;
        let source = &recipe.configuration.selection.source;
        let is_file = matches!(source, Selected::File { .. }) || source.is_outside();
        match recipe.configuration.guards.min_members {
            _ if is_file => Ok(()),
            0 => Ok(()),
            _ => {
                let (configuration, category) = (&recipe.configuration, recipe.category);
                let members = Members::of(self.clone(), configuration, category, None);
                scan(recipe, members, true).await.map(drop)
            }
        }
    }
}

/// Rows that were read outside for a preview.
#[derive(Debug, Default)]
pub struct Sample {
    /// Whether there may be more.
    pub at_least: bool,
    rows: Vec<OutsideRow>,
    bytes: usize,
}

/// What a preview is given beside its recipe.
#[derive(Debug)]
pub enum Given {
    /// The members stand in the recipe, or in a category.
    Nothing,
    /// They stand in a file.
    File(Upload),
    /// They were read outside.
    Rows(Sample),
}

/// Rows of a sample, and bytes of them as they are written.
const SAMPLE_ROWS_MAX: usize = 20_000;
const SAMPLE_BYTES_MAX: usize = 32 * 1024 * 1024;

impl Sample {
    /// Takes rows; `false` when more are not wanted.
    pub fn take(&mut self, rows: Vec<OutsideRow>) -> bool {
        let bytes = |row: &OutsideRow| row.as_ref().map_or(0, |value| value.to_json().len());
        self.bytes += rows.iter().map(bytes).sum::<usize>();
        self.rows.extend(rows);
        self.at_least = self.rows.len() >= SAMPLE_ROWS_MAX || self.bytes >= SAMPLE_BYTES_MAX;
        !self.at_least
    }

    fn collected(self, configuration: &JobConfiguration) -> Collected {
        let reader = reader(&configuration.selection.source);
        let mut collected = Collected::default();
        for (n, row) in (1..).zip(self.rows) {
            let item = item(&reader, n, row).map_err(|problem| vec![of_row(n, problem)]);
            collected.add((n.unsigned_abs(), item));
        }
        collected
    }
}

/// The members among rows that were read for a preview.
fn judged(configuration: &JobConfiguration, collected: Collected) -> Result<Judged, Error> {
    let rows = collected.rows.into_iter();
    let judged = inline::judge(&configuration.selection, rows, &|n, problem| match problem
        .code
        .as_ref()
    {
        "duplicate_key" => of_row(i64::try_from(n).unwrap_or(i64::MAX), problem),
        _ => problem,
    });
    match judged.problems.is_empty() {
        true => Ok(judged),
        false => Err(Error::Invalid {
            problems: judged.problems.into_iter().take(PROBLEMS_MAX).collect(),
        }),
    }
}

/// Problems of a preview that are told.
const PROBLEMS_MAX: usize = 100;

/// What was read for a preview.
#[derive(Default)]
struct Scanned {
    members: u64,
    jobs: u64,
    at_least: bool,
    left_out: LeftOutCounts,
    selection: SelectionHash,
    sample: Vec<PlannedJob>,
}

async fn scan(recipe: &Recipe, mut members: Members, first_only: bool) -> Result<Scanned, Error> {
    let configuration = &recipe.configuration;
    let rendering = rendering(recipe)?;
    let mut shaper = Shaper::of_preview(configuration, &rendering);
    let mut scanned = Scanned::default();
    (members.left_out().iter()).for_each(|row| scanned.left_out.add(row));
    let since = Instant::now();
    'reading: while let Some(page) = members.page().await? {
        for mut member in page {
            match judge(configuration, &rendering, &member).map_err(Error::invalid)? {
                Verdict::Member => {}
                Verdict::Dropped => continue,
                Verdict::LeftOut(row) => {
                    scanned.left_out.add(&row);
                    continue;
                }
            }
            scanned.members += 1;
            if first_only {
                return Ok(scanned);
            }
            member.n = scanned.members;
            scanned.selection.add(&member);
            shaper
                .add(member, shaper.jobs() < SAMPLE_MAX)
                .map_err(Error::invalid)?;
            if members.is_beyond_limit(scanned.members) {
                break 'reading;
            }
            if since.elapsed() > READING_MAX {
                scanned.at_least = true;
                break 'reading;
            }
        }
        yield_now().await;
    }
    shaper.finish().map_err(Error::invalid)?;
    scanned.jobs = shaper.jobs();
    while let Some(block) = shaper.take_block(true) {
        scanned.sample.extend(block.jobs);
    }
    Ok(scanned)
}

fn rendering(recipe: &Recipe) -> Result<Rendering, Error> {
    let (configuration, input) = (&recipe.configuration, &recipe.resolved.purpose_input);
    let occasion = occasion(configuration, (None, None), chrono::Utc::now());
    Rendering::compile(configuration, input.as_ref(), occasion)
        .map_err(|problems| Error::Invalid { problems })
}
