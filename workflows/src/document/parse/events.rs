//! `listen` and `emit`: which events are taken, and what is published.

use super::Reader;
use super::shape::{shape, unwrapped};
use super::spot::Spot;
use crate::document::event::{Correlation, Filter, Foreach, Listen, Mode, Read, Strategy, Until};
use crate::document::step::Kind;

impl Reader {
    pub fn listen(&mut self, fields: &Spot<'_>) -> Option<Kind> {
        let foreach = fields.get("foreach").and_then(|spot| self.foreach(&spot));
        let head = self.object(&fields.get("listen")?, &["to", "read"])?;
        let read = head.get("read").and_then(|spot| self.read(&spot));
        let to = self.required(&head, "to")?;
        Some(Kind::Listen(Box::new(Listen {
            to: self.strategy(&to)?,
            read: read.unwrap_or_default(),
            foreach,
        })))
    }

    pub fn read(&mut self, spot: &Spot<'_>) -> Option<Read> {
        match self.text(spot)? {
            "data" => Some(Read::Data),
            "envelope" => Some(Read::Envelope),
            "raw" => Some(Read::Raw),
            other => {
                let message = format!("`{other}` is no part of an event");
                let problem = spot.problem("listen.read", message);
                self.problems.push(problem.hint("data, envelope or raw"));
                None
            }
        }
    }

    /// `one`, `all` or `any` with `until`.
    pub fn strategy(&mut self, spot: &Spot<'_>) -> Option<Strategy> {
        let fields = self.object(spot, &["one", "all", "any", "until"])?;
        let modes = [("one", Mode::One), ("all", Mode::All), ("any", Mode::Any)];
        let mut found = modes.iter().filter(|(key, _)| fields.has(key));
        let (Some((key, mode)), None) = (found.next(), found.next()) else {
            let message = "exactly one of `one`, `all` and `any` is wanted here";
            self.problems
                .push(fields.problem("listen.strategy", message));
            return None;
        };
        let spot = fields.get(key)?;
        let filters: Vec<Filter> = match mode {
            Mode::One => self.filter(&spot).into_iter().collect(),
            _ => {
                let items = self.items(&spot);
                items.iter().filter_map(|spot| self.filter(spot)).collect()
            }
        };
        if spot.tree.as_list().is_some_and(<[_]>::is_empty) {
            let message = "no filter would take every event there is";
            let problem = spot.problem("unsupported.listen.everything", message);
            self.problems
                .push(problem.hint("name the types of the events"));
        }
        let until = fields
            .get("until")
            .and_then(|spot| self.until(&spot, *mode));
        Some(Strategy {
            mode: *mode,
            filters,
            until,
        })
    }

    fn until(&mut self, spot: &Spot<'_>, mode: Mode) -> Option<Until> {
        if mode != Mode::Any {
            let message = "`until` ends an `any`; `one` and `all` end by themselves";
            self.problems.push(spot.problem("listen.until", message));
            return None;
        }
        if spot.tree.as_str().is_some() {
            return self.expression(spot).map(Until::Condition);
        }
        let inner = self.strategy(spot)?;
        if inner.until.is_some() {
            let message = "what ends a listen has no `until` of its own";
            self.problems.push(spot.problem("listen.until", message));
            return None;
        }
        Some(Until::Events(Box::new(inner)))
    }

    fn filter(&mut self, spot: &Spot<'_>) -> Option<Filter> {
        let fields = self.object(spot, &["with", "correlate"])?;
        let with = self.required(&fields, "with")?;
        let with = self.any_object(&with)?;
        if with.entries().is_empty() {
            let message = "a filter names at least one attribute";
            let problem = with.problem("listen.filter", message);
            self.problems.push(problem.hint("such as `type`"));
        }
        let correlate = fields
            .get("correlate")
            .map(|spot| self.correlations(&spot))
            .unwrap_or_default();
        let attributes = with.entries().iter();
        Some(Filter {
            with: attributes
                .map(|entry| (entry.key.to_string(), shape(&with.of(entry))))
                .collect(),
            correlate,
            pointer: fields.pointer.clone(),
        })
    }

    fn correlations(&mut self, spot: &Spot<'_>) -> Vec<Correlation> {
        let Some(spot) = self.any_object(spot) else {
            return Vec::new();
        };
        let entries = spot.entries().iter();
        let read = entries.filter_map(|entry| {
            let fields = self.object(&spot.of(entry), &["from", "expect"])?;
            let from = self.required(&fields, "from")?;
            Some(Correlation {
                name: entry.key.to_string(),
                from: self.expression(&from)?,
                expect: fields.get("expect").map(|spot| shape(&spot)),
            })
        });
        read.collect()
    }

    fn foreach(&mut self, spot: &Spot<'_>) -> Option<Foreach> {
        let fields = self.object(spot, &["item", "at", "do", "output", "export"])?;
        let item = fields.get("item").and_then(|spot| self.text(&spot));
        let at = fields.get("at").and_then(|spot| self.text(&spot));
        let body = fields.get("do").map(|spot| self.tasks(&spot));
        let output = fields.get("output").map(|spot| self.output(&spot));
        let export = fields.get("export").map(|spot| self.output(&spot));
        Some(Foreach {
            item: item.unwrap_or("item").to_owned(),
            at: at.unwrap_or("index").to_owned(),
            body: body.unwrap_or_default(),
            output: output.unwrap_or_default(),
            export: export.unwrap_or_default(),
        })
    }

    pub fn emit(&mut self, spot: &Spot<'_>) -> Option<Kind> {
        let fields = self.object(spot, &["event"])?;
        let event = self.required(&fields, "event")?;
        let event = self.object(&event, &["with"])?;
        let with = self.required(&event, "with")?;
        let with = self.any_object(&with)?;
        self.required(&with, "type");
        for entry in with.entries().iter().filter(|entry| &*entry.key != "data") {
            let spot = with.of(entry);
            let is_read = spot
                .tree
                .as_str()
                .is_some_and(|text| unwrapped(text).is_some());
            if !is_read && matches!(spot.tree.kind(), "array" | "object" | "null") {
                self.wrong_type(&spot, "text");
            }
        }
        Some(Kind::Emit(shape(&with)))
    }
}
