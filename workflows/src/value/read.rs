//! Reading JSON strictly: RFC 8259, no duplicate keys, bounded depth and count.
//!
//! Our own reader, because a general one makes floats of long ids, `100.0` of `1E2`, keeps the last
//! of two equal keys in silence, and stops at a depth that is not ours.

use std::borrow::Cow;
use std::sync::Arc;

use indexmap::map::Entry;

use super::fault::{ParseError, ParseFault};
use super::{DEPTH_BUILT_MAX, DEPTH_STORED_MAX, Entries, List, Map, Number, TooDeep, Value};

/// Longest text that is read: the largest payload (a job's input, 8 MiB) with room to spare.
pub const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Most values in one text, so that `[0,0,…]` cannot take twenty times its size in memory.
pub const VALUES_MAX: usize = 1_000_000;

/// Longest number; ids and amounts are far below, and comparison looks at every digit.
pub const NUMBER_BYTES_MAX: usize = 256;

/// Largest exponent, either way. Floats end near 308; beyond this nothing sensible is meant.
const EXPONENT_MAX: u32 = 9_999;

impl Value {
    /// Reads one JSON text of at most the stored depth.
    ///
    /// # Errors
    /// When the text is not JSON, repeats a key, or is too deep or too large.
    pub fn parse(text: &str) -> Result<Value, ParseError> {
        Value::parse_within(text, DEPTH_STORED_MAX)
    }

    /// The same with another depth, up to what may be built at all.
    ///
    /// # Errors
    /// As [`Value::parse`].
    pub fn parse_within(text: &str, depth: u32) -> Result<Value, ParseError> {
        let depth_max = depth.min(DEPTH_BUILT_MAX);
        let mut reader = Reader {
            text,
            at: 0,
            values: 0,
            depth_max,
        };
        reader
            .document(depth_max)
            .map_err(|fault| ParseError::at(fault, text, reader.at))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
    depth_max: u32,
}

impl<'a> Reader<'a> {
    fn document(&mut self, depth: u32) -> Result<Value, ParseFault> {
        if self.text.len() > TEXT_BYTES_MAX {
            return Err(ParseFault::Size);
        }
        let value = self.value(depth)?;
        self.skip_blanks();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(ParseFault::Trailing),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8, name: &'static str) -> Result<(), ParseFault> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(ParseFault::Expected(name)),
            None => Err(ParseFault::End),
        }
    }

    /// One value, after blanks, that may be this deep.
    fn value(&mut self, depth: u32) -> Result<Value, ParseFault> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(ParseFault::Size);
        }
        self.skip_blanks();
        match self.peek().ok_or(ParseFault::End)? {
            b'{' => self.map(depth),
            b'[' => self.list(depth),
            b'"' => Ok(Value::Text(self.string()?.into())),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            b'n' => self.word("null", Value::Null),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            _ => Err(ParseFault::Expected("a value")),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, ParseFault> {
        if !self.text[self.at..].starts_with(word) {
            return Err(ParseFault::Expected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    /// Opens a container; refuses before it goes deeper.
    fn open(&mut self, depth: u32) -> Result<u32, ParseFault> {
        let limit = self.depth_max;
        let too_deep = TooDeep {
            depth: limit + 1,
            limit,
        };
        let inner = depth.checked_sub(1).ok_or(too_deep)?;
        self.at += 1;
        self.skip_blanks();
        Ok(inner)
    }

    /// After an item: whether another follows.
    fn more(&mut self, close: u8, name: &'static str) -> Result<bool, ParseFault> {
        self.skip_blanks();
        if self.peek() == Some(b',') {
            self.at += 1;
            return Ok(true);
        }
        self.take(close, name).map(|()| false)
    }

    fn list(&mut self, depth: u32) -> Result<Value, ParseFault> {
        let inner = self.open(depth)?;
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            items.push(self.value(inner)?);
            while self.more(b']', "`,` or `]`")? {
                items.push(self.value(inner)?);
            }
        }
        Ok(Value::List(Arc::new(List::new(items, depth)?)))
    }

    fn map(&mut self, depth: u32) -> Result<Value, ParseFault> {
        let inner = self.open(depth)?;
        let mut entries = Entries::default();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            self.entry(inner, &mut entries)?;
            while self.more(b'}', "`,` or `}`")? {
                self.entry(inner, &mut entries)?;
            }
        }
        Ok(Value::Map(Arc::new(Map::new(entries, depth)?)))
    }

    fn entry(&mut self, depth: u32, entries: &mut Entries) -> Result<(), ParseFault> {
        self.skip_blanks();
        let start = self.at;
        if self.peek().is_some_and(|byte| byte != b'"') {
            return Err(ParseFault::Expected("a key in quotes"));
        }
        match entries.entry(self.string()?.into()) {
            Entry::Occupied(entry) => {
                self.at = start;
                Err(ParseFault::DuplicateKey(entry.key().to_string()))
            }
            Entry::Vacant(entry) => {
                self.skip_blanks();
                self.take(b':', "`:`")?;
                entry.insert(self.value(depth)?);
                Ok(())
            }
        }
    }

    fn digits(&mut self) -> Result<(), ParseFault> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        match self.at == start {
            true if self.peek().is_none() => Err(ParseFault::End),
            true => Err(ParseFault::Expected("a digit")),
            false => Ok(()),
        }
    }

    fn number(&mut self) -> Result<Number, ParseFault> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.exponent()?;
        }
        let text = &self.text[start..self.at];
        if text.len() > NUMBER_BYTES_MAX {
            return Err(ParseFault::Number);
        }
        Ok(Number::from_written(text))
    }

    fn exponent(&mut self) -> Result<(), ParseFault> {
        self.at += 1;
        self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
        let start = self.at;
        self.digits()?;
        match self.text[start..self.at].parse::<u32>() {
            Ok(exponent) if exponent <= EXPONENT_MAX => Ok(()),
            _ => Err(ParseFault::Number),
        }
    }

    /// One text with its quotes; one without escapes is not copied.
    fn string(&mut self) -> Result<Cow<'a, str>, ParseFault> {
        self.take(b'"', "a text in quotes")?;
        let mut out = Cow::Borrowed(self.run());
        loop {
            match self.peek().ok_or(ParseFault::End)? {
                b'"' => break,
                b'\\' => {
                    let escaped = self.escape()?;
                    out.to_mut().push(escaped);
                    out += self.run();
                }
                _ => return Err(ParseFault::Text),
            }
        }
        self.at += 1;
        Ok(out)
    }

    /// What stands up to the next quote, escape or control character.
    fn run(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        let length = rest.bytes().position(|byte| !plain(byte));
        let run = &rest[..length.unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    fn escape(&mut self) -> Result<char, ParseFault> {
        self.at += 1;
        let plain = match self.peek().ok_or(ParseFault::End)? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(ParseFault::Text),
        };
        self.at += 1;
        Ok(plain)
    }

    /// `\uXXXX`, or a pair of surrogates; a lone one is no character.
    fn unicode(&mut self) -> Result<char, ParseFault> {
        let first = self.hexadecimal()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or(ParseFault::Text);
        }
        if self.peek() != Some(b'\\') {
            return Err(ParseFault::Text);
        }
        self.at += 1;
        let second = self.hexadecimal()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(ParseFault::Text);
        }
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        char::from_u32(code).ok_or(ParseFault::Text)
    }

    fn hexadecimal(&mut self) -> Result<u32, ParseFault> {
        let part = self
            .text
            .get(self.at..self.at + 5)
            .ok_or(ParseFault::Text)?;
        let digits = part.strip_prefix('u').ok_or(ParseFault::Text)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(ParseFault::Text);
        }
        self.at += 5;
        u32::from_str_radix(digits, 16).map_err(|_| ParseFault::Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> ParseFault {
        Value::parse(text).unwrap_err().fault
    }

    #[test]
    fn a_repeated_key_is_refused_where_it_stands() {
        let error = Value::parse("{\"a\": 1,\n \"é\": 2, \"a\": 3}").unwrap_err();

        assert_eq!(error.fault, ParseFault::DuplicateKey("a".into()));
        assert_eq!((error.line, error.column), (2, 10));
    }

    #[test]
    fn depth_is_refused_one_past_the_limit() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));

        assert_eq!(Value::parse(&nested(64)).unwrap().depth(), 64);
        assert!(matches!(fault(&nested(65)), ParseFault::Depth(_)));
        assert!(Value::parse_within(&nested(65), 128).is_ok());
        assert!(matches!(fault(&"[".repeat(100_000)), ParseFault::Depth(_)));
        assert!(Value::parse_within(&nested(300), 1_000).is_err());
    }

    #[test]
    fn escapes_are_strict() {
        assert_eq!(
            Value::parse(r#""\ud83d\ude00\u0041\/""#).unwrap(),
            Value::text("😀A/")
        );
        for bad in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83d\u0041""#,
            r#""\u12g4""#,
            r#""\x""#,
            "\"\n\"",
        ] {
            assert_eq!(fault(bad), ParseFault::Text, "{bad}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for bad in [
            "",
            " ",
            "nul",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "NaN",
            "[1 2]",
            "{\"a\" 1}",
            "\"abc",
            "[",
            "{",
            "1 1",
            "\u{feff}1",
            "'a'",
            "1e99999",
            "// c\n1",
        ] {
            assert!(Value::parse(bad).is_err(), "{bad:?}");
        }
        assert!(Value::parse(&"1".repeat(257)).is_err());
    }
}
