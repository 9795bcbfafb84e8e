//! Which errors are the same one: an identity without what differs from job to job.
//!
//! Numbers, identifiers, quoted values and the variable parts of addresses go; the words stay. What is
//! left is hashed, so that a fingerprint fits into an address and a column: `communication-503-9f2c…`.

use sha2::{Digest, Sha256};

use crate::machine::fault::Fault;

/// Letters of a text that take part: what follows is mostly somebody's answer.
const LETTERS_MAX: usize = 400;
/// Shortest run of hexadecimal digits that is an identifier and no word.
const HEX_MIN: usize = 8;
/// Shortest mixed run of letters and digits that is an identifier and no name.
const TOKEN_MIN: usize = 16;
/// Longest segment of an address that is a name.
const SEGMENT_MAX: usize = 24;
/// Bytes of the hash that are kept: a collision among a million errors is a matter of 1 in 500.
const HASH_BYTES: usize = 6;

/// The identity of an error: its type, its status, the task that raised it, and its title's words.
pub fn of(fault: &Fault) -> String {
    let mut hash = Sha256::new();
    for part in [
        fault.kind.as_str(),
        fault.instance.as_deref().unwrap_or_default(),
        &normalised(fault.title.as_deref().unwrap_or_default()),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let hex: String = digest
        .iter()
        .take(HASH_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{}-{}-{hex}", slug(fault.code()), fault.status)
}

/// A text without what differs from job to job.
pub fn normalised(text: &str) -> String {
    let text: String = text.chars().take(LETTERS_MAX).collect();
    let text = unquoted(&text);
    let words: Vec<String> = text.split_whitespace().map(word).collect();
    words.join(" ")
}

/// Quoted values, as one mark each. An apostrophe inside of a word quotes nothing.
fn unquoted(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < letters.len() {
        let before = at.checked_sub(1).map(|index| letters[index]);
        let opens = !before.is_some_and(char::is_alphanumeric);
        let end = closing(letters[at])
            .filter(|_| opens)
            .and_then(|close| end_of_quote(&letters, at, close));
        match end {
            Some(end) => {
                out.push_str("'…'");
                at = end + 1;
            }
            None => {
                out.push(letters[at]);
                at += 1;
            }
        }
    }
    out
}

fn closing(open: char) -> Option<char> {
    match open {
        '"' | '\'' | '`' => Some(open),
        '“' => Some('”'),
        '‘' => Some('’'),
        '«' => Some('»'),
        _ => None,
    }
}

fn end_of_quote(letters: &[char], open: usize, close: char) -> Option<usize> {
    let end = letters
        .iter()
        .skip(open + 1)
        .position(|letter| *letter == close)?
        + open
        + 1;
    let after = letters.get(end + 1);
    (!after.is_some_and(|letter| letter.is_alphanumeric())).then_some(end)
}

fn word(word: &str) -> String {
    match word.split_once("://") {
        Some((scheme, rest)) => address(scheme, rest),
        None => runs(word),
    }
}

/// Host and names of an address stay; its numbers, identifiers and its query go.
fn address(scheme: &str, rest: &str) -> String {
    let (path, _) = rest.split_once(['?', '#']).unwrap_or((rest, ""));
    let mut segments = path.split('/');
    let host = runs(segments.next().unwrap_or_default());
    let path: String = segments
        .map(|segment| match is_variable(segment) {
            true => "/*".to_owned(),
            false => format!("/{segment}"),
        })
        .collect();
    format!("{scheme}://{host}{path}")
}

fn is_variable(segment: &str) -> bool {
    segment.len() > SEGMENT_MAX
        || segment
            .chars()
            .any(|letter| letter.is_ascii_digit() || letter == '%')
}

/// The runs of letters, digits and dashes of a word, each as what it is.
fn runs(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    let mut run = String::new();
    for letter in word.chars() {
        if letter.is_alphanumeric() || letter == '-' || letter == '_' {
            run.push(letter);
            continue;
        }
        out.push_str(&shape(&run));
        run.clear();
        out.push(letter);
    }
    out.push_str(&shape(&run));
    out
}

fn shape(run: &str) -> String {
    let digits = run.chars().filter(char::is_ascii_digit).count();
    if digits == 0 {
        return run.to_owned();
    }
    let bare = run.strip_prefix("0x").unwrap_or(run);
    let is_hex = bare
        .chars()
        .all(|letter| letter.is_ascii_hexdigit() || letter == '-');
    let is_number = bare
        .chars()
        .all(|letter| letter.is_ascii_digit() || letter == '-');
    if is_number {
        return numbers(run);
    }
    if (is_hex && bare.len() >= HEX_MIN) || (run.len() >= TOKEN_MIN && digits >= 2) {
        return "*".to_owned();
    }
    numbers(run)
}

/// Each run of digits as one mark.
fn numbers(run: &str) -> String {
    let mut out = String::with_capacity(run.len());
    for letter in run.chars() {
        match letter.is_ascii_digit() {
            false => out.push(letter),
            true if out.ends_with('#') => {}
            true => out.push('#'),
        }
    }
    out
}

fn slug(code: &str) -> String {
    let plain = |letter: char| match letter {
        'a'..='z' | '0'..='9' | '.' | '_' | '-' => letter,
        'A'..='Z' => letter.to_ascii_lowercase(),
        _ => '-',
    };
    code.chars().take(40).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_job_to_job_goes_and_words_stay() {
        let table = [
            ("no room 17 of 200", "no room # of #"),
            ("answered 503", "answered #"),
            (
                "order 0191c2b4-77aa-7e21-9b6e-3fd0a1b2c3d4 is gone",
                "order * is gone",
            ),
            ("digest deadbeef42 differs", "digest * differs"),
            ("at 0x7ffe12ab", "at *"),
            ("no user 'mia@example.org' here", "no user '…' here"),
            (
                "no handler `mail:1.0.0` on this worker",
                "no handler '…' on this worker",
            ),
            (
                "can't read it, it isn't there",
                "can't read it, it isn't there",
            ),
            ("key \"a b\" and “c”", "key '…' and '…'"),
            (
                "GET https://api.example.org:8443/v1/users/4711/mail?x=1 failed",
                "GET https://api.example.org:#/*/users/*/mail failed",
            ),
            ("10.0.0.1:5432 refused", "#.#.#.#:# refused"),
            ("token eyJhbGciOiJIUzI1NiJ9x7 expired", "token * expired"),
            ("utf8 and sha256 stay names", "utf# and sha# stay names"),
            ("on 2026-11-21 at 08:15", "on #-#-# at #:#"),
            ("facade and decade are words", "facade and decade are words"),
            ("  wide   spaces ", "wide spaces"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(normalised(text), expected, "{text}");
        }
    }

    fn fault(title: &str, instance: &str, status: u16) -> Fault {
        Fault {
            instance: Some(instance.to_owned()),
            ..Fault::standard("communication", status, title)
        }
    }

    #[test]
    fn the_same_error_of_two_jobs_has_one_fingerprint() {
        let one = of(&fault("no room 17", "/do/0/a", 503));

        assert_eq!(one, of(&fault("no room 4", "/do/0/a", 503)));
        assert!(one.starts_with("communication-503-"), "{one}");
        assert!(one.len() <= 60, "{one}");
    }

    #[test]
    fn another_place_status_or_word_is_another_error() {
        let one = of(&fault("no room 17", "/do/0/a", 503));

        for other in [
            fault("no room 17", "/do/1/b", 503),
            fault("no room 17", "/do/0/a", 504),
            fault("no bed 17", "/do/0/a", 503),
        ] {
            assert_ne!(one, of(&other));
        }
    }

    #[test]
    fn a_code_of_any_form_fits_into_an_address() {
        let odd = Fault {
            kind: "urn:Bank declined/Card Ü".into(),
            ..fault("x", "/", 500)
        };

        assert!(
            of(&odd)
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
        );
    }
}
