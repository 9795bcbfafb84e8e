//! How much of a limit one job takes: `cost`.

use std::collections::BTreeMap;

use crate::configuration::is_name;
use crate::value::Value;

/// Most units that one job takes of one limit.
pub const COST_MAX: i32 = 1_000_000;

/// The units by the name of the limit: whole numbers from 1 to [`COST_MAX`]. Null takes the one that every job takes.
/// Nothing at all for what is no such map.
pub fn costs(value: &Value) -> Option<BTreeMap<String, i32>> {
    let mut costs = BTreeMap::new();
    for (limit, value) in value.as_map()?.iter() {
        if !is_name(limit) {
            return None;
        }
        if !value.is_null() {
            costs.insert(limit.to_string(), cost(value)?);
        }
    }
    Some(costs)
}

/// One such number.
pub fn cost(value: &Value) -> Option<i32> {
    let units = i32::try_from(value.as_i64()?).ok()?;
    (1..=COST_MAX).contains(&units).then_some(units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_a_whole_number_of_one_to_a_million() {
        let read = |text: &str| costs(&Value::parse(text).expect("JSON"));
        let wanted = [("tokens", 500), ("vendor", 1_000_000)];
        let wanted = wanted.map(|(name, units)| (name.to_owned(), units));

        assert_eq!(
            read(r#"{"vendor":1000000,"tokens":500,"none":null}"#),
            Some(wanted.into())
        );
        assert_eq!(read("{}"), Some(BTreeMap::new()));
        for wrong in [
            "[]",
            r#"{"tokens":0}"#,
            r#"{"tokens":1000001}"#,
            r#"{"tokens":1.5}"#,
            r#"{"tokens":"4"}"#,
            r#"{"a b":1}"#,
            r#"{"vendor:acme":1}"#,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
