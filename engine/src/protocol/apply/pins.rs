//! The versions that the templates of a set pin.

use windlass_workflows::configuration::{Content, Document};
use windlass_workflows::document::tree::Tree;

use super::super::pin;
use super::{Applying, placed};
use crate::Error;
use crate::store::Session;

impl Applying {
    /// Children may come with the same set, before or after who pins them.
    pub(super) async fn pins(
        &mut self,
        connection: &mut Session,
        documents: &[Document],
    ) -> Result<(), Error> {
        for (version, name, template) in std::mem::take(&mut self.created) {
            let tenant = self.application.tenant;
            match pin::keep(connection, tenant, version, &template).await {
                Err(Error::Invalid { problems }) => {
                    let author = documents.iter().find(|one| one.name() == name);
                    if let Some((author, tree)) = author.and_then(tree_of) {
                        self.refuse(author, placed(tree, problems));
                    }
                }
                kept => kept?,
            }
        }
        Ok(())
    }
}

fn tree_of(document: &Document) -> Option<(&Document, &Tree)> {
    match &document.content {
        Content::Template(tree) => Some((document, tree)),
        _ => None,
    }
}
