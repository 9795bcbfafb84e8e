//! Deleting a category: nothing may select from it any more, and it can be brought back for a while.

use chrono::{DateTime, Utc};
use windlass_workflows::configuration::{Content, Source};

use super::load;
use crate::Error;
use crate::store::{self, PAGE_MAX, Revision, Session, Store};
use crate::vocabulary::ConfigurationKind;

/// Job configurations that a refusal names.
const NAMED_MAX: usize = 5;

impl Store {
    /// Deletes a category; `who` does. Batches under way go on with what they select, and its items stay for its
    /// retention, within which it can be brought back.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that nobody applied; `category_deleted` for one that is deleted; `category_in_use`
    /// while a job configuration selects from it.
    pub async fn delete_category(&self, tenant: i32, name: &str, who: &str) -> Result<(), Error> {
        self.configuration(tenant, ConfigurationKind::Category, name)
            .await?;
        let now = self.moved_now().await?;
        let (name, who) = (name.to_owned(), who.to_owned());
        self.transaction(move |connection| {
            Box::pin(async move {
                // Who applies a document that names it waits, and finds it gone.
                store::configuration::lock(connection, tenant).await?;
                refuse_in_use(connection, tenant, &name).await?;
                store::category::lock(connection, tenant, &name).await?;
                mark(connection, tenant, &name, &who, now).await
            })
        })
        .await
    }
}

/// Looks at every job configuration: a deletion is rare, and they are hundreds.
async fn refuse_in_use(connection: &mut Session, tenant: i32, name: &str) -> Result<(), Error> {
    let (mut users, mut after) = (Vec::new(), None::<String>);
    loop {
        let kind = ConfigurationKind::JobConfiguration;
        let page = store::configuration::page(connection, tenant, kind, after.as_deref(), PAGE_MAX)
            .await?;
        users.extend(page.items.into_iter().filter_map(|one| uses(one, name)));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    match users.is_empty() {
        true => Ok(()),
        false => Err(in_use(name, &users)),
    }
}

/// The name of a configuration that selects from the category. What another release wrote and this one cannot read
/// holds up nothing.
fn uses(revision: Revision, name: &str) -> Option<String> {
    let Ok(Content::JobConfiguration(job)) = revision.content() else {
        return None;
    };
    let is_user = matches!(&job.selection.source, Source::Category(one) if one == name);
    is_user.then_some(revision.name)
}

async fn mark(
    connection: &mut Session,
    tenant: i32,
    name: &str,
    who: &str,
    now: Option<DateTime<Utc>>,
) -> Result<(), Error> {
    match store::category_version::delete(connection, tenant, name, who, now).await? {
        true => Ok(()),
        false => Err(load::deleted(name)),
    }
}

fn in_use(name: &str, users: &[String]) -> Error {
    let mut named = users[..users.len().min(NAMED_MAX)].join(", ");
    if users.len() > NAMED_MAX {
        named.push_str(&format!(" and {} more", users.len() - NAMED_MAX));
    }
    Error::Conflict {
        code: "category_in_use",
        message: format!("job configurations select from the category `{name}`: {named}"),
        hint: Some("let them select from another one first".to_owned()),
    }
}
