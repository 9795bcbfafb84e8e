//! Text from figures: one sentence for each figure that the prompt gives, and nothing besides.
//!
//! The same prompt always gives the same text, so a test can compare it word for word.

use serde_json::{Map, Value};

use super::figures::Request;

type Figures = Map<String, Value>;

/// The sentences, in this order; each is left out when its figure is missing.
const SENTENCES: [fn(&Figures) -> Option<String>; 7] =
    [incidents, cost, damage, phase, species, year, speed];

/// The answer to the prompt.
pub(super) fn text(prompt: &str) -> String {
    let request = Request::read(prompt);
    let mut sentences: Vec<String> = SENTENCES
        .iter()
        .filter_map(|sentence| sentence(&request.figures))
        .collect();
    if sentences.is_empty() {
        sentences = numbers(&request.figures);
    }
    if sentences.is_empty() {
        sentences.push("The prompt holds no figures, so there is nothing to say.".to_owned());
    }
    if !request.subject.is_empty() {
        sentences.insert(0, format!("{}.", request.subject));
    }
    sentences.join(" ")
}

fn incidents(figures: &Figures) -> Option<String> {
    let count = figures.get("incidents")?.as_u64()?;
    let noun = if count == 1 {
        "incident was"
    } else {
        "incidents were"
    };
    let period = match (date(figures, "first_date"), date(figures, "last_date")) {
        (Some(first), Some(last)) => format!(" between {first} and {last}"),
        _ => String::new(),
    };
    Some(format!("{} {noun} reported{period}.", grouped(count)))
}

fn date<'a>(figures: &'a Figures, key: &str) -> Option<&'a str> {
    figures.get(key)?.as_str()
}

fn cost(figures: &Figures) -> Option<String> {
    let total = figures.get("cost_total").or_else(|| figures.get("cost"))?;
    let total = grouped(total.as_u64()?);
    let part = |key| figures.get(key).and_then(Value::as_u64).map(grouped);
    Some(match (part("cost_repair"), part("cost_other")) {
        (Some(repair), Some(other)) => {
            format!("The cost was ${total}: ${repair} for repair and ${other} for other things.")
        }
        _ => format!("The cost was ${total}."),
    })
}

fn damage(figures: &Figures) -> Option<String> {
    let all = figures.get("incidents")?.as_u64()?;
    let by_damage = figures.get("by_damage")?.as_object()?;
    let count = |key| by_damage.get(key).and_then(Value::as_u64).unwrap_or(0);
    let damaged = grouped(all.checked_sub(count("None") + count("Unknown"))?);
    Some(format!("Of these, {damaged} did damage."))
}

fn phase(figures: &Figures) -> Option<String> {
    let (name, count) = largest(figures.get("by_phase")?)?;
    let count = grouped(count);
    Some(format!(
        "The most frequent phase of flight was {name} ({count})."
    ))
}

fn species(figures: &Figures) -> Option<String> {
    let named: Vec<String> = figures
        .get("by_species")?
        .as_array()?
        .iter()
        .filter_map(|entry| {
            let count = grouped(entry.get("incidents")?.as_u64()?);
            Some(format!("{} ({count})", entry.get("species")?.as_str()?))
        })
        .collect();
    (!named.is_empty()).then(|| format!("The animals named most were {}.", named.join(", ")))
}

fn year(figures: &Figures) -> Option<String> {
    let (year, count) = largest(figures.get("by_year")?)?;
    Some(format!(
        "The worst year was {year} with {}.",
        grouped(count)
    ))
}

fn speed(figures: &Figures) -> Option<String> {
    let speed = figures.get("speed")?.as_object()?;
    let knots = |key| speed.get(key).and_then(Value::as_u64);
    let (median, high) = (knots("p50")?, knots("p95")?);
    Some(format!(
        "Half of the aircraft flew at {median} knots or less, 95 of 100 at {high} or less."
    ))
}

/// The entry with the largest count; of equals the first.
fn largest(counts: &Value) -> Option<(&str, u64)> {
    let entries = counts.as_object()?.iter();
    entries
        .filter_map(|(name, count)| Some((name.as_str(), count.as_u64()?)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
}

/// Figures that the service knows nothing about, by their names.
fn numbers(figures: &Figures) -> Vec<String> {
    figures
        .iter()
        .filter(|(_, value)| value.is_number())
        .map(|(key, value)| format!("{} is {value}.", key.replace('_', " ")))
        .collect()
}

/// A number with a comma before every third digit.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
