//! What can be called: the built-in functions and the handlers that workers announced.

use windlass_workflows::catalogue::{Ability, Catalogue};
use windlass_workflows::value::Value;

use super::Store;
use crate::Error;

/// What this release's workers and this store do for templates beside their steps.
const ABILITIES: [Ability; 10] = [
    Ability::Listen,
    Ability::Emit,
    Ability::Child,
    Ability::Group,
    Ability::Batch,
    Ability::Schedule,
    Ability::Trigger,
    Ability::Effect,
    Ability::Context,
    Ability::DocumentSettings,
];

/// What a template may call and do while no handler is registered.
pub fn offered() -> Catalogue {
    ABILITIES
        .into_iter()
        .fold(Catalogue::builtin(), Catalogue::able)
}

impl Store {
    /// Everything that a template of this tenant may call.
    ///
    /// # Errors
    /// [`Error::Unreadable`] when a handler announced an input schema that is none.
    pub async fn catalogue(&self, tenant: i32) -> Result<Catalogue, Error> {
        let rows = sqlx::query_file!("queries/handler/list.sql", tenant)
            .fetch_all(self.pool())
            .await?;
        let mut catalogue = offered();
        for row in rows {
            let name = format!("{}:{}", row.name, row.version);
            let schema = schema(&name, row.input_schema.as_deref())?;
            catalogue = catalogue
                .with(&row.name, &row.version, &schema)
                .map_err(|error| unreadable(&name, &error.message))?;
        }
        Ok(catalogue)
    }

    /// Announces handlers, each `name:version`: templates that call them can be published from then on.
    ///
    /// # Errors
    /// What the database says.
    pub async fn announce(&self, tenant: i32, handlers: &[String]) -> Result<(), Error> {
        let handlers = handlers.iter();
        let pairs = handlers.filter_map(|handler| handler.split_once(':'));
        let pairs = pairs.map(|(name, version)| (name.to_owned(), version.to_owned()));
        let (names, versions): (Vec<String>, Vec<String>) = pairs.unzip();
        sqlx::query_file!("queries/handler/announce.sql", tenant, &names, &versions)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}

/// The schema of a handler's input; without one it takes anything.
fn schema(name: &str, text: Option<&str>) -> Result<Value, Error> {
    match text {
        None => Ok(Value::Bool(true)),
        Some(text) => Value::parse(text).map_err(|error| unreadable(name, &error.to_string())),
    }
}

fn unreadable(name: &str, message: &str) -> Error {
    Error::Unreadable {
        noun: "input schema of the handler",
        name: name.to_owned(),
        message: message.to_owned(),
    }
}
