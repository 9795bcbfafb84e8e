//! A list whose items are jobs: some of them open at once, each on a stage of its own.
//!
//! The rules are those by which the engine feeds and tells its groups: items begin in their order; once more of
//! them failed than are tolerated nothing more begins, and the parent is told at once.

mod told;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::told::Ended;
use super::{Arrival, Next, Stage};
use crate::machine::event::{Activity, EventKind};
use crate::machine::fault::Fault;
use crate::machine::group::{Map, MapWork};
use crate::machine::turn::{End, Outcome, OutcomeKind};
use crate::machine::{JobFacts, fault_value};
use crate::policy::retry::later;
use crate::program::Program;
use crate::trial::asked::{Asked, Number, Of, name};
use crate::value::Value;

/// A `map` under way.
pub(super) struct Group<'o> {
    pub(super) activity: Activity,
    /// Pointer of the task.
    task: String,
    call: String,
    work: Work,
    items: Vec<Value>,
    parallel: usize,
    failed_max: u32,
    key: Option<String>,
    /// The next one to begin.
    next: usize,
    open: Vec<Item<'o>>,
    ended: Vec<Ended>,
    failed: u32,
}

/// What the jobs of a group run.
enum Work {
    /// A part of the same template.
    Part(Arc<Program>),
    /// Another template, `namespace.name:version`: only a prepared answer says how it ends.
    Template(String),
}

struct Item<'o> {
    index: usize,
    job: i64,
    run: Run<'o>,
}

enum Run<'o> {
    Part(Box<Stage<'o>>),
    /// When and how it ends; nothing if it never does.
    Template(Option<(DateTime<Utc>, Result<Value, Fault>)>),
}

impl<'o> Stage<'o> {
    /// Does the items of a list one by one, unless an answer is prepared for all of it.
    pub(super) fn open_map(
        &mut self,
        activity: Activity,
        asked: Asked,
        input: &Value,
    ) -> Result<(), String> {
        let path = asked.path.clone();
        let prepared = self.world.borrow_mut().prepared(asked, self.now)?;
        if let Some(answer) = prepared {
            self.settle(activity, answer);
            return Ok(());
        }
        match self.group(activity, path, input) {
            Ok(group) => {
                let of = group.of(0);
                let world = self.world.borrow();
                world.scripts.borrow_mut().note_list(&of, group.items.len());
                drop(world);
                self.groups.push(group);
                self.feed(self.groups.len() - 1)?;
                self.go_on()?;
            }
            Err(fault) => {
                let event = EventKind::Failed {
                    activity,
                    fault,
                    again_after: None,
                };
                self.tell_parent(activity, event);
            }
        }
        Ok(())
    }

    fn group(&self, activity: Activity, task: String, input: &Value) -> Result<Group<'o>, Fault> {
        let map = Map::read(input)?;
        let (call, work) = match map.work {
            MapWork::Call(call) => {
                let bundle = self.world.borrow().bundle.clone().entered(call);
                let part = Program::build(&bundle).map_err(|error| {
                    let title = format!("`{call}` cannot be started: {error}");
                    Fault::standard("configuration", 404, title)
                })?;
                (call.to_owned(), Work::Part(Arc::new(part)))
            }
            MapWork::Template(template) => {
                let name = format!("{}.{}", template.namespace, template.name);
                let versioned = format!("{name}:{}", template.version);
                (name, Work::Template(versioned))
            }
        };
        Ok(Group {
            activity,
            task,
            call,
            work,
            parallel: map.parallel as usize,
            failed_max: map.failed_max,
            key: map.key,
            next: 0,
            open: Vec::new(),
            ended: Vec::with_capacity(map.items.len()),
            failed: 0,
            items: map.items,
        })
    }

    /// Begins as many items as may be open at once.
    fn feed(&mut self, place: usize) -> Result<(), String> {
        while let Some(index) = self.groups[place].wanted() {
            let job = self.world.borrow_mut().job();
            let run = self.begin_item(place, index, job)?;
            let group = &mut self.groups[place];
            group.next += 1;
            group.open.push(Item { index, job, run });
        }
        Ok(())
    }

    fn begin_item(&self, place: usize, index: usize, job: i64) -> Result<Run<'o>, String> {
        let group = &self.groups[place];
        let (input, of) = (group.items[index].clone(), group.of(index));
        match &group.work {
            Work::Part(program) => {
                let facts = JobFacts {
                    id: job,
                    nonce: 1,
                    input,
                    created_at: self.now,
                    tenant: self.facts.tenant.clone(),
                    item_key: group.key.as_ref().map(|key| format!("{key}/{index}")),
                    ..JobFacts::default()
                };
                let world = self.world.clone();
                let mut stage = Stage::new(program.clone(), facts, world, Some(of), self.refolds);
                stage.begin()?;
                Ok(Run::Part(Box::new(stage)))
            }
            Work::Template(template) => {
                let asked = Asked {
                    path: group.task.clone(),
                    function: Some(template.clone()),
                    given: input,
                    of: Some(of),
                    is_all: true,
                };
                let answer = self.world.borrow_mut().answered(asked, self.now, None)?;
                let end = answer.map(|answer| (later(self.now, answer.after), answer.result));
                Ok(Run::Template(end))
            }
        }
    }

    /// When something next happens to an item, and to which.
    pub(super) fn next_item(&self) -> Option<(DateTime<Utc>, Next)> {
        let groups = self.groups.iter().enumerate();
        let items = groups.flat_map(|(place, group)| {
            let items = group.open.iter().enumerate();
            items.filter_map(move |(item, open)| Some((open.next()?, Next::Item(place, item))))
        });
        items.min_by_key(|(at, _)| *at)
    }

    /// Does what happens to an item at this instant.
    pub(super) fn step_item(&mut self, place: usize, item: usize) -> Result<bool, String> {
        let now = self.now;
        if let Run::Part(stage) = &mut self.groups[place].open[item].run {
            stage.now = now;
            stage.step()?;
        }
        self.go_on()?;
        Ok(true)
    }

    /// Something happens to every open item that has a stage.
    fn each_item(
        &mut self,
        mut does: impl FnMut(&mut Stage<'o>) -> Result<(), String>,
    ) -> Result<(), String> {
        let now = self.now;
        for item in self.groups.iter_mut().flat_map(|group| &mut group.open) {
            if let Run::Part(stage) = &mut item.run {
                stage.now = now;
                does(stage)?;
            }
        }
        self.go_on()
    }

    /// An event is for everybody who listens.
    pub(super) fn items_receive(&mut self, event: &Value) -> Result<(), String> {
        self.each_item(|stage| stage.receive(event))
    }

    /// The engine has died and come back.
    pub(super) fn restart_items(&mut self) -> Result<(), String> {
        self.each_item(Stage::restart)
    }

    /// Takes in what items gave, and begins others in their place.
    fn go_on(&mut self) -> Result<(), String> {
        for place in (0..self.groups.len()).rev() {
            while self.take_in(place) {
                if !self.groups[place].is_lost() {
                    self.feed(place)?;
                }
            }
        }
        self.sweep();
        Ok(())
    }

    /// Takes in one item that has ended; whether there was one.
    fn take_in(&mut self, place: usize) -> bool {
        let now = self.now;
        let group = &mut self.groups[place];
        let ended = group.open.iter().position(|item| item.end(now).is_some());
        let Some(ended) = ended.filter(|_| !group.is_lost()) else {
            return false;
        };
        let item = group.open.remove(ended);
        let result = item.end(now);
        group.failed += u32::from(matches!(result, Some(Err(_))));
        group.ended.extend(result.map(|result| Ended {
            index: item.index,
            job: item.job,
            result,
        }));
        true
    }

    /// Tells of the groups that are over, and forgets them.
    fn sweep(&mut self) {
        let parent = self.facts.name();
        let is_over = |group: &mut Group<'o>| group.is_lost() || group.is_done();
        let over: Vec<Group<'o>> = self.groups.extract_if(.., is_over).collect();
        for group in over {
            let (activity, event) = (group.activity, group.told(&parent));
            self.tell_parent(activity, event);
        }
    }

    /// It stands in a row, and comes whatever becomes of this engine.
    fn tell_parent(&mut self, activity: Activity, event: EventKind) {
        self.arrivals.push(Arrival {
            at: self.now,
            activity,
            event,
            is_durable: true,
        });
    }

    /// Where the items stand that have not ended, in words.
    pub(super) fn items_standing(&self) -> String {
        let told = self.groups.iter().filter_map(|group| {
            let first = group.open.first()?;
            let stands = match &first.run {
                Run::Part(stage) => stage.standing(),
                Run::Template(_) => "it has not ended".to_owned(),
            };
            let task = name(&group.task);
            Some(format!("; item {} of `{task}`: {stands}", first.index))
        });
        told.collect()
    }
}

impl Group<'_> {
    /// One of its items.
    fn of(&self, index: usize) -> Of {
        Of {
            task: self.task.clone(),
            call: self.call.clone(),
            number: Number::Item(u32::try_from(index).unwrap_or(u32::MAX)),
        }
    }

    /// The item that may begin.
    fn wanted(&self) -> Option<usize> {
        let has_room = self.open.len() < self.parallel && self.next < self.items.len();
        has_room.then_some(self.next)
    }

    /// More failed than are tolerated.
    fn is_lost(&self) -> bool {
        self.failed > self.failed_max
    }

    fn is_done(&self) -> bool {
        self.open.is_empty() && self.next == self.items.len()
    }
}

impl Item<'_> {
    /// When something next happens to it.
    fn next(&self) -> Option<DateTime<Utc>> {
        match &self.run {
            Run::Part(stage) if stage.end.is_some() => None,
            Run::Part(stage) => stage.next().map(|(at, _)| at),
            Run::Template(end) => end.as_ref().map(|(at, _)| *at),
        }
    }

    /// How it ended, if it has.
    fn end(&self, now: DateTime<Utc>) -> Option<Result<Value, Value>> {
        match &self.run {
            Run::Part(stage) => match &stage.end {
                Some(End::Outcome(outcome)) => Some(self.result(outcome)),
                _ => None,
            },
            Run::Template(end) => {
                let (_, result) = end.as_ref().filter(|(at, _)| *at <= now)?;
                Some(result.clone().map_err(|fault| fault_value(&fault)))
            }
        }
    }

    fn result(&self, outcome: &Outcome) -> Result<Value, Value> {
        let told = outcome.result.as_deref();
        let told = told.and_then(|text| Value::parse(text).ok());
        match outcome.kind {
            OutcomeKind::Completed => Ok(told.unwrap_or_default()),
            kind => Err(told.unwrap_or_else(|| {
                let title = format!("j_{} ended {}", self.job, kind.as_str());
                Value::map([("title", Value::from(title))])
            })),
        }
    }
}
