//! `category-load:1.0.0`: one item of a category, as its current version has it.

use windlass_engine::Error;
use windlass_workflows::value::Value;

use crate::perform::StepFailure;
use crate::shared::Shared;

/// The item's document.
///
/// # Errors
/// `validation` when `input` names no item; `configuration` 404, with a code, where there is none. A database
/// that does not answer is nobody's error: the job is given back.
pub(super) async fn load(
    shared: &Shared,
    tenant: i32,
    input: &Value,
) -> Result<Value, StepFailure> {
    let (category, key) = named(input).ok_or_else(|| {
        StepFailure::validation(
            "category-load:1.0.0 needs `category` and `key`, or `categoryId`: `category/key`",
        )
    })?;
    match shared.store.item(tenant, category, key).await {
        Ok(Some(document)) => Ok(document),
        Ok(None) => Err(missing(
            "category.unknown_item",
            format!("category `{category}` has no item `{key}`"),
        )),
        Err(Error::NotFound { .. }) => Err(missing(
            "category.unknown",
            format!("there is no category `{category}`"),
        )),
        Err(Error::Unreadable { message, .. }) => Err(StepFailure::failed(
            "runtime",
            500,
            format!("item `{key}` of `{category}` cannot be read: {message}"),
        )),
        Err(error) => {
            tracing::warn!(category, error = %error, "an item could not be read; its job is given back");
            Err(StepFailure::interrupted())
        }
    }
}

/// Which category, and which of its items.
fn named(input: &Value) -> Option<(&str, &str)> {
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    match text("categoryId") {
        Some(both) => both.split_once('/'),
        None => text("category").zip(text("key")),
    }
}

fn missing(code: &str, title: String) -> StepFailure {
    StepFailure::failed("configuration", 404, title)
        .with_detail(Value::map([("code", Value::from(code))]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_named_by_two_texts_or_by_one() {
        let read = |text: &str| {
            let input = Value::parse(text).expect("JSON");
            named(&input).map(|(category, key)| format!("{category} {key}"))
        };

        assert_eq!(
            read(r#"{"category":"a","key":"b/c"}"#).as_deref(),
            Some("a b/c")
        );
        assert_eq!(read(r#"{"categoryId":"a/b/c"}"#).as_deref(), Some("a b/c"));
        assert_eq!(read(r#"{"categoryId":"a"}"#), None);
        assert_eq!(read(r#"{"category":"a"}"#), None);
    }
}
