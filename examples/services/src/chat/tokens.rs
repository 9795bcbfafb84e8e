//! Counting text in tokens: not a model's vocabulary, but a rule that anyone can check by hand.
//!
//! A token is a run of letters and digits, cut after six of them, or any other single sign; blanks
//! belong to none. For English this comes near to what real vocabularies count.

const TOKEN_CHARS_MAX: usize = 6;

/// How many tokens the text has.
pub(super) fn count(text: &str) -> usize {
    ends(text).count()
}

/// The first `max` tokens with what stands between them; none if the text has no more than that.
pub(super) fn cut(text: &str, max: usize) -> Option<&str> {
    let mut ends = ends(text);
    let end = ends.nth(max.checked_sub(1)?)?;
    ends.next().map(|_| &text[..end])
}

/// The byte after each token.
pub(super) fn ends(text: &str) -> impl Iterator<Item = usize> {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (at, first) = characters.find(|(_, sign)| !sign.is_whitespace())?;
        let mut end = at + first.len_utf8();
        if first.is_alphanumeric() {
            for _ in 1..TOKEN_CHARS_MAX {
                match characters.next_if(|(_, next)| next.is_alphanumeric()) {
                    Some((at, next)) => end = at + next.len_utf8(),
                    None => break,
                }
            }
        }
        Some(end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_signs_are_tokens() {
        assert_eq!(count(""), 0);
        assert_eq!(count("  one, two "), 3);
        assert_eq!(count("Pennsylvania"), 2);
        assert_eq!(count("Größe 29 €"), 3);
    }

    #[test]
    fn a_text_is_cut_only_when_it_is_longer() {
        assert_eq!(cut("one, two", 2), Some("one,"));
        assert_eq!(cut("one, two ", 3), None);
        assert_eq!(cut("Größe 29 €", 1), Some("Größe"));
    }
}
