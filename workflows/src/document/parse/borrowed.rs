//! Functions of other catalogues: `name:version@catalogue` is a file, read as one of `use.functions`.
//!
//! The file stands at `functions/<name>/<version>/function.yaml` below the catalogue's endpoint and holds one
//! task. It sees the catalogues of the template and none of its other names: what somebody else wrote must not
//! reach a secret, a policy or a function by a name that it happens to guess.

use super::Reader;
use super::spot::Spot;
use crate::document::step::{FunctionName, Task};
use crate::document::tree::{Tree, join};
use crate::resource::Resource;
use crate::value::Value;

/// Where functions of catalogues stand in a template's own terms.
pub(crate) const CATALOGS: &str = "/use/catalogs";

/// A catalogue: its name, and the address of its files if that could be read.
pub(super) type Catalog = (String, Option<String>);

/// What stands under a key below `/use/catalogs/<catalogue>` as if it were written there.
pub(crate) struct Graft {
    pub catalogue: String,
    /// `name:version`.
    pub key: String,
    pub tree: Tree,
}

impl Reader {
    /// Catalogues, by name.
    pub fn catalogs(&mut self, spot: &Spot<'_>) -> Vec<Catalog> {
        let Some(spot) = self.any_object(spot) else {
            return Vec::new();
        };
        let entries = spot.entries().iter();
        let read = entries.map(|entry| {
            let fields = self.object(&spot.of(entry), &["endpoint"]);
            let address = fields.and_then(|fields| self.address(&fields));
            (entry.key.to_string(), address.map(|text| raw(&text)))
        });
        read.collect()
    }

    /// The index of a function of a catalogue, whose file is read where it is named first.
    pub fn borrowed(
        &mut self,
        spot: &Spot<'_>,
        function: &FunctionName,
        (catalogue, address): Catalog,
    ) -> Option<usize> {
        let key = format!("{}:{}", function.name, function.version);
        let name = format!("{key}@{catalogue}");
        let known = self.borrowed.iter().position(|(known, _)| *known == name);
        if let Some(known) = known {
            return Some(self.own_functions + known);
        }
        let FunctionName {
            name: short,
            version,
        } = function;
        let url = format!("{}/functions/{short}/{version}/function.yaml", address?);
        let value = self.borrowed_file(spot, &url)?;
        let place = self.borrowed.len();
        let pointer = join(&join(CATALOGS, &catalogue), &key);
        // Noted before it is read: it may name itself, which is refused later.
        self.borrowed.push((name.clone(), None));
        let tree = Tree::at(&value, spot.tree.place);
        let task = self.in_own_terms(name, &Spot::at_pointer(&tree, pointer));
        self.borrowed[place].1 = Some(task);
        self.grafts.push(Graft {
            catalogue,
            key,
            tree,
        });
        Some(self.own_functions + place)
    }

    fn borrowed_file(&mut self, spot: &Spot<'_>, url: &str) -> Option<Value> {
        match self.resources.document(url) {
            Some(Ok((hash, value))) => {
                let pinned = Resource::Pinned {
                    hash,
                    value: value.clone(),
                };
                self.pinned.add(url, pinned);
                return Some(value);
            }
            Some(Err(problem)) => self.failed(spot, problem),
            None => self.unread(spot, url),
        }
        None
    }

    /// Reads a function that knows no name of `use` but those of catalogues.
    fn in_own_terms(&mut self, name: String, spot: &Spot<'_>) -> Task {
        let outer = (
            std::mem::take(&mut self.functions),
            std::mem::take(&mut self.retries),
            std::mem::take(&mut self.errors),
            std::mem::take(&mut self.timeouts),
        );
        let task = self.function(name, spot);
        (self.functions, self.retries, self.errors, self.timeouts) = outer;
        task
    }
}

/// Where the files of a repository are, if that is what the address of a catalogue names: its pages show them
/// to people. The default branch, unless the address has another one.
fn raw(address: &str) -> String {
    let address = address.trim_end_matches('/');
    let raw = |site: &str, pages: &str, raw: &str, place: &str, levels: Option<usize>| {
        let path = address.strip_prefix(site)?;
        let (repository, tree) = match path.split_once(pages) {
            Some((repository, tree)) => (repository, tree),
            None => (path, "HEAD"),
        };
        let repository = repository.trim_end_matches(".git");
        let count = repository.split('/').filter(|part| !part.is_empty());
        let fits = levels.is_none_or(|levels| count.count() == levels);
        fits.then(|| format!("{raw}{repository}{place}{tree}"))
    };
    let github = "https://github.com/";
    let gitlab = "https://gitlab.com/";
    let found = raw(
        github,
        "/tree/",
        "https://raw.githubusercontent.com/",
        "/",
        Some(2),
    );
    let found = found.or_else(|| match address.contains("/-/raw/") {
        true => None,
        false => raw(gitlab, "/-/tree/", gitlab, "/-/raw/", None),
    });
    found.unwrap_or_else(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::raw;

    #[test]
    fn a_repository_is_read_by_its_raw_links() {
        let hub = "https://raw.githubusercontent.com/acme/catalog";
        let lab = "https://gitlab.com/acme/data/catalog/-/raw";
        for (address, wanted) in [
            ("https://github.com/acme/catalog", format!("{hub}/HEAD")),
            (
                "https://github.com/acme/catalog.git/",
                format!("{hub}/HEAD"),
            ),
            (
                "https://github.com/acme/catalog/tree/v2/team",
                format!("{hub}/v2/team"),
            ),
            (
                "https://gitlab.com/acme/data/catalog",
                format!("{lab}/HEAD"),
            ),
            (
                "https://gitlab.com/acme/data/catalog/-/tree/v2",
                format!("{lab}/v2"),
            ),
        ] {
            assert_eq!(raw(address), wanted);
        }
        for same in [
            "https://templates.example/catalog",
            "https://raw.githubusercontent.com/acme/catalog/main",
            "https://gitlab.com/acme/catalog/-/raw/main/team",
            "https://github.com/acme/catalog/raw/main",
        ] {
            assert_eq!(raw(same), same);
        }
    }
}
