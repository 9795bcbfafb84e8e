//! The commonest expressions: a way through members, such as `.customer.name` or `$context.total`.
//!
//! They give the same with and without the language behind them, so they go without: jaq takes ten times
//! as long to begin. Where a step of the way is not a member of a map, the language answers, in its own
//! words (`tests/expression_properties.rs` compares the two).

use super::Scope;
use crate::value::Value;

/// A way from the input, or from a variable, through members.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Path {
    variable: Option<String>,
    keys: Vec<String>,
}

impl Path {
    /// The expression as a way, if it is nothing else.
    pub(super) fn of(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "." {
            return Some(Self {
                variable: None,
                keys: Vec::new(),
            });
        }
        let mut parts = text.split('.');
        let variable = match parts.next()? {
            "" => None,
            first => Some(first.strip_prefix('$').filter(|name| is_name(name))?),
        };
        let keys: Vec<String> = parts
            .map(|key| is_name(key).then(|| key.to_owned()))
            .collect::<Option<_>>()?;
        (variable.is_some() || !keys.is_empty()).then(|| Self {
            variable: variable.map(str::to_owned),
            keys,
        })
    }

    /// Where the way leads; nothing where it does not go through maps alone.
    pub(super) fn follow(&self, input: &Value, scope: &Scope<'_>) -> Option<Value> {
        let mut place = match &self.variable {
            None => input,
            Some(name) => {
                let known = scope.variables.iter().find(|(known, _)| known == name);
                &known?.1
            }
        };
        for key in &self.keys {
            let Value::Map(map) = place else { return None };
            match map.get(key) {
                Some(next) => place = next,
                None => return None,
            }
        }
        Some(place.clone())
    }
}

fn is_name(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    text.bytes().next().is_some_and(is_letter)
        && text
            .bytes()
            .all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_way_through_members_is_one() {
        for text in [".", ".a", " .a.b_2 ", "$context", "$context.total"] {
            assert!(Path::of(text).is_some(), "{text}");
        }
        for text in [
            "",
            "a",
            "..",
            ".a.",
            ".[0]",
            ".a?",
            ".a|.b",
            "$",
            "$a b",
            ".1",
            ".a + 1",
            ".\"a\"",
            "$__loc__.x#",
        ] {
            assert!(Path::of(text).is_none(), "{text}");
        }
    }
}
