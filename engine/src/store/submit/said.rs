//! Requests of which something is said: keys, tags, times. One statement for a page.

use std::collections::HashMap;

use crate::store::gate::Session;
use crate::store::ids::Ids;
use chrono::{DateTime, Utc};

use super::{Desk, Fate, NewRequest, OnDuplicate, Submitted};
use crate::Error;

/// Longest wait for a key that somebody's open transaction holds.
pub(super) const PATIENCE: &str = "200ms";
/// How often a key is asked for that was taken and is gone when we look.
const LOOKS_MAX: usize = 3;
/// A print that the SQL function made: one byte more than ours.
const PRINT_OF_SQL: usize = 33;

/// Who has a key, by scope and key: the print of its payload and its job.
type Taken = HashMap<(String, String), (Vec<u8>, i64)>;

/// Stores a page; those whose key is taken are answered with who has it. The commit tells listeners what
/// `says` has, if one of them is due.
pub(super) async fn store(
    ids: &Ids,
    connection: &mut Session,
    desk: Desk<'_>,
    requests: &[&NewRequest],
    says: Option<&str>,
) -> Result<Vec<Fate>, Error> {
    let mut fates: Vec<Option<Fate>> = Vec::new();
    fates.resize_with(requests.len(), || None);
    let mut open: Vec<usize> = (0..requests.len()).collect();
    for _ in 0..LOOKS_MAX {
        let asked: Vec<&NewRequest> = open.iter().map(|place| requests[*place]).collect();
        let new = ids.take(&mut *connection, asked.len()).await?;
        let columns = Columns::of(&asked, &new);
        let stored = columns.insert(&mut *connection, desk, says).await?;
        let mut missing = Vec::new();
        for (place, id) in open.iter().zip(&new) {
            match stored.get(id) {
                Some(at) => {
                    let created = Submitted::Created { job: *id };
                    fates[*place] = Some(Fate::Answered(created, Some(*at)));
                }
                None => missing.push(*place),
            }
        }
        open = missing;
        if open.is_empty() {
            break;
        }
        if stored.is_empty() && is_stale(&mut *connection, desk).await? {
            return Ok(requests.iter().map(|_| Fate::Stale).collect());
        }
        open = answer_taken(&mut *connection, desk, requests, open, &mut fates).await?;
    }
    let in_flight = || Fate::Answered(Submitted::InFlight, None);
    Ok(fates
        .into_iter()
        .map(|fate| fate.unwrap_or_else(in_flight))
        .collect())
}

/// Whether names may mean something else by now.
async fn is_stale(connection: &mut Session, desk: Desk<'_>) -> Result<bool, Error> {
    let Some(stamp) = desk.stamp else {
        return Ok(false);
    };
    let row = sqlx::query_file!("queries/template/stamp.sql")
        .fetch_one(connection)
        .await?;
    Ok(row.stamp != stamp)
}

/// Answers those whose key another job has; gives those whose key is gone again.
async fn answer_taken(
    connection: &mut Session,
    desk: Desk<'_>,
    requests: &[&NewRequest],
    open: Vec<usize>,
    fates: &mut [Option<Fate>],
) -> Result<Vec<usize>, Error> {
    let wanted = open.iter().map(|place| requests[*place]);
    let taken = keys(connection, desk.tenant, wanted).await?;
    let mut gone = Vec::new();
    for place in open {
        let request = requests[place];
        let found = request
            .scoped_key()
            .and_then(|(scope, key)| taken.get(&(scope.to_owned(), key.to_owned())));
        match found {
            Some((print, job)) => {
                let answer = answer(connection, request, print, *job).await?;
                fates[place] = Some(Fate::Answered(answer, None));
            }
            None => gone.push(place),
        }
    }
    Ok(gone)
}

async fn answer(
    connection: &mut Session,
    request: &NewRequest,
    print: &[u8],
    job: i64,
) -> Result<Submitted, Error> {
    if request.terms.on_duplicate == OnDuplicate::Reject {
        return Ok(Submitted::Rejected { job });
    }
    let same = *print == *request.print()
        || print.len() == PRINT_OF_SQL && is_same(connection, request, job).await;
    Ok(if same {
        Submitted::Duplicate { job }
    } else {
        Submitted::KeyReused { job }
    })
}

/// Compares with a job of the SQL function. An input that Postgres cannot compare is another one.
async fn is_same(connection: &mut Session, request: &NewRequest, job: i64) -> bool {
    let found = sqlx::query_file!(
        "queries/request/is_same.sql",
        job,
        request.lane,
        request.input,
        request.start_at,
        request.expires_at,
        request.tags
    )
    .fetch_one(connection)
    .await;
    found.is_ok_and(|row| row.is_same)
}

async fn keys(
    connection: &mut Session,
    tenant: i32,
    requests: impl Iterator<Item = &NewRequest>,
) -> Result<Taken, Error> {
    let (scopes, keys): (Vec<String>, Vec<String>) = requests
        .filter_map(NewRequest::scoped_key)
        .map(|(scope, key)| (scope.to_owned(), key.to_owned()))
        .unzip();
    let rows = sqlx::query_file!("queries/request/key.sql", tenant, &scopes, &keys)
        .fetch_all(connection)
        .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.scope, row.key), (row.hash, row.job)))
        .collect())
}

/// The requests, a column an array.
pub(super) struct Columns<'a> {
    ids: Vec<i64>,
    requests: &'a [&'a NewRequest],
    /// The caller has the key already; of all, or of none.
    is_mine: bool,
    /// The job that had started.
    successor_of: Option<i64>,
}

impl<'a> Columns<'a> {
    pub(super) fn of(requests: &'a [&'a NewRequest], ids: &[i64]) -> Self {
        Self {
            ids: ids.to_vec(),
            requests,
            is_mine: false,
            successor_of: None,
        }
    }

    /// The same for a key that the caller has taken.
    pub(super) fn owning_its_key(self, successor_of: Option<i64>) -> Self {
        Self {
            is_mine: true,
            successor_of,
            ..self
        }
    }

    fn each<T>(&self, column: impl Fn(&'a NewRequest) -> T) -> Vec<T> {
        self.requests
            .iter()
            .map(|request| column(request))
            .collect()
    }

    /// The ids that were stored, and when.
    pub(super) async fn insert(
        &self,
        connection: &mut Session,
        desk: Desk<'_>,
        says: Option<&str>,
    ) -> Result<HashMap<i64, DateTime<Utc>>, Error> {
        let key = |request: &'a NewRequest| request.idempotency_key.as_ref();
        let rows = sqlx::query_file!(
            "queries/request/submit.sql",
            desk.tenant,
            desk.who,
            &self.ids,
            &self.each(|request| request.lane),
            &self.each(|request| request.template_version),
            &self.each(|_| rand::random::<i64>()),
            &self.each(|request| request.input.as_str()) as &[&str],
            &self.each(|request| request.terms.scope.as_str()) as &[&str],
            &self.each(|request| key(request).map(String::as_str)) as &[Option<&str>],
            &self.each(|request| key(request).map(|_| request.print())) as &[Option<Vec<u8>>],
            &self.each(|request| request.terms.hold.word()) as &[&str],
            &self.each(|request| request.start_at) as &[Option<DateTime<Utc>>],
            &self.each(|request| request.priority),
            &self.each(|request| request.tags.as_ref()) as &[Option<&serde_json::Value>],
            &self.each(|request| request.expires_at) as &[Option<DateTime<Utc>>],
            &self.each(|request| request.terms.hold.seconds()),
            desk.stamp,
            PATIENCE,
            &self.each(|_| self.is_mine),
            &self.each(|_| self.successor_of) as &[Option<i64>],
            says,
            &self.each(|request| request.expires_after.map(|after| after.as_secs_f64()))
                as &[Option<f64>],
            &self.each(|request| request.timeout.map(|length| length.as_secs_f64()))
                as &[Option<f64>],
            &self.each(|request| request.retry_revision) as &[Option<i32>],
        )
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.at)).collect())
    }
}
