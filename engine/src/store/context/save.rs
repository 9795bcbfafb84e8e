//! Contexts that turns of jobs save: in the flush of the turn, and what came of it goes to the job's inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use tokio::task::spawn_blocking;
use windlass_workflows::context::ComputedChange;
use windlass_workflows::expression::Budget;
use windlass_workflows::value::Value;

use super::change::{ContextChange, Edited, Expected, Refused, Standing};
use super::{VERSIONS_KEPT, standing};
use crate::Error;
use crate::store::gate::Session;

/// Computed changes in one flush, if more than one entry has some. Each may take an expression's whole budget, 65 ms,
/// while the flush holds its locks: half a second in all.
pub const COMPUTED_MAX: usize = 8;

/// A change of a context that a turn of a job asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSave {
    /// Which activity of the job is told what came of it.
    pub activity: u32,
    /// The context.
    pub key: String,
    /// What becomes of its document.
    pub edit: SaveEdit,
    /// What it is about; nothing in it takes it away.
    pub subject: Option<Option<String>>,
    /// How long it lives from now on; nothing in it: for ever.
    pub ttl: Option<Option<Duration>>,
    /// The task, for the history.
    pub step: String,
}

/// What a job does to a context's document.
#[derive(Clone, Debug, PartialEq)]
pub enum SaveEdit {
    /// It merges something into it.
    Patch {
        /// Merged (RFC 7396), as JSON text.
        patch: String,
        /// The version that the job has read; 0: there was none. Without it, it is merged into whatever is there.
        version: Option<i64>,
    },
    /// It computes the next one from the one that stands when it is stored.
    Change(ComputedChange),
}

impl NewSave {
    /// Bytes of what it says.
    pub(in crate::store) fn bytes(&self) -> usize {
        match &self.edit {
            SaveEdit::Patch { patch, .. } => patch.len(),
            SaveEdit::Change(change) => change.said().len(),
        }
    }

    /// Whether it is computed while the flush holds its locks.
    pub const fn is_computed(&self) -> bool {
        matches!(self.edit, SaveEdit::Change(_))
    }

    /// The word of the history.
    const fn kind(&self) -> &'static str {
        match self.edit {
            SaveEdit::Patch { .. } => "patch",
            SaveEdit::Change(_) => "change",
        }
    }

    fn edited(&self, standing: &Standing, budget: Budget) -> Result<Edited, Refused> {
        let merging = |expected, document| ContextChange {
            expected,
            document,
            merges: true,
            subject: self.subject.clone(),
            ttl: self.ttl,
        };
        match &self.edit {
            SaveEdit::Patch { patch, version } => {
                let expected = match version {
                    None => Expected::Anything,
                    Some(0) => Expected::Absent,
                    Some(version) => Expected::OneOf(vec![*version]),
                };
                // What came from a value reads as one.
                merging(expected, Value::parse(patch).unwrap_or_default()).of(standing)
            }
            SaveEdit::Change(change) => {
                let made = change.of(&standing.document()?, standing.now, budget);
                let made = made.map_err(Refused::Computed)?;
                let now = merging(Expected::Anything, Value::Null).leading_to(&made, standing)?;
                let data = change.said().to_owned();
                Ok(Edited { now, data })
            }
        }
    }
}

/// A save with its job and tenant.
type Asked<S> = (i64, i32, S);

/// How contexts stand, by tenant and key.
type Stands = BTreeMap<(i32, String), Standing>;

/// Saves contexts for jobs whose entries landed, in the order of entries. Its caller has their spots.
pub(in crate::store) async fn save(
    connection: &mut Session,
    saves: &[Asked<&NewSave>],
) -> Result<(), Error> {
    if saves.is_empty() {
        return Ok(());
    }
    let named: BTreeSet<(i32, &str)> = saves
        .iter()
        .map(|(_, tenant, save)| (*tenant, save.key.as_str()))
        .collect();
    let (tenants, keys): (Vec<i32>, Vec<&str>) = named.iter().copied().unzip();
    let stands = standing(connection, &tenants, &keys).await?;
    let named = named
        .iter()
        .map(|(tenant, key)| (*tenant, (*key).to_owned()));
    let stands: Stands = named.zip(stands).collect();
    let written = match saves.iter().any(|(.., save)| save.is_computed()) {
        false => Written::of(saves, stands),
        true => computed(saves, stands).await,
    };
    written.store(connection).await
}

/// The same, where expressions are evaluated: not on a thread where others wait.
async fn computed(saves: &[Asked<&NewSave>], stands: Stands) -> Written {
    let saves = saves.iter();
    let saves = saves.map(|(job, tenant, save)| (*job, *tenant, (*save).clone()));
    let saves: Vec<Asked<NewSave>> = saves.collect();
    let written = spawn_blocking(move || {
        let saves = saves.iter();
        let saves = saves.map(|(job, tenant, save)| (*job, *tenant, save));
        Written::of(&saves.collect::<Vec<_>>(), stands)
    });
    match written.await {
        Ok(written) => written,
        Err(ended) => std::panic::resume_unwind(ended.into_panic()),
    }
}

/// What each of so many may use: together no more steps than [`COMPUTED_MAX`] may.
fn budget(computed: usize) -> Budget {
    let whole = Budget::default();
    let shares = computed.div_ceil(COMPUTED_MAX).max(1);
    Budget {
        steps: whole.steps / u64::try_from(shares).unwrap_or(u64::MAX),
        ..whole
    }
}

/// Columns of `context/store.sql`.
#[derive(Default)]
struct Written {
    stands: Stands,
    changed: BTreeSet<(i32, String)>,
    tenants: Vec<i32>,
    keys: Vec<String>,
    versions: Vec<i64>,
    kinds: Vec<&'static str>,
    data: Vec<String>,
    who: Vec<String>,
    jobs: Vec<i64>,
    steps: Vec<String>,
    told: Vec<i64>,
    answers: Vec<String>,
}

impl Written {
    fn of(saves: &[Asked<&NewSave>], stands: Stands) -> Self {
        let is_computed = |(.., save): &&Asked<&NewSave>| save.is_computed();
        let budget = budget(saves.iter().filter(is_computed).count());
        let mut written = Self {
            stands,
            ..Self::default()
        };
        for (job, tenant, save) in saves {
            let place = (*tenant, save.key.clone());
            let standing = written.stands.entry(place).or_default();
            let answer = match save.edited(standing, budget) {
                Ok(edited) => {
                    let version = edited.now.version;
                    *standing = edited.now;
                    written.change(*job, *tenant, save, (version, edited.data));
                    json!({ "activity": save.activity, "key": save.key, "version": version })
                }
                Err(refused) => refused.answer(save),
            };
            written.told.push(*job);
            written.answers.push(answer.to_string());
        }
        written
    }

    fn change(&mut self, job: i64, tenant: i32, save: &NewSave, (version, data): (i64, String)) {
        self.changed.insert((tenant, save.key.clone()));
        self.tenants.push(tenant);
        self.keys.push(save.key.clone());
        self.versions.push(version);
        self.kinds.push(save.kind());
        self.data.push(data);
        self.who.push(format!("j_{job}"));
        self.jobs.push(job);
        self.steps.push(save.step.clone());
    }

    async fn store(self, connection: &mut Session) -> Result<(), Error> {
        let stored: Vec<(i32, &str, &Standing)> = self
            .stands
            .iter()
            .filter(|(named, _)| self.changed.contains(*named))
            .map(|((tenant, key), standing)| (*tenant, key.as_str(), standing))
            .collect();
        sqlx::query_file!(
            "queries/context/store.sql",
            &each(&stored, |(tenant, ..)| *tenant),
            &each(&stored, |(_, key, _)| *key) as &[&str],
            &each(&stored, |(.., now)| now.version),
            &each(&stored, |(.., now)| now.document.as_deref().unwrap_or("{}")) as &[&str],
            &each(&stored, |(.., now)| now.subject.as_deref()) as &[Option<&str>],
            &each(&stored, |(.., now)| now.expires_at) as &[Option<DateTime<Utc>>],
            VERSIONS_KEPT,
            &self.tenants,
            &self.keys,
            &self.versions,
            &self.kinds as &[&str],
            &self.data,
            &self.who,
            &self.jobs,
            &self.steps,
            &self.told,
            &self.answers,
        )
        .fetch_one(connection)
        .await?;
        Ok(())
    }
}

impl Refused {
    /// What the job is told.
    fn answer(&self, save: &NewSave) -> serde_json::Value {
        let (status, title) = self.said(&save.key);
        let mut answer = json!({
            "activity": save.activity, "key": save.key, "status": status, "title": title
        });
        // Of the others the status says enough.
        if let Self::Computed(error) = self {
            answer["type"] = "expression".into();
            answer["code"] = error.code().into();
        }
        answer
    }
}

/// A column of rows.
fn each<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
