//! Natives about texts that jaq lacks or does otherwise: trimming, CSV, TSV, base 32.
//!
//! What they build is paid for by `Datum::text`.

use jaq_core::{Error, ValR};

use super::datum::{Datum, failed, spent};
use super::meter;
use crate::value::Value;

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The text without this beginning; what is no text stays as it is.
pub(super) fn trim_start(datum: Datum, part: Datum) -> ValR<Datum> {
    trimmed(datum, &part, |text, part| text.strip_prefix(part))
}

/// The text without this ending.
pub(super) fn trim_end(datum: Datum, part: Datum) -> ValR<Datum> {
    trimmed(datum, &part, |text, part| text.strip_suffix(part))
}

fn trimmed(
    datum: Datum,
    part: &Datum,
    strip: for<'a> fn(&'a str, &str) -> Option<&'a str>,
) -> ValR<Datum> {
    let texts = datum.value.as_str().zip(part.value.as_str());
    let rest = texts
        .and_then(|(text, part)| strip(text, part))
        .map(Datum::text);
    Ok(rest.unwrap_or(datum))
}

/// One CSV row of a list.
pub(super) fn csv(datum: Datum) -> ValR<Datum> {
    row(&datum, ",", |text| {
        format!("\"{}\"", text.replace('"', "\"\""))
    })
}

/// One row of tab-separated values.
pub(super) fn tsv(datum: Datum) -> ValR<Datum> {
    row(&datum, "\t", |text| {
        let text = text.replace('\\', "\\\\").replace('\t', "\\t");
        text.replace('\n', "\\n").replace('\r', "\\r")
    })
}

fn row(datum: &Datum, separator: &str, quoted: fn(&str) -> String) -> ValR<Datum> {
    let Value::List(list) = &datum.value else {
        return Err(failed(format!("cannot make a row of {}", datum.shown())));
    };
    let cells = list.items().iter().map(|item| cell(item, quoted));
    let cells: Result<Vec<String>, Error<Datum>> = cells.collect();
    Ok(Datum::text(cells?.join(separator)))
}

fn cell(item: &Value, quoted: fn(&str) -> String) -> Result<String, Error<Datum>> {
    let cell = match item {
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => item.to_json(),
        Value::Text(text) if meter::allocate(text.len() as u64) => quoted(text),
        Value::Text(_) => return Err(spent()),
        _ => {
            return Err(failed(format!(
                "cannot put {} into a row",
                Datum::from(item.clone()).shown()
            )));
        }
    };
    meter::step(1).then_some(cell).ok_or_else(spent)
}

/// RFC 4648 base 32 of a text's bytes.
pub(super) fn to_base32(datum: Datum) -> ValR<Datum> {
    let text = datum
        .value
        .as_str()
        .ok_or_else(|| failed("base 32 is made of text"))?;
    if !meter::allocate(2 * text.len() as u64) {
        return Err(spent());
    }
    let digits = text.as_bytes().chunks(5).flat_map(|chunk| {
        let bits = (0..5).fold(0u64, |bits, at| {
            bits << 8 | u64::from(*chunk.get(at).unwrap_or(&0))
        });
        let used = (chunk.len() * 8).div_ceil(5);
        (0..8).map(move |at| match at < used {
            true => char::from(BASE32[(bits >> (35 - 5 * at)) as usize & 31]),
            false => '=',
        })
    });
    Ok(Datum::text(digits.collect::<String>()))
}

/// The text that base 32 stands for.
pub(super) fn from_base32(datum: Datum) -> ValR<Datum> {
    let text = datum
        .value
        .as_str()
        .ok_or_else(|| failed("base 32 is a text"))?;
    if !meter::allocate(2 * text.len() as u64) {
        return Err(spent());
    }
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let digit = BASE32.iter().position(|known| *known == digit);
        let digit = digit.ok_or_else(|| failed(format!("{datum} is not base 32")))?;
        bits = (bits << 5 | digit as u32) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(Datum::text(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::meter::{Budget, Meter};
    use super::*;

    #[test]
    fn base_32_goes_there_and_back() {
        let _meter = Meter::start(Budget::default());
        let known = [
            ("", ""),
            ("f", "MY======"),
            ("foo", "MZXW6==="),
            ("foobar", "MZXW6YTBOI======"),
        ];

        for (plain, coded) in known {
            assert_eq!(
                to_base32(Datum::text(plain)).unwrap().value,
                Value::from(coded)
            );
            assert_eq!(
                from_base32(Datum::text(coded)).unwrap().value,
                Value::from(plain)
            );
        }
    }
}
