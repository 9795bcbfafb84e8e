//! The engine's side of a benchmark: a store, templates, and jobs that are submitted through it.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use windlass_engine::Store;
use windlass_engine::protocol::apply::Application;
use windlass_engine::protocol::{Answer, Request, Work, publish};
use windlass_engine::store::{DEFAULT_TENANT, SUBMIT_MAX, Submitted, connect_options};
use windlass_workflows::configuration::{SourceFile, read};
use windlass_workflows::value::Value;

use super::{failed, worker};
use crate::cli::error::CliError;

/// Connections of the pool; submission takes two, the look for the end one.
const CONNECTIONS: u32 = 4;
/// Callers that submit at once: as many as cores, as the floor has connections.
const SUBMITTERS: u64 = 2;
/// A run that takes longer is stuck.
pub const PATIENCE: Duration = Duration::from_secs(600);
/// How often the end is looked for once every handler has run: a part of a percent of any round.
const LOOK: Duration = Duration::from_millis(1);
/// Workers that are looked at.
const WORKERS_MAX: u32 = 16;

/// About one hundred bytes of ordinary JSON, as the floor's.
pub const INPUT: &str =
    r#"{"to":"user@example.test","n":123456,"note":"about one hundred bytes of ordinary json"}"#;

/// One step that calls the handler.
pub const ONE_STEP: &str = "  - work: { call: 'nothing:1.0.0@default', with: { n: '${ .n }' } }\n";

/// A store of a measured database.
#[derive(Clone)]
pub struct Site {
    pub store: Store,
    pub url: String,
}

/// When submitted jobs may start.
#[derive(Clone, Copy, Debug)]
pub enum Due {
    /// At once.
    Now,
    /// The first at the instant, each later one a millisecond after the one before.
    From(DateTime<Utc>),
}

/// Jobs to submit.
#[derive(Clone, Copy, Debug)]
pub struct Jobs {
    template: &'static str,
    count: u64,
    due: Due,
    keys: u64,
}

impl Jobs {
    /// So many of a template, due at once.
    pub fn of(template: &'static str, count: u64) -> Self {
        Self {
            template,
            count,
            due: Due::Now,
            keys: 1,
        }
    }

    /// The same, due at other instants.
    pub fn due(self, due: Due) -> Self {
        Self { due, ..self }
    }

    /// The same, whose inputs have one of so many keys, in turn.
    pub fn keys(self, keys: u64) -> Self {
        Self { keys, ..self }
    }

    fn requests(&self) -> Result<Vec<Request>, CliError> {
        (0..self.keys)
            .map(|key| request(self.template, key))
            .collect()
    }

    fn due_at(&self, place: u64) -> Option<DateTime<Utc>> {
        match self.due {
            Due::Now => None,
            Due::From(first) => Some(first + Duration::from_millis(place)),
        }
    }
}

impl Site {
    /// A store on a migrated database.
    ///
    /// # Errors
    /// What the database says.
    pub async fn open(url: &str) -> Result<Self, CliError> {
        let options =
            connect_options(url, "windlass bench").map_err(windlass_engine::Error::from)?;
        Ok(Self {
            store: Store::open(options, CONNECTIONS).await?,
            url: url.to_owned(),
        })
    }

    /// Publishes `bench.<name>`, whose body is `tasks`.
    ///
    /// # Errors
    /// What the database says, or that the template is none.
    pub async fn publish(&self, name: &str, tasks: &str) -> Result<(), CliError> {
        let source = format!(
            "document: {{ dsl: '1.0.3', namespace: bench, name: {name}, version: '1.0.0' }}\ndo:\n{tasks}"
        );
        let handlers = worker::capabilities();
        self.store.announce(DEFAULT_TENANT, &handlers).await?;
        let known = self.store.catalogue(DEFAULT_TENANT).await?;
        let template = publish::check_source(&source, &known)
            .map_err(|problems| failed(format!("the template is none: {problems:?}")))?;
        self.store.publish(DEFAULT_TENANT, template).await?;
        Ok(())
    }

    /// Submits jobs in calls of a thousand.
    ///
    /// # Errors
    /// What the database says, or that a request was not taken.
    pub async fn submit(&self, jobs: &Jobs) -> Result<(), CliError> {
        let mut submitters = JoinSet::new();
        for part in 0..SUBMITTERS {
            submitters.spawn(submitter(self.store.clone(), *jobs, part));
        }
        while let Some(ended) = submitters.join_next().await {
            ended.map_err(|error| failed(error.to_string()))??;
        }
        Ok(())
    }

    /// Makes what a configuration document says.
    ///
    /// # Errors
    /// What the database says, or that the document is none.
    pub async fn apply(&self, text: &str) -> Result<(), CliError> {
        let file = SourceFile {
            name: "bench.yaml",
            text,
        };
        let documents = read(&[file], Utc::now())
            .map_err(|problems| failed(format!("the document is none: {problems:?}")))?;
        let application = Application {
            tenant: DEFAULT_TENANT,
            who: "bench".to_owned(),
            documents,
            texts: BTreeMap::new(),
            files: BTreeMap::new(),
            resources: BTreeMap::new(),
            dry_run: false,
        };
        self.store.apply(application).await?;
        Ok(())
    }

    /// Submits one job; gives its id.
    ///
    /// # Errors
    /// What the database says, or that it was not taken.
    pub async fn submit_one(&self, template: &str) -> Result<i64, CliError> {
        let requests = vec![request(template, 0)?];
        let store = &self.store;
        let answers = store.submit_requests(DEFAULT_TENANT, "bench", requests);
        match answers.await?.into_iter().next() {
            Some(Answer::Submitted(Submitted::Created { job })) => Ok(job),
            other => Err(failed(format!("a request was not taken: {other:?}"))),
        }
    }

    /// Waits until nothing is ready and nothing is leased any more.
    ///
    /// # Errors
    /// What the database says, or that it takes for ever.
    pub async fn settled(&self) -> Result<(), CliError> {
        let settled = async {
            while !self.is_settled().await? {
                sleep(LOOK).await;
            }
            Ok::<_, CliError>(())
        };
        let patient = timeout(PATIENCE, settled).await;
        patient.map_err(|_| failed("jobs are left that nobody finishes"))?
    }

    /// Whether nothing is ready and nothing is leased.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_settled(&self) -> Result<bool, CliError> {
        if !self.store.lanes_ahead().await?.is_empty() {
            return Ok(false);
        }
        // Asked second: what was claimed in between is leased.
        let workers = self.store.workers(PATIENCE, WORKERS_MAX).await?;
        Ok(workers.iter().all(|worker| worker.leases == 0))
    }
}

/// Every `SUBMITTERS`th page of the jobs, from the `part`th on.
async fn submitter(store: Store, jobs: Jobs, part: u64) -> Result<(), CliError> {
    let (page, requests) = (SUBMIT_MAX as u64, jobs.requests()?);
    let mut first = part * page;
    while first < jobs.count {
        let places = first..jobs.count.min(first + page);
        let requests = places.map(|place| Request {
            start_at: jobs.due_at(place),
            ..requests[(place % jobs.keys) as usize].clone()
        });
        let answers = store
            .submit_requests(DEFAULT_TENANT, "bench", requests.collect())
            .await?;
        let is_created =
            |answer: &Answer| matches!(answer, Answer::Submitted(Submitted::Created { .. }));
        if let Some(other) = answers.iter().find(|answer| !is_created(answer)) {
            return Err(failed(format!("a request was not taken: {other:?}")));
        }
        first += SUBMITTERS * page;
    }
    Ok(())
}

fn request(template: &str, key: u64) -> Result<Request, CliError> {
    let text = INPUT.replacen('{', &format!(r#"{{"key":"k{key}","#), 1);
    let input = Value::parse(&text).map_err(|error| failed(error.to_string()))?;
    let work = Work::Template(format!("bench.{template}"));
    Ok(Request::new(work, input))
}
