//! Writing values as compact JSON, numbers with the text they came with.
//!
//! Our own writer, because a general one would write `1E2` as `100.0`.

use std::fmt::{self, Write};

use super::Value;

impl Value {
    /// The value as compact JSON.
    pub fn to_json(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a string works");
        text
    }

    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Value::Null => out.write_str("null"),
            Value::Bool(true) => out.write_str("true"),
            Value::Bool(false) => out.write_str("false"),
            Value::Number(number) => out.write_str(&number.written()),
            Value::Text(text) => write_text(text, out),
            Value::List(list) => {
                out.write_char('[')?;
                for (index, item) in list.items().iter().enumerate() {
                    separate(index, out)?;
                    item.write(out)?;
                }
                out.write_char(']')
            }
            Value::Map(map) => {
                out.write_char('{')?;
                for (index, (key, value)) in map.iter().enumerate() {
                    separate(index, out)?;
                    write_text(key, out)?;
                    out.write_char(':')?;
                    value.write(out)?;
                }
                out.write_char('}')
            }
        }
    }
}

fn separate(index: usize, out: &mut impl Write) -> fmt::Result {
    if index > 0 {
        out.write_char(',')
    } else {
        Ok(())
    }
}

/// One text in quotes; what needs no escape is copied in runs.
fn write_text(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    // All of these are single bytes, and no part of another character.
    let is_escaped = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\' || byte == 0x7f;
    while let Some(at) = rest.bytes().position(is_escaped) {
        out.write_str(&rest[..at])?;
        write_escape(rest.as_bytes()[at], out)?;
        rest = &rest[at + 1..];
    }
    out.write_str(rest)?;
    out.write_char('"')
}

fn write_escape(byte: u8, out: &mut impl Write) -> fmt::Result {
    match byte {
        b'"' => out.write_str("\\\""),
        b'\\' => out.write_str("\\\\"),
        b'\n' => out.write_str("\\n"),
        b'\r' => out.write_str("\\r"),
        b'\t' => out.write_str("\\t"),
        0x08 => out.write_str("\\b"),
        0x0c => out.write_str("\\f"),
        other => write!(out, "\\u{other:04x}"),
    }
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_as_json_wants_it() {
        let value = Value::text("a\"\\\n\u{1}\u{7f}é😀");

        assert_eq!(value.to_json(), "\"a\\\"\\\\\\n\\u0001\\u007fé😀\"");
        assert_eq!(Value::parse(&value.to_json()).unwrap(), value);
    }

    #[test]
    fn order_and_number_text_survive() {
        let text = r#"{"z":1E2,"a":[1.0,-0,12345678901234567890123],"m":{}}"#;

        assert_eq!(Value::parse(text).unwrap().to_string(), text);
    }
}
