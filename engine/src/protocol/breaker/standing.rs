//! A breaker under its lock: how its probes did, and what happens to it next.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Error;
use crate::store::Session;
use crate::store::breaker::rule_of;

/// Who holds what a breaker holds.
pub(super) const WHO: &str = "windlass";
/// Jobs that go after the first one did well.
const SECOND_STEP: i32 = 10;
/// A probe that runs for so many seconds without an error did well; one that waited so long to be tried
/// again did not.
const PATIENCE_SECONDS: f64 = 600.0;
/// The rest doubles up to a quarter of an hour, or stays what a rule says beyond that.
const REST_SECONDS_MAX: i64 = 900;
/// A breaker under its lock.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) tenant: i32,
    pub(super) template: String,
    pub(super) state: String,
    pub(super) fingerprint: Option<String>,
    pub(super) step: i32,
    pub(super) round: i32,
    pub(super) refusals: i32,
    pub(super) is_due: bool,
    pub(super) now: DateTime<Utc>,
}

/// Where a breaker goes.
struct Change<'a> {
    state: &'a str,
    step: i32,
    round: i32,
    due: Option<DateTime<Utc>>,
    why: &'a str,
    who: &'a str,
}

/// What became of the probes of a round.
#[derive(Clone, Copy, Debug, Default)]
struct Judged {
    open: i64,
    good: i64,
    first_bad: Option<i64>,
}

/// What happens to a breaker next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Nothing: probes are out, or nobody may go yet.
    Wait,
    /// So many jobs go to see.
    Go(i32),
    /// This one came back with the error.
    Refused(i64),
    /// All may go.
    Close,
}

/// What a pass did with a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    Nothing,
    Went(i64),
    Refused,
    Closed,
}

pub(super) async fn pass(
    connection: &mut Session,
    (tenant, template): (i32, String),
    now: Option<DateTime<Utc>>,
) -> Result<Option<(Standing, Did)>, Error> {
    let Some(breaker) =
        sqlx::query_file_as!(Standing, "queries/breaker/next.sql", tenant, template, now)
            .fetch_optional(&mut *connection)
            .await?
    else {
        return Ok(None);
    };
    let judged = breaker.judge(connection).await?;
    let did = match next(&breaker.state, breaker.step, breaker.is_due, judged) {
        Next::Wait => Did::Nothing,
        Next::Go(jobs) => breaker.go(connection, jobs).await?,
        Next::Refused(job) => breaker.refuse(connection, job).await?,
        Next::Close => {
            let why = format!("{} jobs went to see and did well", judged.good);
            breaker.close(connection, WHO, &why).await?
        }
    };
    let is_probing = match did {
        Did::Nothing => breaker.state == "probing",
        did => matches!(did, Did::Went(_)),
    };
    if !is_probing {
        breaker.gather(connection).await?;
    }
    Ok(Some((breaker, did)))
}

/// All transitions that a pass makes.
fn next(state: &str, step: i32, is_due: bool, judged: Judged) -> Next {
    match (state, judged) {
        ("open", _) if is_due => Next::Go(1),
        (
            "probing",
            Judged {
                first_bad: Some(job),
                ..
            },
        ) => Next::Refused(job),
        ("probing", Judged { open: 1.., .. }) => Next::Wait,
        ("probing", Judged { good: 1.., .. }) if step == 1 => Next::Go(SECOND_STEP),
        ("probing", Judged { good: 1.., .. }) => Next::Close,
        // All were stopped by a person: they say nothing.
        ("probing", _) => Next::Go(step),
        _ => Next::Wait,
    }
}

impl Standing {
    async fn judge(&self, connection: &mut Session) -> Result<Judged, Error> {
        let judged = sqlx::query_file_as!(
            Judged,
            "queries/breaker/judge.sql",
            self.tenant,
            self.template,
            self.round,
            self.fingerprint,
            PATIENCE_SECONDS
        )
        .fetch_one(connection)
        .await?;
        Ok(judged)
    }

    /// Opens: the pause is there, and the next probe has its time.
    pub(super) async fn rest(
        &self,
        connection: &mut Session,
        seconds: i32,
        cause: &str,
        who: &str,
    ) -> Result<(), Error> {
        let due = self.now + TimeDelta::seconds(rest_seconds(seconds, self.refusals));
        let why = format!(
            "{}{cause}; one job goes to see at {}",
            self.error(),
            due.format("%H:%M:%S UTC")
        );
        let opened = Change {
            state: "open",
            step: 1,
            round: self.round,
            due: Some(due),
            why: &why,
            who,
        };
        self.set(connection, &opened).await?;
        self.hold(connection, &why, who).await
    }

    /// A probe came back with the error.
    async fn refuse(&self, connection: &mut Session, job: i64) -> Result<Did, Error> {
        let rule = rule_of(connection, self.tenant, &self.template).await?;
        let again = Self {
            refusals: self.refusals.saturating_add(1),
            ..self.clone()
        };
        let cause = format!("it returned with job j_{job}");
        again
            .rest(connection, rule.rest_seconds, &cause, WHO)
            .await?;
        Ok(Did::Refused)
    }

    /// Lets jobs go to see. When the first did well and nothing else waits, that was all.
    async fn go(&self, connection: &mut Session, jobs: i32) -> Result<Did, Error> {
        let round = self.round.saturating_add(1);
        let went = self.let_go(connection, round, jobs).await?;
        if went == 0 && jobs > 1 {
            let why = "its probe did well, and nothing else waits";
            return self.close(connection, WHO, why).await;
        }
        if went == 0 {
            return Ok(Did::Nothing);
        }
        let why = format!("{}{} went to see", self.error(), count(went));
        let probing = Change {
            state: "probing",
            step: jobs,
            round,
            due: None,
            why: &why,
            who: WHO,
        };
        self.set(connection, &probing).await?;
        self.hold(connection, &why, WHO).await?;
        Ok(Did::Went(went))
    }

    /// Moves up to so many jobs into the lanes of the probes; how many there were.
    async fn let_go(&self, connection: &mut Session, round: i32, jobs: i32) -> Result<i64, Error> {
        let heads = sqlx::query_file!(
            "queries/breaker/heads.sql",
            self.tenant,
            self.template,
            i64::from(jobs)
        )
        .fetch_all(&mut *connection)
        .await?;
        let lanes: Vec<i32> = heads.into_iter().map(|lane| lane.id).collect();
        if lanes.is_empty() {
            return Ok(0);
        }
        sqlx::query_file!("queries/breaker/make_lanes.sql", &lanes)
            .execute(&mut *connection)
            .await?;
        let went = sqlx::query_file!(
            "queries/breaker/let_go.sql",
            self.tenant,
            self.template,
            round,
            &lanes,
            i64::from(jobs)
        )
        .fetch_one(connection)
        .await?;
        Ok(went.jobs)
    }

    pub(super) async fn close(
        &self,
        connection: &mut Session,
        who: &str,
        why: &str,
    ) -> Result<Did, Error> {
        let closed = Self {
            refusals: 0,
            ..self.clone()
        };
        let change = Change {
            state: "closed",
            step: 1,
            round: self.round,
            due: None,
            why,
            who,
        };
        closed.set(connection, &change).await?;
        sqlx::query_file!("queries/breaker/release.sql", self.tenant, self.template)
            .execute(connection)
            .await?;
        Ok(Did::Closed)
    }

    /// What went and came back stands where it came from; once all did, the probes are forgotten.
    async fn gather(&self, connection: &mut Session) -> Result<(), Error> {
        sqlx::query_file!("queries/breaker/bring_home.sql", self.tenant, self.template)
            .fetch_one(&mut *connection)
            .await?;
        sqlx::query_file!(
            "queries/breaker/forget_probes.sql",
            self.tenant,
            self.template
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    async fn set(&self, connection: &mut Session, to: &Change<'_>) -> Result<(), Error> {
        sqlx::query_file!(
            "queries/breaker/set.sql",
            self.tenant,
            self.template,
            to.state,
            to.step,
            to.round,
            self.refusals,
            to.due,
            to.why,
            to.who
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    /// The pause that holds the template, with these words.
    async fn hold(&self, connection: &mut Session, why: &str, who: &str) -> Result<(), Error> {
        sqlx::query_file!(
            "queries/breaker/hold.sql",
            self.tenant,
            self.template,
            who,
            why
        )
        .execute(connection)
        .await?;
        Ok(())
    }

    fn error(&self) -> String {
        match &self.fingerprint {
            Some(fingerprint) => format!("error `{fingerprint}`: "),
            None => String::new(),
        }
    }
}

fn count(jobs: i64) -> String {
    match jobs {
        1 => "one job".into(),
        jobs => format!("{jobs} jobs"),
    }
}

/// Twice as long after each refusal.
fn rest_seconds(rest: i32, refusals: i32) -> i64 {
    let rest = i64::from(rest);
    let doubled = rest << refusals.clamp(0, 10);
    doubled.min(rest.max(REST_SECONDS_MAX))
}
