//! What is to run: a purpose or a template reference, resolved to the version that jobs are pinned to.

use std::time::Duration;

use windlass_workflows::configuration::{
    self, Content, Idempotency, JobConfiguration, LimitReference, Priority, Purpose,
    TemplateReference, VersionChoice,
};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::store::{self, LaneKey};
use crate::vocabulary::ConfigurationKind;
use crate::{Error, Store};

/// What a caller names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Work {
    /// `namespace.name`, `namespace.name@1.2.3` or `namespace.name@alias`.
    Template(String),
    /// A purpose, by name.
    Purpose(String),
}

impl Work {
    /// What a job configuration names.
    pub(crate) fn of(configuration: &JobConfiguration) -> Self {
        match &configuration.work {
            configuration::Work::Purpose(name) => Self::Purpose(name.clone()),
            configuration::Work::Template(reference) => Self::Template(reference.to_string()),
        }
    }
}

/// A version to run, and what the purpose adds to it.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) template_version: i32,
    /// `namespace.name`.
    pub(crate) template: String,
    pub(crate) capability: String,
    pub(crate) purpose: String,
    pub(crate) purpose_input: Option<Value>,
    /// The stream that it goes through.
    pub(crate) queue: String,
    pub(crate) priority: Priority,
    /// Limits that the purpose names.
    pub(crate) limits: Vec<LimitReference>,
    /// With which the purpose, or else the template, reads the lanes of its jobs.
    pub(crate) lane_expression: Option<String>,
    /// How long a job may take from its start on, unless its template says so; for those who ask for the purpose.
    pub(crate) timeout: Option<Duration>,
    /// The revision of the purpose, if it says what becomes of failed steps; for those who ask for the purpose.
    pub(crate) retry_revision: Option<i32>,
    /// Not started so long after it was due, a request ends `expired`, unless it says more.
    pub(crate) expires_after: Option<Duration>,
    /// What the key of a request means that says nothing of it.
    pub(crate) idempotency: Idempotency,
}

impl Resolved {
    /// As work of a purpose; its input is for those who ask for the purpose.
    ///
    /// # Errors
    /// `consent_not_enforced` where its subjects must have agreed: nothing here could ask whether they did, and
    /// governed work must not go out as if they had.
    fn serving(self, name: &str, purpose: Purpose) -> Result<Self, Error> {
        if let Some(class) = purpose.consent {
            return Err(not_enforced(name, &class));
        }
        Ok(Self {
            purpose: name.to_owned(),
            queue: purpose.queue,
            priority: purpose.priority,
            limits: purpose.limits,
            lane_expression: purpose.lane.or(self.lane_expression),
            expires_after: purpose.expires_after,
            idempotency: purpose.idempotency,
            ..self
        })
    }

    /// The lane of this work: of a batch, or of single requests (0).
    pub(crate) fn lane(&self, tenant: i32, batch: i64) -> LaneKey {
        LaneKey {
            capability: self.capability.clone(),
            queue: self.queue.clone(),
            ..LaneKey::of_template(tenant, &self.template, &self.purpose, batch)
        }
    }
}

/// What a template's jobs stop and start with: a part of it is no other template.
fn whole(namespace: &str, name: &str) -> String {
    let name = name.split('/').next().unwrap_or(name);
    format!("{namespace}.{name}")
}

/// By how many seconds a priority overtakes: ageing is free, and nothing starves.
pub(crate) fn priority_seconds(priority: Priority) -> i32 {
    match priority {
        Priority::Urgent => 3_600,
        Priority::High => 600,
        Priority::Normal => 0,
        Priority::Low => -600,
        Priority::Bulk => -3_600,
    }
}

impl Store {
    /// The version that `work` means now.
    pub(crate) async fn resolve(&self, tenant: i32, work: &Work) -> Result<Resolved, Error> {
        match work {
            Work::Template(reference) => {
                let (resolved, purpose) = self.resolve_template(tenant, reference).await?;
                match purpose.as_str() {
                    "" => Ok(resolved),
                    name => resolved.serving(name, self.purpose(tenant, name).await?.1),
                }
            }
            Work::Purpose(name) => {
                let (revision, mut purpose) = self.purpose(tenant, name).await?;
                let template = purpose.template.to_string();
                let (resolved, _) = self.resolve_template(tenant, &template).await?;
                Ok(Resolved {
                    purpose_input: purpose.input.take(),
                    timeout: purpose.timeout,
                    retry_revision: purpose.retry.is_some().then_some(revision),
                    ..resolved.serving(name, purpose)?
                })
            }
        }
    }

    /// A version, and the purpose that it serves unless it is asked for by another.
    async fn resolve_template(
        &self,
        tenant: i32,
        reference: &str,
    ) -> Result<(Resolved, String), Error> {
        let found = match self.template(tenant, reference).await {
            Ok(found) => found,
            Err(error) => return Err(self.unmeant(tenant, error, reference).await),
        };
        let resolved = Resolved {
            template_version: found.id,
            template: whole(&found.namespace, &found.name),
            capability: found.capability,
            purpose: String::new(),
            purpose_input: None,
            queue: LaneKey::default_queue(),
            priority: Priority::Normal,
            limits: Vec::new(),
            lane_expression: found.lane_expression,
            timeout: None,
            retry_revision: None,
            expires_after: None,
            idempotency: Idempotency::default(),
        };
        Ok((resolved, found.purpose))
    }

    /// Why a reference means nothing: an alias that nobody set, or a version that nobody published.
    async fn unmeant(&self, tenant: i32, error: Error, reference: &str) -> Error {
        let named = TemplateReference::parse(reference);
        let alias = named
            .ok()
            .filter(|named| matches!(named.version, VersionChoice::Alias(_)));
        match (error, alias) {
            (Error::NotFound { .. }, Some(named)) => self.no_alias(tenant, &named).await,
            (error, _) => unpublished(error, reference),
        }
    }

    async fn no_alias(&self, tenant: i32, named: &TemplateReference) -> Error {
        let mut connection = match self.pool().acquire().await {
            Ok(connection) => connection,
            Err(error) => return error.into(),
        };
        let problem = store::alias::unknown(&mut connection, tenant, named, "/template").await;
        problem.map_or_else(|error| error, Error::invalid)
    }

    /// The purpose as it is now, and which revision that is.
    async fn purpose(&self, tenant: i32, name: &str) -> Result<(i32, Purpose), Error> {
        let revision = self
            .configuration(tenant, ConfigurationKind::Purpose, name)
            .await
            .map_err(|error| unknown_purpose(error, name))?;
        match revision.content()? {
            Content::Purpose(purpose) => Ok((revision.revision, purpose)),
            _ => Err(Error::not_found("purpose", name)),
        }
    }
}

fn not_enforced(name: &str, class: &str) -> Error {
    let message = format!(
        "the purpose `{name}` needs the consent `{class}` of its subjects, which this release cannot ask for"
    );
    let problem = Problem::new("consent_not_enforced", "/purpose", message);
    Error::invalid(
        problem.hint(
            "its work starts once a release enforces consent; take `consent` out to go without",
        ),
    )
}

/// A missing purpose is one too: it must stop no other request of the same call.
fn unknown_purpose(error: Error, name: &str) -> Error {
    match error {
        Error::NotFound { .. } => Error::invalid(
            Problem::new(
                "unknown_purpose",
                "/purpose",
                format!("there is no purpose `{name}`"),
            )
            .hint("apply its document with `windlass apply -f FILE`"),
        ),
        other => other,
    }
}

/// A missing template is a mistake in the request, not a missing resource of its own.
fn unpublished(error: Error, reference: &str) -> Error {
    match error {
        Error::NotFound { .. } => Error::invalid(
            Problem::new(
                "template_not_published",
                "/template",
                format!("no published template answers to `{reference}`"),
            )
            .hint("publish it with `windlass apply -f FILE`, or see `windlass template list`"),
        ),
        other => other,
    }
}
