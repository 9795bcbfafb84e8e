//! `document`: what names a template version.

use super::Reader;
use super::spot::Spot;
use crate::document::step::Header;

const KEYS: [&str; 8] = [
    "dsl",
    "namespace",
    "name",
    "version",
    "title",
    "summary",
    "tags",
    "metadata",
];

/// Longest name, as for a DNS label.
const NAME_LENGTH_MAX: usize = 63;

impl Reader {
    pub fn header(&mut self, spot: &Spot<'_>) -> Option<Header> {
        let fields = self.object(spot, &KEYS)?;
        let dsl = self
            .required(&fields, "dsl")
            .and_then(|spot| self.dsl(&spot));
        let namespace = self
            .required(&fields, "namespace")
            .and_then(|spot| self.name(&spot));
        let name = self
            .required(&fields, "name")
            .and_then(|spot| self.name(&spot));
        let version = self
            .required(&fields, "version")
            .and_then(|spot| self.version(&spot));
        let title = fields.get("title").and_then(|spot| self.text(&spot));
        if let Some(spot) = fields.get("summary") {
            self.text(&spot);
        }
        if let Some(spot) = fields.get("tags") {
            self.any_object(&spot);
        }
        let settings = self.document_settings(&fields);
        Some(Header {
            dsl: dsl?,
            namespace: namespace?,
            name: name?,
            version: version?,
            title: title.map(str::to_owned),
            settings,
        })
    }

    /// The language version, `1.0.x`.
    fn dsl(&mut self, spot: &Spot<'_>) -> Option<String> {
        let text = self.text(spot)?;
        let version = semver::Version::parse(text).ok();
        if version.is_some_and(|version| (version.major, version.minor) == (1, 0)) {
            return Some(text.to_owned());
        }
        let message = format!("`{text}` is no version of the language that this release knows");
        let problem = spot.problem("document.dsl", message);
        self.problems.push(problem.hint("write dsl: '1.0.3'"));
        None
    }

    fn name(&mut self, spot: &Spot<'_>) -> Option<String> {
        let text = self.text(spot)?;
        if is_label(text) {
            return Some(text.to_owned());
        }
        let message = format!("`{}` is no name", text.chars().take(80).collect::<String>());
        let problem = spot.problem("document.name", message);
        let hint = "1 to 63 letters, digits and hyphens; a letter or digit at both ends";
        self.problems.push(problem.hint(hint));
        None
    }

    fn version(&mut self, spot: &Spot<'_>) -> Option<semver::Version> {
        let text = self.text(spot)?;
        let version = semver::Version::parse(text);
        if let Err(error) = &version {
            let problem = spot.problem(
                "document.version",
                format!("`{text}` is no semantic version: {error}"),
            );
            self.problems.push(problem.hint("write version: '1.0.0'"));
        }
        version.ok()
    }
}

fn is_label(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=NAME_LENGTH_MAX).contains(&text.len())
        && text.chars().all(inside)
        && !text.starts_with('-')
        && !text.ends_with('-')
}
