//! Errors on their way up: filters, retries, handlers, the end.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Execution;
use super::fault::{ERROR_TYPES, Fault, kept};
use super::held::bytes;
use super::limits::ERROR_BYTES_MAX;
use super::state::{Doing, FrameKind, Move, Tries};
use super::trace::Passage;
use super::turn::{End, Outcome, OutcomeKind};
use crate::policy::fingerprint;
use crate::policy::retry::{self, Limits};
use crate::program::node::{Form, Next, RetryNode, TryNode};
use crate::program::{NodeId, NodeKind};
use crate::value::Value;

/// Prefixes under which the standard's eight names are in use: the same types when matching (ruling 24).
const STANDARD_PREFIXES: [&str; 4] = [
    ERROR_TYPES,
    "https://serverlessworkflow.io/dsl/errors/types/",
    "https://open-workflow-specification.org/spec/1.0.0/errors/",
    "https://open-workflow-specification.org/dsl/errors/types/",
];

/// What a `try` makes of an error that it caught.
enum Caught {
    Again(DateTime<Utc>),
    Handle(NodeId),
    Swallow,
    /// No retry is left, and the document says that a person should look.
    Park,
    No,
}

impl Execution {
    /// An error leaves the task on top. Whoever catches it decides how the job goes on; nobody: it fails.
    pub(super) fn raise(&mut self, fault: Fault, again_after: Option<Duration>) {
        self.raise_past(fault, again_after, None);
    }

    /// The same; frames of this branch from `limit` on do not catch it.
    pub(super) fn raise_past(
        &mut self,
        fault: Fault,
        again_after: Option<Duration>,
        mut limit: Option<usize>,
    ) {
        let pointer = self
            .state
            .branch()
            .top()
            .map(|frame| self.program.node(frame.node).place.clone());
        let mut fault = bounded(fault).at(pointer.as_deref().unwrap_or(""));
        self.drop_below(self.state.cursor);
        self.state.branch_mut().doing = Doing::Nothing;
        loop {
            let Some(frame) = self.state.branch().top() else {
                limit = None;
                if self.state.branch().parent.is_none() {
                    return self.fail_until(&fault, again_after);
                }
                let Some(left) = self.branch_failed(fault) else {
                    return;
                };
                fault = left;
                continue;
            };
            let id = frame.node;
            let place = self.state.branch().frames.len() - 1;
            let is_inside = limit.is_none_or(|limit| place < limit);
            if is_inside && matches!(frame.kind, FrameKind::Try(_)) {
                match self.caught(id, &fault, again_after) {
                    Ok(true) => return,
                    Ok(false) => {}
                    // A condition of the `catch` failed: that error goes up in its place.
                    Err(other) => fault = other.at(&self.program.node(self.top().node).place),
                }
            }
            if self.begin_undoing(&fault, limit) {
                return;
            }
            self.pop_frame();
            self.pass(id, |_| Passage::Failed(fault_value(&fault)));
        }
    }

    /// The task on top is no more: mail that it had taken goes back, undos go outward.
    pub(super) fn pop_frame(&mut self) {
        if let Some(mut frame) = self.state.branch_mut().frames.pop() {
            let undos = match &mut frame.kind {
                FrameKind::Undoing { unwinding, .. } => std::mem::take(&mut unwinding.undos),
                _ => std::mem::take(&mut frame.undos),
            };
            self.return_mail(frame.kind);
            if !undos.is_empty() {
                self.hand_outward(undos);
            }
        }
    }

    /// Whether the `try` on top catches the error; if so, the job goes on.
    fn caught(
        &mut self,
        id: NodeId,
        fault: &Fault,
        again_after: Option<Duration>,
    ) -> Result<bool, Fault> {
        let program = self.program.clone();
        let NodeKind::Try(tried) = &program.node(id).kind else {
            return Ok(false);
        };
        if !tried
            .errors
            .iter()
            .all(|(member, wanted)| matches_member(fault, member, wanted))
        {
            return Ok(false);
        }
        let error = self.state.hold(fault_value(fault));
        let FrameKind::Try(tries) =
            std::mem::replace(&mut self.top_mut().kind, FrameKind::Catch { error })
        else {
            unreachable!("the frame is a try")
        };
        let input = self.top().input.clone();
        let verdict = self.verdict(id, tried, &tries, again_after)?;
        match verdict {
            Caught::No => {
                self.top_mut().kind = FrameKind::Try(tries);
                return Ok(false);
            }
            Caught::Again(until) => {
                self.top_mut().kind = FrameKind::Try(Tries {
                    attempt: tries.attempt + 1,
                    due: None,
                    ..tries
                });
                self.stand(Doing::Backoff { until });
            }
            Caught::Park => self.exhausted(tries, fault),
            Caught::Handle(first) => self.stand(Doing::Moving(Move::Enter(first))),
            Caught::Swallow => {}
        }
        self.state.branch_mut().data = input;
        if matches!(verdict, Caught::Swallow) {
            // Caught is handled: `catch.then` applies here as after a handler (ruling 19).
            self.leave((tried.then != Next::Continue).then_some(tried.then))?;
        }
        Ok(true)
    }

    /// Filter → conditions → retry while the policy allows → handler (ruling 19).
    fn verdict(
        &mut self,
        id: NodeId,
        tried: &TryNode,
        tries: &Tries,
        again_after: Option<Duration>,
    ) -> Result<Caught, Fault> {
        let input = self.top().input.value.clone();
        if !self.admits(tried.when, tried.except_when, &input)? {
            return Ok(Caught::No);
        }
        if let Some(retry) = &tried.retry
            && self.admits(retry.when, retry.except_when, &input)?
        {
            if let Some(until) = self.again_at(id, retry, tries, again_after, &input)? {
                return Ok(Caught::Again(until));
            }
            if self.program.node(id).settings.parks == Some(true) && tried.handler.is_none() {
                return Ok(Caught::Park);
            }
        }
        Ok(match (tried.handler, &tried.retry) {
            (Some(first), _) => Caught::Handle(first),
            (None, None) => Caught::Swallow,
            (None, Some(_)) => Caught::No,
        })
    }

    /// Parked as if before its first try: whoever lets the job go on gives it all its retries again.
    fn exhausted(&mut self, tries: Tries, fault: &Fault) {
        let now = self.state.root.at;
        self.top_mut().kind = FrameKind::Try(Tries {
            attempt: 0,
            first: now,
            due: None,
            ..tries
        });
        self.stand(Doing::Backoff { until: now });
        self.park(exhausted_by(fault));
    }

    fn admits(
        &self,
        when: Option<crate::program::Site>,
        except: Option<crate::program::Site>,
        input: &Value,
    ) -> Result<bool, Fault> {
        let when = when.map_or(Ok(true), |site| self.holds(site, input))?;
        Ok(when && !except.map_or(Ok(false), |site| self.holds(site, input))?)
    }

    /// When the next try may begin; nothing when the policy forbids one (ruling 21).
    fn again_at(
        &self,
        id: NodeId,
        node: &RetryNode,
        tries: &Tries,
        again_after: Option<Duration>,
        input: &Value,
    ) -> Result<Option<DateTime<Utc>>, Fault> {
        let number = tries.attempt + 1;
        let base = self.length(node.delay, input)?;
        let duration = node
            .duration
            .map(|span| self.length(span, input))
            .transpose()?;
        let limits = Limits {
            count: node.policy.count,
            duration,
        };
        let pointer = &self.program.node(id).pointer;
        let jitter = node.policy.jitter.map_or(Duration::ZERO, |range| {
            retry::jitter(range, self.facts.nonce, pointer, self.top().visit, number)
        });
        let wait = (retry::delay(base, node.policy.backoff, number) + jitter)
            .max(again_after.unwrap_or_default());
        Ok(retry::begins(
            limits,
            number,
            tries.first,
            self.state.root.at,
            wait,
        ))
    }

    /// The error that a `raise` builds.
    pub(super) fn raised(&self, form: &Form) -> Result<Fault, Fault> {
        let error = self.fill(form, &self.top().input.value, None)?;
        let text = |key: &str| {
            error
                .get(key)
                .filter(|value| !value.is_null())
                .map(|value| {
                    value
                        .as_str()
                        .map_or_else(|| value.to_json(), ToOwned::to_owned)
                })
        };
        let status = error
            .get("status")
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok());
        Ok(Fault {
            kind: text("type").unwrap_or_else(|| format!("{ERROR_TYPES}runtime")),
            status: status.unwrap_or(500),
            title: text("title"),
            detail: error
                .get("detail")
                .cloned()
                .filter(|detail| !detail.is_null()),
            instance: text("instance"),
        })
    }

    /// The job reaches its end.
    pub(super) fn complete(&mut self) {
        let result = self.state.branch().data.value.to_json();
        self.end(Outcome {
            kind: OutcomeKind::Completed,
            code: None,
            fingerprint: None,
            result: Some(result),
        });
    }

    /// The job fails with an error that nobody caught.
    pub(super) fn fail(&mut self, fault: &Fault) {
        self.fail_until(fault, None);
    }

    fn fail_until(&mut self, fault: &Fault, again_after: Option<Duration>) {
        let result = self.with_again_after(fault_value(fault), again_after);
        let outcome = Outcome {
            kind: OutcomeKind::Failed,
            code: Some(fault.kept_code()),
            fingerprint: Some(fingerprint::of(fault)),
            result: Some(result.to_json()),
        };
        self.end(outcome);
    }
}

/// `$error`, and the problem in a failed job's result; `details` is the release schema's spelling of `detail`.
pub(crate) fn fault_value(fault: &Fault) -> Value {
    let text = |text: &Option<String>| text.as_deref().map(Value::text);
    let members = [
        ("type", Some(Value::text(fault.kind.as_str()))),
        ("status", Some(Value::from(i64::from(fault.status)))),
        ("title", text(&fault.title)),
        ("detail", fault.detail.clone()),
        ("details", fault.detail.clone()),
        ("instance", text(&fault.instance)),
    ];
    Value::map(
        members
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| (key, value))),
    )
}

/// The dead letter of an error.
pub(super) fn exhausted_by(fault: &Fault) -> End {
    End::Exhausted {
        reason: kept(fault.title.as_deref().unwrap_or_default()),
        code: fault.kept_code(),
        fingerprint: fingerprint::of(fault),
    }
}

/// The error that `fault_value` wrote.
pub(super) fn fault_of(value: &Value) -> Fault {
    let text = |key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .map(ToOwned::to_owned)
    };
    let status = value.get("status").and_then(Value::as_u64);
    Fault {
        kind: text("type").unwrap_or_else(|| format!("{ERROR_TYPES}runtime")),
        status: status
            .and_then(|status| u16::try_from(status).ok())
            .unwrap_or(500),
        title: text("title"),
        detail: value.get("detail").cloned(),
        instance: text("instance"),
    }
}

fn matches_member(fault: &Fault, member: &str, wanted: &Value) -> bool {
    match member {
        "type" => wanted
            .as_str()
            .is_some_and(|wanted| same_type(wanted, &fault.kind)),
        "status" => wanted.as_u64() == Some(u64::from(fault.status)),
        "title" => wanted.as_str() == fault.title.as_deref(),
        "instance" => wanted.as_str() == fault.instance.as_deref(),
        "detail" | "details" => fault.detail.as_ref() == Some(wanted),
        _ => false,
    }
}

/// Whether two types are one under the standard's prefixes; foreign ones compare to the letter.
pub(crate) fn same_type(one: &str, other: &str) -> bool {
    canonical_type(one) == canonical_type(other)
}

/// Foreign types compare to the letter.
fn canonical_type(uri: &str) -> (&str, &str) {
    let standard = STANDARD_PREFIXES
        .iter()
        .find_map(|prefix| uri.strip_prefix(prefix));
    standard.map_or(("", uri), |name| (ERROR_TYPES, name))
}

/// Reports keep so much of an error.
fn bounded(mut fault: Fault) -> Fault {
    if fault
        .detail
        .as_ref()
        .is_some_and(|detail| bytes(detail) > ERROR_BYTES_MAX)
    {
        fault.detail = Some(Value::from("the detail is too large to keep"));
    }
    if fault
        .title
        .as_ref()
        .is_some_and(|title| title.len() > ERROR_BYTES_MAX)
    {
        fault.title = fault.title.map(|title| title.chars().take(1_000).collect());
    }
    fault
}
