//! What every configuration document has: its name, and what people should know about it.

use super::spot::{Fault, Spot};

/// Name, title, description, labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Unique within tenant and kind.
    pub name: String,
    /// For people.
    pub title: Option<String>,
    /// For people.
    pub description: Option<String>,
    /// For machines and searches.
    pub labels: Vec<(String, String)>,
}

/// So many labels fit one document.
const LABELS_MAX: usize = 32;

/// So many characters fit a title.
const TITLE_CHARS_MAX: usize = 200;

pub(super) fn read(document: &Spot<'_>) -> Option<Header> {
    let name = document.need("name").and_then(|name| name.name());
    let title = document.get("title").and_then(|title| title_of(&title));
    let description = document.get("description").and_then(|text| text.text());
    let labels = document.get("labels").and_then(|labels| labels_of(&labels));
    Some(Header {
        name: name?.to_owned(),
        title,
        description: description.map(str::to_owned),
        labels: labels.unwrap_or_default(),
    })
}

fn title_of(spot: &Spot<'_>) -> Option<String> {
    let title = spot.text()?;
    if title.chars().count() > TITLE_CHARS_MAX {
        return spot.refuse(Fault::new(format!(
            "a title has at most {TITLE_CHARS_MAX} characters"
        )));
    }
    Some(title.to_owned())
}

fn labels_of(spot: &Spot<'_>) -> Option<Vec<(String, String)>> {
    let members = spot.members()?;
    if members.len() > LABELS_MAX {
        return spot.refuse(Fault::new(format!("at most {LABELS_MAX} labels")));
    }
    let labels = members
        .into_iter()
        .map(|(key, value)| Some((key.to_owned(), value.text()?.to_owned())));
    labels.collect()
}
