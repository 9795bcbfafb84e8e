//! Changes of many jobs: look at which a filter finds and what would become of some of them, then do just that,
//! at a pace.
//!
//! A preview reads the ids of all that fit, page by page, and changes nothing. Its token names them, the change
//! and a time: who starts with it gets the very set that was shown, or is refused. What is started is frozen: the
//! ids are stored, and a duty changes them one by one, each as it stands then ([`pass`]).

mod filter;
mod pass;
mod set;
mod words;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use windlass_workflows::problem::Problem;

pub use self::filter::BulkFilter;
use self::set::Token;
pub use self::words::{BulkChange, BulkVerb, BulkWords};
use super::flight::{FlightPreview, Shelf};
use crate::store::bulk::NewBulkRow;
use crate::store::{BulkView, JobView};
use crate::{Error, Store};

/// Jobs of one change.
pub const BULK_JOBS_MAX: usize = 1_000_000;
/// Jobs that a filter may name one by one.
pub const BULK_NAMED_MAX: usize = 1_000;
/// Jobs a second.
pub const BULK_RATE_MAX: i32 = 1_000;
/// Previews of single jobs that a preview shows.
pub const BULK_SAMPLE_MAX: usize = 10;

/// What somebody wants of many jobs.
#[derive(Clone, Debug)]
pub struct NewBulk {
    /// Of which.
    pub filter: BulkFilter,
    /// What.
    pub change: BulkChange,
    /// Jobs a second.
    pub rate: i32,
    /// Of the preview.
    pub token: String,
    /// The set as it is now, if its count is within a twentieth of what was shown.
    pub accept_drift: bool,
    /// Who wants it.
    pub who: String,
    /// In their words.
    pub why: String,
}

/// What a change of many jobs would do.
#[derive(Clone, Debug)]
pub struct BulkPreview {
    /// So many jobs fit.
    pub count: i64,
    /// To be given back by whoever starts it.
    pub token: String,
    /// Until when the token is good.
    pub expires_at: DateTime<Utc>,
    /// What would become of some of them, from the first to the last.
    pub sample: Vec<BulkSample>,
    /// How often each verdict is among the sample: `changes`, or the code of a refusal.
    pub verdicts: BTreeMap<String, u32>,
}

/// What would become of one of them.
#[derive(Clone, Debug)]
pub struct BulkSample {
    /// Which one.
    pub job: i64,
    /// `changes`, or the code of a refusal.
    pub verdict: String,
    /// In words.
    pub message: String,
    /// As of the change of just this job; none where it has no preview, or refuses.
    pub preview: Option<FlightPreview>,
}

/// The verdict over a job that would be changed.
const CHANGES: &str = "changes";

impl Store {
    /// Which jobs a change would be made of, and what would become of some. Nothing is stored.
    ///
    /// # Errors
    /// `invalid`; `filter_not_indexed`; `not_found` for a template or batch; `too_many_jobs` beyond
    /// [`BULK_JOBS_MAX`].
    pub async fn preview_bulk(
        &self,
        tenant: i32,
        filter: &BulkFilter,
        change: &BulkChange,
    ) -> Result<BulkPreview, Error> {
        filter.check(change)?;
        let filter = &filter.for_change(change);
        let found = self.bulk_found(tenant, filter).await?;
        let token = Token::of(&found, filter, change);
        let (mut sample, mut verdicts) = (Vec::new(), BTreeMap::new());
        let shelf = Shelf::default();
        for job in found.sample() {
            let one = self
                .bulk_sample(tenant, job, filter, change, &shelf)
                .await?;
            *verdicts.entry(one.verdict.clone()).or_insert(0) += 1;
            sample.push(one);
        }
        Ok(BulkPreview {
            count: token.count,
            expires_at: token.expires_at(),
            token: token.text(),
            sample,
            verdicts,
        })
    }

    /// Starts what a preview showed; a duty paces it. Repeated with the same token it answers with the first.
    ///
    /// # Errors
    /// As of [`Store::preview_bulk`]; `preview_required` without its token, with that of another change, or ten
    /// minutes later; `moved_on` when other jobs fit by now.
    ///
    /// # Cancel safety
    /// It is started or not; a repeat finds out.
    pub async fn start_bulk(&self, tenant: i32, new: NewBulk) -> Result<BulkView, Error> {
        check(&new)?;
        let filter = new.filter.for_change(&new.change);
        let shown = Token::read(&new.token, &filter, &new.change)?;
        if let Some(id) = self.bulk_of_token(tenant, &new.token).await? {
            return self.bulk(tenant, id).await;
        }
        let found = self.bulk_found(tenant, &filter).await?;
        shown.check(&found, new.accept_drift)?;
        let row = NewBulkRow {
            change: new.change.words().to_json(),
            filter: filter.to_json(),
            token: new.token.clone(),
            rate: new.rate,
            who: new.who,
            why: new.why,
            jobs: found.ids,
        };
        let id = match self.begin_bulk(tenant, row).await? {
            Some(id) => Some(id),
            None => self.bulk_of_token(tenant, &new.token).await?,
        };
        match id {
            Some(id) => self.bulk(tenant, id).await,
            None => Err(Error::not_found("change", new.token)),
        }
    }

    /// What would become of one.
    async fn bulk_sample(
        &self,
        tenant: i32,
        job: i64,
        filter: &BulkFilter,
        change: &BulkChange,
        shelf: &Shelf,
    ) -> Result<BulkSample, Error> {
        let sample = |verdict: &str, message: String, preview| BulkSample {
            job,
            verdict: verdict.to_owned(),
            message,
            preview,
        };
        let told = match change {
            BulkChange::Fly(flight) => {
                let preview = self.preview_with(tenant, job, flight, shelf).await;
                preview.map(|preview| sample(CHANGES, preview.what.clone(), Some(preview)))
            }
            other => self.job(tenant, job).await.and_then(|view| {
                filter.fits(&view)?;
                Ok(sample(CHANGES, other.told(&view), None))
            }),
        };
        match told {
            Ok(sample) => Ok(sample),
            Err(error) => {
                let (code, message) = refusal(error)?;
                Ok(sample(&code, message, None))
            }
        }
    }
}

impl BulkChange {
    /// What would become of a job, where no journal is asked.
    fn told(&self, view: &JobView) -> String {
        let state = view.state.as_str();
        match self {
            Self::Cancel => format!("it is {state} now, and is asked to end"),
            Self::Pause => format!("it is {state} now, and stands still then"),
            Self::Resume => format!("it is {state} now, and goes on then"),
            Self::Fly(flight) => flight.verb().to_owned(),
        }
    }
}

/// What a job's own refusal is called, and what it says; an error that is no refusal stays one.
fn refusal(error: Error) -> Result<(String, String), Error> {
    match error {
        Error::Invalid { problems } => {
            let code = problems
                .first()
                .map_or("invalid", |problem| problem.code.as_str());
            let code = code.to_owned();
            let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
            Ok((code, told.join("; ")))
        }
        error if error.is_permanent() => Ok((error.code().to_owned(), error.to_string())),
        error => Err(error),
    }
}

/// All that is wrong with what is to be started, beside its filter.
fn check(new: &NewBulk) -> Result<(), Error> {
    let mut problems = Vec::new();
    if !(1..=BULK_RATE_MAX).contains(&new.rate) {
        let message = format!("between 1 and {BULK_RATE_MAX}, please");
        problems.push(Problem::new("wrong_value", "/rate", message));
    }
    if new.why.trim().is_empty() {
        let message = "say why: it is kept with every job";
        problems.push(Problem::new("missing_field", "/reason", message));
    }
    match problems.is_empty() {
        true => new.filter.check(&new.change),
        false => Err(Error::Invalid { problems }),
    }
}
