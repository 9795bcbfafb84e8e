//! `try` with `catch`, and retry policies.

use super::Reader;
use super::shape::unwrapped;
use super::spot::Spot;
use crate::document::step::{Backoff, Kind, Retry, Try};
use crate::value::Value;

const CATCH_KEYS: [&str; 7] = ["errors", "as", "when", "exceptWhen", "retry", "do", "then"];

const ERROR_KEYS: [&str; 6] = ["type", "status", "instance", "title", "detail", "details"];

const RETRY_KEYS: [&str; 6] = ["when", "exceptWhen", "delay", "backoff", "limit", "jitter"];

/// Largest factor of a growing delay; with more, the second retry is the last anyone sees.
const FACTOR_MAX: f64 = 1_000.0;

impl Reader {
    pub fn attempt(&mut self, fields: &Spot<'_>) -> Option<Kind> {
        let body = fields.get("try").map(|spot| self.tasks(&spot));
        let catch = self.required(fields, "catch")?;
        let fields = self.object(&catch, &CATCH_KEYS)?;
        if fields.entries().is_empty() {
            let message = "an empty `catch` would swallow every error unseen";
            let problem = catch.problem("flow.empty_catch", message);
            self.problems.push(problem.hint("add errors, retry or do"));
        }
        let bind = fields.get("as").and_then(|spot| self.text(&spot));
        let errors = fields.get("errors").map(|spot| self.errors_filter(&spot));
        Some(Kind::Try(Box::new(Try {
            body: body.unwrap_or_default(),
            errors: errors.unwrap_or_default(),
            bind: bind.unwrap_or("error").to_owned(),
            when: fields.get("when").and_then(|spot| self.expression(&spot)),
            except_when: fields
                .get("exceptWhen")
                .and_then(|spot| self.expression(&spot)),
            retry: fields.get("retry").and_then(|spot| self.named_retry(&spot)),
            handler: fields.get("do").map(|spot| self.tasks(&spot)),
            then: fields
                .get("then")
                .map(|spot| self.directive(&spot))
                .unwrap_or_default(),
            pointer: catch.pointer.clone(),
        })))
    }

    /// `errors.with`: members that must be equal. Main's `detail` and the release's `details` are
    /// one member, and it is called `detail` from here on.
    fn errors_filter(&mut self, spot: &Spot<'_>) -> Vec<(String, Value)> {
        let fields = self.object(spot, &["with"]);
        let with = fields.and_then(|fields| self.required(&fields, "with"));
        let with = with.and_then(|spot| self.object(&spot, &ERROR_KEYS));
        let Some(with) = with else { return Vec::new() };
        let mut members = Vec::new();
        for entry in with.entries() {
            let spot = with.of(entry);
            match &*entry.key {
                "status" => {
                    self.integer(&spot, 100, 599);
                }
                _ => self.check_constant_text(&spot),
            }
            let name = match &*entry.key {
                "details" => "detail",
                other => other,
            };
            members.push((name.to_owned(), spot.tree.to_value()));
        }
        members
    }

    fn check_constant_text(&mut self, spot: &Spot<'_>) {
        let Some(text) = self.text(spot) else { return };
        if unwrapped(text).is_some() {
            let message = "a filter compares with what is written, not with an expression";
            let problem = spot.problem("catch.expression", message);
            self.problems
                .push(problem.hint("use `when` for conditions"));
        }
    }

    /// A policy written here, or a name of `use.retries`.
    fn named_retry(&mut self, spot: &Spot<'_>) -> Option<Retry> {
        let Some(name) = spot.tree.as_str() else {
            return self.retry(spot);
        };
        let retry = self.retries.get(name).cloned();
        if retry.is_none() {
            self.unknown_name(spot, "retry", name);
        }
        retry
    }

    pub fn retry(&mut self, spot: &Spot<'_>) -> Option<Retry> {
        let fields = self.object(spot, &RETRY_KEYS)?;
        let limit = fields
            .get("limit")
            .and_then(|spot| self.object(&spot, &["attempt", "duration"]));
        let attempt = limit.as_ref().and_then(|limit| limit.get("attempt"));
        let attempt = attempt.and_then(|spot| self.object(&spot, &["count", "duration"]));
        let attempt_get = |key| attempt.as_ref().and_then(|spot| spot.get(key));
        let count = attempt_get("count").and_then(|spot| self.integer(&spot, 0, u32::MAX.into()));
        let duration = limit.as_ref().and_then(|limit| limit.get("duration"));
        let delay = fields.get("delay").and_then(|spot| self.delay(&spot));
        Some(Retry {
            when: fields.get("when").and_then(|spot| self.expression(&spot)),
            except_when: fields
                .get("exceptWhen")
                .and_then(|spot| self.expression(&spot)),
            delay: delay.unwrap_or_default(),
            backoff: fields
                .get("backoff")
                .and_then(|spot| self.backoff(&spot))
                .unwrap_or_default(),
            count: count.and_then(|count| count.try_into().ok()),
            attempt_duration: attempt_get("duration").and_then(|spot| self.delay(&spot)),
            duration: duration.and_then(|spot| self.delay(&spot)),
            jitter: fields.get("jitter").and_then(|spot| self.jitter(&spot)),
        })
    }

    fn backoff(&mut self, spot: &Spot<'_>) -> Option<Backoff> {
        let fields = self.object(spot, &["constant", "linear", "exponential"])?;
        let [entry] = fields.entries() else {
            let message = "a backoff is one of constant, linear and exponential";
            self.problems.push(spot.problem("retry.backoff", message));
            return None;
        };
        let spot = fields.of(entry);
        match &*entry.key {
            "constant" => self.object(&spot, &[]).map(|_| Backoff::Constant),
            "linear" => self.object(&spot, &[]).map(|_| Backoff::Linear),
            "exponential" => {
                let fields = self.object(&spot, &["factor", "maxDelay"])?;
                let factor = fields.get("factor").and_then(|spot| self.factor(&spot));
                Some(Backoff::Exponential {
                    factor: factor.unwrap_or(2.0),
                    max: fields
                        .get("maxDelay")
                        .and_then(|spot| self.fixed_delay(&spot)),
                })
            }
            _ => None,
        }
    }

    fn factor(&mut self, spot: &Spot<'_>) -> Option<f64> {
        let factor = spot.tree.as_scalar().and_then(|value| value.as_f64());
        if factor.is_some_and(|factor| (1.0..=FACTOR_MAX).contains(&factor)) {
            return factor;
        }
        let message = format!("a factor is a number between 1 and {FACTOR_MAX}");
        let problem = spot.problem("document.range", message);
        self.problems
            .push(problem.hint("2 doubles the wait each time"));
        None
    }

    fn jitter(&mut self, spot: &Spot<'_>) -> Option<(std::time::Duration, std::time::Duration)> {
        let fields = self.object(spot, &["from", "to"])?;
        let from = self
            .required(&fields, "from")
            .and_then(|spot| self.fixed_delay(&spot));
        let to = self
            .required(&fields, "to")
            .and_then(|spot| self.fixed_delay(&spot));
        let (from, to) = (from?, to?);
        if from > to {
            let message = "`from` is longer than `to`";
            let problem = spot.problem("document.range", message);
            self.problems.push(problem.hint("exchange them"));
        }
        Some((from, to))
    }
}
