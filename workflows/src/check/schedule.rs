//! The schedule inside a template: whether it ever starts a job, and whether its settings mean anything.

use chrono::DateTime;

use super::Checker;
use crate::calendar;
use crate::configuration::{Timing, own_rule, timing};
use crate::document::event::Trigger;
use crate::problem::Problem;
use crate::schema::Schema;
use crate::value::Value;

/// Where its settings stand.
const EXTRAS: &str = "/document/metadata/windlass/schedule";

impl Checker<'_> {
    pub(super) fn check_schedule(&mut self) {
        let key = match &self.template.schedule {
            Some(Trigger::Cron(_)) => "/schedule/cron",
            Some(Trigger::Every(_)) => "/schedule/every",
            Some(Trigger::After(_)) => "/schedule/after",
            _ => "",
        };
        if self.tree.pointer(EXTRAS).is_some()
            && !["/schedule/cron", "/schedule/every"].contains(&key)
        {
            let message =
                "these settings bend a `cron` or an `every`, and there is none".to_owned();
            let hint = "leave them out".to_owned();
            self.report_key("metadata.misplaced", EXTRAS, message, Some(hint));
        }
        if key.is_empty() {
            return;
        }
        self.check_rule(key);
        self.check_empty_input(key);
    }

    fn check_rule(&mut self, key: &str) {
        if let Some(Trigger::Every(every)) = &self.template.schedule
            && (every.as_secs() == 0 || every.subsec_nanos() != 0)
        {
            let message = "a rate is a whole number of seconds, at least one".to_owned();
            return self.report("schedule.interval", key, message, None);
        }
        let read = own_rule(self.template).map(|rule| timing(&rule));
        let schedule = match read {
            Some(Ok(Timing::Slots(schedule))) => schedule,
            Some(Err(problems)) => return self.refuse_rule(key, problems),
            _ => return,
        };
        // What its days make of it is asked where they are known: by whoever publishes it.
        if schedule.calendar.is_some() {
            return;
        }
        // No rule of a template ends, so that any instant will do.
        for problem in calendar::check(&schedule, None, DateTime::UNIX_EPOCH) {
            self.report(problem.code, key, problem.message, problem.hint);
        }
    }

    /// What reads the rule of a job configuration says of this one, at the setting that it speaks of.
    fn refuse_rule(&mut self, key: &str, problems: Vec<Problem>) {
        for problem in problems {
            let place = match problem.pointer.as_str() {
                "/closed_day" => format!("{EXTRAS}/closedDay"),
                setting if self.tree.pointer(&format!("{EXTRAS}{setting}")).is_some() => {
                    format!("{EXTRAS}{setting}")
                }
                _ => key.to_owned(),
            };
            self.report(&problem.code, &place, problem.message, problem.hint);
        }
    }

    /// A clock brings no input.
    fn check_empty_input(&mut self, key: &str) {
        let Some(schema) = &self.template.input.schema else {
            return;
        };
        let Ok(schema) = Schema::compile(schema) else {
            return;
        };
        let nothing = Value::map([] as [(&str, Value); 0]);
        if let Some(first) = schema.problems(&nothing).first() {
            let message = format!(
                "the clock starts jobs with the input {{}}, which the input's schema refuses: {}",
                first.message
            );
            let hint = "let the schema take {}, or start it from a job configuration".to_owned();
            self.report("schedule.input", key, message, Some(hint));
        }
    }
}
