//! Pages of a service: what the next one is asked with, and what one says. Nothing is sent here.
//!
//! ```text
//! At::First → ask → Page { items, next: Some(At::…) } → ask → … → Page { next: None }
//! ```

use chrono::{DateTime, Utc};

use crate::configuration::{NextPage, PagedService};
use crate::document::step::Expression;
use crate::expression::{Budget, Library, Scope};
use crate::problem::Problem;
use crate::value::Value;

use super::rendering::library;

/// A page may be larger than what a step may store.
const BUDGET: Budget = Budget {
    steps: 20_000_000,
    bytes: 256 * 1024 * 1024,
};

/// Which page.
#[derive(Clone, Debug, PartialEq)]
pub enum At {
    /// The one that nothing leads to.
    First,
    /// The one at this address.
    Link(String),
    /// The one with this number.
    Number(i64),
    /// The one that the page before named so.
    Cursor(Value),
}

/// What a page says.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Its items, as served.
    pub items: Vec<Value>,
    /// The next one, if there is one.
    pub next: Option<At>,
}

/// Why a page cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PageProblem(pub String);

/// The compiled expressions of one service.
#[derive(Debug)]
pub struct Pages<'a> {
    service: &'a PagedService,
    library: Library,
    now: DateTime<Utc>,
}

impl<'a> Pages<'a> {
    /// Compiles what a page is asked; `now` is the plan's.
    ///
    /// # Errors
    /// The first expression that does not compile.
    pub fn of(service: &'a PagedService, now: DateTime<Utc>) -> Result<Self, Problem> {
        let from = match &service.next {
            Some(NextPage::Link(jq) | NextPage::Cursor { from: jq, .. }) => Some(jq),
            _ => None,
        };
        let texts = [Some(&service.items), from].into_iter().flatten();
        let expressions: Vec<Expression> = texts
            .map(|text| Expression {
                text: text.clone(),
                pointer: "/selection/http".to_owned(),
            })
            .collect();
        let library = library(&expressions).map_err(|mut problems| problems.remove(0))?;
        Ok(Self {
            service,
            library,
            now,
        })
    }

    /// The page that reading begins with.
    pub fn first(&self) -> At {
        match &self.service.next {
            Some(NextPage::Page { first, .. }) => At::Number(*first),
            _ => At::First,
        }
    }

    /// The parameter that asks for a page, beside those of the selection.
    pub fn parameter(&self, at: &At) -> Option<(&'a str, Value)> {
        match (&self.service.next, at) {
            (Some(NextPage::Page { param, .. }), At::Number(n)) => Some((param, (*n).into())),
            (Some(NextPage::Cursor { param, .. }), At::Cursor(cursor)) => {
                Some((param, cursor.clone()))
            }
            _ => None,
        }
    }

    /// What the page at `at` says; `link` is where its header leads.
    ///
    /// # Errors
    /// Items that are no list, a next page that is neither text nor a number, an expression that fails.
    pub fn read(&self, at: &At, body: &Value, link: Option<String>) -> Result<Page, PageProblem> {
        let items = self.items(body)?;
        let next = match &self.service.next {
            None => None,
            Some(NextPage::LinkHeader) => link.map(At::Link),
            Some(NextPage::Link(_)) => self.named(body)?.map(address).transpose()?,
            Some(NextPage::Cursor { .. }) => self.named(body)?.map(At::Cursor),
            Some(NextPage::Page { .. }) => following(at).filter(|_| !items.is_empty()),
        };
        Ok(Page { items, next })
    }

    fn items(&self, body: &Value) -> Result<Vec<Value>, PageProblem> {
        match self.evaluate(0, body)? {
            Value::List(list) => Ok(list.items().to_vec()),
            Value::Null => Ok(Vec::new()),
            other => Err(odd("`items` of a page", &other)),
        }
    }

    /// What a page names as the next one: null, false and empty text mean that there is none.
    fn named(&self, body: &Value) -> Result<Option<Value>, PageProblem> {
        match self.evaluate(1, body)? {
            Value::Null | Value::Bool(false) => Ok(None),
            Value::Text(text) if text.is_empty() => Ok(None),
            value @ (Value::Text(_) | Value::Number(_)) => Ok(Some(value)),
            other => Err(odd("the next page", &other)),
        }
    }

    fn evaluate(&self, index: usize, body: &Value) -> Result<Value, PageProblem> {
        let scope = Scope {
            now: self.now,
            variables: &[],
        };
        let evaluated = self.library.evaluate(index, body, &scope, BUDGET);
        evaluated.map_err(|error| PageProblem(format!("a page cannot be read: {error}")))
    }
}

fn address(named: Value) -> Result<At, PageProblem> {
    match named {
        Value::Text(text) => Ok(At::Link(text.to_string())),
        other => Err(odd("the address of the next page", &other)),
    }
}

fn following(at: &At) -> Option<At> {
    match at {
        At::Number(n) => n.checked_add(1).map(At::Number),
        _ => None,
    }
}

fn odd(what: &str, value: &Value) -> PageProblem {
    PageProblem(format!("{what} is {}", value.kind()))
}

impl At {
    /// As a cursor keeps it.
    pub fn to_value(&self) -> Value {
        match self {
            At::First => Value::Null,
            At::Link(link) => Value::map([("link", Value::from(link.as_str()))]),
            At::Number(number) => Value::map([("number", Value::from(*number))]),
            At::Cursor(cursor) => Value::map([("cursor", cursor.clone())]),
        }
    }

    /// As it was kept.
    pub fn from_value(value: &Value) -> Option<At> {
        let (link, number) = (value.get("link"), value.get("number"));
        match (value, link, number, value.get("cursor")) {
            (Value::Null, ..) => Some(At::First),
            (_, Some(link), ..) => link.as_str().map(|link| At::Link(link.to_owned())),
            (_, _, Some(number), _) => number.as_i64().map(At::Number),
            (.., Some(cursor)) => Some(At::Cursor(cursor.clone())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Key;

    fn service(next: Option<NextPage>) -> PagedService {
        PagedService {
            connection: "feed".into(),
            path: "/rows".into(),
            query: None,
            items: ".data".into(),
            next,
            key: Key::Row,
            object: None,
        }
    }

    fn read(next: Option<NextPage>, body: &str, link: Option<&str>) -> Result<Page, PageProblem> {
        let service = service(next);
        let pages = Pages::of(&service, DateTime::UNIX_EPOCH).unwrap();
        let body = Value::parse(body).unwrap();
        pages.read(&pages.first(), &body, link.map(ToOwned::to_owned))
    }

    fn cursor() -> Option<NextPage> {
        Some(NextPage::Cursor {
            param: "after".into(),
            from: ".meta.next".into(),
        })
    }

    #[test]
    fn each_way_leads_to_the_next_page_and_to_an_end() {
        let full = r#"{"data":[1,2],"meta":{"next":"b"},"more":"/rows?p=2"}"#;
        let last = r#"{"data":[]}"#;
        let link = || Some(NextPage::Link(".more".into()));
        let number = || {
            Some(NextPage::Page {
                param: "p".into(),
                first: 0,
            })
        };
        let cases = [
            (cursor(), Some(At::Cursor("b".into()))),
            (link(), Some(At::Link("/rows?p=2".into()))),
            (number(), Some(At::Number(1))),
            (None, None),
        ];
        for (next, wanted) in cases {
            let page = read(next.clone(), full, None).unwrap();
            assert_eq!((page.items.len(), page.next), (2, wanted));
            let end = read(next, last, None).unwrap();
            assert_eq!(end.next, None);
        }
        let header = || Some(NextPage::LinkHeader);
        let page = read(header(), full, Some("/2")).unwrap();
        assert_eq!(page.next, Some(At::Link("/2".into())));
        assert_eq!(read(header(), full, None).unwrap().next, None);
    }

    #[test]
    fn a_page_without_a_list_is_refused() {
        assert!(read(None, r#"{"data":{}}"#, None).is_err());
        assert!(read(None, "7", None).is_err());
        assert!(read(cursor(), r#"{"data":[],"meta":{"next":[]}}"#, None).is_err());
    }

    #[test]
    fn a_place_is_kept_and_found_again() {
        let places = [
            At::First,
            At::Link("/2".into()),
            At::Number(7),
            At::Cursor(Value::parse("12345678901234567890").unwrap()),
        ];
        for at in places {
            assert_eq!(At::from_value(&at.to_value()), Some(at));
        }
    }
}
