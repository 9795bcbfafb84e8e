//! What a worker must have for a step, `needs`, or had better have, `prefers`.

use std::collections::BTreeSet;

use crate::value::Value;

/// Longest name or value, in bytes.
const WORD_MAX: usize = 63;

/// The words that a worker must offer: `{ gpu: true, region: eu }` needs `gpu` and `region=eu`. False and null need
/// nothing. Nothing at all for what is no such map.
pub fn needed(value: &Value) -> Option<BTreeSet<String>> {
    let mut words = BTreeSet::new();
    for (name, value) in value.as_map()?.iter() {
        match value.as_bool() {
            _ if !is_word(name) => return None,
            Some(true) => words.extend([name.to_string()]),
            Some(false) => {}
            None if value.is_null() => {}
            None => {
                let value = value.as_str().filter(|text| is_word(text))?;
                words.insert(format!("{name}={value}"));
            }
        }
    }
    Some(words)
}

/// Before a word that is preferred, not needed.
pub const PREFERRED: char = '?';

/// Whether a worker must offer this word of a list.
pub fn is_needed(word: &str) -> bool {
    !word.starts_with(PREFERRED)
}

/// The list of what is needed and then of what is preferred, each sorted, joined by commas. What is needed is not
/// preferred as well.
pub fn listed(needed: &BTreeSet<String>, preferred: &BTreeSet<String>) -> String {
    let preferred = preferred.difference(needed);
    let preferred = preferred.map(|word| format!("{PREFERRED}{word}"));
    let words = needed.iter().cloned().chain(preferred);
    words.collect::<Vec<_>>().join(",")
}

/// What a worker has that offers `gpu` or `gpu=a100`: the latter is a `gpu` too. Nothing for what is neither.
pub fn offered(text: &str) -> Option<Vec<String>> {
    match text.split_once('=') {
        None => is_word(text).then(|| vec![text.to_owned()]),
        Some((name, value)) => {
            let fits = is_word(name) && is_word(value);
            fits.then(|| vec![name.to_owned(), text.to_owned()])
        }
    }
}

/// No comma, no `=`, and no `:`, by which handlers are told from these.
fn is_word(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=WORD_MAX).contains(&text.len()) && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(text: &str) -> Option<Vec<String>> {
        let value = Value::parse(text).expect("JSON");
        needed(&value).map(|words| words.into_iter().collect())
    }

    #[test]
    fn what_is_needed_is_a_word_or_a_word_and_its_value() {
        let wanted = ["gpu", "region=eu"].map(str::to_owned).to_vec();
        let said = r#"{"region":"eu","gpu":true,"disk":false,"os":null}"#;

        assert_eq!(needs(said), Some(wanted));
        assert_eq!(needs("{}"), Some(Vec::new()));
        for wrong in [
            "[]",
            r#"{"gpu":1}"#,
            r#"{"g,pu":true}"#,
            r#"{"a:1":true}"#,
            r#"{"gpu":""}"#,
        ] {
            assert_eq!(needs(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_preferred_stands_behind_what_is_needed() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();

        let list = listed(
            &words(&["score:1.0.0", "gpu"]),
            &words(&["region=eu", "gpu"]),
        );

        assert_eq!(list, "gpu,score:1.0.0,?region=eu");
        assert!(list.split(',').map(is_needed).eq([true, true, false]));
        assert_eq!(listed(&words(&[]), &words(&[])), "");
    }

    #[test]
    fn a_worker_that_offers_a_kind_has_the_thing() {
        let both = ["gpu", "gpu=a100"].map(str::to_owned).to_vec();

        assert_eq!(offered("gpu=a100"), Some(both));
        assert_eq!(offered("gpu"), Some(vec!["gpu".to_owned()]));
        for wrong in ["", "=", "gpu=", "a=b=c", "a:1", "a b"] {
            assert_eq!(offered(wrong), None, "{wrong}");
        }
    }
}
