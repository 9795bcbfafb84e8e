//! Events that start jobs: each schedule follows the log of events by a position of its own.
//!
//! A pass looks without a lock: at the position, at what is not enough yet, at the next events. What comes of
//! it is decided from values alone, and is written in one transaction that moves the position from where it
//! was found. Of two keepers that looked at once one moves it; what the other found is dropped. So an event
//! starts one job a schedule, whoever dies in between.

mod matching;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;
use windlass_workflows::machine::JobFacts;
use windlass_workflows::machine::gather::Gatherer;
use windlass_workflows::program::{Bundle, Program};
use windlass_workflows::value::Value;

use self::matching::{Found, Matching};
use super::work::Work;
use crate::store::{Desk, NewRequest, PAUSED, Session};
use crate::{Error, Store};

/// Events that are not enough wait so long for the others, counted from the first: as long as events are kept.
const GATHERING_TTL: TimeDelta = TimeDelta::days(7);

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gathered {
    /// Jobs that were started.
    pub jobs: usize,
    /// Whether a schedule has more events to look at.
    pub is_behind: bool,
}

/// A schedule and how far it has come.
#[derive(Clone)]
struct Place {
    tenant: i32,
    name: String,
    version: i32,
    label: String,
    pos: i64,
    head: i64,
    types: Option<Vec<String>>,
}

impl Store {
    /// Starts jobs by events, a page of them a schedule.
    ///
    /// # Errors
    /// What the database says. A schedule that cannot be followed stands in no other's way: it is told in the
    /// log, and its events wait.
    ///
    /// # Cancel safety
    /// A page of a schedule is a transaction of its own.
    pub async fn gather(&self) -> Result<Gathered, Error> {
        let now = self.clock().await?.now;
        let mut all = Gathered::default();
        let mut after = (0, String::new());
        loop {
            let places = self.places(&after, now).await?;
            let Some(last) = places.last() else {
                return Ok(all);
            };
            after = (last.tenant, last.name.clone());
            for place in places {
                let name = place.name.clone();
                match self.gather_page(place, now).await {
                    Ok(one) => {
                        all.jobs += one.jobs;
                        all.is_behind |= one.is_behind;
                    }
                    // Its events wait with it.
                    Err(error) if error.code() == PAUSED => {}
                    Err(error) if error.is_permanent() => {
                        warn!(schedule = name, error = %error, code = error.code(), "events wait for a schedule that cannot be followed");
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    }

    async fn places(&self, after: &(i32, String), now: DateTime<Utc>) -> Result<Vec<Place>, Error> {
        let rows = sqlx::query_file!("queries/gather/due.sql", after.0, after.1, now)
            .fetch_all(self.pool())
            .await?;
        let places = rows.into_iter().map(|row| Place {
            tenant: row.tenant,
            name: row.name,
            version: row.version,
            label: row.label,
            pos: row.event_pos,
            head: row.head,
            types: row.event_types,
        });
        Ok(places.collect())
    }

    async fn gather_page(&self, place: Place, now: DateTime<Utc>) -> Result<Gathered, Error> {
        let events = self.events_after(&place).await?;
        let mut found = Found {
            pos: place.head,
            ..Found::default()
        };
        let mut requests = Vec::new();
        if !events.is_empty() {
            // A pause that refuses new work leaves the events where they are.
            let work = Work::Template(place.label.clone());
            let named = self.known(place.tenant, &work, true).await?;
            found = self.matched(&place, events, now).await?;
            for input in std::mem::take(&mut found.inputs) {
                match named.job(self, &input).await {
                    Ok(request) => requests.push(request),
                    Err(error) if error.is_permanent() => {
                        warn!(schedule = place.name, error = %error, "an event could not start its job");
                        found.lost += 1;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        let store = self.clone();
        self.transaction(move |connection| {
            Box::pin(async move { write(connection, &store, &place, found, requests, now).await })
        })
        .await
    }

    /// The next events that it may want: a page of their positions and texts.
    async fn events_after(&self, place: &Place) -> Result<Vec<(i64, String)>, Error> {
        let (tenant, pos, head) = (place.tenant, place.pos, place.head);
        Ok(match &place.types {
            Some(types) => {
                let rows = sqlx::query_file!("queries/gather/page.sql", tenant, pos, head, types)
                    .fetch_all(self.pool())
                    .await?;
                rows.into_iter().map(|row| (row.pos, row.data)).collect()
            }
            None => {
                let rows = sqlx::query_file!("queries/gather/page_of_any.sql", tenant, pos, head)
                    .fetch_all(self.pool())
                    .await?;
                rows.into_iter().map(|row| (row.pos, row.data)).collect()
            }
        })
    }

    /// What the events come to, decided on a thread that may be busy.
    async fn matched(
        &self,
        place: &Place,
        events: Vec<(i64, String)>,
        now: DateTime<Utc>,
    ) -> Result<Found, Error> {
        let rows = sqlx::query_file!("queries/gather/kept.sql", place.tenant, place.name)
            .fetch_all(self.pool())
            .await?;
        let kept: Vec<(i64, String)> = rows
            .into_iter()
            .map(|row| (row.first_pos, row.taken))
            .collect();
        let pinned = self.pinned(place.version).await?;
        let unreadable = |message: String| Error::Unreadable {
            noun: "template version",
            name: place.label.clone(),
            message,
        };
        let bundle =
            Bundle::from_json(&pinned.bundle).map_err(|error| unreadable(error.to_string()))?;
        let head = place.head;
        let matching = tokio::task::spawn_blocking(move || {
            let program = Program::trigger(&bundle.document).map_err(|error| error.to_string())?;
            let program = program.ok_or_else(|| "no events start its jobs".to_owned())?;
            let gatherer = Gatherer::new(Arc::new(program), nobody(now));
            Ok(Matching::new(gatherer, kept, now).run(&events, head))
        });
        let found = matching.await.map_err(|_| sqlx::Error::WorkerCrashed)?;
        found.map_err(unreadable)
    }
}

/// The facts of a job that is not there yet.
fn nobody(now: DateTime<Utc>) -> JobFacts {
    JobFacts {
        input: Value::map([] as [(&str, Value); 0]),
        created_at: now,
        ..JobFacts::default()
    }
}

/// Writes what was found, if the schedule still stands where it was found.
async fn write(
    connection: &mut Session,
    store: &Store,
    place: &Place,
    found: Found,
    requests: Vec<NewRequest>,
    now: DateTime<Utc>,
) -> Result<Gathered, Error> {
    let (tenant, name) = (place.tenant, place.name.as_str());
    let moved = sqlx::query_file!(
        "queries/gather/advance.sql",
        tenant,
        name,
        place.version,
        place.pos,
        found.pos,
        i64::try_from(found.lost).unwrap_or(i64::MAX)
    )
    .execute(&mut *connection)
    .await?;
    if moved.rows_affected() == 0 {
        return Ok(Gathered::default());
    }
    if !found.dropped.is_empty() {
        sqlx::query_file!("queries/gather/drop.sql", tenant, name, &found.dropped)
            .execute(&mut *connection)
            .await?;
    }
    if !found.kept.is_empty() {
        let (firsts, texts): (Vec<i64>, Vec<String>) = found.kept.into_iter().unzip();
        let until = now + GATHERING_TTL;
        sqlx::query_file!(
            "queries/gather/keep.sql",
            tenant,
            name,
            &firsts,
            &texts,
            until
        )
        .execute(&mut *connection)
        .await?;
    }
    // What is still in the log may be what they wait for.
    if found.pos >= place.head {
        let row = sqlx::query_file!("queries/gather/lose.sql", tenant, name, Some(now))
            .fetch_one(&mut *connection)
            .await?;
        if row.events > 0 {
            warn!(
                schedule = name,
                events = row.events,
                "events waited in vain for others"
            );
        }
    }
    Ok(Gathered {
        jobs: start(connection, store, place, requests).await?,
        is_behind: found.pos < place.head,
    })
}

async fn start(
    connection: &mut Session,
    store: &Store,
    place: &Place,
    requests: Vec<NewRequest>,
) -> Result<usize, Error> {
    let desk = Desk {
        tenant: place.tenant,
        who: "schedule",
        stamp: None,
    };
    let (mut jobs, mut lost) = (0, 0_i64);
    for request in requests {
        let request = NewRequest {
            tags: Some(serde_json::json!({ "schedule": place.name })),
            ..request
        };
        match store.start_on(connection, desk, &request).await? {
            Ok(_) => jobs += 1,
            Err(full) => {
                warn!(
                    schedule = place.name,
                    why = full,
                    "an event could not start its job"
                );
                lost += 1;
            }
        }
    }
    if lost > 0 {
        sqlx::query_file!(
            "queries/gather/count_lost.sql",
            place.tenant,
            place.name,
            lost
        )
        .execute(connection)
        .await?;
    }
    Ok(jobs)
}
