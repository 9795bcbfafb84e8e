//! What the two readers accept, refuse and remember.

use super::*;

fn codes(source: &str, format: Format) -> Vec<String> {
    match read(source, format, false) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|problem| problem.code).collect(),
    }
}

fn places(source: &str) -> Vec<(String, Option<u32>, Option<u32>)> {
    let problems = read(source, Format::Yaml, false).unwrap_err();
    problems
        .into_iter()
        .map(|problem| (problem.pointer, problem.line, problem.column))
        .collect()
}

#[test]
fn every_node_knows_its_place() {
    let tree = read_one("a: 1\nb:\n  - x\n  - { c: true }\n", Format::Yaml).unwrap();

    assert_eq!(tree.to_value().to_json(), r#"{"a":1,"b":["x",{"c":true}]}"#);
    assert_eq!(tree.place_of("/a"), Place { line: 1, column: 4 });
    assert_eq!(
        tree.place_of("/b/1/c"),
        Place {
            line: 4,
            column: 10
        }
    );
    assert_eq!(tree.entry("b").unwrap().place, Place { line: 2, column: 1 });
    assert_eq!(tree.place_of("/b/7"), tree.place_of("/b"));
}

#[test]
fn json_and_yaml_give_the_same_tree() {
    let source = r#"{
  "a": [1.50, "x\u00e9\n", null],
  "b": { "c/d": true, "e": {} , "f": [] }
}"#;

    let json = read_one(source, Format::Json).unwrap();
    let yaml = read_one(source, Format::Yaml).unwrap();

    assert_eq!(json.to_value().to_json(), yaml.to_value().to_json());
    for pointer in ["", "/a", "/a/0", "/a/1", "/a/2", "/b/c~1d", "/b/e"] {
        assert_eq!(json.place_of(pointer), yaml.place_of(pointer), "{pointer}");
    }
}

#[test]
fn a_value_becomes_a_tree_and_back() {
    let value = Value::parse(r#"{"a":[1,{"b":"c"}]}"#).unwrap();

    assert_eq!(Tree::from_value(&value).to_value(), value);
    assert_eq!(Tree::from_value(&value).problem("c", "", "m").line, None);
}

#[test]
fn yaml_beyond_plain_data_is_refused_with_its_place() {
    for (source, code) in [
        ("a: &x 1\nb: 2", "yaml.anchor"),
        ("a: *x", "yaml.alias"),
        ("*x : 1", "yaml.alias"),
        ("a: !thing 1", "yaml.tag"),
        ("a: !!str 1", "yaml.tag"),
        ("<<: { a: 1 }", "yaml.merge_key"),
        ("a: 1\na: 2", "document.duplicate_key"),
        ("a: 010", "yaml.number"),
        ("a: True", "yaml.word"),
        ("[1]: 2", "yaml.key"),
        ("? {a: 1}\n: 2", "yaml.key"),
        (": 2", "yaml.key"),
        ("%YAML 1.2\n---\na: 1", "yaml.syntax"),
        ("a: \"\\0\"", "document.character"),
        ("a: [1", "yaml.syntax"),
        ("a: b: c", "yaml.syntax"),
        ("a:\n\tb: 1", "yaml.syntax"),
        ("a: 1\n---\nb: 2", "document.several"),
        ("", "document.empty"),
        ("# nothing\n", "document.empty"),
        ("null", "document.empty"),
    ] {
        let problems = read(source, Format::Yaml, false).unwrap_err();
        assert_eq!(problems[0].code, code, "{source:?}: {problems:?}");
        assert!(problems[0].line.is_some(), "{source:?}");
    }
}

#[test]
fn all_problems_of_a_text_are_found_at_once() {
    let found = places("a: &x 1\nb:\n  c: *x\n  c: 0x10\nd: !t yes\n");

    let wanted = [("/a", 1), ("/b/c", 3), ("/b/c", 4), ("/b/c", 4), ("/d", 5)];
    let found: Vec<(&str, u32)> = found.iter().map(|f| (f.0.as_str(), f.1.unwrap())).collect();
    assert_eq!(found, wanted);
}

#[test]
fn json_is_read_strictly() {
    for (source, code) in [
        ("{\"a\": 1, \"a\": 2}", "document.duplicate_key"),
        ("{\"a\": 01}", "json.syntax"),
        ("{\"a\": tru}", "json.syntax"),
        ("{\"a\": 1,}", "json.syntax"),
        ("[1 2]", "json.syntax"),
        ("{a: 1}", "json.syntax"),
        ("{\"a\" 1}", "json.syntax"),
        ("\"abc", "json.syntax"),
        ("\"abc\\", "json.syntax"),
        ("[1] x", "json.syntax"),
        ("{\"a\": \"\\u0000\"}", "document.character"),
        ("", "json.syntax"),
        ("\u{e9}", "json.syntax"),
    ] {
        assert_eq!(
            codes(source, Format::Json).first().map(String::as_str),
            Some(code),
            "{source}"
        );
    }
}

#[test]
fn several_documents_are_read_where_they_are_wanted() {
    let source = "---\na: 1\n---\n# nothing here\n---\nb: 2\n...\n";

    let documents = read(source, Format::Yaml, true).unwrap();

    assert_eq!(documents.len(), 2);
    assert_eq!(documents[1].place.line, 6);
    assert!(read("", Format::Yaml, true).unwrap().is_empty());
}

#[test]
fn depth_is_allowed_up_to_its_bound() {
    for format in [Format::Yaml, Format::Json] {
        let fits = format!("{}1{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        assert_eq!(read_one(&fits, format).unwrap().to_value().depth(), 64);
        assert_eq!(codes(&format!("[{fits}]"), format), ["document.too_deep"]);
        assert_eq!(codes(&"[".repeat(100_000), format), ["document.too_deep"]);
        assert_eq!(
            codes(&"{\"a\":".repeat(100_000), format),
            ["document.too_deep"]
        );
    }
    let block: String = (0..500).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert_eq!(codes(&block, Format::Yaml), ["document.too_deep"]);
    assert_eq!(
        codes(&"- ".repeat(100_000), Format::Yaml),
        ["document.too_deep"]
    );
}

#[test]
fn size_and_number_of_values_are_allowed_up_to_their_bounds() {
    for format in [Format::Yaml, Format::Json] {
        let fits = format!("[{}1]", "1,".repeat(NODES_MAX - 2));
        assert!(read(&fits, format, false).is_ok());
        let more = format!("[{}1]", "1,".repeat(NODES_MAX - 1));
        assert_eq!(codes(&more, format), ["document.too_many_nodes"]);

        let text = format!("\"{}\"", "x".repeat(TEXT_BYTES_MAX - 2));
        assert!(read(&text, format, false).is_ok());
        assert_eq!(codes(&format!("{text} "), format), ["document.too_large"]);
    }
}

#[test]
fn keys_are_allowed_up_to_their_bound() {
    for format in [Format::Yaml, Format::Json] {
        let document = |length: usize| format!("{{\"{}\": 1}}", "k".repeat(length));
        assert!(read(&document(KEY_BYTES_MAX), format, false).is_ok());
        let refused = codes(&document(KEY_BYTES_MAX + 1), format);
        assert_eq!(refused, ["document.key_too_long"]);
    }
    let long = format!("? {}\n: 1", "k".repeat(100_000));
    assert_eq!(codes(&long, Format::Yaml), ["document.key_too_long"]);
}

#[test]
fn an_alias_bomb_stays_small() {
    let mut source = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..30 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        source += &format!("a{level}: &a{level} [{below}]\n");
    }

    let problems = read(&source, Format::Yaml, false).unwrap_err();

    assert_eq!(problems.last().unwrap().code, "document.more_problems");
    assert!(problems.len() < 250);
}

#[test]
fn truncated_texts_never_panic() {
    let source = "a: {b: [1, \"x\\u00e9\"], c: 'd'}\ne: |\n  f\ng: >-\n  h\n- *i\n&j k: !l m\n";
    for end in (0..source.len()).filter(|end| source.is_char_boundary(*end)) {
        for format in [Format::Yaml, Format::Json] {
            let _ = read(&source[..end], format, true);
            let _ = read(&source[end..], format, true);
        }
    }
}
