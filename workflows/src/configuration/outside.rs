//! Sources outside: a query on a registered Postgres, and a service that is read page by page.
//!
//! Parameters know the slot and the configuration, for they are asked before there is any member.

use super::category::Key;
use super::selection::{self, KEY};
use super::shape;
use super::spec::{Spec, field, section};
use super::spot::{Fault, Spot};
use crate::document::step::Shape;
use crate::expression::{self, Source};

/// Variables that parameters know, without `$`.
pub const PARAMETER_VARIABLES: [&str; 2] = ["slot", "configuration"];

/// A query on a registered Postgres.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// Name of the connection.
    pub connection: String,
    /// One statement that gives rows.
    pub sql: String,
    /// What `$1`, `$2` … stand for.
    pub params: Vec<Shape>,
    /// What tells rows apart; the row number unless given.
    pub key: Key,
    /// The column that holds the object key.
    pub object: Option<String>,
}

/// A service that is read page by page.
#[derive(Clone, Debug, PartialEq)]
pub struct PagedService {
    /// Name of the connection.
    pub connection: String,
    /// Below its base address.
    pub path: String,
    /// What every page is asked with, a map.
    pub query: Option<Shape>,
    /// jq over a page, giving its items.
    pub items: String,
    /// How the next page is found; without, there is one.
    pub next: Option<NextPage>,
    /// What tells items apart; their number unless given.
    pub key: Key,
    /// The field that holds the object key.
    pub object: Option<String>,
}

/// How the next page is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextPage {
    /// The `Link` header says where it is.
    LinkHeader,
    /// jq over a page, giving the address of the next.
    Link(String),
    /// Pages are counted, until one is empty.
    Page {
        /// The parameter that holds the number.
        param: String,
        /// The number of the first.
        first: i64,
    },
    /// A page names what the next is asked with.
    Cursor {
        /// The parameter that holds it.
        param: String,
        /// jq over a page, giving it.
        from: String,
    },
}

pub(super) const QUERY: Spec = Spec {
    fields: &[
        field("connection"),
        field("sql"),
        field("params"),
        section("key", &KEY),
        field("object"),
    ],
    later: &[],
};

pub(super) const HTTP: Spec = Spec {
    fields: &[
        field("connection"),
        field("path"),
        field("query"),
        field("items"),
        section("next", &NEXT),
        section("key", &KEY),
        field("object"),
    ],
    later: &[],
};

const NEXT: Spec = Spec {
    fields: &[
        field("link"),
        section("page", &PAGE),
        section("cursor", &CURSOR),
    ],
    later: &[],
};

const PAGE: Spec = Spec {
    fields: &[field("param"), field("first").or("1")],
    later: &[],
};

const CURSOR: Spec = Spec {
    fields: &[field("param"), field("from")],
    later: &[],
};

/// Longest statement.
const SQL_CHARS_MAX: usize = 64 * 1024;
/// Most parameters.
const PARAMS_MAX: usize = 100;

pub(super) fn read_query(query: &Spot<'_>) -> Option<Query> {
    let connection = query.need("connection").and_then(|name| name.name());
    let sql = query.need("sql").and_then(|sql| read_sql(&sql));
    let params = match query.get("params") {
        Some(list) if list.tree.as_list().is_some_and(<[_]>::is_empty) => Some(Vec::new()),
        Some(list) => list.each(PARAMS_MAX, parameter),
        None => Some(Vec::new()),
    };
    let (key, object) = selection::identity(query)?;
    Some(Query {
        connection: connection?.to_owned(),
        sql: sql?,
        params: params?,
        key,
        object,
    })
}

pub(super) fn read_http(http: &Spot<'_>) -> Option<PagedService> {
    let connection = http.need("connection").and_then(|name| name.name());
    let path = http.need("path").and_then(|path| read_path(&path));
    let query = match http.get("query") {
        Some(query) => query.object().and_then(parameter).map(Some),
        None => Some(None),
    };
    let items = http.need("items").and_then(|items| of_page(&items));
    let next = match http.get("next") {
        Some(next) => next.object().and_then(read_next).map(Some),
        None => Some(None),
    };
    let (key, object) = selection::identity(http)?;
    Some(PagedService {
        connection: connection?.to_owned(),
        path: path?,
        query: query?,
        items: items?,
        next: next?,
        key,
        object,
    })
}

/// One statement; what ends it is of no use.
fn read_sql(spot: &Spot<'_>) -> Option<String> {
    let text = spot.filled()?;
    if text.chars().count() > SQL_CHARS_MAX {
        let fault = format!("a statement has at most {SQL_CHARS_MAX} characters");
        return spot.refuse(Fault::new(fault));
    }
    let statement = text.trim().trim_end_matches(';').trim_end();
    let begins = statement.get(..6).map(str::to_ascii_lowercase);
    let reads = |word: &str| {
        begins
            .as_deref()
            .is_some_and(|begins| begins.starts_with(word))
    };
    if !["select", "with", "values", "table", "("]
        .into_iter()
        .any(reads)
    {
        let fault = Fault::new("this statement gives no rows");
        return spot.refuse(fault.hint("write one `select`, `with`, `values` or `table`"));
    }
    Some(statement.to_owned())
}

fn read_path(spot: &Spot<'_>) -> Option<String> {
    let path = spot.filled()?;
    if !path.starts_with('/') || path.contains(['?', '#']) {
        let fault = Fault::new("a path begins with `/` and has neither `?` nor `#`");
        return spot.refuse(fault.hint("parameters stand under `query`"));
    }
    Some(path.to_owned())
}

fn read_next(next: &Spot<'_>) -> Option<NextPage> {
    let (link, page, cursor) = (next.get("link"), next.get("page"), next.get("cursor"));
    match (link, page, cursor) {
        (Some(link), None, None) if link.tree.as_str() == Some("header") => {
            Some(NextPage::LinkHeader)
        }
        (Some(link), None, None) => of_page(&link).map(NextPage::Link),
        (None, Some(page), None) => read_page(page.object()?),
        (None, None, Some(cursor)) => read_cursor(cursor.object()?),
        _ => next.refuse(Fault::new(
            "exactly one of `link`, `page` and `cursor` is needed",
        )),
    }
}

fn read_page(page: &Spot<'_>) -> Option<NextPage> {
    let param = page.need("param")?.filled()?.to_owned();
    let first = match page.get("first") {
        Some(first) => first.integer(0, i64::from(i32::MAX))?,
        None => 1,
    };
    Some(NextPage::Page { param, first })
}

fn read_cursor(cursor: &Spot<'_>) -> Option<NextPage> {
    let param = cursor.need("param").and_then(|param| param.filled());
    let from = cursor.need("from").and_then(|from| of_page(&from));
    Some(NextPage::Cursor {
        param: param?.to_owned(),
        from: from?,
    })
}

/// jq over a page: it knows nothing but the page.
fn of_page(spot: &Spot<'_>) -> Option<String> {
    let text = spot.filled()?;
    let jq = shape::inside(text).unwrap_or(text);
    knows(spot, jq, &[]).then(|| jq.to_owned())
}

/// A value whose expressions know what is known before there is a member.
fn parameter(spot: &Spot<'_>) -> Option<Shape> {
    let shape = shape::read(spot)?;
    is_known(spot, &shape).then_some(shape)
}

fn is_known(spot: &Spot<'_>, shape: &Shape) -> bool {
    match shape {
        Shape::Constant(_) => true,
        Shape::Expression(one) => knows(spot, &one.text, &PARAMETER_VARIABLES),
        Shape::List(items) => items.iter().all(|one| is_known(spot, one)),
        Shape::Map(members) => members.iter().all(|(_, one)| is_known(spot, one)),
    }
}

fn knows(spot: &Spot<'_>, jq: &str, variables: &[&str]) -> bool {
    let source = Source {
        text: jq,
        variables,
    };
    let checked = expression::check(&source);
    if let Err(problem) = &checked {
        let fault = Fault(problem.message.clone(), problem.hint.clone());
        spot.report(problem.code, fault);
    }
    checked.is_ok()
}
