//! Which part of its work a job stands in: the `stage` of its tasks, for people. Nothing is written for it; it is read
//! from the version that the job is pinned to.

use super::{Bundle, LAYERS_MAX, Unbuildable};
use crate::document::tree::join;
use crate::value::Value;

/// The stages of a template, by the pointers of its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stages(Vec<(String, String)>);

impl Stages {
    /// The stages of a version, from the text of its bundle.
    ///
    /// # Errors
    /// [`Unbuildable`] if the text is no bundle.
    pub fn read(bundle: &str) -> Result<Self, Unbuildable> {
        // Most templates have none, and are not read for that.
        if !bundle.contains("\"stage\"") {
            return Ok(Self::default());
        }
        let bundle = Bundle::from_json(bundle)?;
        let functions = bundle.document.pointer("/use/functions");
        let mut found = Self::default();
        if let Some(call) = &bundle.entry {
            let stage = called(functions, call).map(str::to_owned);
            let entry = super::entry::ENTRY.to_owned();
            found.0.extend(stage.map(|stage| (entry, stage)));
        }
        found.gather(functions, &bundle.document, "");
        Ok(found)
    }

    /// The stage of a task: its own, or that of the innermost task around it that has one.
    /// A task of a function has that of its function before that of its caller.
    pub fn at(&self, task: &str) -> Option<&str> {
        let mut task = task;
        loop {
            let (caller, place) = site(task);
            match self.around(place) {
                None if !caller.is_empty() => task = caller,
                found => return found,
            }
        }
    }

    fn around(&self, task: &str) -> Option<&str> {
        let around = |pointer: &str| {
            let rest = task.strip_prefix(pointer);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let around = self.0.iter().filter(|(pointer, _)| around(pointer));
        let innermost = around.max_by_key(|(pointer, _)| pointer.len());
        innermost.map(|(_, stage)| stage.as_str())
    }

    /// As deep as the document, whose depth is bounded.
    fn gather(&mut self, functions: Option<&Value>, value: &Value, pointer: &str) {
        if let Some(stage) = stage_of(functions, value) {
            self.0.push((pointer.to_owned(), stage.to_owned()));
        }
        let members = value.as_map().into_iter().flat_map(|map| map.iter());
        for (key, value) in members {
            self.gather(functions, value, &join(pointer, key));
        }
        for (place, item) in value.as_list().unwrap_or_default().iter().enumerate() {
            self.gather(functions, item, &format!("{pointer}/{place}"));
        }
    }
}

/// The address of the call that a task's function is called by, and where the document says the task.
fn site(task: &str) -> (&str, &str) {
    let functions = ["/use/functions/", "/use/catalogs/"];
    let found = functions.iter().filter_map(|prefix| task.rfind(prefix));
    found.max().map_or(("", task), |at| task.split_at(at))
}

/// What a task says itself, or else the first of the functions that it calls, inwards.
fn stage_of<'v>(functions: Option<&'v Value>, task: &'v Value) -> Option<&'v str> {
    let own = task.pointer("/metadata/windlass/stage");
    match own.and_then(Value::as_str) {
        Some(stage) => Some(stage),
        None => called(functions, task.get("call")?.as_str()?),
    }
}

fn called<'v>(functions: Option<&'v Value>, call: &str) -> Option<&'v str> {
    let mut task = functions?.get(call)?;
    for _ in 0..LAYERS_MAX {
        let own = task.pointer("/metadata/windlass/stage");
        if let Some(stage) = own.and_then(Value::as_str) {
            return Some(stage);
        }
        task = functions?.get(task.get("call")?.as_str()?)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::calls;
    use super::*;
    use crate::catalogue::{Ability, Catalogue};
    use crate::check;

    const DOCUMENT: &str = "
document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }
use:
  functions:
    look: { call: http, with: { method: get, endpoint: 'https://shop.example/{sku}' }, metadata: { windlass: { stage: looking } } }
    deep: { call: look, with: {} }
do:
  - plain: { set: { n: 1 } }
  - score:
      do:
        - first: { set: { n: 2 } }
        - own: { set: { n: 3 }, metadata: { windlass: { stage: closing } } }
      metadata: { windlass: { stage: scoring } }
  - scores: { call: deep, with: { sku: a } }
  - each: { call: 'map:1.0.0@default', with: { items: [ 1 ], call: deep } }
";

    #[test]
    fn a_task_has_its_own_stage_or_that_of_the_innermost_task_around_it() {
        let catalogue = Catalogue::builtin().able(Ability::Group);
        let template = check::publish(DOCUMENT, &catalogue).expect("sound");
        let bundle = Bundle::of(&template);

        let stages = Stages::read(&bundle.to_json()).expect("a bundle");

        for (task, stage) in [
            ("/do/0/plain", None),
            ("/do/1/score", Some("scoring")),
            ("/do/1/score/do/0/first", Some("scoring")),
            ("/do/1/score/do/1/own", Some("closing")),
            ("/do/2/scores", Some("looking")),
            ("/do/3/each", None),
            ("/do/1/scores", None),
            ("", None),
        ] {
            assert_eq!(stages.at(task), stage, "{task}");
        }
        let call = calls(&template).into_iter().next().expect("a call");
        let part = bundle.entered(&call).to_json();
        let part = Stages::read(&part).expect("a bundle");
        assert_eq!(part.at(super::super::entry::ENTRY), Some("looking"));
    }

    #[test]
    fn a_template_without_stages_is_not_read() {
        assert_eq!(Stages::read("no bundle").ok(), Some(Stages::default()));
        assert!(Stages::read("\"stage\"").is_err());
    }
}
