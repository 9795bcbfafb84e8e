//! Who has which effect: keys in scope `effect`, taken with the turn that opens the step.
//!
//! A key names an effect in its tenant, and one step has it: a job, and in it an idempotency key, which is the same
//! in each try of one visit. It is held for ever, unless whoever was asked said that nothing came of it.

use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::turn::Effect;

use super::Store;
use super::exchange::NewEntry;
use super::gate::Session;
use crate::Error;

/// An effect that a turn asked for and that another step has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whose turn.
    pub job: i64,
    /// The activity that asked.
    pub activity: Activity,
    /// The job whose step has it.
    pub holder: i64,
}

/// Whether an entry says anything of effects.
pub(super) fn names_some(new: &NewEntry) -> bool {
    let post = new.post.as_deref();
    post.is_some_and(|post| {
        !(post.effects.is_empty() && post.freed.is_empty() && post.unbegun.is_empty())
    })
}

/// What is said of one effect.
struct Said<'a> {
    /// The job that says it.
    by: i64,
    /// The job whose step has it.
    job: i64,
    tenant: i32,
    effect: &'a Effect,
    word: &'static str,
}

/// Takes the effects of a flush, gives up what nothing came of, and notes what has not begun: before any lease
/// is locked. Gives those that are another's; then the transaction must not stay.
pub(super) async fn hold<'a>(
    connection: &mut Session,
    entries: impl Iterator<Item = &'a NewEntry>,
) -> Result<Vec<Taken>, Error> {
    let mut said = Vec::new();
    for new in entries {
        let Some(post) = new.post.as_deref() else {
            continue;
        };
        let of = |effects: &'a [Effect], word| {
            effects.iter().map(move |effect| Said {
                by: new.job,
                job: post.effects_of.unwrap_or(new.job),
                tenant: post.tenant,
                effect,
                word,
            })
        };
        said.extend(of(&post.effects, "take"));
        said.extend(of(&post.freed, "free"));
        said.extend(of(&post.unbegun, "mark"));
    }
    if said.iter().any(|said| said.word != "take") {
        give(connection, &said).await?;
    }
    said.retain(|said| said.word == "take");
    if said.is_empty() {
        return Ok(Vec::new());
    }
    take(connection, &said).await
}

async fn give(connection: &mut Session, said: &[Said<'_>]) -> Result<(), Error> {
    let words: Vec<&str> = said.iter().map(|said| said.word).collect();
    let (tenants, keys, jobs, steps) = columns(said);
    sqlx::query_file!(
        "queries/effect/give.sql",
        &tenants,
        &keys as &[&str],
        &jobs,
        &steps as &[&[u8]],
        &words as &[&str],
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

async fn take(connection: &mut Session, said: &[Said<'_>]) -> Result<Vec<Taken>, Error> {
    // Two jobs may ask for steps of a third: what comes back says which asked.
    let places: Vec<i32> = (0..).zip(said).map(|(place, _)| place).collect();
    let (tenants, keys, jobs, steps) = columns(said);
    let rows = sqlx::query_file!(
        "queries/effect/take.sql",
        &tenants,
        &keys as &[&str],
        &jobs,
        &steps as &[&[u8]],
        &places,
    )
    .fetch_all(connection)
    .await?;
    let taken = rows.into_iter().filter_map(|row| {
        let asked = said.get(usize::try_from(row.activity).ok()?)?;
        Some(Taken {
            job: asked.by,
            activity: asked.effect.activity,
            holder: row.holder,
        })
    });
    Ok(taken.collect())
}

type Columns<'a> = (Vec<i32>, Vec<&'a str>, Vec<i64>, Vec<&'a [u8]>);

fn columns<'a>(said: &[Said<'a>]) -> Columns<'a> {
    (
        said.iter().map(|said| said.tenant).collect(),
        said.iter().map(|said| said.effect.key.as_str()).collect(),
        said.iter().map(|said| said.job).collect(),
        said.iter()
            .map(|said| said.effect.step.as_bytes())
            .collect(),
    )
}

impl Store {
    /// Begins effects that an earlier holder of the job named as never begun. Gives those: of the others nobody
    /// knows whether they happened. Asked again, it gives none of them.
    ///
    /// # Errors
    /// What the database says; then they may count as begun.
    ///
    /// # Cancel safety
    /// Dropped, they may count as begun.
    pub async fn begin_effects(
        &self,
        tenant: i32,
        job: i64,
        effects: &[Effect],
    ) -> Result<Vec<Activity>, Error> {
        let keys: Vec<&str> = effects.iter().map(|effect| effect.key.as_str()).collect();
        let steps: Vec<&[u8]> = effects
            .iter()
            .map(|effect| effect.step.as_bytes())
            .collect();
        let rows = sqlx::query_file!(
            "queries/effect/begin.sql",
            tenant,
            job,
            &keys as &[&str],
            &steps as &[&[u8]],
        )
        .fetch_all(self.pool())
        .await?;
        let begun: Vec<Vec<u8>> = rows.into_iter().map(|row| row.step).collect();
        let unbegun = effects
            .iter()
            .filter(|effect| begun.iter().any(|step| step == effect.step.as_bytes()));
        Ok(unbegun.map(|effect| effect.activity).collect())
    }
}
