//! `pin: publish`: the newest versions of children, as they are when their parent is published.

use std::collections::BTreeMap;

use sqlx::types::Json;
use windlass_workflows::configuration::{TemplateReference, VersionChoice};
use windlass_workflows::problem::Problem;

use crate::store::{self, NewTemplate, Session};
use crate::{Error, Store};

/// Writes down which versions a template pins that was just published; beside it in one transaction.
///
/// # Errors
/// `invalid` for a child that is not published.
pub(super) async fn keep(
    connection: &mut Session,
    tenant: i32,
    version: i32,
    template: &NewTemplate,
) -> Result<(), Error> {
    if template.pins.is_empty() {
        return Ok(());
    }
    let (mut pins, mut problems) = (BTreeMap::new(), Vec::new());
    for child in &template.pins {
        let newest = TemplateReference {
            namespace: child.namespace.clone(),
            name: child.name.clone(),
            version: VersionChoice::Newest,
        };
        let name = format!("{}.{}", child.namespace, child.name);
        match store::template::find(connection, tenant, &newest).await? {
            Some(found) => _ = pins.insert(name, found.version),
            None => problems.push(unpublished(&name, &child.pointer)),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid { problems });
    }
    sqlx::query_file!("queries/template/pin.sql", version, Json(pins) as _)
        .execute(connection)
        .await?;
    Ok(())
}

fn unpublished(name: &str, pointer: &str) -> Problem {
    let message = format!("`{name}` is to be pinned and has no version");
    Problem::new("unknown_reference", pointer, message)
        .hint("publish it first, or together with this one")
}

impl Store {
    /// The version of a child that a job's template pinned when it was published.
    ///
    /// # Errors
    /// What the database says.
    pub async fn pinned_child(&self, job: i64, name: &str) -> Result<Option<String>, Error> {
        let row = sqlx::query_file!("queries/template/pin_of.sql", job, name)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.and_then(|row| row.version))
    }
}
