//! A template as a Mermaid flowchart: steps as boxes, lists inside steps as frames, ways as arrows.

use std::fmt::Write as _;

use super::outline::{List, Step, steps};
use crate::value::Value;

/// Longest text in a box; the whole stands in the document.
const LABEL_MAX: usize = 60;

/// The drawing, as text that Mermaid reads.
pub fn mermaid(document: &Value) -> String {
    let mut drawing = Drawing::new();
    drawing.line("start([start])");
    drawing.line("finish([end])");
    let drawn = drawing.list(&steps(document), "finish");
    drawing.way("start", &drawn.first, "");
    drawing.text + &drawing.ways
}

struct Drawing {
    text: String,
    ways: String,
    depth: usize,
    next: usize,
}

/// A list as it was drawn.
struct Drawn {
    /// Where one comes in; what follows the list, if it is empty.
    first: String,
}

impl Drawing {
    fn new() -> Drawing {
        Drawing {
            text: "flowchart TD\n".to_owned(),
            ways: String::new(),
            depth: 1,
            next: 0,
        }
    }

    /// Draws a list whose end leads to `after`.
    fn list(&mut self, steps: &[Step<'_>], after: &str) -> Drawn {
        let ids: Vec<String> = steps.iter().map(|_| self.id()).collect();
        for (place, step) in steps.iter().enumerate() {
            let next = ids.get(place + 1).map_or(after, String::as_str);
            let target = |then: Option<&str>| match then {
                None | Some("continue") => next.to_owned(),
                Some("exit") => after.to_owned(),
                Some("end") => "finish".to_owned(),
                Some(name) => {
                    let found = steps.iter().position(|step| step.name == name);
                    found.map_or(next, |place| ids[place].as_str()).to_owned()
                }
            };
            self.step(step, &ids[place], &target);
        }
        Drawn {
            first: ids.first().map_or(after, String::as_str).to_owned(),
        }
    }

    fn step(&mut self, step: &Step<'_>, id: &str, target: &dyn Fn(Option<&str>) -> String) {
        let label = label(step);
        match step.kind {
            "switch" => self.line(&format!("{id}{{{{\"{label}\"}}}}")),
            "wait" | "listen" => self.line(&format!("{id}([\"{label}\"])")),
            _ => self.line(&format!("{id}[\"{label}\"]")),
        }
        for list in &step.lists {
            self.frame(step, list, id);
        }
        for case in step.cases() {
            let then = case.then.filter(|then| *then != "continue").or(step.then());
            let said = case.when.unwrap_or("otherwise");
            self.way(
                id,
                &target(then),
                &shortened(&format!("{}: {said}", case.name)),
            );
        }
        let has_default = step.cases().iter().any(|case| case.when.is_none());
        if step.kind != "raise" && !has_default {
            self.way(id, &target(step.then()), "");
        }
        if let Some(then) = step.catch_then() {
            self.way(id, &target(Some(then)), "handled");
        }
    }

    /// A list inside a step: its end leads back to the step, which goes on from there.
    fn frame(&mut self, step: &Step<'_>, list: &List<'_>, id: &str) {
        let frame = self.id();
        let title = escaped(&format!("{} {}", step.name, list.role));
        self.line(&format!("subgraph {frame}[\"{title}\"]"));
        self.depth += 1;
        let inner = format!("{frame}e");
        self.line(&format!("{inner}(( ))"));
        // Branches begin together; other lists run in order.
        if list.role == "branch" {
            for branch in &list.steps {
                let drawn = self.list(std::slice::from_ref(branch), &inner);
                self.dotted(id, &drawn.first);
            }
        } else {
            let drawn = self.list(&list.steps, &inner);
            self.dotted(id, &drawn.first);
        }
        self.depth -= 1;
        self.line("end");
    }

    fn id(&mut self) -> String {
        self.next += 1;
        format!("s{}", self.next)
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.text, "{}{text}", "  ".repeat(self.depth));
    }

    fn way(&mut self, from: &str, to: &str, label: &str) {
        let _ = match label {
            "" => writeln!(self.ways, "  {from} --> {to}"),
            label => writeln!(self.ways, "  {from} -->|\"{label}\"| {to}"),
        };
    }

    fn dotted(&mut self, from: &str, to: &str) {
        let _ = writeln!(self.ways, "  {from} -.-> {to}");
    }
}

fn label(step: &Step<'_>) -> String {
    let more = match step.kind {
        "call" => step
            .body
            .get("call")
            .and_then(Value::as_str)
            .map(str::to_owned),
        "wait" => step.body.get("wait").map(|wait| match wait.as_str() {
            Some(text) => text.to_owned(),
            None => wait.to_json(),
        }),
        _ => None,
    };
    let mut said = format!("{} {}", step.kind, more.unwrap_or_default());
    if let Some(condition) = step.body.get("if").and_then(Value::as_str) {
        let _ = write!(said, " if {condition}");
    }
    format!("{}<br/>{}", shortened(step.name), shortened(said.trim()))
}

fn shortened(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = text.chars().take(LABEL_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    escaped(&short)
}

/// Nothing in a document may end a label or begin markup.
fn escaped(text: &str) -> String {
    text.chars().map(plain).collect()
}

fn plain(letter: char) -> String {
    match letter {
        '"' | '<' | '>' | '&' | '#' | '`' | '|' | '\\' => format!("#{};", u32::from(letter)),
        letter if letter.is_control() => " ".to_owned(),
        letter => letter.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::tree::{Format, read_one};

    fn drawn(text: &str) -> String {
        mermaid(&read_one(text, Format::Yaml).unwrap().to_value())
    }

    #[test]
    fn steps_are_boxes_and_ways_are_arrows() {
        let text = "do:
  - ask: { call: 'score:1.0.0@default', if: .x }
  - pick: { switch: [ more: { when: '.n > \"1\"', then: last }, less: { then: end } ] }
  - rest: { wait: PT1H }
  - last: { raise: { error: e } }
";
        let wanted = "flowchart TD
  start([start])
  finish([end])
  s1[\"ask<br/>call score:1.0.0@default if .x\"]
  s2{{\"pick<br/>switch\"}}
  s3([\"rest<br/>wait PT1H\"])
  s4[\"last<br/>raise\"]
  s1 --> s2
  s2 -->|\"more: .n #62; #34;1#34;\"| s4
  s2 -->|\"less: otherwise\"| finish
  s3 --> s4
  start --> s1
";
        assert_eq!(drawn(text), wanted);
    }

    #[test]
    fn lists_inside_are_frames() {
        let text = "do:
  - t: { try: [ { a: { set: { x: 1 }, then: exit } } ], catch: { do: [ { b: { set: { x: 2 } } } ], then: end } }
  - f: { fork: { branches: [ { c: { wait: PT1S } }, { d: { wait: PT2S } } ] } }
";
        let drawing = drawn(text);

        for part in [
            "subgraph s3[\"t try\"]\n    s3e(( ))\n    s4[\"a<br/>set\"]\n  end\n",
            "subgraph s5[\"t catch\"]\n",
            "  s1 -.-> s4\n",
            "  s4 --> s3e\n",
            "  s1 -->|\"handled\"| finish\n",
            "  s2 -.-> s8\n  s9 --> s7e\n  s2 -.-> s9\n",
        ] {
            assert!(drawing.contains(part), "{part}\n{drawing}");
        }
    }

    #[test]
    fn an_empty_document_goes_from_its_start_to_its_end() {
        assert!(drawn("do: []").ends_with("start --> finish\n"));
    }
}
