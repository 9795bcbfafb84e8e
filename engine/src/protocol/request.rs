//! Requests become jobs: resolved, checked against the template's input schema, stored together.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use windlass_workflows::configuration::Priority;
use windlass_workflows::problem::Problem;
use windlass_workflows::program::Bundle;
use windlass_workflows::schema::Schema;
use windlass_workflows::value::Value;

use super::work::{Resolved, Work, priority_seconds};
use crate::store::{NewRequest, SUBMIT_MAX, Submitted};
use crate::{Error, Store};

/// Largest input of a request, as compact JSON.
const INPUT_BYTES_MAX: usize = 1 << 20;

/// What a caller submits.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to run.
    pub work: Work,
    /// Its input; the purpose's defaults lie under it.
    pub input: Value,
    /// At most one job per key within its hold.
    pub idempotency_key: Option<String>,
    /// Not before this instant.
    pub start_at: Option<DateTime<Utc>>,
    /// The purpose's unless given.
    pub priority: Option<Priority>,
    /// A JSON object of text values.
    pub tags: Option<serde_json::Value>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A new job.
    Created {
        /// Its id; the request's is the same number.
        job: i64,
    },
    /// The key was used before for the same payload.
    Duplicate {
        /// The first job.
        job: i64,
    },
    /// The key was used before for another payload.
    KeyReused {
        /// The first job.
        job: i64,
    },
    /// The key's first request is being stored at this moment.
    InFlight,
    /// Nothing was stored.
    Invalid(Vec<Problem>),
}

impl Store {
    /// Stores requests, each on its own merits: an invalid one stops no other. Answers in order.
    ///
    /// # Errors
    /// What the database says; pages that were stored stay stored, and a repeat with the same keys
    /// finds their jobs.
    ///
    /// # Cancel safety
    /// As [`Store::submit`].
    pub async fn submit_requests(
        &self,
        tenant: i32,
        who: &str,
        requests: Vec<Request>,
    ) -> Result<Vec<Answer>, Error> {
        let mut desk = Desk::default();
        let mut answers = Vec::with_capacity(requests.len());
        for page in requests.chunks(SUBMIT_MAX) {
            answers.extend(self.submit_page(tenant, who, page, &mut desk).await?);
        }
        Ok(answers)
    }

    async fn submit_page(
        &self,
        tenant: i32,
        who: &str,
        page: &[Request],
        desk: &mut Desk,
    ) -> Result<Vec<Answer>, Error> {
        let mut answers = Vec::with_capacity(page.len());
        let mut ready = Vec::with_capacity(page.len());
        for (place, request) in page.iter().enumerate() {
            match self.check(tenant, request, desk).await {
                Ok(checked) => {
                    ready.push((place, checked));
                    answers.push(Answer::InFlight);
                }
                Err(Error::Invalid { problems }) => answers.push(Answer::Invalid(problems)),
                Err(error) => return Err(error),
            }
        }
        // Keyed and unkeyed never share a statement: a caller's open transaction may hold a key.
        let (keyed, unkeyed): (Vec<_>, Vec<_>) = ready
            .into_iter()
            .partition(|(_, request)| request.idempotency_key.is_some());
        for group in [keyed, unkeyed] {
            let (places, requests): (Vec<usize>, Vec<NewRequest>) = group.into_iter().unzip();
            for (place, submitted) in places
                .into_iter()
                .zip(self.submit_each(tenant, who, requests).await?)
            {
                answers[place] = answer(submitted);
            }
        }
        Ok(answers)
    }

    /// A key that stands twice in one page must not meet itself in one statement.
    async fn submit_each(
        &self,
        tenant: i32,
        who: &str,
        requests: Vec<NewRequest>,
    ) -> Result<Vec<Submitted>, Error> {
        let mut answers = Vec::with_capacity(requests.len());
        let mut rest = requests.as_slice();
        while !rest.is_empty() {
            let (page, behind) = rest.split_at(distinct_prefix(rest));
            answers.extend(self.submit(tenant, who, page).await?);
            rest = behind;
        }
        Ok(answers)
    }

    async fn check(
        &self,
        tenant: i32,
        request: &Request,
        desk: &mut Desk,
    ) -> Result<NewRequest, Error> {
        let known = desk.get(self, tenant, &request.work).await?;
        let input = match &known.resolved.purpose_input {
            Some(under) => under.merged(&request.input),
            None => request.input.clone(),
        };
        let text = input.to_json();
        let mut problems = known
            .schema
            .as_ref()
            .map_or_else(Vec::new, |schema| schema.problems(&input));
        if text.len() > INPUT_BYTES_MAX {
            problems.push(Problem::new(
                "too_large",
                "/input",
                format!(
                    "the input has {} bytes; {INPUT_BYTES_MAX} are allowed",
                    text.len()
                ),
            ));
        }
        if !problems.is_empty() {
            return Err(Error::Invalid {
                problems: problems.into_iter().map(under_input).collect(),
            });
        }
        Ok(NewRequest {
            lane: known.lane,
            template_version: known.resolved.template_version,
            input: text,
            idempotency_key: request.idempotency_key.clone(),
            start_at: request.start_at,
            priority: priority_seconds(request.priority.unwrap_or(known.resolved.priority)),
            tags: request.tags.clone(),
        })
    }
}

/// How many requests from the front have different keys.
fn distinct_prefix(requests: &[NewRequest]) -> usize {
    let mut seen = std::collections::HashSet::new();
    requests
        .iter()
        .take_while(|request| {
            request
                .idempotency_key
                .as_ref()
                .is_none_or(|key| seen.insert(key))
        })
        .count()
}

fn answer(submitted: Submitted) -> Answer {
    match submitted {
        Submitted::Created { job } => Answer::Created { job },
        Submitted::Duplicate { job } => Answer::Duplicate { job },
        Submitted::KeyReused { job } => Answer::KeyReused { job },
        Submitted::InFlight => Answer::InFlight,
    }
}

fn under_input(problem: Problem) -> Problem {
    if problem.pointer.starts_with("/input") || problem.pointer.starts_with("/template") {
        return problem;
    }
    Problem {
        pointer: format!("/input{}", problem.pointer),
        ..problem
    }
}

/// What one call has looked up already.
#[derive(Default)]
struct Desk(HashMap<String, Known>);

struct Known {
    resolved: Resolved,
    lane: i32,
    schema: Option<Schema>,
}

impl Desk {
    async fn get(&mut self, store: &Store, tenant: i32, work: &Work) -> Result<&Known, Error> {
        let key = match work {
            Work::Template(reference) => format!("t {reference}"),
            Work::Purpose(name) => format!("p {name}"),
        };
        if !self.0.contains_key(&key) {
            let resolved = store.resolve(tenant, work).await?;
            let lane = store.lane(&resolved.lane(tenant, 0)).await?;
            let schema = store.input_schema(resolved.template_version).await?;
            self.0.insert(
                key.clone(),
                Known {
                    resolved,
                    lane,
                    schema,
                },
            );
        }
        Ok(&self.0[&key])
    }
}

impl Store {
    /// The schema of a version's input, if it has one.
    async fn input_schema(&self, template_version: i32) -> Result<Option<Schema>, Error> {
        let pinned = self.pinned(template_version).await?;
        let unreadable = |message: String| Error::Unreadable {
            noun: "template version",
            name: pinned.label.clone(),
            message,
        };
        let bundle =
            Bundle::from_json(&pinned.bundle).map_err(|error| unreadable(error.to_string()))?;
        let Some(schema) = bundle.document.pointer("/input/schema/document") else {
            return Ok(None);
        };
        Schema::compile(schema)
            .map(Some)
            .map_err(|error| unreadable(format!("{error:?}")))
    }
}
