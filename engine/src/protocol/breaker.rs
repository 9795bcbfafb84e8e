//! Breakers: one error that stops most of what ends in a template stops the template instead.
//!
//! ```text
//! closed ─one fingerprint beyond the rule─▶ open ─rest over─▶ probing(1) ─good─▶ probing(10) ─good─▶ closed
//!                                            ▲                   │ bad               │ bad
//!                                            └───── rest × 2 ────┴───────────────────┘
//! ```
//!
//! Open and probing, a pause of ours holds the template: no claim asks for it. A probe is moved into a
//! lane of its own, so exactly as many jobs go as were chosen, whoever claims them. Whoever changes a
//! breaker locks its row first and counts anew under the lock, so any number of keepers and people make
//! one transition a step. What failed or parked stays so: only a redrive lets it go on.

mod standing;

use chrono::{DateTime, Utc};

use self::standing::{Did, Standing, WHO, pass};
use crate::store::breaker::rule_of;
use crate::store::{BreakerRule, BreakerView, Session};
use crate::{Error, Store};

/// Breakers of one pass.
const PASS_MAX: usize = 100;

/// What one pass over the breakers did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BreakersKept {
    /// Templates whose breaker opened.
    pub opened: Vec<String>,
    /// Templates whose breaker closed.
    pub closed: Vec<String>,
    /// Templates whose error returned with a probe.
    pub refused: Vec<String>,
    /// Jobs that went to see.
    pub probes: i64,
}

impl Store {
    /// One pass over the breakers: those that must open, those whose rest is over, those whose probes
    /// are back. `now` is when a rest counts as over; the database's clock unless given.
    ///
    /// # Cancel safety
    /// Each breaker is a transaction; the rest is for the next pass.
    pub async fn keep_breakers(&self, now: Option<DateTime<Utc>>) -> Result<BreakersKept, Error> {
        let mut kept = BreakersKept {
            opened: self.open_breakers().await?,
            ..BreakersKept::default()
        };
        let mut after = (i32::MIN, String::new());
        for _ in 0..PASS_MAX {
            let from = after.clone();
            let passed = self
                .transaction(move |connection| Box::pin(pass(connection, from, now)))
                .await?;
            let Some((breaker, did)) = passed else {
                break;
            };
            after = (breaker.tenant, breaker.template.clone());
            match did {
                Did::Nothing => {}
                Did::Went(jobs) => kept.probes += jobs,
                Did::Refused => kept.refused.push(breaker.template),
                Did::Closed => kept.closed.push(breaker.template),
            }
        }
        Ok(kept)
    }

    async fn open_breakers(&self) -> Result<Vec<String>, Error> {
        let ours = BreakerRule::default();
        let suspects = sqlx::query_file!(
            "queries/breaker/suspects.sql",
            ours.is_on,
            ours.failures,
            ours.window_seconds
        )
        .fetch_all(self.pool())
        .await?;
        let mut opened = Vec::new();
        for suspect in suspects {
            let (tenant, template) = (suspect.tenant, suspect.template.clone());
            let is_open = self
                .transaction(move |connection| {
                    Box::pin(open(connection, tenant, template, suspect.fingerprint))
                })
                .await?;
            if is_open {
                opened.push(suspect.template);
            }
        }
        Ok(opened)
    }

    /// Closes a breaker: everything goes on, and what failed before counts no more. Repeating it is
    /// harmless.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it never opened.
    ///
    /// # Cancel safety
    /// One transaction.
    pub async fn close_breaker(
        &self,
        tenant: i32,
        template: &str,
        who: &str,
        why: &str,
    ) -> Result<BreakerView, Error> {
        let name = self.breaker(tenant, template).await;
        let name = match name {
            Ok(view) => view.template,
            Err(_) => self.full_name(tenant, template).await?,
        };
        let (said, wanted) = ((who.to_owned(), why.to_owned()), name.clone());
        self.transaction(move |connection| Box::pin(shut(connection, tenant, wanted, said)))
            .await?;
        self.breaker(tenant, &name).await
    }

    /// Opens a breaker: nothing more of the template starts, until a probe after the rest does well. Any
    /// error of that probe counts, unless the breaker was open for one error already.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a template that does not exist.
    ///
    /// # Cancel safety
    /// One transaction.
    pub async fn open_breaker(
        &self,
        tenant: i32,
        template: &str,
        who: &str,
        why: &str,
    ) -> Result<BreakerView, Error> {
        let name = self.full_name(tenant, template).await?;
        let (said, wanted) = ((who.to_owned(), why.to_owned()), name.clone());
        self.transaction(move |connection| Box::pin(trip(connection, tenant, wanted, said)))
            .await?;
        self.breaker(tenant, &name).await
    }
}

/// Opens a breaker if what was seen is still so under its lock.
async fn open(
    connection: &mut Session,
    tenant: i32,
    template: String,
    fingerprint: String,
) -> Result<bool, Error> {
    let Some(mut breaker) = take(connection, tenant, &template, true).await? else {
        return Ok(false);
    };
    let rule = rule_of(connection, tenant, &template).await?;
    let found = sqlx::query_file!(
        "queries/breaker/weigh.sql",
        tenant,
        template,
        fingerprint,
        f64::from(rule.window_seconds)
    )
    .fetch_one(&mut *connection)
    .await?;
    let is_much = found.failures >= i64::from(rule.failures)
        && found.bad as f64 >= rule.share * found.ended as f64;
    if breaker.state != "closed" || !rule.is_on || !is_much {
        return Ok(false);
    }
    sqlx::query_file!(
        "queries/breaker/blame.sql",
        tenant,
        template,
        fingerprint,
        found.code,
        found.failures,
        found.ended,
        found.sample
    )
    .execute(&mut *connection)
    .await?;
    breaker.fingerprint = Some(fingerprint);
    breaker.refusals = 0;
    let cause = format!(
        "it stopped {} jobs, {} of {} that ended beside them",
        found.failures, found.bad, found.ended
    );
    breaker
        .rest(connection, rule.rest_seconds, &cause, WHO)
        .await?;
    Ok(true)
}

/// A person closes a breaker.
async fn shut(
    connection: &mut Session,
    tenant: i32,
    template: String,
    (who, why): (String, String),
) -> Result<(), Error> {
    match take(connection, tenant, &template, false).await? {
        Some(breaker) if breaker.state != "closed" => {
            breaker.close(connection, &who, &why).await.map(drop)
        }
        Some(_) => Ok(()),
        None => Err(Error::not_found("breaker", template)),
    }
}

/// A person opens a breaker.
async fn trip(
    connection: &mut Session,
    tenant: i32,
    template: String,
    (who, why): (String, String),
) -> Result<(), Error> {
    let Some(mut breaker) = take(connection, tenant, &template, true).await? else {
        return Ok(());
    };
    if breaker.state == "closed" {
        sqlx::query_file!(
            "queries/breaker/blame.sql",
            tenant,
            template,
            None::<&str>,
            None::<&str>,
            0,
            0,
            None::<i64>
        )
        .execute(&mut *connection)
        .await?;
        breaker.fingerprint = None;
    }
    breaker.refusals = 0;
    let rule = rule_of(connection, tenant, &template).await?;
    breaker
        .rest(connection, rule.rest_seconds, &why, &who)
        .await
}

/// Locks a breaker, made first where it may be new.
async fn take(
    connection: &mut Session,
    tenant: i32,
    template: &str,
    is_new: bool,
) -> Result<Option<Standing>, Error> {
    if is_new {
        sqlx::query_file!("queries/breaker/ensure.sql", tenant, template)
            .execute(&mut *connection)
            .await?;
    }
    Ok(
        sqlx::query_file_as!(Standing, "queries/breaker/lock.sql", tenant, template)
            .fetch_optional(connection)
            .await?,
    )
}
