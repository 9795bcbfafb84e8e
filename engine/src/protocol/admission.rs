//! Which keys of which limits a job is under: read from its input once, when the job is made.

use std::collections::BTreeMap;

use chrono::DateTime;
use windlass_workflows::configuration::{self, LIMIT_KEY_BYTES_MAX, Limit, LimitReference};
use windlass_workflows::expression::{Budget, Library, Scope, Source};
use windlass_workflows::problem::Problem;
use windlass_workflows::value::Value;

use crate::store::LaneKey;
use crate::{Error, Store};

/// The limits of some work.
pub(crate) struct Admission {
    parts: Vec<Part>,
    /// Limits that do not let work wait.
    bounded: Vec<String>,
    /// What each limit gives.
    rules: BTreeMap<String, Given>,
    library: Library,
}

/// The most that one key of a limit gives at once.
pub(super) struct Given {
    every: Figures,
    single: BTreeMap<String, Figures>,
}

#[derive(Clone, Copy, Default, serde::Deserialize)]
struct Figures {
    concurrency: Option<i32>,
    burst: Option<i32>,
}

impl Given {
    pub(super) fn of(limit: &Limit) -> Self {
        let figures = |figures: &configuration::Figures| Figures {
            concurrency: figures.concurrency,
            burst: figures.burst(),
        };
        let keys = limit.keys.iter();
        Self {
            every: figures(&limit.figures),
            single: keys.map(|(key, own)| (key.clone(), figures(own))).collect(),
        }
    }

    /// From the figures as they are stored.
    fn stored(concurrency: Option<i32>, burst: Option<i32>, keys: &serde_json::Value) -> Self {
        Self {
            every: Figures { concurrency, burst },
            single: serde::Deserialize::deserialize(keys).unwrap_or_default(),
        }
    }

    /// What a job that takes so many units can never have from a key, and how many of it there are. A limit that nothing may
    /// pass now gives again when it is raised.
    pub(super) fn lacks(&self, key: &str, units: i32) -> Option<(&'static str, i32)> {
        let own = self.single.get(key).copied().unwrap_or_default();
        let slots = own.concurrency.or(self.every.concurrency);
        let slots = slots.filter(|slots| (1..units).contains(slots));
        let burst = own.burst.or(self.every.burst);
        let burst = burst.filter(|burst| *burst < units);
        slots
            .map(|slots| ("slots", slots))
            .or(burst.map(|burst| ("starts together", burst)))
    }

    /// The same where no key gives enough.
    pub(super) fn lacks_anyhow(&self, units: i32) -> Option<(&'static str, i32)> {
        let lacking = self.lacks("", units)?;
        let mut keys = self.single.keys();
        let is_any = keys.any(|key| self.lacks(key, units).is_none());
        (!is_any).then_some(lacking)
    }
}

/// One key, as far as it is known before the input is.
enum Part {
    /// `limit` or `limit:key`.
    Fixed(String),
    /// The limit, and the expression that tells its keys apart.
    Read(String, usize),
}

impl Part {
    fn limit(&self) -> &str {
        match self {
            Self::Fixed(key) => key.split(':').next().unwrap_or_default(),
            Self::Read(limit, _) => limit,
        }
    }
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Admission");
        shown
            .field("bounded", &self.bounded)
            .finish_non_exhaustive()
    }
}

impl Admission {
    /// Whether all jobs of this work are under the same keys.
    pub(crate) fn is_fixed(&self) -> bool {
        let is_fixed = |part: &Part| matches!(part, Part::Fixed(_));
        self.parts.iter().all(is_fixed)
    }

    /// Whether this limit is among them.
    pub(crate) fn has(&self, limit: &str) -> bool {
        self.parts.iter().any(|part| part.limit() == limit)
    }

    /// Those of some keys whose limits do not let work wait.
    pub(crate) fn bounded(&self, keys: &[String]) -> Vec<String> {
        let name = |key: &str| key.split(':').next().unwrap_or_default().to_owned();
        let is_bounded = |key: &&String| self.bounded.contains(&name(key));
        keys.iter().filter(is_bounded).cloned().collect()
    }

    /// The keys that need no input, sorted.
    pub(crate) fn fixed(&self) -> Vec<String> {
        let fixed = self.parts.iter().filter_map(|part| match part {
            Part::Fixed(key) => Some(key.clone()),
            Part::Read(..) => None,
        });
        sorted(fixed.collect())
    }

    /// The keys of a job with this input, sorted.
    ///
    /// # Errors
    /// When an expression fails, or gives what is no key.
    pub(crate) fn keys(&self, input: &Value) -> Result<Vec<String>, Problem> {
        let mut keys = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            match part {
                Part::Fixed(key) => keys.push(key.clone()),
                Part::Read(name, index) => {
                    keys.extend(
                        self.read(name, *index, input)?
                            .map(|value| format!("{name}:{value}")),
                    );
                }
            }
        }
        Ok(sorted(keys))
    }

    /// These keys as those of a job that takes so many units of each limit: see [`LaneKey::limit_keys`].
    ///
    /// # Errors
    /// `cost_too_high` when a key never gives so many.
    pub(crate) fn weighed(
        &self,
        keys: Vec<String>,
        cost: &BTreeMap<String, i32>,
    ) -> Result<Vec<String>, Problem> {
        let mut weighed = Vec::with_capacity(keys.len());
        for full in keys {
            let (name, key) = full.split_once(':').unwrap_or((&full, ""));
            let units = cost.get(name).copied().unwrap_or(1);
            let rule = self.rules.get(name).filter(|_| units > 1);
            if let Some(lacking) = rule.and_then(|rule| rule.lacks(key, units)) {
                return Err(too_high("/cost", &full, units, lacking));
            }
            weighed.push(match (units, full.len() > name.len()) {
                (1, _) => full,
                (_, true) => format!("{name}*{units}:{key}"),
                (_, false) => format!("{name}*{units}"),
            });
        }
        let useless = cost.keys().filter(|name| !self.has(name));
        weighed.extend(useless.map(|name| format!("!{name}")));
        Ok(sorted(weighed))
    }

    fn read(&self, name: &str, index: usize, input: &Value) -> Result<Option<String>, Problem> {
        let problem = |message: String| {
            Problem::new("limit_key", "/input", message)
                .hint(format!("see `windlass limit show {name}`"))
        };
        // An expression that asks for the time is refused when the limit is applied.
        let scope = Scope {
            now: DateTime::UNIX_EPOCH,
            variables: &[],
        };
        let value = self
            .library
            .evaluate(index, input, &scope, Budget::default());
        let value =
            value.map_err(|error| problem(format!("the key of the limit `{name}`: {error}")))?;
        let text = match &value {
            Value::Null => return Ok(None),
            Value::Text(text) => text.to_string(),
            other => other.to_json(),
        };
        match text.is_empty() || text.len() > LIMIT_KEY_BYTES_MAX || text.contains('\0') {
            true => Err(problem(format!(
                "the key of the limit `{name}` has {} bytes; 1 to {LIMIT_KEY_BYTES_MAX} are allowed",
                text.len()
            ))),
            false => Ok(Some(text)),
        }
    }
}

/// A job that takes more than there ever is would wait for ever.
pub(super) fn too_high(
    pointer: &str,
    limit: &str,
    units: i32,
    (what, most): (&str, i32),
) -> Problem {
    let message =
        format!("it takes {units} of the limit `{limit}`, which never has more than {most} {what}");
    let name = limit.split(':').next().unwrap_or_default();
    Problem::new("cost_too_high", pointer, message).hint(format!(
        "take less, or raise the limit: see `windlass limit show {name}`"
    ))
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The expressions that tell the keys of limits apart.
fn compiled(expressions: &[String], purpose: &str) -> Result<Library, Error> {
    let sources: Vec<Source<'_>> = expressions
        .iter()
        .map(|text| Source {
            text,
            variables: &[],
        })
        .collect();
    Library::compile(&sources).map_err(|faults| Error::Unreadable {
        noun: "limit",
        name: purpose.to_owned(),
        message: faults
            .into_iter()
            .map(|(_, fault)| fault.message)
            .collect::<Vec<_>>()
            .join("; "),
    })
}

impl Store {
    /// The limits of the work of a lane: those that `named` speaks of, and those that are attached to
    /// its purpose, template, queue or tenant.
    pub(crate) async fn admission(
        &self,
        lane: &LaneKey,
        named: &[LimitReference],
    ) -> Result<Admission, Error> {
        let names: Vec<String> = named.iter().map(|limit| limit.name.clone()).collect();
        let rows = sqlx::query_file!(
            "queries/limit/of_work.sql",
            lane.tenant,
            &names,
            lane.purpose,
            lane.template,
            lane.queue
        )
        .fetch_all(self.pool())
        .await?;
        let (mut parts, mut expressions, mut bounded) = (Vec::new(), Vec::new(), Vec::new());
        let mut rules = BTreeMap::new();
        for row in rows {
            let given = Given::stored(row.concurrency, row.burst, &row.keys);
            rules.insert(row.name.clone(), given);
            if row.overflow != "queue" {
                bounded.push(row.name.clone());
            }
            let of_rule = named.iter().filter(|limit| limit.name == row.name);
            let written: Vec<&String> = of_rule.filter_map(|limit| limit.key.as_ref()).collect();
            parts.extend(
                written
                    .iter()
                    .map(|key| Part::Fixed(format!("{}:{key}", row.name))),
            );
            if written.is_empty() || !row.named {
                match row.key {
                    Some(text) => {
                        parts.push(Part::Read(row.name, expressions.len()));
                        expressions.push(text);
                    }
                    None => parts.push(Part::Fixed(row.name)),
                }
            }
        }
        let library = compiled(&expressions, &lane.purpose)?;
        Ok(Admission {
            parts,
            bounded,
            rules,
            library,
        })
    }
}
