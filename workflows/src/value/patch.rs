//! JSON Merge Patch (RFC 7396): how contexts are changed, a job's own and those that jobs share.

use super::Value;

impl Value {
    /// This value as a merge patch changes it: members that are null go, objects are merged, all else
    /// replaces. It is no deeper than the deeper of the two.
    pub fn patched(&self, patch: &Value) -> Value {
        let Some(changes) = patch.as_map() else {
            return patch.clone();
        };
        let known = self.as_map().into_iter().flat_map(|map| map.iter());
        let kept = known.filter(|(key, _)| !changes.contains_key(key));
        let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
        let set = changes.iter().filter(|(_, value)| !value.is_null());
        let set = set.map(|(key, value)| {
            let old = self.get(key).unwrap_or(&Value::Null);
            (key.clone(), old.patched(value))
        });
        Value::map(kept.chain(set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appendix A of RFC 7396: original, patch, result.
    const OF_THE_STANDARD: [(&str, &str, &str); 15] = [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":{"b":"d","c":null}}"#,
            r#"{"a":{"b":"d"}}"#,
        ),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, "null", "null"),
        (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ];

    #[test]
    fn the_examples_of_the_standard_come_out_as_it_says() {
        for (original, patch, result) in OF_THE_STANDARD {
            let value = |text: &str| Value::parse(text).unwrap();

            let patched = value(original).patched(&value(patch));

            assert_eq!(patched.to_json(), result, "{original} with {patch}");
        }
    }
}
