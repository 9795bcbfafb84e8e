//! A service that is read page by page. The cursor is a page and a place in it, so whoever goes on asks for that page
//! again and leaves out what is kept already.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use reqwest::Url;
use windlass_workflows::configuration::{Connection, PagedService, Service};
use windlass_workflows::plan::{At, Page, PageProblem, Pages};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use super::{Asked, Sources, Stop, Taker, failed};

/// Rows that are kept together.
const BLOCK_ROWS: usize = 1_000;
/// Pages of one source: each is remembered by eight bytes, to see when they lead in a circle.
const PAGES_MAX: usize = 1_000_000;

/// A service and what it is asked.
struct Reading<'a> {
    asked: &'a Asked<'a>,
    selected: &'a PagedService,
    service: Service,
    pages: Pages<'a>,
    address: Url,
}

impl Sources {
    /// Reads pages from where the taker is to their end.
    pub(super) async fn read_pages(
        &self,
        asked: &Asked<'_>,
        selected: &PagedService,
        taker: &mut Taker<'_>,
    ) -> Result<(), Stop> {
        let name = &selected.connection;
        let Connection::Http(service) = self.connection(asked.tenant, name).await? else {
            let message = format!("the connection `{name}` is no HTTP source");
            return Err(Stop::Lasting(failed(&message)));
        };
        let reading = Reading {
            asked,
            selected,
            pages: Pages::of(selected, asked.now).map_err(Stop::Lasting)?,
            address: self.performer.address(&service, &selected.path)?,
            service,
        };
        let (mut at, mut index) = place(taker.cursor()).unwrap_or((reading.pages.first(), 0));
        let mut seen = HashSet::new();
        loop {
            remember(&mut seen, &at)?;
            let page = self.page(&reading, &at).await?;
            keep(taker, &at, index, &page).await?;
            match page.next {
                Some(next) => (at, index) = (next, 0),
                None => return Ok(()),
            }
        }
    }

    async fn page(&self, reading: &Reading<'_>, at: &At) -> Result<Page, Stop> {
        let (tenant, name) = (reading.asked.tenant, &reading.selected.connection);
        self.pace(tenant, name, reading.service.rate).await;
        let url = reading.url(at)?;
        let served = self.performer.page(&reading.service, &url).await?;
        Ok(reading.pages.read(at, &served.body, served.link)?)
    }
}

/// Keeps the items of a page from `index` on; the cursor after the last of them is the next page's.
async fn keep(taker: &mut Taker<'_>, at: &At, index: usize, page: &Page) -> Result<(), Stop> {
    let new = page.items.get(index..).unwrap_or_default();
    let mut after = index;
    for block in new.chunks(BLOCK_ROWS) {
        after += block.len();
        let is_last = after == page.items.len();
        let cursor = match page.next.as_ref().filter(|_| is_last) {
            Some(next) => cursor(next, 0),
            None => cursor(at, after),
        };
        let rows = block.iter().cloned().map(Ok).collect();
        taker.take(rows, Some(cursor)).await?;
    }
    Ok(())
}

fn remember(seen: &mut HashSet<u64>, at: &At) -> Result<(), Stop> {
    let mut hasher = DefaultHasher::new();
    at.to_value().to_json().hash(&mut hasher);
    if seen.len() >= PAGES_MAX {
        let message = format!("the source has more than {PAGES_MAX} pages");
        return Err(Stop::Lasting(failed(&message)));
    }
    match seen.insert(hasher.finish()) {
        true => Ok(()),
        false => Err(Stop::Lasting(loops(at))),
    }
}

fn loops(at: &At) -> Problem {
    let message = format!(
        "the pages lead in a circle: {} was read already",
        at.to_value().to_json()
    );
    Problem::new("source_loops", "/selection/http/next", message)
        .hint("see what `next` takes from a page")
}

fn cursor(at: &At, index: usize) -> Value {
    let index = i64::try_from(index).unwrap_or(i64::MAX);
    Value::map([("at", at.to_value()), ("index", Value::from(index))])
}

fn place(cursor: Option<Value>) -> Option<(At, usize)> {
    let cursor = cursor?;
    let index = cursor.get("index")?.as_u64()?;
    Some((
        At::from_value(cursor.get("at")?)?,
        usize::try_from(index).ok()?,
    ))
}

impl Reading<'_> {
    /// Where a page is. An address that a page names must be of the same host: it is sent what proves who asks.
    fn url(&self, at: &At) -> Result<Url, Stop> {
        if let At::Link(link) = at {
            let url = self.address.join(link).ok();
            let url = url.filter(|url| url.origin() == self.address.origin());
            let message = "the next page is not on the host of the connection";
            return url.ok_or_else(|| Stop::Lasting(failed(message)));
        }
        let mut url = self.address.clone();
        let given = self.asked.parameters.as_map().into_iter();
        let given = given.flat_map(|map| map.iter().map(|(key, value)| (&**key, value.clone())));
        let all: Vec<(&str, Value)> = given.chain(self.pages.parameter(at)).collect();
        if !all.is_empty() {
            let mut pairs = url.query_pairs_mut();
            for (key, value) in &all {
                for text in texts(value) {
                    pairs.append_pair(key, &text);
                }
            }
        }
        Ok(url)
    }
}

/// A parameter's texts: a list repeats it, null leaves it out.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Text(text) => vec![text.to_string()],
        Value::List(list) => list.items().iter().flat_map(texts).collect(),
        other => vec![other.to_json()],
    }
}

impl From<PageProblem> for Stop {
    fn from(problem: PageProblem) -> Self {
        Self::Lasting(failed(&problem.to_string()))
    }
}
