//! What an author probably meant who wrote no jq: habits of other languages, and what was left open.

use super::vocabulary;
use crate::document::nearest;

/// Signs of other languages, and what jq writes instead.
const HABITS: [(&str, &str); 8] = [
    ("&&", "write `and`"),
    ("||", "write `or`"),
    ("===", "write `==`"),
    ("!==", "write `!=`"),
    (
        "${",
        "one `${ }` stands around the whole expression, none inside",
    ),
    (
        "{{",
        "there are no `{{ }}`: the data is `.`, its member `.name`",
    ),
    ("$.", "the data is `.`, its member `.name`"),
    (
        "=>",
        "write `map(…)` or `select(…)`, in which `.` is the item",
    ),
];

/// For a text that cannot be parsed.
pub(super) fn of_text(text: &str, offset: usize) -> String {
    let bare = bare(text);
    let habit = HABITS.iter().find(|(sign, _)| bare.contains(sign));
    if let Some((_, hint)) = habit {
        return (*hint).to_owned();
    }
    if bare.contains('\'') {
        return "texts stand in double quotes: \"…\"".to_owned();
    }
    if let Some(open) = open_text(text) {
        return format!("the text that begins with {open} is not closed: write `\"` at its end");
    }
    if negates(&bare) {
        return "write `| not` behind what is denied".to_owned();
    }
    let words = |wanted: &str| {
        bare.split(|c: char| !is_word(c))
            .filter(|word| *word == wanted)
            .count()
    };
    if words("if") > words("end") {
        return "close each `if … then … else …` with `end`".to_owned();
    }
    if words("if") > 0 && words("then") == 0 || bare.contains(" ? ") {
        return "write `if … then … else … end`".to_owned();
    }
    if let Some(bracket) = unclosed(&bare) {
        return format!("close the `{bracket}`");
    }
    if offset >= text.trim_end().len() {
        return "something is missing at the end".to_owned();
    }
    "it is jq: what stands before this place must be whole, such as `.a | length`".to_owned()
}

/// For a name that nothing is called by.
pub(super) fn of_function(text: &str, name: &str, arity: usize, offset: usize) -> String {
    if let Some(key) = dashed(text, name, offset) {
        return format!("a key with a dash stands in quotes: .[\"{key}\"]");
    }
    let arities = vocabulary::arities(name);
    if !arities.is_empty() {
        let counts: Vec<String> = arities.iter().map(ToString::to_string).collect();
        return format!(
            "`{name}` takes {} argument(s), parted by `;`",
            counts.join(" or ")
        );
    }
    let alike = vocabulary::names();
    let alike = alike
        .into_iter()
        .filter(|known| known.len().abs_diff(name.len()) <= 2);
    if let Some(hint) = nearest::hint(name, alike) {
        return hint;
    }
    match arity {
        0 => format!("a member of the data is `.{name}`, a text is \"{name}\""),
        _ => "functions are those of jq; others are written out where they are used".to_owned(),
    }
}

/// The key that was meant by a name with a dash right before it.
fn dashed(text: &str, name: &str, offset: usize) -> Option<String> {
    let before = text.get(..offset)?.strip_suffix('-')?;
    let from = before.rfind(|c: char| !is_word(c) && c != '-')?;
    let is_key = before[from..].starts_with('.') && before.len() > from + 1;
    is_key.then(|| format!("{}-{name}", &before[from + 1..]))
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The text with blanks in place of what stands in double quotes.
fn bare(text: &str) -> String {
    let (mut is_text, mut is_escaped) = (false, false);
    let shown = text.chars().map(|c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        let inside = is_text;
        match c {
            '"' if !was_escaped => is_text = !is_text,
            '\\' if is_text => is_escaped = !was_escaped,
            _ => {}
        }
        if inside || c == '"' { ' ' } else { c }
    });
    shown.collect()
}

/// The beginning of a text in double quotes that does not end.
fn open_text(text: &str) -> Option<String> {
    let quotes = text.replace("\\\\", "").replace("\\\"", "");
    let is_open = quotes.matches('"').count() % 2 == 1;
    let from = text.rfind('"').filter(|_| is_open)?;
    Some(format!(
        "`{}`",
        text[from..].chars().take(20).collect::<String>()
    ))
}

fn negates(bare: &str) -> bool {
    let mut signs = bare.chars().peekable();
    while let Some(sign) = signs.next() {
        if sign == '!' && signs.peek() != Some(&'=') {
            return true;
        }
    }
    false
}

/// The innermost bracket that is not closed.
fn unclosed(bare: &str) -> Option<char> {
    let mut open = Vec::new();
    for sign in bare.chars() {
        match sign {
            '(' | '[' | '{' => open.push(sign),
            ')' | ']' | '}' => {
                open.pop();
            }
            _ => {}
        }
    }
    open.pop()
}

#[cfg(test)]
mod tests {
    use crate::expression::{Source, check};

    #[test]
    fn habits_of_other_languages_are_told_what_jq_writes() {
        for (text, hint) in [
            (".a && .b", "write `and`"),
            (".a || .b", "write `or`"),
            ("'a'", "texts stand in double quotes: \"…\""),
            (
                ".foo-bar",
                "a key with a dash stands in quotes: .[\"foo-bar\"]",
            ),
            (
                "if .a then 1 else 2",
                "close each `if … then … else …` with `end`",
            ),
            ("!.a", "write `| not` behind what is denied"),
            (".a ? 1 : 2", "write `if … then … else … end`"),
            (
                "\"a",
                "the text that begins with `\"a` is not closed: write `\"` at its end",
            ),
            ("[ .a, .b", "close the `[`"),
            (".a +", "something is missing at the end"),
            ("$.a", "the data is `.`, its member `.name`"),
            ("lenght", "did you mean `length`?"),
            ("map(.a; .b)", "`map` takes 1 argument(s), parted by `;`"),
            (
                "name",
                "a member of the data is `.name`, a text is \"name\"",
            ),
        ] {
            let variables = &[];
            let problem = check(&Source { text, variables }).expect_err(text);

            assert_eq!(problem.code, "expression.syntax", "{text}");
            assert_eq!(problem.hint.as_deref(), Some(hint), "{text}");
        }
    }
}
