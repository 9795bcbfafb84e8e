//! A look at an expression's text before any parser sees it: length, brackets, operators.
//!
//! The parser recurses with the nesting of the text, so what could overflow its stack is refused
//! here, by a loop that cannot.

use super::SyntaxProblem;

/// Longest expression.
const LENGTH_MAX: usize = 8 * 1024;

/// Most brackets open at once, those of interpolations in texts included.
const BRACKETS_MAX: usize = 64;

/// Most operators and keywords that nest; a chain of them is a nest to the parser.
const OPERATORS_MAX: usize = 256;

/// Words that open a level of the syntax tree.
const NESTING_WORDS: [&str; 11] = [
    "and", "as", "catch", "def", "elif", "foreach", "if", "label", "or", "reduce", "try",
];

pub(super) fn scan(text: &str) -> Result<(), SyntaxProblem> {
    if text.len() > LENGTH_MAX {
        let message = format!(
            "the expression has {} bytes; {LENGTH_MAX} are allowed",
            text.len()
        );
        return Err(problem("expression.too_long", message, 0));
    }
    let mut scanner = Scanner {
        text: text.as_bytes(),
        at: 0,
        open: Vec::new(),
        operators: 0,
    };
    while scanner.at < text.len() {
        scanner.token()?;
    }
    Ok(())
}

fn problem(code: &'static str, message: String, offset: usize) -> SyntaxProblem {
    let hint = Some("compute parts of it in steps of their own".to_owned());
    SyntaxProblem {
        code,
        message,
        hint,
        offset,
    }
}

/// What an open bracket stands in.
#[derive(Clone, Copy, PartialEq)]
enum Open {
    Bracket,
    Interpolation,
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    open: Vec<Open>,
    operators: usize,
}

impl Scanner<'_> {
    fn token(&mut self) -> Result<(), SyntaxProblem> {
        match self.text[self.at] {
            b'"' => return self.string(),
            b'#' => self.comment(),
            b'(' | b'[' | b'{' => return self.enter(Open::Bracket),
            b')' | b']' | b'}' => return self.leave(),
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => return self.word(),
            b'|' | b',' | b'+' | b'-' | b'*' | b'/' | b'%' | b'=' | b'<' | b'>' | b'!' | b'?' => {
                return self.operator();
            }
            _ => self.at += 1,
        }
        Ok(())
    }

    fn enter(&mut self, open: Open) -> Result<(), SyntaxProblem> {
        self.open.push(open);
        self.at += 1;
        if self.open.len() <= BRACKETS_MAX {
            return Ok(());
        }
        let message = format!("more than {BRACKETS_MAX} brackets are open at once");
        Err(problem("expression.too_deep", message, self.at - 1))
    }

    /// A closing bracket; one that ends an interpolation goes on with its text.
    fn leave(&mut self) -> Result<(), SyntaxProblem> {
        match self.open.pop() {
            Some(Open::Interpolation) => self.string(),
            _ => {
                self.at += 1;
                Ok(())
            }
        }
    }

    /// From a quote, or from the end of an interpolation, to the end of the text or the next one.
    fn string(&mut self) -> Result<(), SyntaxProblem> {
        self.at += 1;
        loop {
            match (self.text.get(self.at), self.text.get(self.at + 1)) {
                (None, _) => return Ok(()),
                (Some(b'"'), _) => {
                    self.at += 1;
                    return Ok(());
                }
                (Some(b'\\'), Some(b'(')) => {
                    self.at += 1;
                    return self.enter(Open::Interpolation);
                }
                (Some(b'\\'), Some(_)) => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// To the end of the line; a backslash before the end draws the next line in, as in jaq.
    fn comment(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or(rest);
            self.at = (self.at + line.len() + 1).min(self.text.len());
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let backslashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
            if backslashes % 2 == 0 || self.at == self.text.len() {
                return;
            }
        }
    }

    fn word(&mut self) -> Result<(), SyntaxProblem> {
        let start = self.at;
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        while self.text.get(self.at).is_some_and(inside) {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if NESTING_WORDS.iter().any(|known| known.as_bytes() == word) {
            self.at -= 1;
            return self.operator();
        }
        Ok(())
    }

    fn operator(&mut self) -> Result<(), SyntaxProblem> {
        self.operators += 1;
        self.at += 1;
        if self.operators <= OPERATORS_MAX {
            return Ok(());
        }
        let message = format!("the expression has more than {OPERATORS_MAX} operators");
        Err(problem("expression.too_deep", message, self.at - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<&'static str> {
        scan(text).err().map(|problem| problem.code)
    }

    #[test]
    fn brackets_count_where_the_parser_sees_them() {
        assert_eq!(
            code(&format!("{}1{}", "(".repeat(64), ")".repeat(64))),
            None
        );
        assert_eq!(code(&"(".repeat(65)), Some("expression.too_deep"));
        assert_eq!(code(&r#""\("#.repeat(65)), Some("expression.too_deep"));
        assert_eq!(code(&format!("\"{}\"", "(".repeat(65))), None);
        assert_eq!(code(&format!("1 # {}", "(".repeat(65))), None);
        assert_eq!(
            code(&format!("# \\\n\"\n{}", "(".repeat(65))),
            Some("expression.too_deep")
        );
        assert_eq!(
            code(&format!(r#""\(1)" | {}"#, "[".repeat(65))),
            Some("expression.too_deep")
        );
    }

    #[test]
    fn operators_and_length_are_bounded() {
        assert_eq!(code(&"-".repeat(256)), None);
        assert_eq!(code(&"-".repeat(257)), Some("expression.too_deep"));
        assert_eq!(code(&"try ".repeat(257)), Some("expression.too_deep"));
        assert_eq!(code(&" ".repeat(8 * 1024 + 1)), Some("expression.too_long"));
    }
}
