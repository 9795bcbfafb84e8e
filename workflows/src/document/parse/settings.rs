//! `metadata.windlass`: our one key in the free maps of documents and tasks, closed, so that a typo is refused.

use super::Reader;
use super::call::function_name;
use super::shape::{shape, unwrapped};
use super::spot::Spot;
use crate::document::settings::{
    Compensate, DocumentSettings, Effect, Fate, Lifecycle, OnUnknown, Pin, ScheduleExtras, Settings,
};
use crate::document::step::{Delay, Kind, Shape};
use crate::document::tree::Node;
use crate::value::Value;

const DOCUMENT_KEYS: [&str; 8] = [
    "profile",
    "purpose",
    "lane",
    "needs",
    "prefers",
    "deadline",
    "lifecycle",
    "schedule",
];

const TASK_KEYS: [&str; 17] = [
    "heartbeat",
    "queue",
    "priority",
    "limits",
    "cost",
    "subject",
    "runTime",
    "startBy",
    "needs",
    "prefers",
    "onExhausted",
    "effect",
    "undo",
    "compensate",
    "onParentClose",
    "pin",
    "stage",
];

const PRIORITIES: [&str; 5] = ["bulk", "low", "normal", "high", "urgent"];

const SCHEDULE_WORDS: [(&str, &[&str]); 5] = [
    ("closedDay", &["run", "skip", "nextOpen", "previousOpen"]),
    ("catchUp", &["none", "latest", "all"]),
    (
        "overlap",
        &["skip", "queueOne", "queueAll", "cancelRunning", "allow"],
    ),
    ("gap", &["next", "shift", "skip"]),
    ("fold", &["first", "second", "both"]),
];

impl Reader {
    /// `metadata` of a task or function: free, but for our own key.
    pub fn settings(&mut self, fields: &Spot<'_>) -> Settings {
        let mut settings = Settings::default();
        let Some(ours) = self.ours(fields, &TASK_KEYS) else {
            return settings;
        };
        for entry in ours.entries() {
            let spot = ours.of(entry);
            match &*entry.key {
                "heartbeat" | "runTime" | "startBy" => self.placed_length(&spot, &mut settings),
                "queue" | "priority" | "limits" | "cost" | "subject" | "needs" | "prefers"
                | "stage" => self.placed(&spot, &mut settings),
                "onExhausted" => {
                    let word = self.word(&spot, &["fail", "park"]);
                    settings.parks = word.map(|word| word == "park");
                }
                "effect" => settings.effect = self.effect(&spot),
                "undo" => settings.undo = self.undo(&spot).map(Box::new),
                "compensate" => settings.compensate = self.compensate(&spot),
                "onParentClose" => {
                    let word = self.word(&spot, &["wait", "cancel", "abandon"]);
                    settings.fate = word.and_then(Fate::named);
                }
                "pin" => {
                    let is_early = self.word(&spot, &["publish", "start"]) == Some("publish");
                    settings.pin = [Pin::Start, Pin::Publish][usize::from(is_early)];
                }
                _ => {}
            }
        }
        self.misplaced(fields, &ours);
        settings
    }

    fn ours<'a>(&mut self, fields: &Spot<'a>, known: &[&str]) -> Option<Spot<'a>> {
        let metadata = fields.get("metadata")?;
        let ours = self.any_object(&metadata)?.get("windlass")?;
        let ours = self.any_object(&ours)?;
        for entry in ours.entries() {
            let key = &*entry.key;
            if known.contains(&key) {
                continue;
            }
            let message = format!("`{key}` is no key of metadata.windlass");
            let problem = ours.problem_at(entry, "metadata.unknown_key", message);
            let hint = self.nearest(key, known.iter().copied());
            let hint = hint.unwrap_or_else(|| "keys of your own belong beside `windlass`".into());
            self.problems.push(problem.hint(hint));
        }
        Some(ours)
    }

    /// What places a step may be computed; what is written out is checked here.
    fn placed(&mut self, spot: &Spot<'_>, settings: &mut Settings) {
        let key = spot
            .pointer
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let is_read = spot
            .tree
            .as_str()
            .is_some_and(|text| unwrapped(text).is_some());
        match &*key {
            _ if is_read => {}
            "priority" => {
                self.word(spot, &PRIORITIES);
            }
            "queue" | "stage" => {
                self.text(spot);
            }
            "subject" => self.wrong_type(spot, "an expression in `${ }`"),
            "limits" => {
                for item in self.items(spot) {
                    self.text(&item);
                }
            }
            "cost" => self.cost(spot),
            _ => {
                self.needs(spot);
            }
        }
        settings.placement.push((key, shape(spot)));
    }

    fn placed_length(&mut self, spot: &Spot<'_>, settings: &mut Settings) {
        let key = spot
            .pointer
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        if matches!(spot.tree.node, Node::Map(_)) {
            self.wrong_type(spot, "ISO 8601 text, such as PT30S");
            return;
        }
        let Some(delay) = self.delay(spot) else {
            return;
        };
        let length = match delay {
            Delay::Fixed(_) => Shape::Constant(Value::text(spot.tree.as_str().unwrap_or_default())),
            Delay::Computed(expression) => Shape::Expression(expression),
        };
        settings.placement.push((key, length));
    }

    /// One of these words.
    fn word<'a>(&mut self, spot: &Spot<'a>, words: &[&str]) -> Option<&'a str> {
        let text = self.text(spot)?;
        if words.contains(&text) {
            return Some(text);
        }
        let code = match spot.pointer.ends_with("onExhausted") {
            true => "metadata.on_exhausted",
            false => "metadata.word",
        };
        let problem = spot.problem(code, format!("`{text}` is no word of this key"));
        self.problems
            .push(problem.hint(format!("one of {}", words.join(", "))));
        None
    }

    fn effect(&mut self, spot: &Spot<'_>) -> Option<Effect> {
        let fields = self.object(spot, &["key", "onUnknown", "verify"])?;
        let key = self.required(&fields, "key");
        let key = key.and_then(|spot| self.read_expression(&spot));
        let on_unknown = self.required(&fields, "onUnknown");
        let words = ["redo", "assumeDone", "verify", "park"];
        let on_unknown = on_unknown.and_then(|spot| OnUnknown::named(self.word(&spot, &words)?));
        let verify = fields.get("verify").and_then(|spot| {
            let empty = Shape::Constant(Value::map([] as [(&str, Value); 0]));
            self.function_of(&spot, empty)
        });
        if on_unknown == Some(OnUnknown::Verify) && !fields.has("verify") {
            self.required(&fields, "verify");
        }
        Some(Effect {
            key: key?,
            on_unknown: on_unknown?,
            verify: verify.map(Box::new),
        })
    }

    /// A place where only `${ }` is taken.
    fn read_expression(&mut self, spot: &Spot<'_>) -> Option<crate::document::step::Expression> {
        if self
            .text(spot)
            .is_some_and(|text| unwrapped(text).is_none())
        {
            self.wrong_type(spot, "an expression in `${ }`");
            return None;
        }
        self.expression(spot)
    }

    fn undo(&mut self, spot: &Spot<'_>) -> Option<Kind> {
        let fields = self.object(spot, &["call", "with"])?;
        let with = match fields.get("with") {
            Some(spot) => self.map_shape(&spot)?,
            None => Shape::Constant(Value::map([] as [(&str, Value); 0])),
        };
        let call = self.required(&fields, "call")?;
        self.function_of(&call, with)
    }

    /// A function and nothing else that can be called.
    fn function_of(&mut self, spot: &Spot<'_>, with: Shape) -> Option<Kind> {
        let name = self.text(spot)?;
        if self.function_index(name).is_none() && function_name(name).is_none() {
            self.unknown_name(spot, "function", name);
            return None;
        }
        self.callee(spot, name, with)
    }

    fn compensate(&mut self, spot: &Spot<'_>) -> Option<Compensate> {
        let word = self.word(spot, &["onFailure", "onCancel", "onFailureOrCancel"])?;
        Some(Compensate {
            on_failure: word != "onCancel",
            on_cancel: word != "onFailure",
        })
    }

    /// Keys that say nothing about this kind of task.
    fn misplaced(&mut self, fields: &Spot<'_>, ours: &Spot<'_>) {
        let is_call = fields.has("call");
        let wanted: [(&str, bool, &str); 5] = [
            (
                "onExhausted",
                is_call || fields.has("try"),
                "write it at a call, or at the task that has `try` and `catch.retry`",
            ),
            ("effect", is_call, "write it at a call"),
            ("undo", is_call, "write it at the call that it undoes"),
            (
                "onParentClose",
                fields.has("run") || is_call,
                "write it at a `run`",
            ),
            ("pin", fields.has("run"), "write it at a `run`"),
        ];
        let waits = ours
            .tree
            .get("onParentClose")
            .and_then(|tree| tree.as_str())
            == Some("wait");
        let run = fields.tree.get("run").and_then(|run| run.get("await"));
        let is_let_go = run.and_then(|tree| tree.as_scalar()?.as_bool()) == Some(false);
        if let Some(entry) = ours
            .tree
            .entry("onParentClose")
            .filter(|_| waits && is_let_go)
        {
            let message = "a parent cannot wait for a child that it does not await";
            let problem = ours.problem_at(entry, "metadata.misplaced", message);
            self.problems
                .push(problem.hint("await it, or write cancel or abandon"));
        }
        for (key, fits, hint) in wanted {
            let Some(entry) = ours.tree.entry(key).filter(|_| !fits) else {
                continue;
            };
            let message = format!("`{key}` says nothing about this task");
            let problem = ours.problem_at(entry, "metadata.misplaced", message);
            self.problems.push(problem.hint(hint));
        }
    }

    /// `metadata` of the document.
    pub fn document_settings(&mut self, fields: &Spot<'_>) -> DocumentSettings {
        let mut settings = DocumentSettings::default();
        let Some(ours) = self.ours(fields, &DOCUMENT_KEYS) else {
            return settings;
        };
        if let Some(spot) = ours.get("profile") {
            self.word(&spot, &["1"]);
        }
        let purpose = ours.get("purpose").and_then(|spot| self.text(&spot));
        settings.purpose = purpose.map(str::to_owned);
        settings.lane = ours
            .get("lane")
            .and_then(|spot| self.read_expression(&spot));
        settings.needs = self.needs_of_all(&ours, "needs");
        settings.prefers = self.needs_of_all(&ours, "prefers");
        settings.deadline = ours.get("deadline").and_then(|spot| self.delay(&spot));
        if let Some(spot) = ours.get("lifecycle") {
            settings.lifecycle = match self.word(&spot, &["workflow", "task"]) {
                Some("workflow") => Lifecycle::Workflow,
                Some(_) => Lifecycle::Task,
                None => Lifecycle::None,
            };
        }
        if let Some(spot) = ours.get("schedule") {
            settings.schedule = self.schedule_extras(&spot);
        }
        settings
    }

    fn schedule_extras(&mut self, spot: &Spot<'_>) -> ScheduleExtras {
        let known: Vec<&str> = ["zone", "calendar", "spread"]
            .into_iter()
            .chain(SCHEDULE_WORDS.map(|(key, _)| key))
            .collect();
        let Some(fields) = self.object(spot, &known) else {
            return ScheduleExtras::default();
        };
        for (key, words) in SCHEDULE_WORDS {
            if let Some(spot) = fields.get(key) {
                self.word(&spot, words);
            }
        }
        if let Some(spot) = fields.get("zone")
            && let Some(zone) = self.text(&spot)
            && zone.parse::<chrono_tz::Tz>().is_err()
        {
            let message = format!("`{zone}` is no zone of the IANA database");
            let problem = spot.problem("schedule.zone", message);
            self.problems.push(problem.hint("such as Europe/Berlin"));
        }
        if let Some(spot) = fields.get("calendar") {
            self.text(&spot);
        }
        let spread = fields
            .get("spread")
            .and_then(|spot| self.fixed_delay(&spot));
        let text = |key: &str| Some(fields.tree.get(key)?.as_str()?.to_owned());
        ScheduleExtras {
            zone: text("zone"),
            calendar: text("calendar"),
            closed_day: text("closedDay"),
            catch_up: text("catchUp"),
            overlap: text("overlap"),
            gap: text("gap"),
            fold: text("fold"),
            spread,
        }
    }
}
