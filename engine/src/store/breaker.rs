//! Breakers as people see them: which error opened which, where they stand, and what opens them.
//!
//! What moves them is in `protocol/breaker.rs`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::problem::Problem;

use super::Store;
use super::gate::Session;
use super::page::{Page, fetch};
use crate::Error;

/// Failures that a rule may ask for.
const FAILURES_MAX: i32 = 10_000;
/// Longest window and rest, in seconds.
const SECONDS_MAX: i32 = 3_600;

/// When the breaker of a template opens.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BreakerRule {
    /// Off, it never opens by itself.
    pub is_on: bool,
    /// So many jobs must have been stopped by one error within the window, 1 to 10,000.
    pub failures: i32,
    /// Which part of what ended beside them that must be, 0 to 1.
    pub share: f64,
    /// 1 to 3,600.
    pub window_seconds: i32,
    /// Before the first probe, 1 to 3,600; twice as long after each one that failed.
    pub rest_seconds: i32,
}

impl Default for BreakerRule {
    /// Twenty jobs a minute, and every second one that ends: an outage, and no bad row in a hundred.
    fn default() -> Self {
        Self {
            is_on: true,
            failures: 20,
            share: 0.5,
            window_seconds: 60,
            rest_seconds: 30,
        }
    }
}

/// Where the breaker of a template stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BreakerView {
    /// `namespace.name`.
    pub template: String,
    /// `closed`, `open` or `probing`.
    pub state: String,
    /// The error that opened it last; none when a person did.
    pub fingerprint: Option<String>,
    /// Its code.
    pub code: Option<String>,
    /// Jobs that it had stopped when the breaker opened.
    pub failures: i64,
    /// Jobs that had ended beside them, of which at least the rule's share had failed that way.
    pub ended: i64,
    /// One of them.
    pub sample: Option<i64>,
    /// How many jobs go, or will go, to see.
    pub step: i32,
    /// Probes that failed in a row.
    pub refusals: i32,
    /// When it came into this state.
    pub since: DateTime<Utc>,
    /// When the next probe may go.
    pub due: Option<DateTime<Utc>>,
    /// Who moved it last: `windlass`, or a person.
    pub who: String,
    /// In words.
    pub why: String,
    /// The pause that it holds its template with.
    pub pause: Option<i64>,
}

impl Store {
    /// Breakers that ever opened, in the order of their templates.
    pub async fn breakers(
        &self,
        tenant: i32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<BreakerView, String>, Error> {
        let rows = sqlx::query_file_as!(
            BreakerView,
            "queries/breaker/list.sql",
            tenant,
            after.unwrap_or_default(),
            fetch(limit)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(Page::cut(rows, limit, |breaker| breaker.template.clone()))
    }

    /// One breaker.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it never opened.
    pub async fn breaker(&self, tenant: i32, template: &str) -> Result<BreakerView, Error> {
        sqlx::query_file_as!(BreakerView, "queries/breaker/show.sql", tenant, template)
            .fetch_optional(self.pool())
            .await?
            .ok_or_else(|| Error::not_found("breaker", template))
    }

    /// What opens the breaker of this template: its own rule, else the tenant's, else our figures.
    pub async fn breaker_rule(&self, tenant: i32, template: &str) -> Result<BreakerRule, Error> {
        rule_of(&mut self.pool().acquire().await?, tenant, template).await
    }

    /// Says what opens a breaker; with an empty name those of all templates without a rule of their own.
    /// Heeded at the next look, a second later.
    ///
    /// # Errors
    /// `invalid` with every fault, `not_found` for a template that does not exist.
    ///
    /// # Cancel safety
    /// Dropped, it may be stored; a repeat is harmless.
    pub async fn put_breaker_rule(
        &self,
        tenant: i32,
        template: &str,
        rule: &BreakerRule,
        who: &str,
    ) -> Result<(), Error> {
        let problems = faults(rule);
        if !problems.is_empty() {
            return Err(Error::Invalid { problems });
        }
        let template = match template {
            "" => String::new(),
            name => self.full_name(tenant, name).await?,
        };
        sqlx::query_file!(
            "queries/breaker/put_rule.sql",
            tenant,
            template,
            rule.is_on,
            rule.failures,
            rule.share,
            rule.window_seconds,
            rule.rest_seconds,
            who
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// `namespace.name` of a template that exists.
    pub(crate) async fn full_name(&self, tenant: i32, template: &str) -> Result<String, Error> {
        let found = self.template(tenant, template).await?;
        Ok(format!("{}.{}", found.namespace, found.name))
    }
}

/// What opens the breaker of this template, as of this connection.
pub(crate) async fn rule_of(
    connection: &mut Session,
    tenant: i32,
    template: &str,
) -> Result<BreakerRule, Error> {
    let ours = BreakerRule::default();
    let rule = sqlx::query_file_as!(
        BreakerRule,
        "queries/breaker/rule.sql",
        tenant,
        template,
        ours.is_on,
        ours.failures,
        ours.share,
        ours.window_seconds,
        ours.rest_seconds
    )
    .fetch_one(connection)
    .await?;
    Ok(rule)
}

fn faults(rule: &BreakerRule) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut bound = |pointer: &str, value: i32, most: i32| {
        if !(1..=most).contains(&value) {
            let message = format!("{value} is not between 1 and {most}");
            problems.push(Problem::new("wrong_value", pointer, message));
        }
    };
    bound("/failures", rule.failures, FAILURES_MAX);
    bound("/window_seconds", rule.window_seconds, SECONDS_MAX);
    bound("/rest_seconds", rule.rest_seconds, SECONDS_MAX);
    if !(0.0..=1.0).contains(&rule.share) {
        let message = format!("{} is not between 0 and 1", rule.share);
        problems.push(Problem::new("wrong_value", "/share", message));
    }
    problems
}
