//! Which keys of which limits a job is under: read from its input once, when the job is made.

use chrono::DateTime;
use windlass_workflows::configuration::{LIMIT_KEY_BYTES_MAX, LimitReference};
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
    library: Library,
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

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort_unstable();
    keys.dedup();
    keys
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
        for row in rows {
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
        let sources: Vec<Source<'_>> = expressions
            .iter()
            .map(|text| Source {
                text,
                variables: &[],
            })
            .collect();
        let library = Library::compile(&sources).map_err(|faults| Error::Unreadable {
            noun: "limit",
            name: lane.purpose.clone(),
            message: faults
                .into_iter()
                .map(|(_, fault)| fault.message)
                .collect::<Vec<_>>()
                .join("; "),
        })?;
        Ok(Admission {
            parts,
            bounded,
            library,
        })
    }
}
