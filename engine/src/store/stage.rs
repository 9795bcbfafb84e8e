//! The stages of a job, for people: read from the version that it is pinned to and from its last entry.

use serde::Deserialize;
use windlass_workflows::program::Stages;

use super::{JobView, Store};
use crate::Error;

/// As much of an entry as says where its job stands.
#[derive(Debug, Default, Deserialize)]
struct Turn {
    #[serde(default)]
    branches: Vec<Branch>,
}

#[derive(Debug, Deserialize)]
struct Branch {
    #[serde(default)]
    frames: Vec<Frame>,
}

#[derive(Debug, Deserialize)]
struct Frame {
    path: String,
}

impl Store {
    /// The stages of a template version, `namespace.name@version`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Unreadable`] when its bundle is none.
    pub async fn stages(&self, tenant: i32, template: &str) -> Result<Stages, Error> {
        let found = self.template(tenant, template).await?;
        let pinned = self.pinned(found.id).await?;
        Stages::read(&pinned.bundle).map_err(|error| Error::Unreadable {
            noun: "template version",
            name: pinned.label,
            message: error.to_string(),
        })
    }

    /// The stages in which an open job stands, one or, inside of a fork, several. A job that has written no turn
    /// yet is in none.
    ///
    /// # Errors
    /// As [`Store::stages`].
    pub async fn stages_of(&self, tenant: i32, job: &JobView) -> Result<Vec<String>, Error> {
        if !job.journaled || job.state.is_final() {
            return Ok(Vec::new());
        }
        let stages = self.stages(tenant, &job.template).await?;
        if stages == Stages::default() {
            return Ok(Vec::new());
        }
        let row = sqlx::query_file!("queries/journal/last.sql", tenant, job.id)
            .fetch_optional(self.pool())
            .await?;
        Ok(row.map_or_else(Vec::new, |row| standing(&stages, &row.data)))
    }
}

/// The stages of the innermost tasks in which a job stood after an entry, each once.
fn standing(stages: &Stages, entry: &str) -> Vec<String> {
    let turn: Turn = serde_json::from_str(entry).unwrap_or_default();
    let tops = turn
        .branches
        .iter()
        .filter_map(|branch| branch.frames.last());
    let tops: Vec<&str> = tops.map(|frame| frame.path.as_str()).collect();
    let holds = |outer: &str| {
        let inside = |inner: &&str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.starts_with('/'))
        };
        tops.iter().any(inside)
    };
    let mut found: Vec<String> = Vec::new();
    for stage in tops
        .iter()
        .filter(|task| !holds(task))
        .filter_map(|task| stages.at(task))
    {
        if !found.iter().any(|known| known == stage) {
            found.push(stage.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_stands_in_the_stages_of_its_innermost_tasks() {
        let bundle = r#"{"semantics":1,"document":{"do":[{"f":{"metadata":{"windlass":{"stage":"all"}},"fork":{"branches":[
            {"a":{"metadata":{"windlass":{"stage":"one"}}}},{"b":{}}]}}}]}}"#;
        let stages = Stages::read(bundle).expect("a bundle");
        let fork = r#"{"frames":[{"path":""},{"path":"/do/0/f"}]}"#;
        let branch =
            |at: &str| format!(r#"{{"frames":[{{"path":"/do/0/f/fork/branches/{at}"}}]}}"#);
        let entry = |branches: &[&str]| format!(r#"{{"branches":[{}]}}"#, branches.join(","));
        let (a, b) = (branch("0/a"), branch("1/b"));

        assert_eq!(standing(&stages, &entry(&[fork, &a])), ["one"]);
        assert_eq!(standing(&stages, &entry(&[fork, &a, &b])), ["one", "all"]);
        assert_eq!(standing(&stages, &entry(&[fork])), ["all"]);
        assert!(standing(&stages, "{}").is_empty() && standing(&stages, "?").is_empty());
    }
}
