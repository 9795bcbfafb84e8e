//! The set of jobs that a filter finds, and the token that names it.

use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::{BULK_JOBS_MAX, BULK_SAMPLE_MAX, BulkChange, BulkFilter};
use crate::store::bulk::{LaneChoice, Places};
use crate::store::share_of_key;
use crate::vocabulary::JobState;
use crate::{Error, Store};

/// How long a preview is good for.
const TOKEN_TTL: TimeDelta = TimeDelta::minutes(10);
/// Pages of a walk: of 1,000 rows each, more than any holder has.
const PAGES_MAX: usize = 1_000_000;
/// A drift that is accepted is at most this part of what was shown.
const DRIFT_PART: u64 = 20;

/// What was found, in order, and when.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) ids: Vec<i64>,
    at: DateTime<Utc>,
}

impl Found {
    /// Some of them, from the first to the last.
    pub(super) fn sample(&self) -> Vec<i64> {
        let count = self.ids.len().min(BULK_SAMPLE_MAX);
        let last = self.ids.len().saturating_sub(1);
        let step = count.saturating_sub(1).max(1);
        (0..count).map(|k| self.ids[k * last / step]).collect()
    }

    fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for id in &self.ids {
            hash.update(id.to_be_bytes());
        }
        hex::encode(&hash.finalize()[..8])
    }

    fn count(&self) -> i64 {
        i64::try_from(self.ids.len()).unwrap_or(i64::MAX)
    }
}

/// What a start gives back: until when, how many, which, and what was asked. Stored nowhere: it is made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    expires: i64,
    pub(super) count: i64,
    set: String,
    asked: String,
}

impl Token {
    pub(super) fn of(found: &Found, filter: &BulkFilter, change: &BulkChange) -> Self {
        let expires = (found.at + TOKEN_TTL).timestamp();
        Self {
            expires,
            count: found.count(),
            set: found.hash(),
            asked: asked(filter, change),
        }
        .sealed()
    }

    /// The hash of what was asked covers what stands before it.
    fn sealed(mut self) -> Self {
        let said = format!(
            "{} {} {} {}",
            self.expires, self.count, self.set, self.asked
        );
        self.asked = hex::encode(&Sha256::digest(said.as_bytes())[..8]);
        self
    }

    pub(super) fn text(&self) -> String {
        format!(
            "{}-{}-{}-{}",
            self.expires, self.count, self.set, self.asked
        )
    }

    pub(super) fn expires_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.expires, 0).unwrap_or_default()
    }

    /// The token of just this filter and change.
    pub(super) fn read(
        text: &str,
        filter: &BulkFilter,
        change: &BulkChange,
    ) -> Result<Self, Error> {
        let mut parts = text.split('-');
        let mut number = || parts.next().and_then(|part| part.parse().ok());
        let (Some(expires), Some(count)) = (number(), number()) else {
            return Err(required("starting needs the token of its preview"));
        };
        let (set, seal) = (parts.next().unwrap_or_default(), parts.next());
        let token = Self {
            expires,
            count,
            set: set.to_owned(),
            asked: asked(filter, change),
        }
        .sealed();
        match seal == Some(&token.asked) && parts.next().is_none() {
            true => Ok(token),
            false => Err(required("the token is that of another filter or change")),
        }
    }

    /// Whether what is found now may be started with it.
    pub(super) fn check(&self, found: &Found, accept_drift: bool) -> Result<(), Error> {
        if found.at.timestamp() > self.expires {
            return Err(required("the preview is older than ten minutes"));
        }
        if found.hash() == self.set {
            return Ok(());
        }
        let drift = self.count.abs_diff(found.count());
        if accept_drift && drift <= self.count.unsigned_abs() / DRIFT_PART {
            return Ok(());
        }
        Err(Error::Conflict {
            code: "moved_on",
            message: format!(
                "other jobs fit by now: {} instead of {}; nothing was started",
                found.count(),
                self.count
            ),
            hint: Some(
                "look at a new preview; `accept_drift` takes what fits now, up to a twentieth more or less"
                    .into(),
            ),
        })
    }
}

/// Filter and change, to the letter.
fn asked(filter: &BulkFilter, change: &BulkChange) -> String {
    format!("{} {}", filter.to_json(), change.words().to_json())
}

fn required(message: &str) -> Error {
    Error::Conflict {
        code: "preview_required",
        message: message.to_owned(),
        hint: Some("ask for the preview of just this change first, and give its token back".into()),
    }
}

impl Store {
    /// All jobs of a filter, page by page.
    pub(super) async fn bulk_found(
        &self,
        tenant: i32,
        filter: &BulkFilter,
    ) -> Result<Found, Error> {
        let (mut places, at) = self.bulk_places(tenant, filter).await?;
        if let Some(jobs) = &filter.jobs {
            let ids = self.bulk_of_numbers(tenant, filter, jobs).await?;
            return Ok(Found { ids, at });
        }
        let mut ids = Vec::new();
        let mut after = i64::MIN;
        if places.lanes.is_empty() {
            places.upto = i64::MIN;
        }
        for _ in 0..PAGES_MAX {
            let Some((page, reach)) = self.bulk_standing(tenant, &places, after).await? else {
                return Ok(Found { ids, at });
            };
            ids.extend(page);
            if ids.len() > BULK_JOBS_MAX {
                break;
            }
            after = reach;
        }
        Err(Error::Conflict {
            code: "too_many_jobs",
            message: format!("more than {BULK_JOBS_MAX} jobs fit"),
            hint: Some("narrow the filter: a version, a state, a batch, a lane".into()),
        })
    }

    async fn bulk_places(
        &self,
        tenant: i32,
        filter: &BulkFilter,
    ) -> Result<(Places, DateTime<Utc>), Error> {
        let mut places = Places {
            fingerprint: filter.fingerprint.clone(),
            ..places(&filter.states)
        };
        let mut choice = LaneChoice {
            purpose: filter.purpose.clone(),
            group: filter
                .lane
                .as_ref()
                .map(|lane| share_of_key(tenant, lane).1),
            batch: filter.batch,
            template: None,
        };
        if let Some(template) = &filter.template {
            let found = self.template(tenant, template).await?;
            choice.template = Some(format!("{}.{}", found.namespace, found.name));
            places.version = template.contains('@').then_some(found.id);
        }
        if let Some(batch) = filter.batch {
            self.batch(tenant, batch).await?;
        }
        let (lanes, newest, at) = self.bulk_lanes(tenant, &choice).await?;
        (places.lanes, places.upto) = (lanes, newest);
        Ok((places, at))
    }

    /// Those of these numbers that are in its states.
    async fn bulk_of_numbers(
        &self,
        tenant: i32,
        filter: &BulkFilter,
        jobs: &[i64],
    ) -> Result<Vec<i64>, Error> {
        let known = self.bulk_named(tenant, jobs).await?;
        if let Some(job) = jobs.iter().find(|job| known.binary_search(job).is_err()) {
            return Err(Error::not_found("job", format!("j_{job}")));
        }
        if filter.states.is_empty() {
            return Ok(known);
        }
        let views = self.jobs_by_id(tenant, &known, false).await?;
        let mut ids: Vec<i64> = views
            .iter()
            .filter(|view| filter.fits(view).is_ok())
            .map(|view| view.id)
            .collect();
        ids.sort_unstable();
        Ok(ids)
    }
}

/// Where jobs of these states stand.
fn places(states: &[JobState]) -> Places {
    let has = |state| states.contains(&state);
    let held = [
        (JobState::Parked, "parked"),
        (JobState::Paused, "paused"),
        (JobState::Scheduled, "planned"),
    ];
    Places {
        waiting: has(JobState::Waiting),
        ready: has(JobState::Ready),
        later: has(JobState::Scheduled),
        held: held
            .into_iter()
            .filter(|(state, _)| has(*state))
            .map(|(_, reason)| reason.to_owned())
            .collect(),
        ..Places::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(ids: Vec<i64>) -> Found {
        let at = DateTime::from_timestamp(1_000, 0).expect("a time");
        Found { ids, at }
    }

    fn code(checked: Result<(), Error>) -> Option<&'static str> {
        checked.err().map(|error| error.code())
    }

    #[test]
    fn a_sample_goes_from_the_first_to_the_last() {
        assert_eq!(found(vec![]).sample(), Vec::<i64>::new());
        assert_eq!(found(vec![7]).sample(), [7]);
        let many = found((1..=100).collect()).sample();
        assert_eq!((many.len(), many[0], many[9]), (10, 1, 100));
    }

    #[test]
    fn a_token_is_for_one_filter_one_change_and_one_set() {
        let (filter, other) = (
            BulkFilter::default(),
            BulkFilter {
                batch: Some(1),
                ..BulkFilter::default()
            },
        );
        let text = Token::of(&found(vec![1, 2]), &filter, &BulkChange::Cancel).text();
        let read = |filter, change| Token::read(&text, filter, change);
        let token = read(&filter, &BulkChange::Cancel).expect("the same");

        assert!(read(&other, &BulkChange::Cancel).is_err());
        assert!(read(&filter, &BulkChange::Pause).is_err());
        assert_eq!(code(token.check(&found(vec![1, 2]), false)), None);
        assert_eq!(
            code(token.check(&found(vec![1, 3]), false)),
            Some("moved_on")
        );
        assert_eq!(code(token.check(&found(vec![1, 3]), true)), None);
        assert_eq!(code(token.check(&found(vec![1]), true)), Some("moved_on"));
    }

    #[test]
    fn a_token_is_good_for_ten_minutes() {
        let filter = BulkFilter::default();
        let token = Token::of(&found(vec![1]), &filter, &BulkChange::Cancel);
        let mut late = found(vec![1]);
        late.at += TimeDelta::minutes(11);

        assert_eq!(code(token.check(&late, true)), Some("preview_required"));
        let longer = token.text().replacen("1600", "9999", 1);
        assert!(Token::read(&longer, &filter, &BulkChange::Cancel).is_err());
    }
}
