//! The schedule inside a template, in the words of a job configuration's: one meaning, read in one place.

use std::cell::RefCell;
use std::time::Duration;

use super::length;
use super::schedule;
use super::spot::Spot;
use crate::calendar::Schedule;
use crate::document::event::{Filter, Strategy, Trigger, Until};
use crate::document::step::{Shape, Template};
use crate::document::tree::Tree;
use crate::problem::Problem;
use crate::value::Value;

/// Words of a template and those of a job configuration, where they differ.
const WORDS: [(&str, &str); 5] = [
    ("nextOpen", "next_open"),
    ("previousOpen", "previous_open"),
    ("queueOne", "queue_one"),
    ("queueAll", "queue_all"),
    ("cancelRunning", "cancel_running"),
];

/// What starts work by itself, as a rule says.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    /// Slots on the time line.
    Slots(Box<Schedule>),
    /// So long after the end of the job before.
    After(Duration),
    /// Events.
    Events,
}

/// The rule of a template's own schedule: `schedule` of a job configuration that says the same,
/// `{ after: … }`, or `{ on: …, read: … }` as it was written.
pub fn own_rule(template: &Template) -> Option<Value> {
    let (rule, overlap) = match template.schedule.as_ref()? {
        Trigger::Cron(line) => (("cron", Value::from(line.as_str())), "skip"),
        // A fixed rate, whatever runs: so the language has it.
        Trigger::Every(every) => {
            let every = Value::map([("every", written(*every))]);
            (("interval", every), "allow")
        }
        Trigger::After(delay) => return Some(Value::map([("after", written(*delay))])),
        Trigger::On { .. } => return template.document.get("schedule").cloned(),
    };
    let extras = &template.header.settings.schedule;
    let word = |said: &Option<String>| {
        let said = said.as_deref()?;
        let known = WORDS.iter().find(|(theirs, _)| *theirs == said);
        Some(Value::from(known.map_or(said, |(_, ours)| ours)))
    };
    let catch_up = match extras.catch_up.as_deref() {
        Some("all") => Some(Value::map([("all", Value::map([] as [(&str, Value); 0]))])),
        _ => word(&extras.catch_up),
    };
    let said = [
        ("zone", word(&extras.zone)),
        ("calendar", extras.calendar.as_deref().map(Value::from)),
        ("closed_day", word(&extras.closed_day)),
        ("gap", word(&extras.gap)),
        ("fold", word(&extras.fold)),
        ("catch_up", catch_up),
        ("spread", extras.spread.map(written)),
        (
            "overlap",
            word(&extras.overlap).or_else(|| Some(Value::from(overlap))),
        ),
    ];
    let said = said
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    Some(Value::map(std::iter::once(rule).chain(said)))
}

impl Timing {
    /// The rule in words, such as "every Monday at 06:00 Europe/Berlin".
    pub fn words(&self) -> String {
        match self {
            Timing::Slots(schedule) => crate::calendar::words(schedule),
            Timing::After(delay) => {
                format!("{} s after the end of the job before", delay.as_secs_f64())
            }
            Timing::Events => "when events come".to_owned(),
        }
    }
}

/// A stored rule in words; as it was written where another release wrote it.
pub fn rule_words(rule: &str) -> String {
    let read = Value::parse(rule).ok().and_then(|rule| timing(&rule).ok());
    read.map_or_else(|| rule.to_owned(), |timing| timing.words())
}

/// Types of the events that a template's schedule asks for; nothing where a filter takes any, or no events
/// start its jobs.
pub fn own_events(template: &Template) -> Option<Vec<String>> {
    let Trigger::On { strategy, .. } = template.schedule.as_ref()? else {
        return None;
    };
    let mut types = filters(strategy).map(type_of).collect::<Option<Vec<_>>>()?;
    types.sort_unstable();
    types.dedup();
    Some(types)
}

fn filters(strategy: &Strategy) -> Box<dyn Iterator<Item = &Filter> + '_> {
    let until = match &strategy.until {
        Some(Until::Events(until)) => Some(filters(until)),
        _ => None,
    };
    Box::new(strategy.filters.iter().chain(until.into_iter().flatten()))
}

fn type_of(filter: &Filter) -> Option<String> {
    let said = filter.with.iter().find(|(name, _)| name == "type")?;
    match &said.1 {
        Shape::Constant(value) => value.as_str().map(str::to_owned),
        _ => None,
    }
}

/// What a rule says, of a job configuration or of a template.
///
/// # Errors
/// Every problem, if a later or foreign hand wrote it.
pub fn timing(rule: &Value) -> Result<Timing, Vec<Problem>> {
    if rule.get("on").is_some() {
        return Ok(Timing::Events);
    }
    let tree = Tree::from_value(rule);
    let problems = RefCell::default();
    let spot = Spot {
        tree: &tree,
        pointer: String::new(),
        problems: &problems,
    };
    let read = match spot.get("after") {
        Some(after) => after.parsed(length::parse).map(Timing::After),
        None => schedule::read(&spot).map(|schedule| Timing::Slots(Box::new(schedule))),
    };
    let problems = problems.into_inner();
    match read {
        Some(timing) => problems.or(timing),
        None => Err(problems.into_list()),
    }
}

fn written(length: Duration) -> Value {
    let text = match length.subsec_nanos() {
        0 => format!("{}s", length.as_secs()),
        _ => format!("{}ms", length.as_millis()),
    };
    Value::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{CatchUp, ClosedDay, Fold, Gap, Overlap, Rule};
    use crate::catalogue::{Ability, Catalogue};
    use crate::check;

    fn template(extras: &str, schedule: &str) -> Template {
        let able = Ability::ALL
            .into_iter()
            .fold(Catalogue::builtin(), Catalogue::able);
        let text = format!(
            "document: {{ dsl: '1.0.3', namespace: a, name: b, version: '1.0.0', metadata: {{ windlass: {{ {extras} }} }} }}\n\
             schedule: {schedule}\ndo: []\n"
        );
        check::publish(&text, &able).expect("a template")
    }

    fn slots(extras: &str, schedule: &str) -> Schedule {
        let rule = own_rule(&template(extras, schedule)).expect("a rule");
        match timing(&rule).expect("readable") {
            Timing::Slots(schedule) => *schedule,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_cron_line_brings_what_its_settings_say() {
        let extras = "schedule: { calendar: days, closedDay: nextOpen, zone: Europe/Berlin, catchUp: all, overlap: queueOne, gap: shift, fold: second, spread: PT5M }";
        let schedule = slots(extras, "{ cron: 0 3 * * 0 }");
        assert!(matches!(schedule.rule, Rule::Pattern(_)));
        assert_eq!(schedule.zone.name(), "Europe/Berlin");
        assert_eq!(schedule.catch_up, CatchUp::ALL);
        assert_eq!(schedule.overlap, Overlap::QueueOne);
        assert_eq!(schedule.calendar.as_deref(), Some("days"));
        assert_eq!(schedule.closed_day, ClosedDay::NextOpen);
        assert_eq!(
            (schedule.gap(), schedule.fold()),
            (Gap::Shift, Fold::Second)
        );
        assert_eq!(schedule.spread, Duration::from_mins(5));
    }

    #[test]
    fn a_rule_for_closed_days_needs_a_calendar_and_no_rate_moves() {
        let refused = |extras: &str, schedule: &str| {
            let text = format!(
                "document: {{ dsl: '1.0.3', namespace: a, name: b, version: '1.0.0', metadata: {{ windlass: {{ schedule: {{ {extras} }} }} }} }}\n\
                 schedule: {schedule}\ndo: []\n"
            );
            let able = Catalogue::builtin().able(Ability::Schedule);
            let problems = check::publish(&text, &able).expect_err(extras).into_iter();
            let told = problems.map(|problem| format!("{} {}", problem.code, problem.pointer));
            told.collect::<Vec<_>>()
        };
        let place = "configuration.conflict /document/metadata/windlass/schedule/closedDay";
        assert_eq!(refused("closedDay: skip", "{ cron: 0 3 * * 0 }"), [place]);
        assert_eq!(
            refused("calendar: a, closedDay: nextOpen", "{ every: PT1H }"),
            [place]
        );
        assert_eq!(
            refused("calendar: A b", "{ every: PT1H }"),
            ["configuration.value /document/metadata/windlass/schedule/calendar"]
        );
    }

    #[test]
    fn a_cron_line_skips_what_overlaps_and_a_rate_does_not() {
        assert_eq!(
            slots("profile: '1'", "{ cron: 0 3 * * 0 }").overlap,
            Overlap::Skip
        );
        let every = slots("profile: '1'", "{ every: { minutes: 5 } }");
        assert_eq!(every.overlap, Overlap::Allow);
        assert!(matches!(every.rule, Rule::Interval(rule) if rule.every == Duration::from_mins(5)));
    }

    #[test]
    fn a_delay_and_events_are_told_apart() {
        let after = own_rule(&template("profile: '1'", "{ after: PT1M }")).expect("a rule");
        assert_eq!(timing(&after), Ok(Timing::After(Duration::from_mins(1))));
        let of_two = template(
            "profile: '1'",
            "{ on: { any: [ { with: { type: b } }, { with: { type: a } } ] } }",
        );
        let rule = own_rule(&of_two).expect("a rule");
        assert_eq!(timing(&rule), Ok(Timing::Events));
        assert_eq!(
            own_events(&of_two),
            Some(vec!["a".to_owned(), "b".to_owned()])
        );
        let of_any = template("profile: '1'", "{ on: { one: { with: { subject: s } } } }");
        assert_eq!(own_events(&of_any), None);
    }
}
