//! Hooks for tests: who is told, and of what.

use std::collections::HashMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use futures::future::BoxFuture;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgStatement};
use sqlx::{Error, Execute, Postgres, SqlStr};

use super::statement::Statement;

/// Which side of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// It was not sent yet. What the hook answers in its place, the caller gets.
    Before,
    /// Its answer is whole. What the hook answers in its place, the caller gets, as if the answer
    /// had been lost.
    After,
}

/// A statement that a session comes to.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// Before or after it.
    pub moment: Moment,
    /// `lease/exchange`, as its file is called; `begin` and `commit`; the text of any other.
    pub statement: &'a str,
    /// The name that the session gave when it connected.
    pub actor: &'a str,
}

/// Go on, or what the session should see in place of what it did or would do.
pub type Answer = Result<(), Error>;

/// Somebody who stands between the statements of a database.
pub trait Hook: Send + Sync {
    /// A session is at this point, and waits until this is done.
    fn at<'a>(&'a self, point: Point<'a>) -> BoxFuture<'a, Answer>;
}

type Hooks = HashMap<Place, Arc<dyn Hook>>;
static HOOKS: LazyLock<RwLock<Hooks>> = LazyLock::new(RwLock::default);

/// A database: two servers may have one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place(u16, String);

impl Place {
    fn of(options: &PgConnectOptions) -> Self {
        let name = options.get_database().unwrap_or_default();
        Self(options.get_port(), name.to_owned())
    }
}

/// Has `hook` told of every statement that this process sends to the database of `url`, until the
/// answer is dropped. A later hook takes the place of an earlier one.
///
/// # Panics
/// When the URL is none.
pub fn install(url: &str, hook: Arc<dyn Hook>) -> Installed {
    let options = PgConnectOptions::from_str(url).expect("an address of a database");
    let place = Place::of(&options);
    let mut hooks = HOOKS.write().unwrap_or_else(PoisonError::into_inner);
    hooks.insert(place.clone(), hook);
    Installed(place)
}

/// Keeps a hook in its place.
#[derive(Debug)]
pub struct Installed(Place);

impl Drop for Installed {
    fn drop(&mut self) {
        let mut hooks = HOOKS.write().unwrap_or_else(PoisonError::into_inner);
        hooks.remove(&self.0);
    }
}

/// Which database a session is at, and who it says it is.
#[derive(Clone, Debug)]
pub(in crate::store) struct Seat(Arc<(Place, String)>);

impl Seat {
    pub(in crate::store) fn of(options: &PgConnectOptions) -> Self {
        let actor = options.get_application_name().unwrap_or_default();
        Self(Arc::new((Place::of(options), actor.to_owned())))
    }

    pub(in crate::store) async fn before(&self, sql: &str) -> Result<(), Error> {
        self.at(Moment::Before, Statement::name_of(sql)).await
    }

    pub(in crate::store) async fn after(&self, sql: &str) -> Result<(), Error> {
        self.at(Moment::After, Statement::name_of(sql)).await
    }

    pub(in crate::store) async fn before_begin(&self) -> Result<(), Error> {
        self.at(Moment::Before, "begin").await
    }

    pub(in crate::store) async fn after_begin(&self) -> Result<(), Error> {
        self.at(Moment::After, "begin").await
    }

    pub(in crate::store) async fn before_commit(&self) -> Result<(), Error> {
        self.at(Moment::Before, "commit").await
    }

    pub(in crate::store) async fn after_commit(&self) -> Result<(), Error> {
        self.at(Moment::After, "commit").await
    }

    async fn at(&self, moment: Moment, statement: &str) -> Result<(), Error> {
        let (place, actor) = &*self.0;
        let hook = {
            let hooks = HOOKS.read().unwrap_or_else(PoisonError::into_inner);
            hooks.get(place).cloned()
        };
        let Some(hook) = hook else { return Ok(()) };
        let point = Point {
            moment,
            statement,
            actor,
        };
        hook.at(point).await
    }
}

/// A query whose text can be read before it is sent: sqlx gives it away only with the whole.
pub(in crate::store) struct Opened {
    sql: SqlStr,
    arguments: Option<Result<Option<PgArguments>, BoxDynError>>,
    persistent: bool,
}

impl Opened {
    pub(in crate::store) fn of<'q>(mut query: impl Execute<'q, Postgres>) -> Self {
        let arguments = Some(query.take_arguments());
        let persistent = query.persistent();
        Self {
            sql: query.sql(),
            arguments,
            persistent,
        }
    }

    pub(in crate::store) fn text(&self) -> SqlStr {
        self.sql.clone()
    }
}

impl<'q> Execute<'q, Postgres> for Opened {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        None
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        self.arguments.take().unwrap_or(Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
