//! Aliases of template versions: names that people move, each move a row that stays.
//!
//! Work that starts reads what an alias means then, and its jobs keep that version.

use chrono::{DateTime, Utc};
use serde::Serialize;
use windlass_workflows::configuration::{TemplateReference, VersionChoice, is_alias};
use windlass_workflows::document::nearest;
use windlass_workflows::problem::Problem;

use super::gate::Session;
use super::page::PAGE_MAX;
use super::{Store, template};
use crate::Error;

/// What an alias means since somebody said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AliasView {
    /// Its name.
    pub alias: String,
    /// The version that it means.
    pub version: String,
    /// Counts its moves, from 1.
    pub revision: i32,
    /// Who moved it here.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Store {
    /// Says which version of a template an alias means: work that starts from now on runs that one, jobs that exist keep
    /// theirs. Gives what it means now and meant before; saying the same again changes nothing.
    ///
    /// # Errors
    /// `invalid` for what is no alias, and `unknown_reference` for a version that nobody published.
    ///
    /// # Cancel safety
    /// Dropped, it may be stored; a repeat is harmless.
    pub async fn set_alias(
        &self,
        tenant: i32,
        who: &str,
        path: &str,
        alias: &str,
        version: &str,
    ) -> Result<Vec<AliasView>, Error> {
        let named = exact(path, alias, version).map_err(Error::invalid)?;
        let (word, mover) = (alias.to_owned(), who.to_owned());
        self.transaction(move |connection| {
            Box::pin(async move {
                template::note_change(connection).await?;
                set(connection, tenant, &named, &word, &mover).await?;
                history(connection, tenant, &named, &word).await
            })
        })
        .await
    }

    /// What an alias means now, and what it meant before.
    ///
    /// # Errors
    /// [`Error::NotFound`] for one that nobody set.
    pub async fn alias(
        &self,
        tenant: i32,
        path: &str,
        alias: &str,
    ) -> Result<Vec<AliasView>, Error> {
        let missing = || Error::not_found("alias", format!("{path}@{alias}"));
        let named = TemplateReference::parse(path).map_err(|_| missing())?;
        let mut connection = self.pool().acquire().await?;
        let found = history(&mut connection, tenant, &named, alias).await?;
        match found.is_empty() {
            true => Err(missing()),
            false => Ok(found),
        }
    }

    /// The aliases of a template, by name.
    pub async fn aliases(
        &self,
        tenant: i32,
        namespace: &str,
        name: &str,
    ) -> Result<Vec<AliasView>, Error> {
        list(&mut self.pool().acquire().await?, tenant, namespace, name).await
    }
}

/// The version that an alias is to mean.
fn exact(path: &str, alias: &str, version: &str) -> Result<TemplateReference, Problem> {
    let invalid = |pointer, message| Problem::new("invalid_reference", pointer, message);
    if !is_alias(alias) {
        let message = format!("`{alias}` is no alias");
        return Err(
            invalid("", message).hint("a word such as `stable`, which begins with a letter")
        );
    }
    let reference = format!("{path}@{version}");
    match TemplateReference::parse(&reference) {
        Ok(named) if matches!(named.version, VersionChoice::Exact(_)) => Ok(named),
        _ => {
            let message = format!("`{version}` is no version");
            Err(invalid("/version", message).hint("a published one, such as `1.2.0`"))
        }
    }
}

async fn set(
    connection: &mut Session,
    tenant: i32,
    named: &TemplateReference,
    alias: &str,
    who: &str,
) -> Result<(), Error> {
    let Some(found) = template::find(connection, tenant, named).await? else {
        return Err(Error::invalid(
            unknown(connection, tenant, named, "/version").await?,
        ));
    };
    sqlx::query_file!(
        "queries/alias/set.sql",
        tenant,
        found.namespace,
        found.name,
        alias,
        found.id,
        who
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn history(
    connection: &mut Session,
    tenant: i32,
    named: &TemplateReference,
    alias: &str,
) -> Result<Vec<AliasView>, Error> {
    let rows = sqlx::query_file_as!(
        AliasView,
        "queries/alias/history.sql",
        tenant,
        named.namespace,
        named.name,
        alias,
        i64::from(PAGE_MAX)
    );
    Ok(rows.fetch_all(connection).await?)
}

async fn list(
    connection: &mut Session,
    tenant: i32,
    namespace: &str,
    name: &str,
) -> Result<Vec<AliasView>, Error> {
    let limit = i64::from(PAGE_MAX);
    let rows = sqlx::query_file_as!(
        AliasView,
        "queries/alias/list.sql",
        tenant,
        namespace,
        name,
        limit
    );
    Ok(rows.fetch_all(connection).await?)
}

/// What references to a template may say behind its name: its versions and its aliases.
pub(crate) async fn reference_names(
    connection: &mut Session,
    tenant: i32,
    path: &str,
) -> Result<Vec<String>, Error> {
    let (namespace, name) = path.split_once('.').unwrap_or_default();
    let mut names = template::version_names(connection, tenant, path).await?;
    let aliases = list(connection, tenant, namespace, name).await?;
    names.extend(
        aliases
            .into_iter()
            .map(|one| format!("{path}@{}", one.alias)),
    );
    Ok(names)
}

/// A version or alias that the template does not have, with the nearest that it has.
pub(crate) async fn unknown(
    connection: &mut Session,
    tenant: i32,
    named: &TemplateReference,
    pointer: &str,
) -> Result<Problem, Error> {
    let known = reference_names(connection, tenant, &named.path()).await?;
    let reference = named.to_string();
    let message = format!("the template `{reference}` does not exist");
    let hint = nearest::hint(&reference, known.iter().map(String::as_str));
    let hint = hint.unwrap_or_else(|| "see `windlass template show NAME`".to_owned());
    Ok(Problem::new("unknown_reference", pointer, message).hint(hint))
}
