//! Changes by somebody who is no worker: what is written is where the job goes on, and nothing more.

use windlass_workflows::machine::command::Command;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::flight::{By, Change, StepId, copy, patch, rewind, skip};
use windlass_workflows::machine::{Applied, Execution, JobFacts};

use crate::flight::{codes, step};
use crate::rig::{Rig, communication, facts, json, program, start};

impl Rig {
    /// Changed and written by somebody else, then taken by a worker.
    pub fn amend(&mut self, change: Change) -> Applied {
        let by = By {
            who: "ann".into(),
            why: "wrong number".into(),
            what: "as she says".into(),
        };
        let applied = self.execution.amend(self.now, change.by(by));
        let turn = self.execution.seal().expect("a change is a turn");
        assert!(turn.end.is_none() && turn.head.is_some());
        self.rows.extend(turn.rows.clone());
        self.entries.extend(turn.entry.clone());
        self.heads.extend(turn.head.clone());
        let mut left = self.execution.settle(turn).into_iter();
        assert!(left.all(|command| matches!(command, Command::Stop { .. })));
        self.execution = Execution::load(
            self.program.clone(),
            self.facts.clone(),
            self.heads.last().cloned(),
            Vec::new(),
        )
        .expect("its head is whole");
        self.tell(EventKind::Due);
        applied.expect("it is legal")
    }
}

const PARKS: &str = "do:
- a: { call: 'echo:1.0.0@default', with: {}, output: { as: '{ got: . }' }, metadata: { windlass: { onExhausted: park } } }
- b: { call: 'echo:1.0.0@default', with: { all: '${ . }' } }
";

fn parked(document: &str) -> Rig {
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    rig.refuse(communication(500));
    rig
}

#[test]
fn a_skipped_step_gave_what_a_person_says_and_its_output_is_shaped_as_ever() {
    let mut rig = parked(PARKS);
    assert!(rig.parked.is_some());

    let skipping = skip(&rig.execution, None, json("7")).expect("it is parked");
    assert_eq!(
        (skipping.path.as_str(), skipping.is_undo),
        ("/do/0/a", false)
    );
    assert_eq!(rig.amend(skipping.change), Applied::More);

    assert_eq!(rig.given(), r#"{"all":{"got":7}}"#);
    rig.answer("1");
    assert_eq!(rig.output(), "1");
    let told = &rig.entries[1].data;
    let said = r#""who":"ann","why":"wrong number","what":"as she says""#;
    assert!(
        told.contains(said) && told.contains(r#""kind":"skipped""#),
        "{told}"
    );
}

#[test]
fn a_try_that_ran_out_of_retries_is_skipped_whole() {
    let mut rig = parked(
        "do:
- t:
    metadata: { windlass: { onExhausted: park } }
    try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
    catch: { retry: { limit: { attempt: { count: 1 } } } }
- b: { call: 'echo:1.0.0@default', with: { all: '${ . }' } }
",
    );
    while rig.parked.is_none() {
        rig.fire();
        rig.refuse(communication(500));
    }

    let skipping = skip(&rig.execution, Some("/do/0/t"), json("[1]")).expect("it is parked");
    rig.amend(skipping.change);

    assert_eq!(rig.given(), r#"{"all":[1]}"#);
}

#[test]
fn what_is_not_parked_is_not_skipped() {
    let mut rig = parked(PARKS);
    let other = skip(&rig.execution, Some("/do/1/b"), json("7")).expect_err("not that one");
    rig.go_on();
    let open = skip(&rig.execution, None, json("7")).expect_err("it runs");

    assert_eq!(codes(&[other, open]), ["flight.not_parked"; 2]);
}

const LOOP: &str = "do:
- a: { call: 'echo:1.0.0@default', with: {} }
- l: { for: { in: '[1, 2]' }, do: [ { i: { call: 'echo:1.0.0@default', with: { n: '${ $item }' } } } ] }
- c: { call: 'echo:1.0.0@default', with: {} }
";

/// Case 29: out of a loop, by somebody who is no worker.
#[test]
fn an_amended_rewind_writes_where_the_job_goes_on_and_its_next_holder_goes_there() {
    let mut rig = Rig::new(program(LOOP), facts("{}"), false);
    rig.start();
    rig.answer("0");
    rig.answer("1");
    rig.answer("2");
    assert!(rig.open().key.ends_with("/do/2/c-1"));

    let to = StepId::read(&rig.execution, "i#2").expect("it was there twice");
    assert_eq!(to, step("/do/1/l/do/0/i", 2));
    let back = rewind(&rig.history(), &to).expect("it can go back");
    assert_eq!(rig.amend(back.change), Applied::More);

    assert_eq!(rig.given(), r#"{"n":2}"#);
    assert!(rig.open().key.ends_with("/do/0/i-3"), "a key of its own");
    rig.answer("5");
    rig.answer("6");
    assert_eq!(rig.output(), "6");
}

#[test]
fn a_job_is_written_in_the_first_format_until_somebody_changes_it_and_in_the_second_from_then_on() {
    let mut rig = Rig::new(program(LOOP), facts("{}"), false);
    rig.start();
    rig.answer("0");
    let change = patch(&rig.execution, &json(r#"{"k":1}"#)).expect("a patch");
    rig.amend(change);
    rig.answer("1");

    let formats: Vec<&str> = rig.entries.iter().map(|entry| &entry.data[..6]).collect();
    assert_eq!(formats, [r#"{"v":1"#, r#"{"v":2"#, r#"{"v":2"#]);
    assert_eq!(rig.heads[0].fold, 2);
}

#[test]
fn a_step_is_meant_by_its_pointer_or_by_a_name_that_no_other_has() {
    let rig = Rig::new(program(LOOP), facts("{}"), false);
    let read = |text: &str| StepId::read(&rig.execution, text);

    assert_eq!(read("/do/2/c#4"), Ok(step("/do/2/c", 4)));
    assert_eq!(read("c#4"), Ok(step("/do/2/c", 4)));
    assert_eq!(
        codes(&[read("nobody").expect_err("no task")]),
        ["flight.no_step"]
    );
    assert_eq!(
        codes(&[read("/do/9/x").expect_err("no task")]),
        ["flight.no_step"]
    );
}

#[test]
fn a_copied_state_bears_the_markers_of_its_own_job() {
    let document = "use: { secrets: [ k ] }
do:
- s: { call: 'echo:1.0.0@default', with: { h: '${ $secrets.k }' } }
- w: { call: 'echo:1.0.0@default', with: { h: '${ .h }' } }
";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    // Whatever the state holds of it, as where a remote gives back what it was sent.
    let sent = rig.given();
    rig.answer(&sent);
    let other = JobFacts {
        id: 8,
        nonce: 0xc0de,
        ..facts("{}")
    };
    let old = rig.given();

    let at = step("/do/1/w", 1);
    let copied = copy(&rig.history(), &at, other.clone(), start(), By::default());
    let mut new = Rig::new(rig.program.clone(), other, false);
    new.execution = copied.expect("a copy").execution;
    new.tell(EventKind::Due);

    let marks = new.execution.marks().expect("it names secrets");
    let swap = |text: &str| marks.swapped(text, |name, _| format!("<{name}>"));
    assert_eq!(swap(&new.given()), r#"{"h":"<k>"}"#);
    assert_eq!(swap(&old), old, "the other job's is no marker here");
}
