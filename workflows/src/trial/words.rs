//! What the steps of a `.feature` file mean: those of the standard's kit, and ours for time.
//!
//! One table: a sentence with holes, and what it makes of what fills them. A sentence that is not
//! in it is a failure of its scenario, with its line.

use std::time::Duration;

use super::deed::{Choice, Deed, Expectation, Prepared};
use super::gherkin::{Scenario, Step};
use super::said::Said;
use super::{Failure, Trial};
use crate::value::Value;

type Meaning = fn(&Said<'_>) -> Result<Deed, String>;

/// Sentences; `_` is a hole. Earlier ones win.
const SENTENCES: &[(&str, Meaning)] = &[
    ("a workflow with definition:", |said| {
        Ok(Deed::Define(said.text()?.clone()))
    }),
    ("the document at _ is:", |said| {
        let text = said.text()?.text.clone();
        let url = said.hole(0);
        Ok(Deed::Document { url, text })
    }),
    ("the context '_' is:", |said| {
        Ok(Deed::Context(said.hole(0), said.value()?))
    }),
    ("the context '_' should be:", |said| {
        Ok(expect(Expectation::Context(said.hole(0), said.value()?)))
    }),
    ("the workflow input is:", |said| {
        said.value().map(Deed::Input)
    }),
    ("the secret \"_\" is \"_\"", |said| {
        let (name, value) = (said.hole(0), Value::from(said.hole(1)));
        Ok(Deed::Secret { name, value })
    }),
    ("the secret \"_\" is:", |said| {
        let (name, value) = (said.hole(0), said.value()?);
        Ok(Deed::Secret { name, value })
    }),
    ("the chunks are:", |said| said.members().map(Deed::Members)),
    ("the clock stands at _", |said| {
        said.instant(0).map(Deed::Clock)
    }),
    ("the workflow is executed", |_| Ok(Deed::Execute)),
    ("the clock advances by _", |said| {
        said.length(0).map(Deed::Advance)
    }),
    ("the event is received:", |said| {
        said.value().map(Deed::Receive)
    }),
    ("the engine restarts", |_| Ok(Deed::Restart)),
    ("the workflow is cancelled", |_| Ok(Deed::Cancel)),
    ("_ never answers", |said| {
        let all = Choice::default();
        Ok(Deed::Prepare(said.work(0), all, Prepared::Silent))
    }),
    ("_ answers after _:", |said| {
        said.gives(Choice::default(), said.length(1)?)
    }),
    ("_ answers chunk _:", |said| {
        said.gives(said.of_chunk(1)?, Duration::ZERO)
    }),
    ("_ answers item _:", |said| {
        said.gives(said.of_item(1)?, Duration::ZERO)
    }),
    ("_ answers when _:", |said| {
        said.gives(said.when(1), Duration::ZERO)
    }),
    ("_ answers:", |said| {
        said.gives(Choice::default(), Duration::ZERO)
    }),
    ("_ fails after _ with error:", |said| {
        said.fails(Choice::default(), said.length(1)?)
    }),
    ("_ fails chunk _ with error:", |said| {
        said.fails(said.of_chunk(1)?, Duration::ZERO)
    }),
    ("_ fails item _ with error:", |said| {
        said.fails(said.of_item(1)?, Duration::ZERO)
    }),
    ("_ fails when _ with error:", |said| {
        said.fails(said.when(1), Duration::ZERO)
    }),
    ("_ fails with error:", |said| {
        said.fails(Choice::default(), Duration::ZERO)
    }),
    ("the workflow should complete with output:", |said| {
        Ok(expect(Expectation::Complete(Some(said.value()?))))
    }),
    ("the workflow should complete", |_| {
        Ok(expect(Expectation::Complete(None)))
    }),
    ("the workflow should fault with error:", |said| {
        Ok(expect(Expectation::Fault(Some(said.value()?))))
    }),
    ("the workflow should fault", |_| {
        Ok(expect(Expectation::Fault(None)))
    }),
    ("the workflow should cancel", |_| {
        Ok(expect(Expectation::Cancelled))
    }),
    ("the workflow should park", |_| {
        Ok(expect(Expectation::Parked))
    }),
    ("the workflow should be waiting", |_| {
        Ok(expect(Expectation::Waiting))
    }),
    ("the workflow should take _", |said| {
        Ok(expect(Expectation::Took(said.length(0)?)))
    }),
    ("the workflow should be refused with '_'", |said| {
        Ok(expect(Expectation::Refused(said.hole(0))))
    }),
    (
        "the workflow should be published with warning '_'",
        |said| Ok(expect(Expectation::Warned(said.hole(0)))),
    ),
    ("the workflow output should have properties _", |said| {
        said.properties()
    }),
    (
        "the workflow output should have a '_' property with value:",
        |said| Ok(expect(Expectation::Property(said.hole(0), said.value()?))),
    ),
    (
        "the workflow output should have a '_' property containing _ items",
        |said| Ok(expect(Expectation::Items(said.hole(0), said.count(1)?))),
    ),
    (
        "the workflow output should have a '_' property containing _ item",
        |said| Ok(expect(Expectation::Items(said.hole(0), said.count(1)?))),
    ),
    ("_ should run first", |said| {
        Ok(expect(Expectation::First(said.hole(0))))
    }),
    ("_ should run last", |said| {
        Ok(expect(Expectation::Last(said.hole(0))))
    }),
    ("_ should run before _", |said| {
        Ok(expect(Expectation::Before(said.hole(0), said.hole(1))))
    }),
    ("_ should run after _", |said| {
        Ok(expect(Expectation::Before(said.hole(1), said.hole(0))))
    }),
    ("_ should not have run", |said| {
        Ok(expect(Expectation::Times(said.hole(0), 0)))
    }),
    ("_ should have run _ times", |said| {
        Ok(expect(Expectation::Times(said.hole(0), said.count(1)?)))
    }),
    ("_ should have been called _ times", |said| {
        Ok(expect(Expectation::Calls(said.work(0), said.count(1)?)))
    }),
    ("_ should have been called with:", |said| {
        Ok(expect(Expectation::CalledWith(
            said.work(0),
            vec![said.value()?],
        )))
    }),
    ("_ should complete with output:", |said| {
        Ok(expect(Expectation::TaskCompletes(
            said.hole(0),
            Some(said.value()?),
        )))
    }),
    ("_ should complete", |said| {
        Ok(expect(Expectation::TaskCompletes(said.hole(0), None)))
    }),
    ("_ should fault with error:", |said| {
        Ok(expect(Expectation::TaskFaults(
            said.hole(0),
            Some(said.value()?),
        )))
    }),
    ("_ should fault", |said| {
        Ok(expect(Expectation::TaskFaults(said.hole(0), None)))
    }),
    ("_ should cancel", |said| {
        Ok(expect(Expectation::TaskCancels(said.hole(0))))
    }),
];

fn expect(expectation: Expectation) -> Deed {
    Deed::Expect(expectation)
}

/// The scenario, understood as far as its first step that is not.
pub fn trial(scenario: Scenario) -> Trial {
    let steps = scenario.steps.iter();
    let deeds = steps.map(|step| Ok((step.line, deed(step)?)));
    Trial {
        deeds: deeds.collect(),
        name: scenario.name,
        line: scenario.line,
    }
}

fn deed(step: &Step) -> Result<Deed, Failure> {
    let text = without_keyword(&step.text);
    let found = SENTENCES
        .iter()
        .find_map(|(sentence, meaning)| Some((sentence, holes(sentence, text)?, meaning)));
    let Some((sentence, holes, meaning)) = found else {
        let message = format!("no step is called `{}`", step.text);
        return Err(Failure::new(step.line, message));
    };
    if step.has_table || step.doc.is_some() != sentence.ends_with(':') {
        let wanted = match sentence.ends_with(':') {
            true => "this step needs a text below it, between two lines of `\"\"\"`",
            false => "nothing can stand below this step",
        };
        return Err(Failure::new(step.line, wanted));
    }
    let doc = step.doc.as_ref();
    meaning(&Said { holes, doc }).map_err(|message| Failure::new(step.line, message))
}

/// The kit says `And given the workflow input is:`, others `And Then …`.
fn without_keyword(text: &str) -> &str {
    let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
    let is_keyword = ["given", "when", "then"]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word));
    if is_keyword { rest.trim_start() } else { text }
}

/// What stands in the holes of a sentence, if the text is that sentence.
fn holes<'a>(sentence: &str, text: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = sentence.split('_');
    let mut rest = text.strip_prefix(parts.next()?)?;
    let mut holes = Vec::new();
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        // The last part ends the text; one before it ends at its first place.
        let end = match parts.peek() {
            None => rest
                .len()
                .checked_sub(part.len())
                .filter(|_| rest.ends_with(part))?,
            Some(_) => rest.find(part)?,
        };
        let (hole, after) = rest.split_at(end);
        holes.push(hole.trim());
        rest = &after[part.len()..];
    }
    (rest.is_empty() && holes.iter().all(|hole| !hole.is_empty())).then_some(holes)
}

#[cfg(test)]
mod tests {
    use super::super::deed::Text;
    use super::*;

    #[test]
    fn a_sentence_is_found_by_what_stands_around_its_holes() {
        assert_eq!(
            holes("_ should run after _", "a b should run after c"),
            Some(vec!["a b", "c"])
        );
        assert_eq!(
            holes("a '_' b _ items", "a 'x.y' b 3 items"),
            Some(vec!["x.y", "3"])
        );
        assert_eq!(
            holes("the workflow should fault", "the workflow should fault now"),
            None
        );
        assert_eq!(holes("_ should complete", " should complete"), None);
    }

    #[test]
    fn what_cannot_be_understood_says_so() {
        let step = |text: &str, doc: Option<&str>| Step {
            text: text.to_owned(),
            line: 7,
            doc: doc.map(|text| Text {
                text: text.to_owned(),
                line: 7,
            }),
            has_table: false,
        };
        for (text, doc, told) in [
            ("the moon rises", None, "no step is called `the moon rises`"),
            (
                "the engine restarts",
                Some("a"),
                "nothing can stand below this step",
            ),
            (
                "a workflow with definition:",
                None,
                "this step needs a text below it",
            ),
            ("the workflow input is:", Some("a: *b"), "8:4: "),
            (
                "the clock advances by P1M",
                None,
                "`P1M` has years or months",
            ),
            ("the clock stands at noon", None, "`noon` is no instant"),
            (
                "a fails with error:",
                Some("status: 4"),
                "an error has a `type`",
            ),
        ] {
            let failure = deed(&step(text, doc)).unwrap_err();
            assert!(failure.message.starts_with(told), "{failure:?}");
            assert_eq!(failure.line, 7);
        }
    }
}
