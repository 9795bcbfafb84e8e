//! Doing what a test says, deed after deed.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::asked::Number;
use super::deed::{Choice, Deed, Expectation, Prepared, Text, Work};
use super::members::Members;
use super::script::Scripts;
use super::stage::{Contexts, Stage, World, envelope};
use super::starter::Starter;
use super::{Failure, Outside, Secrets, Trial, judge, said, secret};
use crate::catalogue::{Ability, Catalogue};
use crate::check;
use crate::document::parse::function_name;
use crate::document::step::Template;
use crate::document::tree::{self, Format, Node, Tree};
use crate::machine::JobFacts;
use crate::policy::retry::later;
use crate::problem::Problem;
use crate::program::{Bundle, Program};
use crate::resource::{Resource, Resources};
use crate::value::Value;

/// When a run begins, unless the test says otherwise: a Monday.
const BEGINNING: i64 = 1_767_603_600;

/// The id of the job that is tried; those of its items follow.
const JOB: i64 = 1;

/// How trials are run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manner {
    /// After every turn the state is dropped and folded from the journal. A test must not notice.
    pub refolds: bool,
}

/// Runs one test. What it does not prepare is asked of `outside`.
///
/// # Errors
/// The first line that does not hold.
pub fn run(trial: &Trial, manner: Manner, outside: &mut dyn Outside) -> Result<(), Failure> {
    let deeds = trial.deeds.as_ref().map_err(Clone::clone)?;
    let mut play = Play {
        manner,
        outside: Some(outside),
        definition: None,
        resources: Resources::default(),
        input: None,
        began: DateTime::from_timestamp(BEGINNING, 0).unwrap_or_default(),
        members: None,
        secrets: Secrets::new(),
        scripts: Rc::default(),
        contexts: Contexts::default(),
        starter: None,
        letters: 0,
        stage: None,
    };
    let mut expects = false;
    for (line, deed) in deeds {
        expects |= matches!(deed, Deed::Expect(_));
        play.perform(*line, deed)
            .map_err(|message| Failure::new(*line, secret::hidden(&play.secrets, &message)))?;
    }
    if let Some((line, message)) = play.scripts.borrow().stray() {
        return Err(Failure::new(line, message));
    }
    match expects {
        true => Ok(()),
        false => Err(Failure::new(trial.line, "this test expects nothing")),
    }
}

struct Play<'o> {
    manner: Manner,
    /// Until the run begins.
    outside: Option<&'o mut dyn Outside>,
    definition: Option<Text>,
    /// What the template takes from elsewhere.
    resources: Resources,
    input: Option<Value>,
    began: DateTime<Utc>,
    /// What a job in chunks reads.
    members: Option<Members>,
    secrets: Secrets,
    scripts: Rc<RefCell<Scripts>>,
    /// What stands in them before the run.
    contexts: Contexts,
    /// What the run begins with, where events start it.
    starter: Option<Starter>,
    /// Events before the run.
    letters: i64,
    stage: Option<Stage<'o>>,
}

impl<'o> Play<'o> {
    fn perform(&mut self, line: u32, deed: &Deed) -> Result<(), String> {
        match deed {
            Deed::Define(text) => match self.stage {
                None => self.definition = Some(text.clone()),
                Some(_) => return Err("the run has begun already".to_owned()),
            },
            Deed::Document { url, text } => {
                let text = Resource::Read(Arc::from(text.as_str()));
                self.resources.add(url, text);
            }
            Deed::Input(value) => self.input = Some(value.clone()),
            Deed::Clock(instant) => self.began = *instant,
            Deed::Secret { name, value } => return self.secret(name, value),
            Deed::Members(members) => self.members = Some(members.clone()),
            Deed::Prepare(work, choice, answer) => {
                return self.prepare(line, (work, choice), answer);
            }
            Deed::Context(key, document) => self.context(key, document)?,
            Deed::Execute => return self.execute(),
            Deed::Advance(length) => match &mut self.stage {
                Some(stage) => return stage.play_until(later(stage.now, *length)),
                None => self.began = later(self.began, *length),
            },
            Deed::Receive(event) => match &mut self.stage {
                Some(stage) => return stage.receive(event),
                None => return self.receive(event),
            },
            Deed::Restart => match &mut self.starter {
                Some(starter) if self.stage.is_none() => return starter.restart(self.began),
                _ => return self.stage()?.restart(),
            },
            Deed::Cancel => return self.stage()?.cancel(),
            Deed::Expect(Expectation::Refused(code)) => return self.is_refused(code),
            Deed::Expect(Expectation::Warned(code)) => return self.is_warned(code),
            Deed::Expect(Expectation::Waiting) if self.waits_to_begin() => {}
            Deed::Expect(expectation) => {
                let stage = self.stage()?;
                stage.play_while(|stage| judge::waits(stage, expectation))?;
                return judge::holds(stage, expectation);
            }
        }
        Ok(())
    }

    fn stage(&mut self) -> Result<&mut Stage<'o>, String> {
        self.stage
            .as_mut()
            .ok_or_else(|| "the workflow was not executed yet".to_owned())
    }

    fn context(&mut self, key: &str, document: &Value) -> Result<(), String> {
        match (&self.stage, document.as_map()) {
            (Some(_), _) => return Err("the run has begun already".to_owned()),
            (_, None) => return Err("a context is an object".to_owned()),
            _ => self.contexts.put(key, document.clone()),
        }
        Ok(())
    }

    fn prepare(
        &mut self,
        line: u32,
        (work, choice): (&Work, &Choice),
        answer: &Prepared,
    ) -> Result<(), String> {
        let chunks = self.members.as_ref().map_or(0, Members::chunks);
        if let Some(Number::Chunk(number)) = choice.number
            && !(1..=chunks).contains(&number)
        {
            let given = match chunks {
                0 => "the test gives no chunks".to_owned(),
                1 => "the test gives one chunk".to_owned(),
                chunks => format!("the test gives chunks 1 to {chunks}"),
            };
            return Err(format!(
                "chunk {number} of `{}` is answered, and {given}",
                work.0
            ));
        }
        let mut scripts = self.scripts.borrow_mut();
        scripts.prepare(line, (work, choice), answer)
    }

    /// A secret must be one that the template declares.
    fn secret(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let text = self.definition.as_ref().ok_or("no workflow was defined")?;
        let tree = tree::read_one(&text.text, Format::Yaml);
        let tree = tree.map_err(|problems| said::told(&problems, text.line))?;
        secret::is_declared(&tree, name)?;
        self.secrets.insert(name.to_owned(), secret::text(value)?);
        Ok(())
    }

    /// An event before the run: the last that was wanted begins it.
    fn receive(&mut self, event: &Value) -> Result<(), String> {
        if self.starter.is_none() {
            let facts = self.facts();
            let trigger =
                Program::trigger(&self.template()?.document).map_err(|error| error.to_string())?;
            let trigger = trigger.ok_or("the workflow was not executed yet")?;
            self.starter = Some(Starter::new(trigger, facts, self.manner.refolds));
        }
        self.letters += 1;
        let envelope = envelope(event, self.letters, self.began)?;
        let starter = self.starter.as_mut().ok_or("no events start this run")?;
        match starter.receive(&envelope, self.began)? {
            Some(input) => {
                self.input = Some(input);
                self.execute()
            }
            None => Ok(()),
        }
    }

    fn waits_to_begin(&self) -> bool {
        self.starter.is_some() && self.stage.is_none()
    }

    fn template(&mut self) -> Result<Template, String> {
        let line = self.definition.as_ref().map_or(0, |text| text.line);
        self.published()?.map_err(|problems| {
            format!("the workflow is refused:\n{}", said::told(&problems, line))
        })
    }

    fn facts(&self) -> JobFacts {
        let members = self.members.as_ref();
        let nothing = || Value::map([] as [(&str, Value); 0]);
        let input = self.input.clone().or_else(|| members.map(Members::input));
        JobFacts {
            id: JOB,
            nonce: 1,
            input: input.unwrap_or_else(nothing),
            created_at: self.began,
            tenant: "default".to_owned(),
            batch: members.map(Members::facts),
            ..JobFacts::default()
        }
    }

    fn execute(&mut self) -> Result<(), String> {
        let template = self.template()?;
        let program = Program::of(&template).map_err(|error| error.to_string())?;
        // Where a call is made changes nothing of what a test sees.
        let program = program.unplaced();
        let outside = self
            .outside
            .take()
            .ok_or("the workflow was executed before")?;
        let world = World {
            outside,
            scripts: self.scripts.clone(),
            bundle: Bundle::of(&template),
            members: self.members.clone(),
            contexts: self.contexts.clone(),
            secrets: self.secrets.clone(),
            asked: Vec::new(),
            jobs: JOB,
        };
        let (world, facts) = (Rc::new(RefCell::new(world)), self.facts());
        let refolds = self.manner.refolds;
        let stage = Stage::new(Arc::new(program), facts, world, None, refolds);
        self.stage.insert(stage).execute()
    }

    fn published(&mut self) -> Result<Result<Template, Vec<Problem>>, String> {
        let text = self.definition.as_ref().ok_or("no workflow was defined")?;
        let tree = match check::read(&text.text) {
            Ok(tree) => tree,
            Err(problems) => return Ok(Err(problems)),
        };
        let mut room = usize::MAX;
        // What was read may name more.
        while let Some(outside) = &mut self.outside
            && self.resources.room() < room
        {
            room = self.resources.room();
            for url in check::wanted(&tree, &self.resources).into_iter().take(room) {
                let resource = match outside.read(&url) {
                    Ok(text) => Resource::Read(Arc::from(text)),
                    Err(problem) => Resource::Failed(problem),
                };
                self.resources.add(url, resource);
            }
        }
        let catalogue = catalogue(&text.text);
        Ok(check::publish_tree(&tree, &catalogue, &self.resources))
    }

    fn is_refused(&mut self, code: &str) -> Result<(), String> {
        let problems = self.published()?.err();
        let problems = problems.ok_or("the workflow is published")?;
        has(&problems, code).map_err(|told| format!("it is refused otherwise:\n{told}"))
    }

    fn is_warned(&mut self, code: &str) -> Result<(), String> {
        self.published()?
            .map_err(|problems| format!("it is refused:\n{}", said::told(&problems, 0)))?;
        let text = self.definition.as_ref().ok_or("no workflow was defined")?;
        let tree = tree::read_one(&text.text, Format::Yaml);
        let found = check::warnings(&tree.map_err(|problems| said::told(&problems, 0))?);
        has(&found, code).map_err(|told| format!("it is published with: {told}"))
    }
}

/// Whether one of the problems has this code; if not, all of them in words.
fn has(problems: &[Problem], code: &str) -> Result<(), String> {
    match problems.iter().any(|problem| problem.code == code) {
        true => Ok(()),
        false => Err(said::told(problems, 0)),
    }
}

/// All that the machine can do, the functions of this release, and every other one that the document
/// names: a test prepares what they give, whoever will do them one day.
fn catalogue(text: &str) -> Catalogue {
    let able = Ability::ALL.into_iter();
    let mut catalogue = able.fold(Catalogue::builtin(), Catalogue::able);
    let tree = tree::read_one(text, Format::Yaml).ok();
    let mut names = Vec::new();
    if let Some(tree) = &tree {
        called(tree, &mut names);
    }
    for name in names {
        if let Some((function, "default")) = function_name(name)
            && catalogue.schema(&function).is_none()
        {
            let any = Value::Bool(true);
            let more = catalogue
                .clone()
                .with(&function.name, &function.version, &any);
            catalogue = more.unwrap_or(catalogue);
        }
    }
    catalogue
}

/// As deep as the document, whose depth is bounded.
fn called<'t>(tree: &'t Tree, names: &mut Vec<&'t str>) {
    match &tree.node {
        Node::List(items) => items.iter().for_each(|item| called(item, names)),
        Node::Map(entries) => {
            for entry in entries {
                if &*entry.key == "call" {
                    names.extend(entry.value.as_str());
                }
                called(&entry.value, names);
            }
        }
        Node::Scalar(_) => {}
    }
}
