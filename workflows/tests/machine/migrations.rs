//! Migrations: which task is which, what is told before, what cannot go on, and that a moved job goes on
//! like one that began there.

use std::sync::Arc;

use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::flight::{Mapping, Migration, migrate};
use windlass_workflows::machine::{Applied, Execution};
use windlass_workflows::program::Program;

use crate::flight::codes;
use crate::rig::{Rig, communication, facts, json, program};

fn mapping(steps: &[(&str, &str)]) -> Mapping {
    let steps = steps.iter();
    Mapping {
        steps: steps
            .map(|(old, new)| ((*old).to_owned(), (*new).to_owned()))
            .collect(),
    }
}

fn moving(rig: &Rig, to: &Arc<Program>) -> Migration {
    migrate(&rig.execution, to, &Mapping::default()).expect("the mapping is sound")
}

impl Rig {
    /// Moves the job, and loads it from what its move wrote alone.
    pub fn migrate(&mut self, document: &str, steps: &[(&str, &str)]) -> Vec<String> {
        let to = program(document);
        let found = migrate(&self.execution, &to, &mapping(steps)).expect("a sound mapping");
        let change = found
            .change
            .unwrap_or_else(|problems| panic!("{problems:#?}"));
        self.compares_every = usize::MAX;
        assert_eq!(self.change(change), Applied::Done);
        self.program = to;
        let head = self.heads.last().cloned().expect("a move writes a head");
        assert_eq!(head.seq, self.entries.len() as i32);
        let loaded = Execution::load(self.program.clone(), self.facts.clone(), Some(head), vec![]);
        let loaded = loaded.expect("it can be read");
        assert_eq!(loaded.view(), self.execution.view());
        assert_eq!(
            format!("{:?}", loaded.pending()),
            format!("{:?}", self.execution.pending())
        );
        self.execution = loaded;
        found.removed
    }
}

fn begun(document: &str, moves: impl Fn(&mut Rig)) -> Rig {
    let mut rig = Rig::new(program(document), facts(r#"{"n":1}"#), false);
    rig.start();
    moves(&mut rig);
    rig
}

const OLD: &str = "do:
- w: { wait: PT1S }
- gone: { set: { x: 1 } }
- t:
    try: [ { a: { call: 'echo:1.0.0@default', with: { v: 1 } } }, { b: { call: 'echo:1.0.0@default', with: { v: 1 } } } ]
    catch: { retry: { delay: PT5S, limit: { attempt: { count: 2 } } } }
- fin: { set: { old: '${ . }' } }
";
const NEW: &str = "do:
- first: { set: { never: true } }
- w: { wait: PT1S }
- t:
    try: [ { more: { set: '${ . }' } }, { a: { call: 'echo:1.0.0@default', with: { v: 2 } } }, { b: { call: 'echo:1.0.0@default', with: { v: 2 } } } ]
    catch: { retry: { delay: PT7S, limit: { attempt: { count: 2 } } } }
- last: { set: { new: '${ . }' } }
";

#[test]
fn a_job_goes_on_under_another_version_where_its_tasks_stand_there() {
    let mut rig = begun(OLD, |rig| rig.fire());
    let removed = rig.migrate(NEW, &[]);
    assert_eq!(removed, ["/do/1/gone", "/do/3/fin"], "every one of them");

    // The open step keeps what it was given; its answer and its retry are the new version's.
    assert_eq!(rig.given(), r#"{"v":1}"#);
    assert_eq!(rig.open().path, "/do/2/t/try/1/a");
    let asked = "j7-5eed-/do/2/t/try/0/a-1";
    assert_eq!(rig.open().key, asked, "it is asked for again as it was");
    rig.refuse(communication(503));
    assert_eq!(rig.due_in(), 7.0);
    rig.fire();
    assert_eq!(rig.given(), r#"{"v":2}"#);
    assert_eq!(
        rig.open().key,
        "j7-5eed-/do/2/t/try/1/a-1",
        "a retry keeps its visit"
    );
    rig.answer("5");
    rig.answer("6");
    assert_eq!(rig.output(), r#"{"new":6}"#);
}

#[test]
fn a_job_that_stands_in_a_removed_task_stays_unless_somebody_says_where_it_goes_on() {
    let old = "do: [ { w: { wait: PT1S } }, { d: { do: [ { gone: { call: 'echo:1.0.0@default' } } ] } } ]";
    let new = "do: [ { w: { wait: PT1S } }, { d: { do: [ { other: { call: 'echo:1.0.0@default' } }, { z: { wait: PT1S } } ] } } ]";
    let mut rig = begun(old, |rig| rig.fire());

    let found = moving(&rig, &program(new));
    let problems = found.change.expect_err("it stands there");
    assert_eq!(codes(&problems), ["flight.removed"]);
    assert_eq!(problems[0].pointer, "/do/1/d/do/0/gone");
    assert_eq!(found.removed, ["/do/1/d/do/0/gone"]);

    let unknown = migrate(
        &rig.execution,
        &program(new),
        &mapping(&[("/do/7/x", "/do/1/d"), ("/do/0/w", "/do/8/y")]),
    );
    assert_eq!(
        codes(&unknown.expect_err("there are none")),
        ["flight.no_step", "flight.no_step"]
    );

    rig.migrate(new, &[("/do/1/d/do/0/gone", "/do/1/d/do/0/other")]);
    assert_eq!(rig.open().path, "/do/1/d/do/0/other");
    rig.answer("1");
    rig.fire();
    assert_eq!(rig.output(), "1");
}

/// Case 30: at a listen, with one of its letters taken.
#[test]
fn a_job_moves_at_a_listen_that_is_the_same_and_not_at_one_that_wants_something_else() {
    let with = |kind: &str, before: &str| {
        format!(
            "do:
{before}- l: {{ listen: {{ to: {{ all: [ {{ with: {{ type: a }} }}, {{ with: {{ type: {kind} }} }} ] }} }}, timeout: {{ after: PT1H }} }}
- e: {{ set: {{ got: '${{ . }}' }} }}
"
        )
    };
    let mut rig = begun(&with("b", ""), |rig| {
        rig.mail(1, r#"{"type":"a","data":1}"#);
    });
    let due = rig.execution.next_due();

    let found = moving(&rig, &program(&with("c", "")));
    let problems = found.change.expect_err("it waits for something else");
    assert_eq!(codes(&problems), ["flight.other_kind"]);
    assert!(found.removed.is_empty());

    rig.migrate(&with("b", "- first: { wait: PT1S }\n"), &[]);
    assert_eq!(rig.execution.next_due(), due);
    assert_eq!(rig.execution.interests().len(), 1, "the letter stays taken");
    rig.mail(2, r#"{"type":"b","data":2}"#);
    assert_eq!(rig.output(), r#"{"got":[1,2]}"#);
}

#[test]
fn a_counterpart_of_another_kind_cannot_take_over() {
    let stands = |task: &str| format!("do: [ {{ w: {{ wait: PT1S }} }}, {{ x: {task} }} ]");
    let call = stands("{ call: 'echo:1.0.0@default' }");
    let fork = |names: [&str; 2], compete: bool| {
        let [one, other] = names;
        stands(&format!(
            "{{ fork: {{ compete: {compete}, branches: [ {{ {one}: {{ wait: PT1H }} }}, {{ {other}: {{ wait: PT2H }} }} ] }} }}"
        ))
    };
    let group =
        stands("{ call: 'map:1.0.0@default', with: { items: [], call: 'echo:1.0.0@default' } }");
    let layered = format!(
        "use: {{ functions: {{ f: {{ call: 'echo:1.0.0@default' }} }} }}\n{}",
        stands("{ call: f }")
    );
    for (old, new) in [
        (&call, &stands("{ wait: PT1S }")),
        (&call, &group),
        (&call, &layered),
        (&fork(["a", "b"], false), &fork(["b", "a"], false)),
        (&fork(["a", "b"], false), &fork(["a", "b"], true)),
    ] {
        let rig = begun(old, |rig| rig.fire());
        let problems = moving(&rig, &program(new)).change.expect_err("it cannot");
        assert!(
            codes(&problems).contains(&"flight.other_kind"),
            "{new}: {problems:?}"
        );
    }
}

#[test]
fn an_input_that_the_new_version_does_not_take_keeps_the_job_where_it_is() {
    let old = "do: [ { w: { wait: PT1S } } ]";
    let asks = |required: &str| {
        format!(
            "input: {{ schema: {{ format: json, document: {{ type: object, required: [ {required} ] }} }} }}\n{old}"
        )
    };
    let rig = begun(old, |_| {});

    assert!(moving(&rig, &program(&asks("n"))).change.is_ok());
    let problems = moving(&rig, &program(&asks("region")))
        .change
        .expect_err("it lacks it");
    assert_eq!(codes(&problems), ["flight.other_schema"]);
    assert!(problems[0].message.contains("region"), "{problems:?}");
}

#[test]
fn undos_of_removed_steps_keep_the_job_where_it_is_and_others_move_along() {
    let with = |names: [&str; 2]| {
        let [one, other] = names;
        let undo = "metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: {} } } }";
        format!(
            "do:
- s:
    metadata: {{ windlass: {{ compensate: onFailure }} }}
    do:
      - {one}: {{ call: 'echo:1.0.0@default', {undo} }}
      - {other}: {{ call: 'echo:1.0.0@default' }}
"
        )
    };
    let stands = || {
        begun(&with(["a", "b"]), |rig| {
            rig.answer("1");
        })
    };
    let problems = moving(&stands(), &program(&with(["z", "b"]))).change;
    assert_eq!(
        codes(&problems.expect_err("it keeps an undo")),
        ["flight.removed"]
    );

    let mut rig = stands();
    rig.migrate(&with(["z", "b"]), &[("/do/0/s/do/0/a", "/do/0/s/do/0/z")]);
    rig.refuse(communication(500));
    assert_eq!(rig.open().key, "j7-5eed-/do/0/s/do/0/z-1-undo");
}

#[test]
fn branches_children_and_loops_move_as_they_stand() {
    let document = |before: &str| {
        format!(
            "do:
{before}- l:
    for: {{ in: '[ 1, 2 ]' }}
    do:
      - f:
          fork:
            branches:
              - c: {{ run: {{ workflow: {{ namespace: a, name: b, version: 1.0.0 }} }} }}
              - b: {{ call: 'echo:1.0.0@default', with: {{ i: '${{ $item }}' }} }}
"
        )
    };
    let mut rig = begun(&document(""), |_| {});
    rig.migrate(&document("- first: { set: { x: 1 } }\n"), &[]);

    rig.settle(Activity(1), Ok("1"));
    rig.answer("2");
    assert_eq!(rig.given(), r#"{"i":2}"#);
    rig.settle(Activity(3), Ok("3"));
    rig.answer("4");
    assert_eq!(json(&rig.output()), json("[3,4]"));
}
