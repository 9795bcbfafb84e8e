//! The words an expression may use: jaq's library with our definitions laid into it.
//!
//! Parsed once for the process; names that begin with `w_` are ours alone.

use std::collections::HashSet;
use std::sync::OnceLock;

use jaq_core::load::parse::Def;

use super::natives;

/// Definitions of jaq that could end the process or write to its output.
const LEFT_OUT: [&str; 4] = ["debug", "stderr", "halt", "halt_error"];

/// Definitions of jaq that natives of ours replace, with their number of arguments.
const REPLACED: [(&str, usize); 5] = [
    ("add", 0),
    ("delpaths", 1),
    ("from_entries", 0),
    ("join", 1),
    ("keys", 0),
];

/// The definitions in the order in which they see one another.
pub(super) fn definitions() -> &'static [Def] {
    static DEFINITIONS: OnceLock<Vec<Def>> = OnceLock::new();
    DEFINITIONS.get_or_init(|| {
        let mut instead = parsed(include_str!("instead.jq"));
        let mut all = parsed(include_str!("before.jq"));
        for definition in jaq_core::defs().chain(jaq_std::defs()) {
            let (name, arity) = (definition.name, definition.args.len());
            let ours = instead
                .iter()
                .position(|ours| ours.name == name && ours.args.len() == arity);
            match ours {
                Some(at) => all.push(instead.remove(at)),
                None if LEFT_OUT.contains(&name) || REPLACED.contains(&(name, arity)) => {}
                None => all.push(definition),
            }
        }
        all.extend(instead);
        all.extend(parsed(include_str!("after.jq")));
        all
    })
}

fn parsed(text: &'static str) -> Vec<Def> {
    jaq_core::load::parse(text, |parser| parser.defs()).expect("our own library parses")
}

/// Every name that an expression may call, with its number of arguments.
fn words() -> &'static HashSet<(String, usize)> {
    static WORDS: OnceLock<HashSet<(String, usize)>> = OnceLock::new();
    WORDS.get_or_init(|| {
        let natives = natives::all()
            .into_iter()
            .map(|(name, arguments, _)| (name, arguments.len()));
        let definitions = definitions()
            .iter()
            .map(|word| (word.name, word.args.len()));
        let ours = |word: &(&str, usize)| !word.0.starts_with("w_");
        let words = natives.chain(definitions).filter(ours);
        words
            .map(|(name, arity)| (name.to_owned(), arity))
            .chain([("empty".into(), 0)])
            .collect()
    })
}

/// Whether an expression may call this name with so many arguments.
pub(super) fn knows(name: &str, arity: usize) -> bool {
    words().contains(&(name.to_owned(), arity))
}

/// With how many arguments a name may be called.
pub(super) fn arities(name: &str) -> Vec<usize> {
    let named = words().iter().filter(|(known, _)| known == name);
    let mut arities: Vec<usize> = named.map(|(_, arity)| *arity).collect();
    arities.sort_unstable();
    arities
}

/// The names that people use, in order; those with an underscore before them are the library's own.
pub(super) fn names() -> Vec<&'static str> {
    let names = words().iter().map(|(name, _)| name.as_str());
    let mut names: Vec<&str> = names.filter(|name| !name.starts_with('_')).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Why a name of jq is not here, and what to write instead.
pub(super) fn forbidden(name: &str) -> Option<&'static str> {
    Some(match name {
        "env" | "input_filename" => "an expression sees only its data; put settings into the input",
        "input" | "inputs" | "input_line_number" => "there is one input, `.`",
        "debug" | "stderr" | "halt" | "halt_error" => {
            "an expression only calculates; use `error(…)` to fail"
        }
        "localtime" | "strflocaltime" => "times are UTC; use `gmtime`, `strftime`",
        "get_search_list" | "modulemeta" => "modules are not available",
        _ => return None,
    })
}
