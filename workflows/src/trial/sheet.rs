//! The form of YAML tests: a template, and for each test what it is given and what must come of it.
//!
//! ```yaml
//! template: classify-strike.yaml           # beside this file; or `definition:` with the document itself
//! documents:                                # what the template takes from elsewhere, beside this file
//!   https://shop.example/openapi.json: shop.json
//! tests:
//!   - name: a strike is classified
//!     input: { "Origin State": Utah }
//!     clock: 2026-01-05T09:00:00Z          # when the run begins
//!     secrets: { crm: s3cret }             # of `use.secrets`; nothing shows them: calls have `{secret:crm}`
//!     chunks: [ { items: [ 1, 2 ] } ]      # what a job in chunks reads; or `{ items: …, max_items: 2 }`
//!     contexts: { "strikes/Utah": { seen: 3 } }   # what stands in them when the run begins
//!     answers:                             # by task, pointer or function; a list is given in turn
//!       classify: [ { error: { type: communication, status: 503 } }, { output: { risk: high }, after: PT2S } ]
//!       measure: [ { chunk: 2, error: … }, { item: 0, output: … }, { when: .sku == "b", output: … } ]
//!       silent: never
//!     when: [ advance: PT1H, event: { type: a.b }, restart: true, cancel: true, expect: { outcome: waiting } ]
//!     expect:
//!       outcome: completed                 # or failed, cancelled, parked, waiting
//!       output: { risk: high }
//!       path: [ classify, keep ]
//!       calls: { classify: 2, keep: [ { what it was given } ] }
//!       contexts: { "strikes/Utah": { seen: 4 } }   # what stands in them then; null: there is none
//!       took: PT1H2S
//! ```

mod answer;
mod members;

use std::time::Duration;

use self::answer::answers;
pub use self::members::members;
use super::deed::{Deed, Expectation, Text, Work};
use super::{Failure, Trial, said};
use crate::document::tree::{self, Entry, Format, Tree};
use crate::duration;
use crate::value::Value;

type Read<T> = Result<T, Failure>;
type Deeds = Vec<(u32, Deed)>;

/// What a test may say.
const KEYS: &str = "name, input, clock, secrets, chunks, contexts, answers, when, expect";

/// Every test of a sheet.
pub fn read(text: &str, file: impl Fn(&str) -> Result<String, String>) -> Read<Vec<Trial>> {
    let tree = tree::read_one(text, Format::Yaml).map_err(|problems| {
        let line = problems.first().and_then(|problem| problem.line);
        Failure::new(line.unwrap_or(1), said::told(&problems, 0))
    })?;
    let (mut definition, mut tests, mut documents) = (None, None, Vec::new());
    for entry in entries(&tree)? {
        match &*entry.key {
            "template" => {
                let text = file(string(&entry.value)?);
                let text = text.map_err(|message| fail(&entry.value, message))?;
                definition = Some(Text { text, line: 0 });
            }
            "definition" => {
                let text = entry.value.to_value().to_json();
                let line = entry.value.place.line.saturating_sub(1);
                definition = Some(Text { text, line });
            }
            "documents" => {
                for entry in entries(&entry.value)? {
                    let text = file(string(&entry.value)?);
                    let text = text.map_err(|message| fail(&entry.value, message))?;
                    let url = entry.key.to_string();
                    documents.push((entry.place.line, Deed::Document { url, text }));
                }
            }
            "tests" => tests = Some(&entry.value),
            _ => return Err(unknown(entry, "template, definition, documents, tests")),
        }
    }
    let definition = definition.ok_or_else(|| fail(&tree, "`template` is missing"))?;
    let tests = tests.ok_or_else(|| fail(&tree, "`tests` is missing"))?;
    list(tests)?
        .iter()
        .map(|test| trial(test, &definition, &documents))
        .collect()
}

fn trial(test: &Tree, definition: &Text, documents: &Deeds) -> Read<Trial> {
    let line = test.place.line;
    let name = test.get("name").map(string).transpose()?;
    Ok(Trial {
        name: name.unwrap_or("a test without a name").to_owned(),
        line,
        deeds: deeds(test, definition, documents),
    })
}

fn deeds(test: &Tree, definition: &Text, documents: &Deeds) -> Read<Deeds> {
    let line = test.place.line;
    let mut before = vec![(line, Deed::Define(definition.clone()))];
    before.extend_from_slice(documents);
    // What is answered may be of chunks, wherever they are said.
    let mut prepared = Vec::new();
    let (mut after, mut expected) = (Vec::new(), Vec::new());
    for entry in entries(test)? {
        let line = entry.place.line;
        match &*entry.key {
            "name" => {}
            "input" => before.push((line, Deed::Input(entry.value.to_value()))),
            "clock" => {
                let instant = said::instant(string(&entry.value)?);
                let instant = instant.map_err(|message| fail(&entry.value, message))?;
                before.push((line, Deed::Clock(instant)));
            }
            "secrets" => before.extend(secrets(&entry.value)?),
            "chunks" => before.push((line, Deed::Members(members(&entry.value)?))),
            "contexts" => {
                for entry in entries(&entry.value)? {
                    let deed = Deed::Context(entry.key.to_string(), entry.value.to_value());
                    before.push((entry.place.line, deed));
                }
            }
            "answers" => answers(&entry.value, &mut prepared)?,
            "when" => {
                for item in list(&entry.value)? {
                    for entry in entries(item)? {
                        event(entry, &mut after)?;
                    }
                }
            }
            "expect" => expectations(&entry.value, &mut expected)?,
            _ => return Err(unknown(entry, KEYS)),
        }
    }
    before.append(&mut prepared);
    // A test that expects a refusal has no run.
    let is_refused = |deed: &(u32, Deed)| matches!(deed.1, Deed::Expect(Expectation::Refused(_)));
    if !expected.iter().any(is_refused) {
        before.push((line, Deed::Execute));
    }
    before.append(&mut after);
    before.append(&mut expected);
    Ok(before)
}

fn secrets(tree: &Tree) -> Read<Deeds> {
    let given = entries(tree)?.iter().map(|entry| {
        let (name, value) = (entry.key.to_string(), entry.value.to_value());
        (entry.place.line, Deed::Secret { name, value })
    });
    Ok(given.collect())
}

fn event(entry: &Entry, deeds: &mut Deeds) -> Read<()> {
    let deed = match &*entry.key {
        "advance" => Deed::Advance(length(&entry.value)?),
        "event" => Deed::Receive(entry.value.to_value()),
        "restart" => Deed::Restart,
        "cancel" => Deed::Cancel,
        "expect" => return expectations(&entry.value, deeds),
        _ => return Err(unknown(entry, "advance, event, restart, cancel, expect")),
    };
    deeds.push((entry.place.line, deed));
    Ok(())
}

fn expectations(tree: &Tree, deeds: &mut Deeds) -> Read<()> {
    const KNOWN: &str = "outcome, output, error, path, calls, contexts, took, refused";
    for entry in entries(tree)? {
        let value = &entry.value;
        let expectation = match &*entry.key {
            "outcome" => outcome(value)?,
            "output" => Expectation::Complete(Some(value.to_value())),
            "error" => Expectation::Fault(Some(value.to_value())),
            "took" => Expectation::Took(length(value)?),
            "refused" => Expectation::Refused(string(value)?.to_owned()),
            "path" => {
                let names = list(value)?.iter().map(|name| Ok(string(name)?.to_owned()));
                Expectation::Path(names.collect::<Read<_>>()?)
            }
            "calls" => {
                calls(value, deeds)?;
                continue;
            }
            "contexts" => {
                contexts(value, deeds)?;
                continue;
            }
            _ => return Err(unknown(entry, KNOWN)),
        };
        deeds.push((entry.place.line, Deed::Expect(expectation)));
    }
    Ok(())
}

fn outcome(tree: &Tree) -> Read<Expectation> {
    Ok(match string(tree)? {
        "completed" => Expectation::Complete(None),
        "failed" => Expectation::Fault(None),
        "cancelled" => Expectation::Cancelled,
        "parked" => Expectation::Parked,
        "waiting" => Expectation::Waiting,
        other => return Err(fail(tree, no_outcome(other))),
    })
}

fn no_outcome(word: &str) -> String {
    format!("`{word}` is none of completed, failed, cancelled, parked, waiting")
}

/// What stands in contexts; null where there is none.
fn contexts(tree: &Tree, deeds: &mut Deeds) -> Read<()> {
    for entry in entries(tree)? {
        let expectation = Expectation::Context(entry.key.to_string(), entry.value.to_value());
        deeds.push((entry.place.line, Deed::Expect(expectation)));
    }
    Ok(())
}

/// How often a step was asked, or with what each time.
fn calls(tree: &Tree, deeds: &mut Deeds) -> Read<()> {
    for entry in entries(tree)? {
        let work = Work(entry.key.to_string());
        let count = entry.value.as_scalar().and_then(Value::as_u64);
        let expectation = match (count, entry.value.as_list()) {
            (Some(count), _) => {
                Expectation::Calls(work, usize::try_from(count).unwrap_or(usize::MAX))
            }
            (None, Some(inputs)) => {
                Expectation::CalledWith(work, inputs.iter().map(Tree::to_value).collect())
            }
            _ => {
                return Err(fail(
                    &entry.value,
                    "a number, or a list of what it was given",
                ));
            }
        };
        deeds.push((entry.place.line, Deed::Expect(expectation)));
    }
    Ok(())
}

fn fail(tree: &Tree, message: impl Into<String>) -> Failure {
    Failure::new(tree.place.line, message)
}

fn unknown(entry: &Entry, known: &str) -> Failure {
    let message = format!("`{}` is no key here; known are {known}", entry.key);
    Failure::new(entry.place.line, message)
}

fn entries(tree: &Tree) -> Read<&[Entry]> {
    tree.as_map()
        .ok_or_else(|| fail(tree, "an object is wanted here"))
}

fn list(tree: &Tree) -> Read<&[Tree]> {
    tree.as_list()
        .ok_or_else(|| fail(tree, "a list is wanted here"))
}

fn string(tree: &Tree) -> Read<&str> {
    tree.as_str()
        .ok_or_else(|| fail(tree, "text is wanted here"))
}

fn length(tree: &Tree) -> Read<Duration> {
    let read = duration::parse(string(tree)?);
    read.map_err(|error| fail(tree, format!("{error}: {}", error.hint())))
}
