//! Documents as an export writes them: read again they are the same, whatever they say.

use proptest::prelude::*;
use windlass_workflows::configuration::{identity, write};
use windlass_workflows::document::tree::{Format, read_one};
use windlass_workflows::value::Value;

use super::documents::{CATEGORY, CONNECTIONS, JOB, PURPOSE, documents, refused};

/// As YAML readers have it.
fn again(text: &str) -> Value {
    let tree = read_one(text, Format::Yaml);
    tree.unwrap_or_else(|problems| panic!("{text}\n{problems:?}"))
        .to_value()
}

#[test]
fn what_is_written_is_the_same_document() {
    for text in [PURPOSE, CATEGORY, JOB, CONNECTIONS] {
        for document in documents(text) {
            let written = write(document.canonical());
            let read = documents(&written).remove(0);

            assert_eq!(read.canonical().to_json(), document.canonical().to_json());
            assert_eq!(write(read.canonical()), written);
        }
    }
}

#[test]
fn a_document_reads_as_people_write_it() {
    let text = "windlass: v1\nkind: Purpose\nname: brief\ntitle: 'Say \"hello\"'\n\
        template: a.b\ninput:\n  at: \"10:30\"\n  lines: |\n    one\n\n    two\n  deep:\n    - [ 1, null ]\n\
        \x20   - a: [ x ]\n      b: {}\nlimits: [ slow, \"slow:key\" ]\n";

    let written = write(documents(text)[0].canonical());

    assert_eq!(written, text);
}

const ODD: &[&str] = &[
    "",
    "true",
    "No",
    "~",
    "null",
    "1",
    "1.0.0",
    "10:30",
    "0x1d",
    "1e3",
    "2026-01-01",
    "- a",
    "a: b",
    "a #b",
    " a",
    "a ",
    "#a",
    "&a",
    "*a",
    "!a",
    "|",
    "> x",
    "%a",
    "@a",
    "`a",
    "'",
    "\"",
    "\\",
    "a\tb",
    "a\u{85}b",
    "\u{feff}a",
    "---",
    "--- a",
    "a\n",
    "\na",
    "a\n\nb",
    "a\nb\n\n",
    " a\nb",
    "a\n   \nb",
    "a\n b\n",
    "90s",
    "s",
    "1e5d",
    "${ .a }",
    "é",
    "\u{1f600}",
    "y",
    "a\r\nb",
    "...",
    "a\n---\nb\n",
    "<<",
    "=",
    ".inf",
];

#[test]
fn texts_that_look_like_something_else_stand_in_quotes() {
    for &text in ODD {
        let value = Value::map([
            ("a", Value::from(text)),
            (text, Value::list([Value::from(text)])),
        ]);

        assert_eq!(again(&write(&value)).to_json(), value.to_json(), "{text:?}");
    }
}

#[test]
fn the_file_of_a_category_is_not_what_it_is() {
    let other = CATEGORY.replace("../data/birdstrikes.csv", "strikes.ndjson");
    let empty = CATEGORY.replace("mode: replace", "empty: text");
    let of = |text: &str| identity(documents(text)[0].canonical());

    assert_eq!(of(CATEGORY), of(&other));
    assert_ne!(of(CATEGORY), of(&empty));
    assert_ne!(
        of(CATEGORY),
        of(&CATEGORY.replace("Origin State", "Phase of flight"))
    );
}

#[test]
fn consent_names_whose_it_is() {
    let governed =
        format!("{PURPOSE}consent: service\nsubject: '${{ .contact.id }}'\nqueue: slow\n");
    let read = documents(&governed);

    let written = write(read[0].canonical());
    assert!(
        written.ends_with("queue: slow\nconsent: service\nsubject: \"${ .contact.id }\"\n"),
        "{written}"
    );
    assert_eq!(
        refused(&format!("{PURPOSE}consent: service\n")),
        ["configuration.missing_key "]
    );
    assert_eq!(
        refused(&format!("{PURPOSE}subject: x\n")),
        ["configuration.value /subject"]
    );
    assert_eq!(
        refused(&format!("{PURPOSE}queue: A\n")),
        ["configuration.value /queue"]
    );
    assert_eq!(
        refused(&format!("{CATEGORY}retention: 90s\n")),
        ["configuration.value /retention"]
    );
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{0,6}",
        "[ -~\n]{0,24}",
        "[^\u{0}-\u{8}\u{b}-\u{1f}]{0,12}",
    ]
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::parse(&number.to_string()).unwrap()),
        (-1e6..1e6).prop_map(|number: f64| Value::parse(&number.to_string()).unwrap()),
        texts().prop_map(Value::text),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::list),
            prop::collection::vec((texts(), inner), 0..5).prop_map(|members| {
                let members: std::collections::BTreeMap<_, _> = members.into_iter().collect();
                Value::map(members)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_read_as_it_was_written(value in values()) {
        let whole = Value::map([("it", value)]);
        let text = write(&whole);
        let tree = read_one(&text, Format::Yaml);

        // What a document may not hold at all is refused by name, written in quotes or not.
        if let Ok(tree) = tree {
            prop_assert_eq!(tree.to_value().to_json(), whole.to_json(), "{}", text);
        } else {
            let told = tree.unwrap_err();
            prop_assert!(told.iter().all(|one| one.code.starts_with("document.")), "{}\n{:?}", text, told);
        }
    }
}
