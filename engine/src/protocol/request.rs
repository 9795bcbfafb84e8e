//! Requests become jobs: resolved, checked against the template's input schema, stored together.

mod answer;
mod check;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use windlass_workflows::configuration::{KeyScope, Priority};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

pub use self::answer::{Answer, Receipt};
use self::check::checked;
use super::known::Known;
use super::receipt;
use super::work::{Work, priority_seconds};
use crate::store::overflow::LIMIT_FULL;
use crate::store::{Desk, Fate, Hold, NewRequest, OnDuplicate, PAUSED, Terms};
use crate::{Error, Store};

/// Requests that are checked and stored together.
const PAGE: usize = 10_000;
/// Times that a page is resolved again because templates or purposes changed meanwhile; then it goes
/// with what it has, which was true a moment ago.
const RESOLVED_MAX: usize = 5;

/// What a caller submits.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is to run.
    pub work: Work,
    /// Its input; the purpose's defaults lie under it.
    pub input: Value,
    /// At most one job per key within its hold.
    pub idempotency_key: Option<String>,
    /// Where the key counts; as the purpose has it, or in the tenant, unless given.
    pub scope: Option<Scope>,
    /// How long; as the purpose has it, or a day, unless given.
    pub hold: Option<Hold>,
    /// What a repeat does.
    pub on_duplicate: OnDuplicate,
    /// Not before this instant.
    pub start_at: Option<DateTime<Utc>>,
    /// Not started by this instant, it ends `expired`; as long after it is due as the purpose has it, unless given.
    pub expires_at: Option<DateTime<Utc>>,
    /// The purpose's unless given.
    pub priority: Option<Priority>,
    /// A JSON object of text values.
    pub tags: Option<serde_json::Value>,
    /// The lane beside whose work it goes; the template's, or that of its purpose or template, unless given.
    pub lane: Option<String>,
}

/// Where an idempotency key counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// In the whole tenant.
    #[default]
    Tenant,
    /// Among the requests for one template, whichever version.
    Template,
    /// Among the requests that name one batch.
    Batch(i64),
}

impl Request {
    /// A request of which nothing is said beside the input.
    pub fn new(work: Work, input: Value) -> Self {
        Self {
            work,
            input,
            idempotency_key: None,
            scope: None,
            hold: None,
            on_duplicate: OnDuplicate::Return,
            start_at: None,
            expires_at: None,
            priority: None,
            tags: None,
            lane: None,
        }
    }
}

impl Store {
    /// Stores requests, each on its own merits: a wrong one stops no other. Answers in order.
    ///
    /// # Errors
    /// What the database says while names are resolved; pages that were stored stay stored, and a
    /// repeat with the same keys finds their jobs.
    ///
    /// # Cancel safety
    /// As [`Store::submit`].
    pub async fn submit_requests(
        &self,
        tenant: i32,
        who: &str,
        requests: Vec<Request>,
    ) -> Result<Vec<Answer>, Error> {
        let mut answers = Vec::with_capacity(requests.len());
        for page in requests.chunks(PAGE) {
            answers.extend(self.submit_page(tenant, who, page).await?);
        }
        Ok(answers)
    }

    /// Stores one request, in one statement with others that come at the same time.
    ///
    /// # Errors
    /// What the database says of this request.
    ///
    /// # Cancel safety
    /// Dropped, the request may still be stored; others do not notice.
    pub async fn submit_request(
        &self,
        tenant: i32,
        who: &str,
        request: &Request,
    ) -> Result<Receipt, Error> {
        for round in 0.. {
            let known = match self.known(tenant, &request.work, round > 0).await {
                Err(error) => return unfit(error).map(invalid),
                Ok(known) => known,
            };
            let new = match self.check(&known, request).await {
                Err(Error::Invalid { problems }) => return Ok(invalid(problems)),
                other => other?,
            };
            let stamp = (round < RESOLVED_MAX).then_some(known.stamp);
            let desk = Desk { tenant, who, stamp };
            let said = new.clone_said();
            match self.submit_combined(desk, new).await {
                Fate::Stale => {}
                Fate::Failed(Error::Conflict { code, message, .. }) if code == LIMIT_FULL => {
                    let answer = Answer::LimitFull { message };
                    return Ok(Receipt { answer, job: None });
                }
                Fate::Failed(error) => return Err(error),
                Fate::Answered(submitted, at) => {
                    let job = at.map(|at| receipt::view(&known, &said, &submitted, at, who));
                    let answer = Answer::Submitted(submitted);
                    return Ok(Receipt { answer, job });
                }
            }
        }
        unreachable!("without a stamp nothing is stale")
    }

    async fn submit_page(
        &self,
        tenant: i32,
        who: &str,
        page: &[Request],
    ) -> Result<Vec<Answer>, Error> {
        let mut answers: Vec<Option<Answer>> = vec![None; page.len()];
        for round in 0.. {
            let names = self.names(tenant, page, &answers, round > 0).await?;
            let (mut places, mut ready) = (Vec::new(), Vec::new());
            for (place, request) in page.iter().enumerate() {
                if answers[place].is_some() {
                    continue;
                }
                let checked = match &names[&request.work] {
                    Ok(known) => self.check(known, request).await,
                    Err(problems) => Err(Error::Invalid {
                        problems: problems.clone(),
                    }),
                };
                match checked {
                    Ok(new) => {
                        places.push(place);
                        ready.push(new);
                    }
                    Err(Error::Invalid { problems }) => answers[place] = Some(refused(problems)),
                    Err(error) => return Err(error),
                }
            }
            let oldest = names.values().flatten().map(|known| known.stamp).min();
            let stamp = oldest.filter(|_| round < RESOLVED_MAX);
            let desk = Desk { tenant, who, stamp };
            let ready: Vec<&NewRequest> = ready.iter().collect();
            let fates = self.submit_all(desk, &ready).await;
            for (place, fate) in places.into_iter().zip(fates) {
                answers[place] = fate_answer(fate);
            }
            if answers.iter().all(Option::is_some) {
                break;
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// What the names in a page mean, or why they mean nothing; each is looked up once.
    async fn names<'a>(
        &self,
        tenant: i32,
        page: &'a [Request],
        answers: &[Option<Answer>],
        afresh: bool,
    ) -> Result<Names<'a>, Error> {
        let mut names = Names::new();
        let open = page
            .iter()
            .zip(answers)
            .filter(|(_, answer)| answer.is_none());
        for (request, _) in open {
            if names.contains_key(&request.work) {
                continue;
            }
            let known = match self.known(tenant, &request.work, afresh).await {
                Err(error) => Err(unfit(error)?),
                Ok(known) => Ok(known),
            };
            names.insert(&request.work, known);
        }
        Ok(names)
    }
}

/// What names mean, or why they mean nothing.
type Names<'a> = HashMap<&'a Work, Result<Arc<Known>, Vec<Problem>>>;

fn invalid(problems: Vec<Problem>) -> Receipt {
    Receipt {
        answer: refused(problems),
        job: None,
    }
}

impl Store {
    /// The request as the store takes it.
    ///
    /// # Errors
    /// `invalid` with every fault of the input; what the database says of its lane.
    async fn check(&self, known: &Known, request: &Request) -> Result<NewRequest, Error> {
        let merged = known.resolved.purpose_input.as_ref();
        let merged = merged.map(|under| under.merged(&request.input));
        let input = merged.as_ref().unwrap_or(&request.input);
        let text = checked(known, input)?;
        let named = request.lane.as_deref();
        let (lane, bounded) = known.place(self, input, named).await?;
        let terms = request.idempotency_key.as_ref();
        let terms = terms.map(|_| terms_of(request, known)).transpose()?;
        Ok(NewRequest {
            lane,
            template_version: known.resolved.template_version,
            input: text,
            idempotency_key: request.idempotency_key.clone(),
            print: request.idempotency_key.as_ref().map(|_| print(request)),
            terms: terms.unwrap_or_default(),
            start_at: request.start_at,
            expires_at: request.expires_at,
            expires_after: known.resolved.expires_after,
            timeout: known.resolved.timeout,
            retry_revision: known.resolved.retry_revision,
            priority: priority_seconds(request.priority.unwrap_or(known.resolved.priority)),
            tags: request.tags.clone(),
            // Work that starts later waits for its time and then for its turn.
            bounded: match request.start_at {
                Some(_) => Vec::new(),
                None => bounded,
            },
        })
    }
}

/// What is wrong with the name itself; other errors are the call's.
fn unfit(error: Error) -> Result<Vec<Problem>, Error> {
    match error {
        Error::Invalid { problems } => Ok(problems),
        Error::Conflict {
            code: PAUSED,
            message,
            ..
        } => Ok(vec![Problem::new(PAUSED, "", message)]),
        error => Err(error),
    }
}

fn refused(problems: Vec<Problem>) -> Answer {
    match problems.as_slice() {
        [one] if one.code == PAUSED => Answer::Paused {
            message: one.message.clone(),
        },
        _ => Answer::Invalid(problems),
    }
}

/// What its key means: what it does not say of that, its purpose does.
///
/// # Errors
/// `invalid` when it counts within a batch and no batch is named.
fn terms_of(request: &Request, known: &Known) -> Result<Terms, Error> {
    let usual = known.resolved.idempotency;
    let scope = match (request.scope, usual.scope) {
        (Some(scope), _) => scope,
        (None, KeyScope::Tenant) => Scope::Tenant,
        (None, KeyScope::Template) => Scope::Template,
        (None, KeyScope::Batch) => return Err(Error::invalid(batchless(known))),
    };
    Ok(Terms {
        scope: scope_word(scope, known),
        hold: request.hold.unwrap_or(usual.hold.into()),
        on_duplicate: request.on_duplicate,
    })
}

fn batchless(known: &Known) -> Problem {
    let purpose = &known.resolved.purpose;
    let message =
        format!("keys of the purpose `{purpose}` count within a batch, and none is named");
    let problem = Problem::new("missing_field", "/idempotency/batch", message);
    problem.hint(r#"{"batch": "b_7"}, or another scope"#)
}

fn scope_word(scope: Scope, known: &Known) -> String {
    match scope {
        Scope::Tenant => "tenant".to_owned(),
        Scope::Template => format!("template:{}", known.resolved.template),
        Scope::Batch(id) => format!("batch:{id}"),
    }
}

/// The caller's own words, all of them: what a purpose or a newer version adds is not the caller's.
fn print(request: &Request) -> Vec<u8> {
    let mut hash = Sha256::new();
    let said = format!(
        "{:?} {:?} {:?} {:?} {:?} ",
        request.work, request.start_at, request.expires_at, request.priority, request.tags
    );
    hash.update(said);
    hash.update(request.input.to_json());
    // Prints of requests that name none stay as they were.
    if let Some(lane) = &request.lane {
        hash.update(format!(" lane {lane}"));
    }
    hash.finalize().to_vec()
}

/// None when it must be resolved again.
fn fate_answer(fate: Fate) -> Option<Answer> {
    match fate {
        Fate::Stale => None,
        Fate::Answered(submitted, _) => Some(Answer::Submitted(submitted)),
        Fate::Failed(Error::Conflict { code, message, .. }) if code == LIMIT_FULL => {
            Some(Answer::LimitFull { message })
        }
        Fate::Failed(error) if error.is_bad_text() => {
            let message = "a text holds what the database cannot keep, such as U+0000";
            Some(Answer::Invalid(vec![Problem::new(
                "invalid_text",
                "",
                message,
            )]))
        }
        Fate::Failed(error) => Some(Answer::Failed {
            code: error.code(),
            message: error.to_string(),
        }),
    }
}
