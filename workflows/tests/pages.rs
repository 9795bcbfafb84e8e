//! Every code that publishing may give has its page, or its line on the page of its family.

use std::fs;
use std::path::{Path, PathBuf};

/// Families of codes, as the checks of this crate name them.
const FAMILIES: [&str; 22] = [
    "call",
    "catch",
    "configuration",
    "document",
    "duration",
    "expression",
    "flight",
    "flow",
    "function",
    "handler",
    "json",
    "metadata",
    "names",
    "openapi",
    "reference",
    "resource",
    "retry",
    "schedule",
    "schema",
    "secret",
    "set",
    "yaml",
];

/// What looks like a code and is none.
const OTHERS: [&str; 3] = ["document.dsl:", "set.json", "schema.json"];

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push_str(&source(&path));
        }
    }
}

/// Tests at the end of a file name codes too; none of their own.
fn source(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("text");
    text.split("#[cfg(test)]")
        .next()
        .unwrap_or(&text)
        .to_owned()
}

/// Texts in quotes that are a family, a dot and a word.
fn codes(source: &str) -> Vec<&str> {
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || "_.".contains(c))
    };
    let quoted = source.split('"').filter(|text| {
        let parts = text.split_once('.');
        parts.is_some_and(|(family, rest)| {
            (FAMILIES.contains(&family) || family == "unsupported") && is_word(rest)
        })
    });
    let mut codes: Vec<&str> = quoted.filter(|text| !OTHERS.contains(text)).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

#[test]
fn every_code_has_a_page() {
    let mut source = String::new();
    for part in [
        "src/check",
        "src/document",
        "src/expression",
        "src/machine/flight",
        "src/openapi",
    ] {
        sources(&folder(part), &mut source);
    }
    for file in [
        "src/duration.rs",
        "src/resource.rs",
        "../workers/src/perform/fetch.rs",
    ] {
        source.push_str(&self::source(&folder(file)));
    }
    let pages = folder("../docs/errors");
    let listed = fs::read_to_string(pages.join("README.md")).expect("the list");

    let codes = codes(&source);
    assert!(codes.len() > 60, "{codes:?}");

    let without: Vec<&&str> = codes
        .iter()
        .filter(|code| {
            let family = code.split('.').next().unwrap_or_default();
            let page = fs::read_to_string(pages.join(format!("{code}.md")));
            let shared = fs::read_to_string(pages.join(format!("{family}.md")));
            let is_told = |text: &str| text.contains(&format!("`{code}`"));
            // The members of `{protocol}` and the like are told as one.
            let is_told = |text: &str| is_told(text) || is_member(text, code);
            !(is_told(&listed) && (page.is_ok() || shared.is_ok_and(|text| is_told(&text))))
        })
        .collect();
    assert!(
        without.is_empty(),
        "without a page or not in the list: {without:?}"
    );
}

fn is_member(text: &str, code: &str) -> bool {
    code.rsplit_once('.')
        .is_some_and(|(family, _)| text.contains(&format!("`{family}.{{")))
}

#[test]
fn the_codes_that_the_language_names_have_pages() {
    let pages = folder("../docs/errors");
    let codes = [
        "unsupported.call.grpc",
        "unsupported.run.shell",
        "unsupported.extension",
        "unsupported.evaluate.loose",
        "flow.unknown_target",
        "flow.duplicate_name",
        "flow.end_in_branch",
        "expression.syntax",
        "expression.unknown_variable",
        "expression.too_deep",
        "reference.unknown_retry",
        "duration.calendar_unit",
        "handler.not_registered",
        "handler.input_mismatch",
        "metadata.unknown_key",
        "secret.leaks",
        "schedule.two_kinds",
    ];
    for code in codes {
        let family = code.split('.').next().expect("a family");
        let page = fs::read_to_string(pages.join(format!("{code}.md")))
            .or_else(|_| fs::read_to_string(pages.join(format!("{family}.md"))));
        let page = page.unwrap_or_default();
        assert!(page.contains(code) || is_member(&page, code), "{code}");
    }
}
