//! Jobs in flight: what a person changes, and how it is refused. Rewinds and migrations have files of
//! their own beside this one.

use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::flight::{By, Change, History, StepId, copy, patch};
use windlass_workflows::machine::row::Row;
use windlass_workflows::machine::{Applied, JobFacts, Refusal};
use windlass_workflows::problem::Problem;

use crate::rig::{Rig, communication, drive, facts, json, program, start};

impl Rig {
    /// What is durable of the job.
    pub fn history(&self) -> History<'_> {
        History {
            program: &self.program,
            facts: &self.facts,
            head: None,
            entries: &self.entries,
        }
    }

    pub fn change(&mut self, change: Change) -> Applied {
        self.tell(EventKind::Changed(Box::new(change)))
    }

    pub fn patch(&mut self, with: &str) {
        let change = patch(&self.execution, &json(with)).expect("it can be patched");
        assert_eq!(self.change(change), Applied::Done);
    }
}

pub fn step(path: &str, visit: u32) -> StepId {
    StepId {
        path: path.to_owned(),
        visit,
    }
}

pub fn codes(problems: &[Problem]) -> Vec<&str> {
    problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect()
}

const CONTEXT: &str = "do:
- a: { set: '${ . }', export: { as: '{ k: 1, gone: 2, deep: { x: 1, y: 2 } }' } }
- b: { call: 'echo:1.0.0@default', with: { k: '${ $context.k }' } }
- c: { call: 'echo:1.0.0@default', with: '${ $context }' }
";

#[test]
fn a_patched_context_is_what_later_tasks_see_and_open_steps_keep_what_they_were_given() {
    let document = CONTEXT.replace("with: '${ $context }'", "with: { all: '${ $context }' }");
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.answer("0");
        rig.patch(r#"{"k":7,"gone":null,"deep":{"y":null,"z":3},"new":[1]}"#);
        let given = r#"{"all":{"k":1,"gone":2,"deep":{"x":1,"y":2}}}"#;
        assert_eq!(rig.given(), given, "it is open");
        let head = rig.heads.last().expect("a change writes a head");
        assert_eq!(head.seq, rig.entries.len() as i32);
    });
    let before = drive(&document, "{}", |rig| {
        rig.start();
        // Nothing is written yet: from here on the job has a journal.
        rig.patch(r#"{"k":7,"gone":null,"deep":{"y":null,"z":3},"new":[1]}"#);
        assert_eq!(rig.entries.len(), 1);
        assert_eq!(rig.entries[0].kind, "patched");
        assert_eq!(rig.given(), r#"{"k":1}"#);
        rig.answer("0");
        let given = r#"{"all":{"k":7,"deep":{"x":1,"z":3},"new":[1]}}"#;
        assert_eq!(rig.given(), given);
    });

    assert!(rig.outcome.is_none() && before.outcome.is_none());
}

#[test]
fn a_patch_that_cannot_be_is_refused_with_every_reason() {
    let document =
        "do: [ { f: { fork: { branches: [ { a: { wait: PT1S } }, { b: { wait: PT1S } } ] } } } ]";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();

    let problems = patch(&rig.execution, &json("[]")).expect_err("it is refused");

    assert_eq!(codes(&problems), ["flight.fork_open", "flight.context"]);
    assert_eq!(problems[0].pointer, "/do/0/f");
}

/// Case 29, its second half: a preview of before is refused, whatever has happened since.
#[test]
fn a_change_that_was_made_for_another_entry_is_refused_and_changes_nothing() {
    let mut rig = Rig::new(
        program(CONTEXT.replace("'${ $context }'", "{}").as_str()),
        facts("{}"),
        false,
    );
    rig.start();
    rig.answer("0");
    let stale = patch(&rig.execution, &json(r#"{"k":9}"#)).expect("a patch");
    rig.patch(r#"{"k":7}"#);
    let before = (rig.execution.view(), rig.entries.len());

    let refused = rig.try_tell(EventKind::Changed(Box::new(stale.clone())));

    assert_eq!(stale.expected(), 1);
    let moved_on = Refusal::MovedOn {
        expected: 1,
        actual: 2,
    };
    assert!(moved_on.to_string().starts_with("moved_on"));
    assert_eq!(refused, Err(moved_on));
    assert_eq!((rig.execution.view(), rig.entries.len()), before);
}

#[test]
fn what_ends_or_has_ended_takes_no_change() {
    let document = "do: [ { w: { wait: PT1S } }, { a: { call: 'echo:1.0.0@default' } } ]";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    rig.fire();
    let change = patch(&rig.execution, &json("{}")).expect("a patch");
    rig.cancel();
    let closing = patch(&rig.execution, &json("{}")).expect("a patch");
    for change in [change, closing] {
        assert!(rig.try_tell(EventKind::Changed(Box::new(change))).is_err());
    }
    rig.answer_stopping("1");
    let ended = patch(&rig.execution, &json("{}")).expect("a patch");
    assert!(rig.try_tell(EventKind::Changed(Box::new(ended))).is_err());
}

const LONG: &str = "do:
- w: { wait: PT1S }
- s:
    metadata: { windlass: { compensate: onFailure } }
    do:
      - a: { call: 'echo:1.0.0@default', with: { n: '${ .n }' }, export: { as: '{ a: . }' }, metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: {} } } } }
      - f:
          fork:
            branches:
              - c: { run: { workflow: { namespace: a, name: b, version: 1.0.0 } } }
              - b: { call: 'echo:1.0.0@default', with: { got: '${ $context.a }' }, timeout: { after: PT1H } }
      - d: { call: 'echo:1.0.0@default', with: { got: '${ . }' } }
";

/// The row of a copy.
fn other() -> JobFacts {
    JobFacts {
        id: 8,
        nonce: 0xc0de,
        ..facts(r#"{"n":1}"#)
    }
}

/// A job that stands in its fork, with a child and a step.
fn forked() -> Rig {
    let mut rig = Rig::new(program(LONG), facts(r#"{"n":1}"#), false);
    rig.start();
    rig.fire();
    rig.answer(r#"{"id":5}"#);
    rig
}

#[test]
fn a_copy_begins_where_another_job_was_with_keys_and_children_of_its_own() {
    let mut rig = forked();
    rig.answer("2");
    let at = start() + chrono::TimeDelta::days(3);
    let copied = copy(
        &rig.history(),
        &step("/do/1/s/do/1/f", 1),
        other(),
        at,
        By::default(),
    )
    .expect("a copy");
    assert_eq!(copied.seq, 3);

    let mut new = Rig::new(rig.program.clone(), other(), false);
    (new.execution, new.now) = (copied.execution, at);
    // Nothing happens: its first turn is there all the same.
    new.tell(EventKind::Due);

    let step = new.open();
    assert_eq!(step.key, "j8-c0de-/do/1/s/do/1/f/fork/branches/1/b-1");
    assert_eq!(step.due, Some(at + chrono::TimeDelta::hours(1)));
    assert_eq!(new.given(), r#"{"got":{"id":5}}"#);
    assert_eq!(new.written(), ["start b"]);
    let [Row::StartChild(child)] = &new.rows[..] else {
        panic!("{:?}", new.rows);
    };
    assert_eq!(child.key, "j8-c0de-/do/1/s/do/1/f/fork/branches/0/c-1");
    assert_eq!((new.entries.len(), new.heads.len()), (1, 1));

    // What failed there was done by the other job: this one undoes nothing of it.
    let activity = step.activity;
    new.tell(EventKind::Failed {
        activity,
        fault: communication(500),
        again_after: None,
    });
    assert_eq!(new.written(), ["start b", "close 4"]);
    assert_eq!(new.error().get("status"), Some(&json("500")));
}

#[test]
fn a_copy_goes_on_to_the_end_and_the_other_job_as_if_nothing_had_been() {
    let mut rig = forked();
    let copied = copy(
        &rig.history(),
        &step("/do/1/s/do/0/a", 1),
        other(),
        start(),
        By::default(),
    );
    let mut new = Rig::new(rig.program.clone(), other(), true);
    new.execution = copied.expect("a copy").execution;
    new.tell(EventKind::Due);
    new.answer(r#"{"id":6}"#);
    let child = Activity(3);
    new.settle(child, Ok("1"));
    new.answer("2");
    assert_eq!(new.given(), r#"{"got":[1,2]}"#);
    new.answer("3");
    assert_eq!(new.output(), "3");

    rig.settle(Activity(2), Ok("7"));
    rig.answer("8");
    assert_eq!(rig.given(), r#"{"got":[7,8]}"#);
}

#[test]
fn a_copy_that_cannot_be_is_refused_with_every_reason() {
    let rig = forked();
    let refused = |path: &str, visit, facts: JobFacts| {
        let copied = copy(
            &rig.history(),
            &step(path, visit),
            facts,
            start(),
            By::default(),
        );
        let problems = copied.err().expect("it is refused");
        codes(&problems).join(" ")
    };
    let others = facts(r#"{"n":2}"#);

    assert_eq!(refused("/do/1/s/do/2/d", 1, other()), "flight.not_reached");
    assert_eq!(refused("/do/1/s/do/0/a", 2, other()), "flight.not_reached");
    assert_eq!(
        refused("/do/9/x", 1, others),
        "flight.other_input flight.no_step"
    );
}

#[test]
fn a_history_that_cannot_be_read_is_told_and_nothing_is_made_of_it() {
    let mut rig = forked();
    rig.entries[1].data.truncate(20);

    let copied = copy(
        &rig.history(),
        &step("/do/1/s", 1),
        other(),
        start(),
        By::default(),
    );

    assert_eq!(
        codes(&copied.err().expect("it is refused")),
        ["flight.history"]
    );
}

#[test]
fn a_job_that_is_being_undone_can_be_copied_as_it_was_before() {
    let mut rig = Rig::new(program(LONG), facts(r#"{"n":1}"#), false);
    rig.start();
    rig.fire();
    rig.answer("1");
    rig.refuse(communication(500));
    let undo = rig.open();
    assert!(undo.key.ends_with("-undo"), "{undo:?}");

    let copied = copy(
        &rig.history(),
        &step("/do/1/s/do/0/a", 1),
        other(),
        start(),
        By::default(),
    );
    let mut new = Rig::new(rig.program.clone(), other(), false);
    new.execution = copied.expect("a copy").execution;
    new.tell(EventKind::Due);

    assert_eq!(new.open().key, "j8-c0de-/do/1/s/do/0/a-1");
}
