//! Notices become events for webhooks, and callbacks of a batch jobs and events: once, whatever fails between.
//!
//! A notice is a row of its fact. Telling it is one transaction that marks it and writes what comes of it, with the input of
//! each callback fixed; after that a callback's job is asked for under a key that is its own for ever.

mod facts;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use windlass_workflows::configuration::{Callback, Target};
use windlass_workflows::notice::{Told, When, callback_input, event, keeps, takes};
use windlass_workflows::value::Value;

use super::pass::Pass;
use super::request::{Answer, Request, Scope};
use super::work::Work;
use crate::store::notice::{NewCallback, OpenCallback, OpenNotice, Watched, keep_callbacks, tell};
use crate::store::webhook::Taker;
use crate::store::{Hold, NewDelivery, Submitted, delivery};
use crate::{Error, Store};

use self::facts::Facts;

/// Who asks for the jobs of callbacks.
const WHO: &str = "callback";

/// What comes of one notice.
struct Consequences {
    deliveries: Vec<NewDelivery>,
    callbacks: Vec<NewCallback>,
}

/// Who is told, and when.
struct Telling<'a> {
    notice: &'a OpenNotice,
    takers: &'a [Taker],
    now: DateTime<Utc>,
}

impl Store {
    /// Tells what happened: judges what callbacks look at and what slots are late, makes events and callbacks of notices, and
    /// jobs of callbacks. Whether there was anything, and whether jobs were made.
    ///
    /// # Cancel safety
    /// Each notice is a transaction of its own, each job a key.
    pub async fn tell_notices(&self) -> Result<(bool, bool), Error> {
        let mut pass = Pass::default();
        let late = pass.over(self.judge_slots().await)?;
        let noted = self.judge_watched(&mut pass).await?;
        let told = self.tell_open(&mut pass).await?;
        let jobs = self.carry_out_callbacks(&mut pass).await?;
        pass.end((late || noted || told || jobs, jobs))
    }

    /// Notes which slots are behind; whether any was to be judged.
    async fn judge_slots(&self) -> Result<bool, Error> {
        let late = sqlx::query_file!("queries/notice/late.sql")
            .fetch_one(self.pool())
            .await?;
        Ok(late.judged > 0)
    }

    /// Tells a page of what is open, the oldest first, and the next one where some of it could not be told; whether there
    /// was any.
    async fn tell_open(&self, pass: &mut Pass) -> Result<bool, Error> {
        let (mut any, mut after) = (false, (DateTime::UNIX_EPOCH, Uuid::nil()));
        loop {
            let open =
                sqlx::query_file_as!(OpenNotice, "queries/notice/open.sql", after.0, after.1)
                    .fetch_all(self.pool())
                    .await?;
            let Some(last) = open.last() else {
                return Ok(any);
            };
            (any, after) = (true, (last.at, last.id));
            let mut is_all = true;
            for notice in open {
                is_all &= pass.over(self.tell_notice(notice).await.map(|()| true))?;
            }
            if is_all {
                return Ok(any);
            }
        }
    }

    /// Notes what callbacks look for where it has come, and ends the looks that are in vain.
    async fn judge_watched(&self, pass: &mut Pass) -> Result<bool, Error> {
        let (mut noted, mut after) = (false, (0, 0));
        loop {
            let page =
                sqlx::query_file_as!(Watched, "queries/notice/watched.sql", after.0, after.1)
                    .fetch_all(self.pool())
                    .await?;
            let Some(last) = page.last() else {
                return Ok(noted);
            };
            after = (last.batch, last.n);
            for watched in page.iter().filter(|one| one.is_over || one.has_come()) {
                let one = self.note_watched(watched).await;
                noted |= pass.over(one.map(|()| true))?;
            }
        }
    }

    async fn note_watched(&self, watched: &Watched) -> Result<(), Error> {
        let data = Value::map([
            ("failed", Value::from(watched.bad)),
            ("completed", Value::from(watched.completed)),
        ]);
        sqlx::query_file!(
            "queries/notice/note_watched.sql",
            watched.batch,
            watched.n,
            watched.has_come(),
            data.to_json()
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    async fn tell_notice(&self, notice: OpenNotice) -> Result<(), Error> {
        let takers = self.takers(notice.tenant).await?;
        let callbacks = self.callbacks_wanted(&notice).await?;
        let is_heard = !takers.is_empty() || !callbacks.is_empty();
        let facts = match is_heard {
            true => self.facts(&notice, callbacks).await?,
            false => Facts::default(),
        };
        let telling = Telling {
            notice: &notice,
            takers: &takers,
            now: self.clock().await?.now,
        };
        let (kind, comes) = (when(&notice.kind), telling.comes(&facts));
        self.transaction(move |connection| {
            Box::pin(async move {
                if !tell(connection, notice.id).await? {
                    return Ok(());
                }
                if let Some(kind) = kind.filter(|_| !comes.callbacks.is_empty()) {
                    keep_callbacks(connection, &notice, kind.as_str(), &comes.callbacks).await?;
                }
                if !comes.deliveries.is_empty() {
                    delivery::add(connection, notice.tenant, &comes.deliveries, false).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Makes the jobs that callbacks want.
    async fn carry_out_callbacks(&self, pass: &mut Pass) -> Result<bool, Error> {
        let mut made = false;
        // Those that wait, for a pause or a limit, do not stand before the others: each pass begins elsewhere.
        for (from, until) in around(Uuid::new_v4()) {
            let open = sqlx::query_file_as!(OpenCallback, "queries/callback/open.sql", from, until)
                .fetch_all(self.pool())
                .await?;
            for callback in open {
                made |= pass.over(self.carry_out(&callback).await)?;
            }
        }
        Ok(made)
    }

    async fn carry_out(&self, callback: &OpenCallback) -> Result<bool, Error> {
        let request = request(callback);
        let receipt = self.submit_request(callback.tenant, WHO, &request);
        let (job, problem) = match receipt.await?.answer {
            Answer::Submitted(Submitted::Created { job } | Submitted::Duplicate { job }) => {
                (Some(job), None)
            }
            Answer::Submitted(Submitted::KeyReused { job }) => (
                None,
                Some(format!("its key made job j_{job} of another input")),
            ),
            Answer::Invalid(problems) => {
                let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
                (None, Some(said.join("; ")))
            }
            // Its time comes: a full limit has room again, a pause ends.
            _ => return Ok(false),
        };
        let (notice, n) = (callback.notice, callback.n);
        sqlx::query_file!("queries/callback/note.sql", notice, n, job, problem)
            .execute(self.pool())
            .await?;
        Ok(true)
    }
}

/// All ids, from one on and then up to it.
fn around(id: Uuid) -> [(Uuid, Uuid); 2] {
    [(id, Uuid::max()), (Uuid::nil(), id)]
}

/// Its key is the row's for ever: however often it is asked for, there is one job.
fn request(callback: &OpenCallback) -> Request {
    let input = Value::parse(&callback.input).unwrap_or(Value::Null);
    let tags = serde_json::json!({
        "batch": format!("b_{}", callback.batch),
        "callback": callback.kind,
    });
    Request {
        idempotency_key: Some(format!("callback/{}/{}", callback.notice, callback.n)),
        scope: Some(Scope::Tenant),
        hold: Some(Hold::Forever),
        tags: Some(tags),
        ..Request::new(Work::Purpose(callback.purpose.clone()), input)
    }
}

/// The callbacks that a notice of a batch is for.
fn when(kind: &str) -> Option<When> {
    let word = kind.strip_prefix("batch.")?;
    let found = When::ALL.into_iter().find(|(name, _)| *name == word);
    found.map(|(_, when)| when)
}

/// An event's id, the same for all who are told it and for ever.
fn event_id(notice: Uuid, n: Option<usize>) -> String {
    let id = notice.simple();
    match n {
        Some(n) => format!("evt_{id}_{n}"),
        None => format!("evt_{id}"),
    }
}

impl Telling<'_> {
    fn comes(&self, facts: &Facts) -> Consequences {
        let mut comes = Consequences {
            deliveries: self.told(&self.notice.kind, None, &facts.data, None),
            callbacks: Vec::new(),
        };
        let wanted = when(&self.notice.kind);
        for (n, callback) in facts.callbacks.iter().enumerate() {
            let is_meant = Some(callback.when) == wanted && self.is_its(n, callback);
            if is_meant {
                self.called(n, callback, facts, &mut comes);
            }
        }
        comes
    }

    /// Each threshold is noted for itself.
    fn is_its(&self, n: usize, callback: &Callback) -> bool {
        callback.when != When::Threshold || usize::try_from(self.notice.n) == Ok(n)
    }

    fn called(&self, n: usize, callback: &Callback, facts: &Facts, comes: &mut Consequences) {
        let given = callback_input(callback.input.as_ref(), &facts.batch, self.now);
        // What an expression says of itself may hold what no table keeps.
        let said = given.as_ref().err().map(ToString::to_string);
        let mut problem = said.map(|said| said.replace('\0', "\u{fffd}"));
        let given = given.unwrap_or_default();
        let (webhook, purpose) = match &callback.target {
            Target::Webhook(name) => (Some(name.clone()), None),
            Target::Purpose(name) => (None, Some(name.clone())),
        };
        if let Some(name) = webhook.as_ref().filter(|name| !self.knows(name)) {
            problem =
                problem.or_else(|| Some(format!("webhook `{name}` is gone, off or disabled")));
        }
        let kind = format!("callback.{}", callback.when.as_str());
        let data = match &callback.input {
            Some(_) => facts.data.merged(&Value::map([("input", given.clone())])),
            None => facts.data.clone(),
        };
        let id = Some(n);
        comes
            .deliveries
            .extend(self.told(&kind, id, &data, webhook.as_deref()));
        comes.callbacks.push(NewCallback {
            n: i32::try_from(n).unwrap_or(i32::MAX),
            webhook,
            purpose,
            input: given.to_json(),
            problem,
        });
    }

    fn knows(&self, webhook: &str) -> bool {
        self.takers.iter().any(|taker| taker.name == webhook)
    }

    /// The event for each webhook that takes it, and for the one that is named, whatever that takes otherwise.
    fn told(
        &self,
        kind: &str,
        n: Option<usize>,
        data: &Value,
        named: Option<&str>,
    ) -> Vec<NewDelivery> {
        let event = event(&Told {
            kind: kind.to_owned(),
            at: self.notice.at,
            data: data.clone(),
        });
        let body = event.to_json();
        let wants = |taker: &&Taker| {
            named == Some(taker.name.as_str())
                || taker.events.iter().any(|pattern| takes(pattern, kind))
                    && keeps(taker.filter.as_deref(), &event, self.now)
        };
        let takers = self.takers.iter().filter(wants);
        let told = takers.map(|taker| NewDelivery {
            webhook: taker.name.clone(),
            event: event_id(self.notice.id, n),
            kind: kind.to_owned(),
            body: body.clone(),
        });
        told.collect()
    }
}
