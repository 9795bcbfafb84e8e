//! Contexts that turns of jobs save: in the flush of the turn, and what came of it goes to the job's inbox.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use windlass_workflows::value::Value;

use super::change::{ContextChange, Edited, Expected, Standing};
use super::{VERSIONS_KEPT, standing};
use crate::Error;
use crate::store::gate::Session;

/// A change of a context that a turn of a job asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct NewSave {
    /// Which activity of the job is told what came of it.
    pub activity: u32,
    /// The context.
    pub key: String,
    /// Merged into it (RFC 7396), as JSON text.
    pub patch: String,
    /// The version that the job has read; 0: there was none. Without it, it is merged into whatever is there.
    pub version: Option<i64>,
    /// What it is about; nothing in it takes it away.
    pub subject: Option<Option<String>>,
    /// How long it lives from now on; nothing in it: for ever.
    pub ttl: Option<Option<Duration>>,
    /// The task, for the history.
    pub step: String,
}

impl NewSave {
    fn change(&self) -> ContextChange {
        ContextChange {
            expected: match self.version {
                None => Expected::Anything,
                Some(0) => Expected::Absent,
                Some(version) => Expected::OneOf(vec![version]),
            },
            // What came from a value reads as one.
            document: Value::parse(&self.patch).unwrap_or_default(),
            merges: true,
            subject: self.subject.clone(),
            ttl: self.ttl,
        }
    }
}

/// Saves contexts for jobs whose entries landed, in the order of entries. Its caller has their spots.
pub(in crate::store) async fn save(
    connection: &mut Session,
    saves: &[(i64, i32, &NewSave)],
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
    let mut now: BTreeMap<(i32, &str), Standing> = named.into_iter().zip(stands).collect();
    let mut written = Written::default();
    for (job, tenant, save) in saves {
        let standing = now.entry((*tenant, save.key.as_str())).or_default();
        let answer = match save.change().of(standing) {
            Ok(edited) => {
                let version = edited.now.version;
                written.change(*job, *tenant, save, &edited);
                *standing = edited.now;
                json!({ "activity": save.activity, "key": save.key, "version": version })
            }
            Err(refused) => {
                let (status, title) = refused.said(&save.key);
                json!({ "activity": save.activity, "key": save.key, "status": status, "title": title })
            }
        };
        written.told.push(*job);
        written.answers.push(answer.to_string());
    }
    written.store(connection, &now).await
}

/// Columns of `context/store.sql`.
#[derive(Default)]
struct Written<'a> {
    changed: BTreeSet<(i32, &'a str)>,
    tenants: Vec<i32>,
    keys: Vec<&'a str>,
    versions: Vec<i64>,
    data: Vec<String>,
    who: Vec<String>,
    jobs: Vec<i64>,
    steps: Vec<&'a str>,
    told: Vec<i64>,
    answers: Vec<String>,
}

impl<'a> Written<'a> {
    fn change(&mut self, job: i64, tenant: i32, save: &'a NewSave, edited: &Edited) {
        self.changed.insert((tenant, &save.key));
        self.tenants.push(tenant);
        self.keys.push(&save.key);
        self.versions.push(edited.now.version);
        self.data.push(edited.data.clone());
        self.who.push(format!("j_{job}"));
        self.jobs.push(job);
        self.steps.push(&save.step);
    }

    async fn store(
        self,
        connection: &mut Session,
        now: &BTreeMap<(i32, &str), Standing>,
    ) -> Result<(), Error> {
        let stored: Vec<(&i32, &str, &Standing)> = now
            .iter()
            .filter(|(named, _)| self.changed.contains(*named))
            .map(|((tenant, key), standing)| (tenant, *key, standing))
            .collect();
        let kinds = vec!["patch"; self.jobs.len()];
        sqlx::query_file!(
            "queries/context/store.sql",
            &each(&stored, |(tenant, ..)| **tenant),
            &each(&stored, |(_, key, _)| *key) as &[&str],
            &each(&stored, |(.., now)| now.version),
            &each(&stored, |(.., now)| now.document.as_deref().unwrap_or("{}")) as &[&str],
            &each(&stored, |(.., now)| now.subject.as_deref()) as &[Option<&str>],
            &each(&stored, |(.., now)| now.expires_at) as &[Option<DateTime<Utc>>],
            VERSIONS_KEPT,
            &self.tenants,
            &self.keys as &[&str],
            &self.versions,
            &kinds as &[&str],
            &self.data,
            &self.who,
            &self.jobs,
            &self.steps as &[&str],
            &self.told,
            &self.answers,
        )
        .fetch_one(connection)
        .await?;
        Ok(())
    }
}

/// A column of rows.
fn each<'a, R, T>(rows: &'a [R], of: impl Fn(&'a R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
