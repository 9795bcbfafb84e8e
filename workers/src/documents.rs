//! Connections as the store has them, for the performer's profiles.

use futures::FutureExt;
use futures::future::BoxFuture;
use windlass_engine::Store;
use windlass_engine::vocabulary::ConfigurationKind;
use windlass_workflows::configuration::{Connection, Content};

use crate::connection::Documents;

/// Reads the newest revision of every connection document.
#[derive(Clone, Debug)]
pub struct StoredDocuments(pub Store);

/// Connections of a tenant; more would be a mistake of a generator.
const PAGE: u32 = 1_000;

impl Documents for StoredDocuments {
    fn connections(&self, tenant: i32) -> BoxFuture<'_, Result<Vec<Connection>, String>> {
        async move {
            let page = self
                .0
                .configurations(tenant, ConfigurationKind::Connection, None, PAGE)
                .await
                .map_err(|error| error.to_string())?;
            let contents = page
                .items
                .iter()
                .map(|revision| revision.content().map_err(|error| error.to_string()));
            let connections = contents.filter_map(|content| match content {
                Ok(Content::Connection(connection)) => Some(Ok(connection)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            connections.collect()
        }
        .boxed()
    }
}
