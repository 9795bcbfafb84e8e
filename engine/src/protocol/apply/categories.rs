//! Categories of an applied set: their rows, and the items that they load.

use windlass_workflows::configuration::{self as documents, Document};
use windlass_workflows::value::Value;

use super::super::load::{LISTED_MAX, Source, Terms, Untold, load};
use super::{ApplyReport, Applying, missing_file};
use crate::Error;
use crate::protocol::change::{Action, Change};
use crate::store::{self, Session};
use crate::vocabulary::ConfigurationKind;

impl Applying {
    /// A category that was deleted is there again, and it has the indexes that its document names.
    pub(super) async fn keep(
        &mut self,
        connection: &mut Session,
        category: &documents::Category,
    ) -> Result<(), Error> {
        let (tenant, name) = (self.application.tenant, &category.header.name);
        let kept = store::category_version::keep(connection, tenant, name, category.retention);
        if let (true, Some(change)) = (kept.await?, self.changes.last_mut()) {
            change.action = Action::Changed;
            change.diff.push("- deleted".to_owned());
        }
        store::category_index::keep(connection, tenant, name, &category.indexes).await
    }

    pub(super) async fn load(
        &mut self,
        connection: &mut Session,
        document: &Document,
        category: &documents::Category,
    ) -> Result<(), Error> {
        let name = &category.header.name;
        let Some(data) = &category.data else {
            return Ok(());
        };
        let source = match &data.load {
            documents::Load::Items(items) => Source::Items(items.clone()),
            documents::Load::File { path, format } => match self.application.files.remove(name) {
                Some(reader) => Source::File {
                    name: path.clone(),
                    format: *format,
                    reader,
                },
                None => {
                    self.refuse(document, vec![missing_file(document, path, "/data/file")]);
                    return Ok(());
                }
            },
        };
        let terms = Terms {
            tenant: self.application.tenant,
            who: &self.application.who,
            mode: None,
            invalid: None,
            listed_max: LISTED_MAX,
        };
        match load(connection, terms, category, source).await? {
            Ok(loaded) => {
                let load = loaded.load;
                if let Some(change) = self.changes.last_mut() {
                    change.items = Some(load.rows);
                    change.read = Some(load.read);
                    if load.loaded && change.action == Action::Unchanged {
                        change.action = Action::Changed;
                    }
                    change.left_out = load.left_out;
                }
                if let Some(untold) = loaded.untold {
                    self.untold.push((name.clone(), untold));
                }
            }
            Err(problems) => self.refuse(document, problems),
        }
        Ok(())
    }
}

/// Tells what was left out of sources that were loaded before.
pub(super) async fn tell(report: &mut ApplyReport, untold: Vec<(String, Untold)>) {
    for (name, untold) in untold {
        let (read, left_out) = untold.read().await;
        let is_its = |change: &&mut Change| {
            change.kind == ConfigurationKind::Category.as_str() && change.name == name
        };
        if let Some(change) = report.changes.iter_mut().find(is_its) {
            change.read = Some(read);
            change.left_out = left_out;
        }
    }
}

/// Whether a category differs from before only in the file that its items come from.
pub(super) fn is_same(document: &Document, old: &Value) -> bool {
    document.kind() == documents::Kind::Category
        && documents::identity(old) == documents::identity(document.canonical())
}
