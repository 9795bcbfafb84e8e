//! What a database is asked before a filter judges: never more than must hold of what the filter keeps.

use crate::expression::{Necessary, Order, necessary};
use crate::value::Value;

/// What must hold of a row for a filter to keep it, in words that Postgres has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Narrow {
    /// SQL/JSON path predicate over the document.
    pub document: Option<String>,
    /// A text that the document holds, as it is stored: a member with its value.
    pub text: Option<String>,
    /// Top-level fields that must have one of some values: an index may find the rows.
    pub fields: Vec<Sought>,
    /// One of these keys.
    pub keys: Option<Vec<String>>,
    /// This key or one after it, in byte order.
    pub key_from: Option<String>,
    /// This key or one before it.
    pub key_to: Option<String>,
    /// One of these objects.
    pub objects: Option<Vec<String>>,
    /// This object or one after it.
    pub object_from: Option<String>,
    /// This object or one before it, or none.
    pub object_to: Option<String>,
}

/// A top-level field with the values that a filter keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Its name.
    pub field: String,
    /// Documents, as they are stored, that share their mark under the field with every row that a filter may keep.
    pub probes: Vec<String>,
}

/// Has the mark of all documents that Postgres' JSON does not take (`item_mark` in the database).
const UNREADABLE: &str = r#""\u0000""#;

impl Sought {
    fn new(field: &str, values: &[Value]) -> Self {
        let document = |value: &Value| {
            let member = (field, value.clone());
            Value::map([member]).to_json()
        };
        let mut probes: Vec<String> = values.iter().map(document).collect();
        if values.iter().any(|value| matches!(value, Value::Number(_))) {
            // Numbers that are written with an exponent share one mark.
            probes.push(format!("{{{}:1e0}}", Value::from(field).to_json()));
        }
        probes.push(UNREADABLE.to_owned());
        Self {
            field: field.to_owned(),
            probes,
        }
    }
}

impl Narrow {
    /// What must hold where this filter keeps a row.
    pub fn of(filter: &str) -> Self {
        let mut narrow = Self::default();
        let mut ways = Vec::new();
        for one in necessary(filter) {
            match one {
                Necessary::OneOf { way, values } => ways.push((way, values)),
                // A way that may fail must be looked at, whatever the row's key is.
                Necessary::Row { .. } if ways.iter().any(|(way, _)| way.len() > 1) => break,
                Necessary::Row {
                    is_key,
                    order,
                    texts,
                } => narrow.row(is_key, order, texts),
            }
        }
        narrow.document = predicate(&ways);
        narrow.text = member(&ways);
        let sought = safe(&ways).map(|(way, values)| Sought::new(&way[0], values));
        narrow.fields = sought.collect();
        narrow
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn row(&mut self, is_key: bool, order: Order, texts: Vec<String>) {
        let (among, from, to) = match is_key {
            true => (&mut self.keys, &mut self.key_from, &mut self.key_to),
            false => (
                &mut self.objects,
                &mut self.object_from,
                &mut self.object_to,
            ),
        };
        let one = || texts.first().cloned();
        match order {
            Order::Equal => {
                among.get_or_insert(texts);
            }
            Order::From => *from = from.take().max(one()),
            Order::To => *to = to.take().or_else(one).min(one()),
        }
    }
}

/// Ways to a field of the document, before any way may fail.
fn safe(ways: &[(Vec<String>, Vec<Value>)]) -> impl Iterator<Item = &(Vec<String>, Vec<Value>)> {
    ways.iter().take_while(|(way, _)| way.len() == 1)
}

/// The longest member that a document must hold. A number may be written in several ways, and null may be missing.
fn member(ways: &[(Vec<String>, Vec<Value>)]) -> Option<String> {
    let members = safe(ways).filter_map(|(way, values)| match values.as_slice() {
        [value @ (Value::Text(_) | Value::Bool(_))] => {
            let key = Value::from(way[0].as_str());
            Some(format!("{}:{}", key.to_json(), value.to_json()))
        }
        _ => None,
    });
    members.max_by_key(String::len)
}

/// Every way leads to one of its values, or fails before it gets there: a row on which the filter fails comes back.
fn predicate(ways: &[(Vec<String>, Vec<Value>)]) -> Option<String> {
    let (last, before) = ways.split_last()?;
    let innermost = either(fails(&last.0), is_one_of(&last.0, &last.1));
    let nest = |inner: String, (way, values): &(Vec<String>, Vec<Value>)| {
        let holds = format!("({} && {inner})", is_one_of(way, values));
        either(fails(way), holds)
    };
    Some(before.iter().rev().fold(innermost, nest))
}

fn either(fails: Option<String>, holds: String) -> String {
    match fails {
        Some(fails) => format!("({fails} || {holds})"),
        None => holds,
    }
}

fn is_one_of(way: &[String], values: &[Value]) -> String {
    let place = place(way);
    let equals = values.iter().map(|value| match value {
        Value::Null => format!("(!exists({place}) || {place} == null)"),
        value => format!("{place} == {}", value.to_json()),
    });
    let equals: Vec<String> = equals.collect();
    format!("({})", equals.join(" || "))
}

/// Some step of the way leads into what has no members.
fn fails(way: &[String]) -> Option<String> {
    let before = (1..way.len()).map(|length| {
        let place = place(&way[..length]);
        format!("({place}.type() != \"object\" && {place}.type() != \"null\")")
    });
    let before: Vec<String> = before.collect();
    (!before.is_empty()).then(|| format!("({})", before.join(" || ")))
}

fn place(way: &[String]) -> String {
    let keys = way.iter().map(|key| Value::from(key.as_str()).to_json());
    keys.fold("$".to_owned(), |place, key| format!("{place}.{key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(filter: &str) -> Option<String> {
        Narrow::of(filter).document
    }

    #[test]
    fn plain_comparisons_are_asked() {
        let cases = [
            (r#".a == "x""#, r#"($."a" == "x")"#),
            (
                r#"(.a == 1 or .a == -2.5) and .b > 3"#,
                r#"($."a" == 1 || $."a" == -2.5)"#,
            ),
            (r#""ü\"" == ."b c""#, r#"($."b c" == "ü\"")"#),
            (".a == null", r#"((!exists($."a") || $."a" == null))"#),
            (
                ".a == true and .b == 1",
                r#"(($."a" == true) && ($."b" == 1))"#,
            ),
        ];
        for (filter, wanted) in cases {
            assert_eq!(document(filter).as_deref(), Some(wanted), "{filter}");
        }
        let nested = document(".a.b == 1").unwrap();
        assert_eq!(
            nested,
            r#"((($."a".type() != "object" && $."a".type() != "null")) || ($."a"."b" == 1))"#
        );
    }

    #[test]
    fn a_member_is_looked_for_as_it_is_stored() {
        let text = |filter: &str| Narrow::of(filter).text;
        let found = text(r#".b == true and .a == "ü\"" and .n == 1"#);
        assert_eq!(found.as_deref(), Some(r#""a":"ü\"""#));
        for filter in [
            ".a == 1",
            ".a == null",
            r#".a == "x" or .a == "y""#,
            r#".a.b == 1 and .c == "x""#,
        ] {
            assert_eq!(text(filter), None, "{filter}");
        }
    }

    #[test]
    fn fields_that_an_index_may_answer_are_told_with_all_that_may_be_meant() {
        let fields = |filter: &str| Narrow::of(filter).fields;
        let sought = |field: &str, probes: &[&str]| Sought {
            field: field.to_owned(),
            probes: probes.iter().map(|probe| (*probe).to_owned()).collect(),
        };
        assert_eq!(
            fields(r#"(.a == "ü" or .a == 1.0) and ."b c" == null"#),
            [
                sought(
                    "a",
                    &[r#"{"a":"ü"}"#, r#"{"a":1.0}"#, r#"{"a":1e0}"#, UNREADABLE]
                ),
                sought("b c", &[r#"{"b c":null}"#, UNREADABLE]),
            ]
        );
        // What stands behind a way that may fail must not hide that it fails.
        assert_eq!(fields(".a.b == 1 and .c == 2"), []);
    }

    #[test]
    fn what_is_no_plain_part_is_left_to_the_filter() {
        let left = [
            ".a",
            ".a == .b",
            ".a == 1 or .b == 1",
            "not",
            ".a? == 1",
            ".a[0] == 1",
            ".a == 1e5",
            "(.a | tonumber) == 1 and .b == 2",
            ".a.b > 1 and .c == 1",
            r#".a == "x\u0000""#,
            "def f: 1; .a == 1",
            r#"$configuration == "x""#,
            "if .a == 1 then true else false end",
            ".. == 1",
            ".a == [1]",
        ];
        for filter in left {
            assert!(
                Narrow::of(filter).is_empty(),
                "{filter}: {:?}",
                Narrow::of(filter)
            );
        }
    }

    #[test]
    fn keys_and_objects_are_asked_by_order_too() {
        let narrow = Narrow::of(
            r#"$key >= "b" and $key < "d" and $key > "c" and $object <= "x" and .a > 1"#,
        );
        let text = |text: &str| Some(text.to_owned());
        assert_eq!((narrow.key_from, narrow.key_to), (text("c"), text("d")));
        assert_eq!((narrow.object_from, narrow.object_to), (None, text("x")));
        let among = Narrow::of(r#"$key == "a" or "b" == $key"#);
        assert_eq!(among.keys, Some(vec!["a".into(), "b".into()]));
        // Where the document may make the filter fail, the row must come back.
        assert_eq!(Narrow::of(r#".a.b == 1 and $key == "x""#).keys, None);
    }
}
