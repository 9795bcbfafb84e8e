//! Every expression parses and names only variables that exist at its place.
//!
//! Which those are is `document::scope`'s table, plus loop and error names of the tasks around.

use std::collections::HashMap;

use super::Checker;
use crate::document::event::{Listen, Strategy, Trigger, Until};
use crate::document::scope::Site;
use crate::document::settings::Settings;
use crate::document::step::{
    Authentication, Delay, Expression, HttpCall, Kind, Retry, Shape, Task, Try,
};
use crate::expression::{self, Source, SyntaxProblem};

/// Names that loops and `catch` bind around a place, outermost first.
type Names<'a> = Vec<&'a str>;

/// What is wrong with an expression under certain names; documents repeat themselves.
type Seen<'a> = HashMap<(Site, Names<'a>, &'a str), Option<SyntaxProblem>>;

/// What a name is missing for, where it is not bound.
const ABSENT: [(&str, &str); 8] = [
    (
        "`$output`",
        "$output exists in export.as only; elsewhere the data is `.`",
    ),
    (
        "`$secrets`",
        "$secrets exists only where a request or a call of a function is written",
    ),
    (
        "`$authorization`",
        "who sends a request is named by its `authentication`; the token is not for templates",
    ),
    (
        "`$input`",
        "$input exists in a task's body, output.as and export.as; here the data is `.`",
    ),
    ("`$context`", "there is no context before the first task"),
    ("`$task`", "$task exists inside tasks only"),
    (
        "`$error`",
        "$error exists inside `catch` only, unless `as` names it otherwise",
    ),
    (
        "`$item`",
        "$item exists inside `for` only, unless `each` names it otherwise",
    ),
];

impl<'a> Checker<'a> {
    pub(super) fn check_expressions(&mut self) {
        let template = self.template;
        let mut walk = Walk {
            checker: self,
            seen: HashMap::new(),
        };
        let none = Names::new();
        walk.maybe_shape(&template.input.from, Site::WorkflowInput, &none);
        walk.maybe_delay(&template.timeout, Site::WorkflowInput, &none);
        walk.maybe_shape(&template.output.shape, Site::WorkflowOutput, &none);
        let settings = &template.header.settings;
        walk.lane(&settings.lane);
        walk.maybe_delay(&settings.deadline, Site::WorkflowInput, &none);
        if let Some(Trigger::On { strategy, .. }) = &template.schedule {
            walk.strategy(strategy, Site::Trigger, &none);
        }
        for (_, policy) in &template.authentications {
            if let Authentication::Policy { parameters, .. } = policy {
                walk.shape(parameters, Site::Body, &none);
            }
        }
        for (_, function) in &template.functions {
            walk.task(function, &none);
        }
        walk.tasks(&template.body, &none);
    }
}

struct Walk<'c, 'a> {
    checker: &'c mut Checker<'a>,
    seen: Seen<'a>,
}

impl<'a> Walk<'_, 'a> {
    fn tasks(&mut self, tasks: &'a [Task], names: &Names<'a>) {
        tasks.iter().for_each(|task| self.task(task, names));
    }

    fn task(&mut self, task: &'a Task, names: &Names<'a>) {
        self.maybe(&task.condition, Site::Before, names);
        self.maybe_shape(&task.input.from, Site::Before, names);
        self.maybe_delay(&task.timeout, Site::Before, names);
        self.settings(&task.settings, names);
        self.kind(&task.kind, names);
        self.maybe_shape(&task.output.shape, Site::Output, names);
        self.maybe_shape(&task.export.shape, Site::Export, names);
    }

    fn kind(&mut self, kind: &'a Kind, names: &Names<'a>) {
        match kind {
            Kind::Do(tasks) => self.tasks(tasks, names),
            Kind::Set(shape) => self.shape(shape, Site::Body, names),
            Kind::Http(call) => self.http(call, names),
            Kind::OpenApi(call) => {
                self.shape(&call.parameters, Site::Body, names);
                self.authentication(call.authentication.as_ref(), names);
            }
            Kind::Local { with, .. } | Kind::Function { with, .. } => {
                self.shape(with, Site::Body, names);
            }
            Kind::For(repeat) => {
                self.expression(&repeat.list, Site::Body, names);
                let inner = extended(names, [repeat.each.as_str(), repeat.at.as_str()]);
                self.maybe(&repeat.condition, Site::Body, &inner);
                self.tasks(&repeat.body, &inner);
            }
            Kind::Switch(cases) => {
                cases
                    .iter()
                    .for_each(|case| self.maybe(&case.when, Site::Body, names));
            }
            Kind::Try(attempt) => self.attempt(attempt, names),
            Kind::Raise(fault) => self.shape(&fault.error, Site::Body, names),
            Kind::Wait(delay) => self.delay(delay, Site::Body, names),
            Kind::Fork(fork) => self.tasks(&fork.branches, names),
            Kind::Listen(listen) => self.listen(listen, names),
            Kind::Emit(event) => self.shape(event, Site::Body, names),
            Kind::Run(run) => self.maybe_shape(&run.input, Site::Body, names),
        }
    }

    fn lane(&mut self, lane: &'a Option<Expression>) {
        self.maybe(lane, Site::Lane, &Names::new());
        let Some(lane) = lane else { return };
        let (text, variables): (_, &[&str]) = (lane.text.as_str(), &[]);
        let reads = expression::check(&Source { text, variables });
        if reads.is_ok_and(|reads| reads.clock) {
            let message = "a lane is read from the input alone: it must not ask for the time";
            let pointer = &lane.pointer;
            self.checker
                .report("expression.forbidden", pointer, message.to_owned(), None);
        }
    }

    fn listen(&mut self, listen: &'a Listen, names: &Names<'a>) {
        self.strategy(&listen.to, Site::Body, names);
        if let Some(foreach) = &listen.foreach {
            let inner = extended(names, [foreach.item.as_str(), foreach.at.as_str()]);
            self.tasks(&foreach.body, &inner);
            self.maybe_shape(&foreach.output.shape, Site::Output, &inner);
            self.maybe_shape(&foreach.export.shape, Site::Export, &inner);
        }
    }

    fn strategy(&mut self, strategy: &'a Strategy, site: Site, names: &Names<'a>) {
        for filter in &strategy.filters {
            let attributes = filter.with.iter();
            attributes.for_each(|(_, shape)| self.shape(shape, site, names));
            for one in &filter.correlate {
                self.expression(&one.from, site, names);
                self.maybe_shape(&one.expect, site, names);
            }
        }
        match &strategy.until {
            Some(Until::Condition(condition)) => self.expression(condition, site, names),
            Some(Until::Events(inner)) => self.strategy(inner, site, names),
            None => {}
        }
    }

    /// What places a step and what undoes it; an undo sees the step's output.
    fn settings(&mut self, settings: &'a Settings, names: &Names<'a>) {
        let placement = settings.placement.iter();
        placement.for_each(|(_, shape)| self.shape(shape, Site::Body, names));
        if let Some(effect) = &settings.effect {
            self.expression(&effect.key, Site::Body, names);
        }
        if let Some(Kind::Local { with, .. } | Kind::Function { with, .. }) =
            settings.undo.as_deref()
        {
            self.shape(with, Site::Export, names);
        }
    }

    fn http(&mut self, call: &'a HttpCall, names: &Names<'a>) {
        self.shape(&call.endpoint, Site::Body, names);
        for shape in [&call.headers, &call.query, &call.body] {
            self.maybe_shape(shape, Site::Body, names);
        }
        self.authentication(call.authentication.as_ref(), names);
    }

    fn authentication(&mut self, policy: Option<&'a Authentication>, names: &Names<'a>) {
        if let Some(Authentication::Policy { parameters, .. }) = policy {
            self.shape(parameters, Site::Body, names);
        }
    }

    fn attempt(&mut self, attempt: &'a Try, names: &Names<'a>) {
        self.tasks(&attempt.body, names);
        let inner = extended(names, [attempt.bind.as_str()]);
        self.maybe(&attempt.when, Site::Body, &inner);
        self.maybe(&attempt.except_when, Site::Body, &inner);
        if let Some(retry) = &attempt.retry {
            self.retry(retry, &inner);
        }
        if let Some(tasks) = &attempt.handler {
            self.tasks(tasks, &inner);
        }
    }

    fn retry(&mut self, retry: &'a Retry, names: &Names<'a>) {
        self.maybe(&retry.when, Site::Body, names);
        self.maybe(&retry.except_when, Site::Body, names);
        self.delay(&retry.delay, Site::Body, names);
        self.maybe_delay(&retry.attempt_duration, Site::Body, names);
        self.maybe_delay(&retry.duration, Site::Body, names);
    }

    fn maybe(&mut self, expression: &'a Option<Expression>, site: Site, names: &Names<'a>) {
        if let Some(expression) = expression {
            self.expression(expression, site, names);
        }
    }

    fn maybe_shape(&mut self, shape: &'a Option<Shape>, site: Site, names: &Names<'a>) {
        if let Some(shape) = shape {
            self.shape(shape, site, names);
        }
    }

    fn maybe_delay(&mut self, delay: &'a Option<Delay>, site: Site, names: &Names<'a>) {
        if let Some(delay) = delay {
            self.delay(delay, site, names);
        }
    }

    fn delay(&mut self, delay: &'a Delay, site: Site, names: &Names<'a>) {
        if let Delay::Computed(expression) = delay {
            self.expression(expression, site, names);
        }
    }

    fn shape(&mut self, shape: &'a Shape, site: Site, names: &Names<'a>) {
        match shape {
            Shape::Constant(_) => {}
            Shape::Expression(expression) => self.expression(expression, site, names),
            Shape::List(items) => items.iter().for_each(|item| self.shape(item, site, names)),
            Shape::Map(entries) => {
                entries
                    .iter()
                    .for_each(|(_, value)| self.shape(value, site, names));
            }
        }
    }

    fn expression(&mut self, expression: &'a Expression, site: Site, names: &Names<'a>) {
        // To read one costs more than all else that is said of it.
        if self.checker.problems.is_full() {
            return self.checker.problems.cut();
        }
        let text = expression.text.as_str();
        let key = (site, names.clone(), text);
        let found = self.seen.entry(key).or_insert_with(|| {
            let variables = extended(names, site.variables().iter().copied());
            let variables = &variables;
            expression::check(&Source { text, variables }).err()
        });
        let Some(problem) = found.clone() else { return };
        let absent = ABSENT.iter().find(|(name, _)| {
            problem.code == "expression.unknown_variable" && problem.message.contains(name)
        });
        let hint = absent.map(|(_, hint)| (*hint).to_owned()).or(problem.hint);
        // Where secrets are not bound, their values would be stored or decided upon (ruling 31).
        let code = match problem.message.starts_with("`$secrets`") {
            true => "secret.leaks",
            false => problem.code,
        };
        let place = (expression, problem.offset);
        self.checker.report_in(code, place, problem.message, hint);
    }
}

/// The names with more of them; a name that is bound again is bound once.
fn extended<'a>(names: &Names<'a>, more: impl IntoIterator<Item = &'a str>) -> Names<'a> {
    let mut all = names.clone();
    for name in more {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}
