//! YAML text to trees, from the parser's events.
//!
//! Events, because they alone say what a finished value hides: tags, anchors, how a scalar was
//! quoted and where each key stands. No recursion: open containers wait on a stack of bounded depth.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use serde_saphyr::granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, options,
};

use super::lines::{self, Line};
use super::{
    DEPTH_MAX, Entry, KEY_BYTES_MAX, NODES_MAX, Node, Place, Stopped, Tree, join, key_too_long,
    scalar, too_deep,
};
use crate::problem::{Problem, Problems};
use crate::value::Value;

/// Every document of the text; what can be read past a problem is read, so that all are reported.
pub(super) fn read<'a>(source: &'a str, problems: &'a mut Problems) -> Vec<Tree> {
    let options = options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
    };
    let mut builder = Builder {
        source: source.lines().collect(),
        problems,
        documents: Vec::new(),
        open: Vec::new(),
        nodes: 0,
    };
    for event in Parser::new_from_str_with_options(source, options) {
        let step = match event {
            Ok((event, span)) => builder.take(event, span),
            Err(error) => Err(builder.stop(syntax(&error, source))),
        };
        if step.is_err() {
            break;
        }
    }
    builder.documents
}

fn syntax(error: &ScanError, source: &str) -> Problem {
    let place = place(error.marker());
    if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
        return too_deep(place, "");
    }
    let message = format!("this is no YAML: {}", error.info());
    let problem = place.problem("yaml.syntax", "", message);
    problem.hint(mended(source, place))
}

/// What mends most texts that cannot be read, by the line at which reading ended.
fn mended(source: &str, place: Place) -> &'static str {
    let line = usize::try_from(place.line).unwrap_or(1).max(1) - 1;
    let near = source.lines().skip(line.saturating_sub(1)).take(2);
    let near: Vec<&str> = near.collect();
    let has = |sign: &str| near.iter().any(|line| line.contains(sign));
    if has("\t") {
        return "indent by blanks, not by tabs";
    }
    if has("${") {
        return "put the whole `${ … }` into single quotes";
    }
    if has("{") || has("[") {
        return "close each bracket, and part what stands in it by commas";
    }
    if has("\"") || has("'") {
        return "close each quote; inside of '…' a quote is written twice";
    }
    "what belongs together is indented alike, with a blank after each `:`; quote texts that hold one"
}

fn place(marker: &Marker) -> Place {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Place {
        line: number(marker.line()),
        column: number(marker.col()).saturating_add(1),
    }
}

/// A container that has begun and not ended.
struct Open {
    place: Place,
    inside: Inside,
}

enum Inside {
    List(Vec<Tree>),
    Map {
        entries: Vec<Entry>,
        seen: HashSet<Arc<str>>,
        key: Option<(Arc<str>, Place)>,
    },
}

struct Builder<'a> {
    source: Vec<&'a str>,
    problems: &'a mut Problems,
    documents: Vec<Tree>,
    open: Vec<Open>,
    nodes: usize,
}

impl Builder<'_> {
    /// Takes one event; an error ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), Stopped> {
        let place = place(&span.start);
        self.refuse_properties(&event, place);
        match event {
            Event::Scalar(text, style, ..) => self.scalar(text, style, span),
            Event::SequenceStart(..) => self.begin(place, Inside::List(Vec::new())),
            Event::MappingStart(..) => self.begin(
                place,
                Inside::Map {
                    entries: Vec::new(),
                    seen: HashSet::new(),
                    key: None,
                },
            ),
            Event::SequenceEnd | Event::MappingEnd => {
                self.end();
                Ok(())
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let hint = "write the value out where it is used";
                self.report(place, "yaml.alias", "aliases are refused", hint);
                self.value(Node::Scalar(Value::Null), place)
            }
            _ => Ok(()),
        }
    }

    fn refuse_properties(&mut self, event: &Event<'_>, place: Place) {
        if let Some(tag) = event.tag() {
            let message = format!("the tag `{}` is refused", tag.original());
            let hint = "quote the value for text; plain values have JSON's types";
            self.report(place, "yaml.tag", &message, hint);
        }
        if event.anchor_id().is_some_and(|id| id != 0) {
            let hint = "write the value out where it is used";
            self.report(place, "yaml.anchor", "anchors are refused", hint);
        }
    }

    fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        span: Span,
    ) -> Result<(), Stopped> {
        let place = place(&span.start);
        if text.contains('\0') {
            let hint = "the database cannot hold it";
            self.report(
                place,
                "document.character",
                "the text holds a zero character",
                hint,
            );
        }
        if self.wants_key() {
            return self.key(text, style, place);
        }
        let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
        let lines = (is_block || span.end.line() > span.start.line())
            .then(|| lines::lines(&self.source, &text, is_block, place));
        if style != ScalarStyle::Plain {
            return self.value_on_lines(Node::Scalar(Value::text(&*text)), place, lines);
        }
        let value = scalar::plain(&text).unwrap_or_else(|refused| {
            self.report(place, refused.code, &refused.message, &refused.hint);
            Value::Null
        });
        self.value_on_lines(Node::Scalar(value), place, lines)
    }

    fn wants_key(&self) -> bool {
        let top = self.open.last().map(|open| &open.inside);
        matches!(top, Some(Inside::Map { key: None, .. }))
    }

    fn key(&mut self, text: Cow<'_, str>, style: ScalarStyle, place: Place) -> Result<(), Stopped> {
        if text.len() > KEY_BYTES_MAX {
            return Err(self.stop(key_too_long(place, &self.pointer())));
        }
        let refused = match &*text {
            _ if style != ScalarStyle::Plain => None,
            "<<" => Some((
                "yaml.merge_key",
                "merge keys are refused",
                "write the entries out",
            )),
            "" | "~" => Some(("yaml.key", "a key is missing before `:`", "give it a name")),
            _ => None,
        };
        if let Some((code, message, hint)) = refused {
            self.report(place, code, message, hint);
        }
        let name: Arc<str> = text.into();
        let mut repeated = false;
        let top = self.open.last_mut().map(|top| &mut top.inside);
        if let Some(Inside::Map { seen, key, .. }) = top {
            repeated = !seen.insert(name.clone());
            *key = Some((name.clone(), place));
        }
        if repeated {
            let message = format!("the key `{name}` stands here twice");
            self.report(
                place,
                "document.duplicate_key",
                &message,
                "keep one of them",
            );
        }
        Ok(())
    }

    fn begin(&mut self, place: Place, inside: Inside) -> Result<(), Stopped> {
        self.count(place)?;
        if self.open.len() >= DEPTH_MAX {
            return Err(self.stop(too_deep(place, &self.pointer())));
        }
        if self.wants_key() {
            let message = "a key must be text, not a list or an object";
            let problem = place.problem("yaml.key", self.pointer(), message);
            return Err(self.stop(problem));
        }
        self.open.push(Open { place, inside });
        Ok(())
    }

    fn end(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let node = match open.inside {
            Inside::List(items) => Node::List(items),
            Inside::Map { entries, .. } => Node::Map(entries),
        };
        self.attach(Tree {
            node,
            place: open.place,
            lines: None,
        });
    }

    fn value(&mut self, node: Node, place: Place) -> Result<(), Stopped> {
        self.value_on_lines(node, place, None)
    }

    fn value_on_lines(
        &mut self,
        node: Node,
        place: Place,
        lines: Option<Arc<[Line]>>,
    ) -> Result<(), Stopped> {
        self.count(place)?;
        if self.wants_key() {
            // Only an alias comes here as a key; it is reported already.
            return self.key(Cow::Borrowed("*"), ScalarStyle::SingleQuoted, place);
        }
        self.attach(Tree { node, place, lines });
        Ok(())
    }

    fn attach(&mut self, value: Tree) {
        match self.open.last_mut().map(|top| &mut top.inside) {
            None => self.documents.push(value),
            Some(Inside::List(items)) => items.push(value),
            Some(Inside::Map { entries, key, .. }) => {
                if let Some((key, place)) = key.take() {
                    entries.push(Entry { key, place, value });
                }
            }
        }
    }

    fn count(&mut self, place: Place) -> Result<(), Stopped> {
        self.nodes += 1;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let message = format!("the text holds more than {NODES_MAX} values");
        let problem = place.problem("document.too_many_nodes", self.pointer(), message);
        Err(self.stop(problem))
    }

    fn stop(&mut self, problem: Problem) -> Stopped {
        self.problems.push(problem);
        Stopped
    }

    fn report(&mut self, place: Place, code: &str, message: &str, hint: &str) {
        let problem = place.problem(code, self.pointer(), message).hint(hint);
        self.problems.push(problem);
    }

    /// The pointer of the value that is being read.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.open {
            match &open.inside {
                Inside::List(items) => pointer = join(&pointer, items.len().to_string()),
                Inside::Map {
                    key: Some((key, _)),
                    ..
                } => pointer = join(&pointer, key),
                Inside::Map { key: None, .. } => {}
            }
        }
        pointer
    }
}
