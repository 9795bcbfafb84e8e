//! Every code that publishing may give has its page, or its line on the page of its family.

use std::fs;
use std::path::{Path, PathBuf};

use windlass_workflows::catalogue::{Ability, Catalogue};
use windlass_workflows::check;
use windlass_workflows::problem::Problem;
use windlass_workflows::resource::Resources;
use windlass_workflows::value::Value;

/// Families of codes, as the checks of this crate name them.
const FAMILIES: [&str; 23] = [
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
    "warning",
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

/// What the language says that publishing answers, and what stands beside it: each with a page of its own.
const REFUSED: [&str; 20] = [
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
    "names.malformed",
    "names.repeated",
    "names.reserved",
];

const HEADER: &str = "document: { dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }\n";

/// One handler is registered, and everything can be done.
fn catalogue() -> Catalogue {
    let able = Ability::ALL.into_iter();
    let catalogue = able.fold(Catalogue::builtin(), Catalogue::able);
    let schema = r#"{"type":"object","properties":{"sku":{"type":"string"}},"required":["sku"]}"#;
    let schema = Value::parse(schema).expect("JSON");
    catalogue
        .with("enrich", "1.0.0", &schema)
        .expect("a schema")
}

/// A page's blocks of that kind.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let begun = page.split("```").skip(1).step_by(2);
    begun
        .filter_map(|block| block.strip_prefix(&format!("{kind}\n")))
        .collect()
}

/// Problems and warnings of a document on a page.
fn said(text: &str) -> (Vec<Problem>, Vec<Problem>) {
    let tree = check::read(&format!("{HEADER}{text}")).expect("YAML");
    let published = check::publish_tree(&tree, &catalogue(), &Resources::default());
    (published.err().unwrap_or_default(), check::warnings(&tree))
}

/// What a page shows that is not so.
fn untrue(code: &str) -> Option<String> {
    let page = fs::read_to_string(folder("../docs/errors").join(format!("{code}.md")));
    let page = page.map_err(|_| format!("{code} has no page"));
    let page = match page {
        Ok(page) => page,
        Err(none) => return Some(none),
    };
    let (documents, messages) = (blocks(&page, "yaml"), blocks(&page, "text"));
    let ([wrong, mended], [message]) = (documents.as_slice(), messages.as_slice()) else {
        return Some(format!(
            "{code} shows no wrong document, its message and the mended one"
        ));
    };
    let (problems, warnings) = said(wrong);
    let found = match code.starts_with("warning.") {
        true if problems.is_empty() => warnings,
        _ => problems,
    };
    let [one] = found.as_slice() else {
        return Some(format!("{code} shows a document with {found:?}"));
    };
    let told = match &one.hint {
        Some(hint) => format!("{} ({hint})", one.message),
        None => one.message.clone(),
    };
    if one.code != code || told != message.trim_end() {
        return Some(format!("{code} is {} and says: {told}", one.code));
    }
    let (problems, warnings) = said(mended);
    let left: Vec<Problem> = problems.into_iter().chain(warnings).collect();
    (!left.is_empty()).then(|| format!("{code} shows as mended a document with {left:?}"))
}

#[test]
fn the_codes_that_the_language_names_have_pages_that_are_true() {
    let untrue: Vec<String> = REFUSED.iter().filter_map(|code| untrue(code)).collect();

    assert!(untrue.is_empty(), "{}", untrue.join("\n"));
}

#[test]
fn each_warning_has_a_page_that_is_true() {
    let mut source = String::new();
    sources(&folder("src/check"), &mut source);
    let codes = codes(&source);
    let warnings = codes.iter().filter(|code| code.starts_with("warning."));
    let warnings: Vec<&&str> = warnings.collect();
    assert!(warnings.len() >= 6, "{warnings:?}");

    let untrue: Vec<String> = warnings.iter().filter_map(|code| untrue(code)).collect();

    assert!(untrue.is_empty(), "{}", untrue.join("\n"));
}
