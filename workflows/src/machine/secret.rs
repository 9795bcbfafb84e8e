//! Secrets as expressions see them: markers, which only whoever sends a request swaps for the values.
//!
//! A marker says the name and bears a mark that is drawn from the job's own row, so that text from
//! outside hardly poses as one; who can read the journal knows the mark, and gets no further than the
//! secrets that the template declares. Values never enter the machine, and so neither journal nor history.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Execution, JobFacts};
use crate::value::{Map, Value};

/// What a marker begins with.
const OPENS: &str = "{windlass-secret:";

/// What a text begins with, if it may be a marker and has no character that means anything in a URL.
pub(crate) fn marker_at(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(OPENS)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let end = rest.find(|c: char| !plain(c))?;
    let is_closed = rest[end..].starts_with('}');
    is_closed.then(|| &text[..OPENS.len() + end + 1])
}

/// The text with each marker as tests write it, `{secret:name}`, whatever job it bears the mark of.
pub(crate) fn plainly(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(OPENS) {
        whole.push_str(&rest[..at]);
        let after = &rest[at + OPENS.len()..];
        let marked = after
            .split_once(':')
            .and_then(|(mark, named)| Some((mark, named.split_once('}')?)));
        match marked {
            Some((mark, (name, after))) if mark.chars().all(|c| c.is_ascii_hexdigit()) => {
                whole.push_str(&format!("{{secret:{name}}}"));
                rest = after;
            }
            _ => {
                whole.push_str(OPENS);
                rest = after;
            }
        }
    }
    whole + rest
}

/// The same of every text in a value.
pub(crate) fn plainly_in(value: &Value) -> Value {
    match value {
        Value::Text(text) => Value::from(plainly(text)),
        Value::List(_) => {
            let items = value.as_list().unwrap_or_default().iter();
            Value::list(items.map(plainly_in))
        }
        Value::Map(map) => {
            let entries = Map::iter(map);
            Value::map(entries.map(|(key, value)| (plainly(key), plainly_in(value))))
        }
        _ => value.clone(),
    }
}

impl Execution {
    /// The marks of its secrets, if its template names any.
    pub fn marks(&self) -> Option<Marks> {
        let names = &self.program.secrets;
        (!names.is_empty()).then(|| self.own_marks())
    }

    /// `$secrets`, as far as an expression names it: a marker for each secret, or for each of its members.
    pub(super) fn secrets(&self, text: &str) -> Value {
        let marks = self.own_marks();
        let markers = uses(text).flatten().map(|path| {
            let marker = Value::from(marks.marker(path));
            let mut parts = path.rsplit('.');
            let first = parts.next().unwrap_or(path).to_owned();
            parts.fold((first, marker), |(key, value), part| {
                (part.to_owned(), Value::map([(key, value)]))
            })
        });
        markers.fold(
            Value::map([] as [(&str, Value); 0]),
            |all, (name, value)| {
                let value = match all.get(&name) {
                    Some(known) if known.as_map().is_some() => known.merged(&value),
                    _ => value,
                };
                all.merged(&Value::map([(name, value)]))
            },
        )
    }
}

/// How one job's markers are told from any other text.
#[derive(Clone, Debug)]
pub struct Marks {
    /// What each of them begins with.
    opens: String,
    /// `use.secrets`.
    names: Vec<String>,
}

impl Marks {
    /// The marks of this job, whose template declares these secrets.
    pub fn of(facts: &JobFacts, names: &[String]) -> Self {
        let mut hash = Sha256::new();
        hash.update(facts.nonce.to_be_bytes());
        hash.update(facts.created_at.timestamp_micros().to_be_bytes());
        hash.update(facts.input.to_json().as_bytes());
        Self::bearing(&hex::encode(&hash.finalize()[..8]), names)
    }

    /// The marks of another job, which has told its mark.
    pub(super) fn bearing(mark: &str, names: &[String]) -> Self {
        Self {
            opens: format!("{OPENS}{mark}:"),
            names: names.to_vec(),
        }
    }

    /// What tells them from those of other jobs.
    pub(super) fn mark(&self) -> &str {
        self.opens[OPENS.len()..].trim_end_matches(':')
    }

    /// Whether the template declares the secret of this name, or what it is a member of. A mark can be read
    /// from the journal, so text from outside may bear one: what is not declared is never revealed.
    pub fn declares(&self, name: &str) -> bool {
        let is_in = |whole: &String| match name.strip_prefix(whole.as_str()) {
            Some(rest) => rest.is_empty() || rest.starts_with('.'),
            None => false,
        };
        self.names.iter().any(is_in)
    }

    /// Whether a marker stands in the value.
    pub fn stand_in(&self, value: &Value) -> bool {
        match value {
            Value::Text(text) => text.contains(&self.opens),
            Value::List(list) => list.items().iter().any(|item| self.stand_in(item)),
            Value::Map(map) => {
                let stands = |(key, value): (&Arc<str>, &Value)| {
                    key.contains(&self.opens) || self.stand_in(value)
                };
                map.iter().any(stands)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    fn marker(&self, name: &str) -> String {
        format!("{}{name}}}", self.opens)
    }

    /// The text with these marks in place of another job's.
    pub(super) fn in_place_of(&self, other: &Self, text: &str) -> String {
        text.replace(&other.opens, &self.opens)
    }

    /// The text in parts: what stands before a marker, the marker's name, and so on; text comes last.
    fn parts<'t>(&self, text: &'t str) -> impl Iterator<Item = (Option<&'t str>, &'t str)> {
        let mut parts = text.split(self.opens.as_str());
        let first = parts.next().map(|part| (None, part));
        let marked = parts.map(|part| {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            (Some(name), rest)
        });
        first.into_iter().chain(marked)
    }

    /// The text with each marker swapped for what `reveal` gives for its name and for its place in bytes.
    pub fn swapped(&self, text: &str, mut reveal: impl FnMut(&str, usize) -> String) -> String {
        let mut whole = String::with_capacity(text.len());
        for (name, rest) in self.parts(text) {
            let revealed = name.map(|name| reveal(name, whole.len()));
            whole.push_str(&revealed.unwrap_or_default());
            whole.push_str(rest);
        }
        whole
    }

    /// The value with each marker of its texts swapped for what `reveal` gives for its name.
    pub fn swapped_in(&self, value: &Value, reveal: &mut impl FnMut(&str) -> String) -> Value {
        match value {
            Value::Text(text) if text.contains(&self.opens) => {
                Value::from(self.swapped(text, |name, _| reveal(name)))
            }
            Value::List(_) => {
                let items = value.as_list().unwrap_or_default().iter();
                Value::list(items.map(|item| self.swapped_in(item, reveal)))
            }
            Value::Map(map) => {
                let entries = Map::iter(map);
                Value::map(
                    entries.map(|(key, value)| (key.clone(), self.swapped_in(value, reveal))),
                )
            }
            _ => value.clone(),
        }
    }
}

/// The name at each use of `$secrets`, with its member if it has one, or nothing where more is done with it
/// than to write it down: the expression is that name alone, or one text that holds it.
pub(crate) fn uses(text: &str) -> impl Iterator<Item = Option<&str>> {
    const NAME: &str = "$secrets";
    let written: Vec<usize> = written_down(text).collect();
    text.match_indices(NAME).map(move |(at, _)| {
        let name = text[at + NAME.len()..].strip_prefix('.')?;
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let (name, after) = name.split_at(name.find(|c| !word(c)).unwrap_or(name.len()));
        let is_whole = name.split('.').all(|part| !part.is_empty());
        let is_last = matches!(after.trim_start().chars().next(), None | Some(')'));
        (is_whole && is_last && written.contains(&at)).then_some(name)
    })
}

/// Where an expression begins, and where each interpolation does if it is one literal text: what stands
/// there, up to the end of the expression or of the interpolation, is written down as it is.
fn written_down(expression: &str) -> impl Iterator<Item = usize> {
    let skipped = |at: usize| at + expression[at..].len() - expression[at..].trim_start().len();
    // Open texts and, inside of them, open parentheses of interpolations.
    let mut open: Vec<char> = Vec::new();
    let (mut begins, mut ended) = (Vec::new(), None);
    let mut marks = expression.char_indices();
    while let Some((at, mark)) = marks.next() {
        let is_text = open.last() == Some(&'"');
        match mark {
            '\\' if is_text => {
                if let Some((at, '(')) = marks.next() {
                    open.push('(');
                    begins.extend((open.len() == 2).then_some(at + 1));
                }
            }
            '"' if is_text => drop(open.pop()),
            '"' | '(' if !is_text => open.push(mark),
            ')' if !is_text => drop(open.pop()),
            _ => {}
        }
        if open.is_empty() && !mark.is_whitespace() {
            ended = ended.or(Some(at));
        }
    }
    let is_one_text = expression.trim_start().starts_with('"')
        && ended.is_some_and(|at| at + 1 == expression.trim_end().len());
    let begins = begins.into_iter().filter(move |_| is_one_text);
    std::iter::once(0).chain(begins).map(skipped)
}

#[cfg(test)]
mod tests {
    use super::{Marks, plainly, uses};

    #[test]
    fn only_what_the_template_declares_is_revealed() {
        let names = vec!["crm".to_owned()];
        let marks = Marks {
            opens: String::new(),
            names,
        };

        assert!(marks.declares("crm") && marks.declares("crm.key"));
        assert!(!marks.declares("crmx") && !marks.declares("key") && !marks.declares(""));
    }

    #[test]
    fn tests_see_the_name_of_a_marker_and_not_its_mark() {
        let names = vec!["crm".to_owned()];
        let marks = Marks::bearing("00ff00ff00ff00ff", &names);
        let text = format!("Bearer {}!", marks.marker("crm.key"));

        assert_eq!(plainly(&text), "Bearer {secret:crm.key}!");
        for plain in [
            "",
            "{secret:a}",
            "{windlass-secret:",
            "{windlass-secret:x:y}",
        ] {
            assert_eq!(plainly(plain), plain);
        }
    }

    #[test]
    fn a_secret_is_written_down_or_worked_on() {
        let one = |text| uses(text).collect::<Vec<_>>();

        assert_eq!(one(" $secrets.key "), [Some("key")]);
        assert_eq!(one(r#""Bearer \($secrets.key)!""#), [Some("key")]);
        assert_eq!(one("$secrets.key | length"), [None]);
        assert_eq!(one("$secrets.crm.key"), [Some("crm.key")]);
        assert_eq!(one("$secrets"), [None]);
        assert_eq!(one("$secrets[\"key\"]"), [None]);
        assert!(one(".secrets.key").is_empty());
    }

    #[test]
    fn a_text_that_holds_a_secret_is_the_whole_expression() {
        let is_taken = |text| uses(text).all(|name| name.is_some());

        assert!(is_taken(r#""a \"b\" \($secrets.key) \(.x | "c\(.y)")""#));
        assert!(is_taken(r#""\(.a)\($secrets.a):\($secrets.b)""#));
        for worked_on in [
            r#""\($secrets.key)" | @base64"#,
            r#"("\($secrets.key)") | length"#,
            r#"@base64 "\($secrets.key)""#,
            r#""\("\($secrets.key)" | @uri)""#,
            r#"{ "a": "\($secrets.key)" } | tojson"#,
            r#""a" + "\($secrets.key)""#,
            r#"($secrets.key)"#,
        ] {
            assert!(!is_taken(worked_on), "{worked_on}");
        }
    }
}
