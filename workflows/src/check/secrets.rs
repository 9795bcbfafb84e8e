//! Secrets stand only where something is sent, as they are or inside a text (ruling 31).
//!
//! `$secrets.name` is an opaque marker until whoever sends swaps it for the value. Anywhere else it would
//! be stored, and a function applied to it would work on the marker.

use super::Checker;
use crate::catalogue::{BATCH, CONTEXT_LOAD, CONTEXT_SAVE};
use crate::document::event::{Filter, Strategy, Until};
use crate::document::parse::CATALOGS;
use crate::document::step::{Authentication, Delay, Expression, HttpCall, Kind, Shape, Try};
use crate::document::tree::join;
use crate::machine::secret::uses;
use crate::program::calls_tasks;

impl<'a> Checker<'a> {
    pub(super) fn check_secrets(&mut self) {
        let template = self.template;
        for task in super::walk::tasks(template) {
            let placed = task.settings.placement.iter();
            placed.for_each(|(_, shape)| self.refused(shape));
            let effect = task.settings.effect.iter();
            effect.for_each(|effect| self.leaks(&effect.key));
            match &task.kind {
                Kind::Http(call) => self.of_request(call, &task.pointer),
                Kind::OpenApi(call) => {
                    self.allowed(&call.parameters);
                    if let Some(policy) = &call.authentication {
                        let pointer = format!("{}/with/authentication", task.pointer);
                        self.policy(policy, &pointer);
                    }
                }
                // What a context is given is stored, and so is the recipe of a batch.
                Kind::Function { function, with }
                    if [BATCH, CONTEXT_LOAD, CONTEXT_SAVE].contains(&function.name.as_str()) =>
                {
                    self.refused(with);
                }
                // Its tasks may keep what they are given.
                Kind::Local { with, .. } if calls_tasks(&template.functions, &task.kind) => {
                    self.refused(with);
                }
                Kind::Function { with, .. } | Kind::Local { with, .. } => {
                    self.allowed(with);
                }
                Kind::Set(shape) | Kind::Emit(shape) => self.refused(shape),
                Kind::Raise(fault) => self.refused(&fault.error),
                Kind::Run(run) => run.input.iter().for_each(|shape| self.refused(shape)),
                Kind::Switch(cases) => {
                    let asked = cases.iter().filter_map(|case| case.when.as_ref());
                    asked.for_each(|when| self.leaks(when));
                }
                Kind::For(each) => {
                    let condition = each.condition.iter();
                    let asked = std::iter::once(&each.list).chain(condition);
                    asked.for_each(|asked| self.leaks(asked));
                }
                Kind::Wait(Delay::Computed(length)) => self.leaks(length),
                Kind::Try(attempt) => self.of_attempt(attempt),
                Kind::Listen(listen) => self.of_listen(&listen.to),
                Kind::Wait(Delay::Fixed(_)) | Kind::Do(_) | Kind::Fork(_) => {}
            }
        }
        for (name, policy) in &template.authentications {
            self.policy(policy, &join("/use/authentications", name));
        }
    }

    fn of_request(&mut self, call: &HttpCall, pointer: &str) {
        let shapes = [&call.headers, &call.query, &call.body];
        self.allowed(&call.endpoint);
        for shape in shapes.into_iter().flatten() {
            self.allowed(shape);
        }
        if let Some(policy) = &call.authentication {
            self.policy(policy, &format!("{pointer}/with/endpoint/authentication"));
        }
    }

    fn of_attempt(&mut self, attempt: &Try) {
        let retry = attempt.retry.as_ref();
        let of_retry = retry.map(|retry| [retry.when.as_ref(), retry.except_when.as_ref()]);
        let lengths = retry.map(|retry| {
            let more = [retry.attempt_duration.as_ref(), retry.duration.as_ref()];
            std::iter::once(&retry.delay).chain(more.into_iter().flatten())
        });
        let lengths = lengths.into_iter().flatten().map(|length| match length {
            Delay::Computed(length) => Some(length),
            Delay::Fixed(_) => None,
        });
        let own = [attempt.when.as_ref(), attempt.except_when.as_ref()];
        let asked = own.into_iter().chain(of_retry.into_iter().flatten());
        for asked in asked.chain(lengths).flatten() {
            self.leaks(asked);
        }
    }

    fn of_listen(&mut self, to: &Strategy) {
        to.filters.iter().for_each(|filter| self.of_filter(filter));
        match &to.until {
            Some(Until::Condition(condition)) => self.leaks(condition),
            Some(Until::Events(inner)) => self.of_listen(inner),
            None => {}
        }
    }

    fn of_filter(&mut self, filter: &Filter) {
        for (_, shape) in &filter.with {
            self.refused(shape);
        }
        for one in &filter.correlate {
            self.leaks(&one.from);
            one.expect.iter().for_each(|shape| self.refused(shape));
        }
    }

    fn policy(&mut self, policy: &Authentication, pointer: &str) {
        match policy {
            Authentication::Named(_) if self.is_borrowed(pointer) => {}
            Authentication::Named(name) => {
                let known = &self.template.authentications;
                if known.iter().any(|(known, _)| known == name) {
                    return;
                }
                let names = known.iter().map(|(known, _)| known.as_str());
                let hint = self.nearest(name, names);
                let message = format!("`use.authentications` has no `{name}`");
                let pointer = join(pointer, "use");
                self.report("reference.unknown_authentication", &pointer, message, hint);
            }
            Authentication::Policy {
                scheme,
                parameters,
                secret,
            } => {
                self.allowed(parameters);
                if let Some(secret) = secret {
                    self.named(secret, &join(&join(pointer, scheme), "use"));
                }
            }
        }
    }

    /// Reports a secret or policy that a function of a catalogue names: others wrote it, and it would send
    /// what the template was granted to wherever it likes.
    fn is_borrowed(&mut self, pointer: &str) -> bool {
        let is_borrowed = pointer.starts_with(CATALOGS);
        if is_borrowed {
            let message = "a function of a catalogue names no secret and no policy".to_owned();
            let hint = "give it what it needs by `with` where it is called".to_owned();
            self.report("function.secret", pointer, message, Some(hint));
        }
        is_borrowed
    }

    fn named(&mut self, path: &str, pointer: &str) {
        if self.is_borrowed(pointer) {
            return;
        }
        let name = path.split('.').next().unwrap_or(path);
        if self.secrets.contains(name) {
            return;
        }
        let names = self.template.secrets.iter().map(String::as_str);
        let hint = self.nearest(name, names);
        let hint = hint.unwrap_or_else(|| "define it under use.secrets".to_owned());
        let message = format!("`use.secrets` has no `{name}`");
        self.report("reference.unknown_secret", pointer, message, Some(hint));
    }

    fn allowed(&mut self, shape: &Shape) {
        each(shape, &mut |expression| {
            for use_ in uses(&expression.text) {
                match use_ {
                    Some(name) => self.named(name, &expression.pointer),
                    None => self.leaks(expression),
                }
            }
        });
    }

    fn refused(&mut self, shape: &Shape) {
        each(shape, &mut |expression| self.leaks(expression));
    }

    fn leaks(&mut self, expression: &Expression) {
        if !expression.text.contains("$secrets") {
            return;
        }
        let message = "a secret stands here as a marker, and would be stored".to_owned();
        let hint =
            "write ${ $secrets.name } or \\($secrets.name) inside a text, where a request is sent";
        let offset = expression.text.find("$secrets").unwrap_or_default();
        let place = (expression, offset);
        self.report_in("secret.leaks", place, message, Some(hint.to_owned()));
    }
}

fn each(shape: &Shape, visit: &mut impl FnMut(&Expression)) {
    match shape {
        Shape::Constant(_) => {}
        Shape::Expression(expression) => visit(expression),
        Shape::List(items) => items.iter().for_each(|item| each(item, visit)),
        Shape::Map(entries) => entries.iter().for_each(|(_, shape)| each(shape, visit)),
    }
}
