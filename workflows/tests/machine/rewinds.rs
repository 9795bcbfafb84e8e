//! Rewinds: what begins again under new keys, what stays, what is told before, and what is refused.

use windlass_workflows::machine::Applied;
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::flight::{Rewinding, rewind};

use crate::flight::step;
use crate::rig::{Rig, communication, drive, facts, program};

impl Rig {
    pub fn rewinding(&self, path: &str, visit: u32) -> Rewinding {
        let found = rewind(&self.history(), &step(path, visit));
        found.unwrap_or_else(|problem| panic!("{path} {visit}: {problem:#?}"))
    }

    pub fn rewind(&mut self, path: &str, visit: u32) {
        let change = self.rewinding(path, visit).change;
        assert_eq!(self.change(change), Applied::Done);
    }

    fn refused(&self, path: &str, visit: u32) -> String {
        let found = rewind(&self.history(), &step(path, visit));
        found.expect_err("it is refused").code
    }
}

const LINE: &str = "do:
- w: { wait: PT1S }
- a: { call: 'echo:1.0.0@default', with: { n: '${ .n }' }, export: { as: '$context + { a: . }' } }
- b: { call: 'echo:1.0.0@default', with: { got: '${ $context }' }, timeout: { after: PT1H } }
- c: { call: 'echo:1.0.0@default', with: { got: '${ . }' }, metadata: { windlass: { effect: { key: '${ \"k\" }', onUnknown: redo } } } }
";

fn tells(rewinding: &Rewinding) -> Vec<String> {
    let again = rewinding.again.iter();
    let again = again.map(|one| format!("{} {}", one.path, one.times));
    let stops = rewinding.stops.iter().map(|path| format!("stop {path}"));
    again.chain(stops).collect()
}

#[test]
fn a_job_goes_back_to_a_step_with_what_it_knew_then_and_a_new_key() {
    let rig = drive(LINE, r#"{"n":1}"#, |rig| {
        rig.start();
        rig.fire();
        rig.answer("10");
        rig.answer("20");
        rig.after(7_200);
        let told = rig.rewinding("/do/2/b", 1);
        assert_eq!(
            tells(&told),
            ["/do/2/b 1", "/do/3/c 1", "stop /do/3/c"],
            "what runs again, and what ends"
        );
        assert_eq!(told.seq, 3);
        assert!(told.again[1].has_effect && !told.again[0].has_effect);
        rig.rewind("/do/2/b", 1);

        let open = rig.open();
        assert_eq!((open.key.as_str(), open.visit), ("j7-5eed-/do/2/b-2", 2));
        assert_eq!(rig.given(), r#"{"got":{"a":10}}"#);
        assert_eq!(rig.due_in(), 3_600.0, "its deadline begins with now");
        let last = &rig.asked[rig.asked.len() - 2..];
        assert!(last[0].starts_with("Stop"), "{last:?}");
        assert_eq!(
            rig.entries.last().map(|entry| entry.kind.as_str()),
            Some("rewound")
        );
        assert!(rig.heads.last().is_some_and(|head| head.seq == 5));

        // The step that was left: nobody waits for it.
        let late = EventKind::Succeeded {
            activity: Activity(3),
            output: crate::rig::json("9"),
        };
        assert_eq!(rig.tell(late), Applied::Late);
        rig.answer("21");
        assert_eq!(rig.open().key, "j7-5eed-/do/3/c-2");
        rig.answer("30");
    });

    assert_eq!(rig.output(), "30");
}

#[test]
fn a_job_goes_back_to_a_wait_and_to_its_beginning() {
    let rig = drive(LINE, r#"{"n":1}"#, |rig| {
        rig.start();
        rig.fire();
        rig.answer("10");
        rig.rewind("/do/0/w", 1);
        assert_eq!(rig.due_in(), 1.0, "it waits its whole length");
        assert!(rig.performs().is_empty());
        rig.fire();
        assert_eq!(rig.open().key, "j7-5eed-/do/1/a-2");
        rig.rewind("", 1);
        assert_eq!(rig.due_in(), 1.0);
    });
    // A journal that begins with the end of the first step: what was before it is its row.
    let first =
        "do: [ { a: { call: 'echo:1.0.0@default' } }, { b: { call: 'echo:1.0.0@default' } } ]";
    let begun = drive(first, "{}", |rig| {
        rig.start();
        rig.answer("1");
        let told = rig.rewinding("/do/0/a", 1);
        assert_eq!((told.seq, tells(&told).len()), (0, 3));
        rig.rewind("/do/0/a", 1);
        assert_eq!(rig.open().key, "j7-5eed-/do/0/a-2");
        rig.answer("2");
        rig.answer("3");
    });

    assert!(rig.outcome.is_none());
    assert_eq!(begun.output(), "3");
}

#[test]
fn back_to_where_it_stands_nothing_changes() {
    let rig = drive(LINE, r#"{"n":1}"#, |rig| {
        rig.start();
        rig.fire();
        rig.answer("10");
        let before = (rig.execution.view(), rig.entries.len(), rig.asked.len());
        let told = rig.rewinding("/do/2/b", 1);
        assert!(tells(&told).is_empty());
        assert_eq!(rig.change(told.change), Applied::Late);
        assert_eq!(
            (rig.execution.view(), rig.entries.len(), rig.asked.len()),
            before
        );
        rig.answer("20");
    });

    assert!(rig.outcome.is_none());
}

/// Case 29: out of a loop, and to an earlier turn of it.
#[test]
fn a_job_goes_back_out_of_a_loop_and_into_an_earlier_turn_of_it() {
    let document = "do:
- a: { call: 'echo:1.0.0@default', with: { at: '${ now }' }, output: { as: '[ 1, 2, 3 ]' } }
- l:
    for: { in: '.' }
    do: [ { c: { call: 'echo:1.0.0@default', with: { i: '${ $item }', was: '${ . }' } } } ]
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.answer("0");
        rig.answer("\"x\"");
        rig.answer("\"y\"");
        assert_eq!(rig.given(), r#"{"i":3,"was":"y"}"#);
        rig.rewind("/do/1/l/do/0/c", 2);
        assert_eq!(rig.given(), r#"{"i":2,"was":"x"}"#);
        assert_eq!(rig.open().key, "j7-5eed-/do/1/l/do/0/c-4");
        rig.rewind("/do/0/a", 1);
        assert_eq!(rig.open().key, "j7-5eed-/do/0/a-2");
        rig.answer("0");
        assert_eq!(rig.open().key, "j7-5eed-/do/1/l/do/0/c-5");
        for output in ["1", "2", "3"] {
            rig.answer(output);
        }
    });

    assert_eq!(rig.output(), "3");
}

const FORK: &str = "do:
- w: { wait: PT1S }
- a: { call: 'echo:1.0.0@default' }
- f:
    fork:
      branches:
        - b: { do: [ { b1: { call: 'echo:1.0.0@default' } }, { b2: { call: 'echo:1.0.0@default' } } ] }
        - c: { run: { workflow: { namespace: a, name: b, version: 1.0.0 } } }
        - l: { listen: { to: { all: [ { with: { type: x } }, { with: { type: y } } ] } } }
        - s: { wait: PT1H }
";

fn in_the_fork(rig: &mut Rig) {
    rig.start();
    rig.fire();
    rig.answer("1");
    rig.answer("2");
    rig.mail(1, r#"{"type":"x","data":1}"#);
}

/// Case 29: out of a fork: steps stop, children close, mail goes back, timers go.
#[test]
fn a_job_goes_back_out_of_a_fork_and_takes_all_of_it_along() {
    let rig = drive(FORK, "{}", |rig| {
        in_the_fork(rig);
        let told = rig.rewinding("/do/1/a", 1);
        assert_eq!(
            tells(&told),
            [
                "/do/1/a 1",
                "/do/2/f/fork/branches/0/b/do/0/b1 1",
                "/do/2/f/fork/branches/0/b/do/1/b2 1",
                "/do/2/f/fork/branches/1/c 1",
                "stop /do/2/f/fork/branches/0/b/do/1/b2",
                "stop /do/2/f/fork/branches/1/c",
            ]
        );
        rig.rewind("/do/1/a", 1);
        assert_eq!(rig.open().key, "j7-5eed-/do/1/a-2");
        assert!(rig.execution.interests().is_empty());
        assert_eq!(rig.execution.next_due(), None);
        assert_eq!(rig.written(), ["start b", "take 1", "return 1", "close 3"]);
    });

    assert!(rig.outcome.is_none());
}

#[test]
fn branches_that_stand_where_they_stood_are_left_in_peace() {
    let rig = drive(FORK, "{}", |rig| {
        in_the_fork(rig);
        let due = rig.execution.next_due();
        rig.rewind("/do/2/f/fork/branches/0/b/do/0/b1", 1);

        assert_eq!(
            rig.open().key,
            "j7-5eed-/do/2/f/fork/branches/0/b/do/0/b1-2"
        );
        assert_eq!(rig.written(), ["start b", "take 1"], "child and mail stay");
        assert_eq!(rig.execution.next_due(), due, "the timer goes on");
        rig.mail(2, r#"{"type":"y","data":2}"#);
        rig.settle(Activity(3), Ok("3"));
        rig.answer("4");
        rig.answer("5");
        rig.fire();
    });

    assert_eq!(rig.output(), "[5,3,[1,2],1]");
}

#[test]
fn a_retry_after_a_rewind_keeps_the_new_keys_and_makes_none_of_before() {
    let document = "do:
- w: { wait: PT1S }
- t:
    try: [ { a: { call: 'echo:1.0.0@default' } }, { b: { call: 'echo:1.0.0@default' } } ]
    catch: { retry: { delay: PT5S, limit: { attempt: { count: 2 }, duration: PT1M } } }
- c: { call: 'echo:1.0.0@default' }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.fire();
        rig.answer("1");
        rig.answer("2");
        rig.after(3_600);
        rig.rewind("/do/1/t/try/1/b", 1);
        assert_eq!(rig.open().key, "j7-5eed-/do/1/t/try/1/b-2");
        rig.refuse(communication(503));
        rig.fire();
        assert_eq!(
            rig.open().key,
            "j7-5eed-/do/1/t/try/0/a-1",
            "it keeps its key"
        );
        rig.answer("1");
        assert_eq!(rig.open().key, "j7-5eed-/do/1/t/try/1/b-2");
        rig.answer("2");
        rig.answer("3");
    });

    assert_eq!(rig.output(), "3");
}

const UNDONE: &str = "do:
- w: { wait: PT1S }
- s:
    metadata: { windlass: { compensate: onFailure } }
    do:
      - a: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: { o: '${ $output }' } } } } }
      - b: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: { o: '${ $output }' } } } } }
      - c: { call: 'echo:1.0.0@default' }
";

#[test]
fn what_has_happened_is_still_undone_and_both_times_of_it() {
    let rig = drive(UNDONE, "{}", |rig| {
        rig.start();
        rig.fire();
        rig.answer("\"a1\"");
        rig.answer("\"b1\"");
        assert!(rig.rewinding("/do/1/s/do/1/b", 1).again[0].has_undo);
        rig.rewind("/do/1/s/do/1/b", 1);
        rig.answer("\"b2\"");
        rig.refuse(communication(500));
        for wanted in ["b2", "b1", "a1"] {
            assert_eq!(rig.given(), format!(r#"{{"o":"{wanted}"}}"#));
            rig.answer("null");
        }
    });

    assert_eq!(rig.error().get("status"), Some(&crate::rig::json("500")));
}

#[test]
fn nobody_goes_back_while_undos_run_or_to_what_has_been_undone() {
    let document = format!(
        "do:
- t: {{ try: {}, catch: {{ do: [] }} }}
- z: {{ call: 'echo:1.0.0@default' }}
",
        "[ { w: { wait: PT1S } }, { s: { metadata: { windlass: { compensate: onFailure } }, do: [ { a: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: {} } } } } }, { c: { call: 'echo:1.0.0@default' } } ] } } ]"
    );
    let (a, c) = ("/do/0/t/try/1/s/do/0/a", "/do/0/t/try/1/s/do/1/c");
    drive(&document, "{}", |rig| {
        rig.start();
        rig.fire();
        rig.answer("1");
        rig.refuse(communication(500));
        assert_eq!(rig.refused(a, 1), "flight.undoing");
        rig.answer("null");
        assert_eq!(rig.open().path, "/do/1/z");
        assert_eq!(rig.refused(c, 1), "flight.undone", "`a` is undone");
        // Before that it was not done yet: it may be done again.
        rig.rewind(a, 1);
        assert_eq!(rig.open().key, format!("j7-5eed-{a}-2"));
    });
}

#[test]
fn a_place_that_was_not_reached_or_is_none_is_refused() {
    let mut rig = Rig::new(program(LINE), facts(r#"{"n":1}"#), false);
    rig.start();
    rig.fire();

    assert_eq!(rig.refused("/do/3/c", 1), "flight.not_reached");
    assert_eq!(rig.refused("/do/1/a", 2), "flight.not_reached");
    assert_eq!(rig.refused("/do/9/z", 1), "flight.no_step");
}

#[test]
fn a_parked_job_goes_back_and_is_parked_no_more() {
    let document = "do:
- w: { wait: PT1S }
- a: { call: 'echo:1.0.0@default' }
- p: { call: 'echo:1.0.0@default', metadata: { windlass: { onExhausted: park } } }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.fire();
        rig.answer("1");
        rig.refuse(communication(500));
        assert!(rig.parked.take().is_some());
        rig.rewind("/do/1/a", 1);
        assert!(rig.parked.is_none());
        rig.answer("2");
        rig.answer("3");
    });

    assert_eq!(rig.output(), "3");
}

#[test]
fn a_listen_that_is_open_keeps_its_mail_when_the_body_of_an_event_begins_again() {
    let document = "do:
- w: { wait: PT1S }
- l:
    listen: { to: { any: [ { with: { type: a } } ], until: 'length == 2' } }
    foreach: { item: e, do: [ { c: { call: 'echo:1.0.0@default', with: { e: '${ $e }' } } } ] }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.fire();
        rig.mail(1, r#"{"type":"a","data":"x"}"#);
        rig.answer("1");
        rig.mail(2, r#"{"type":"a","data":"y"}"#);
        assert_eq!(rig.given(), r#"{"e":"y"}"#);
        rig.rewind("/do/1/l", 1);
        assert_eq!(rig.given(), r#"{"e":"x"}"#, "from its first event");
        rig.answer("3");
        assert_eq!(rig.given(), r#"{"e":"y"}"#);
        rig.answer("4");
        assert_eq!(rig.written(), ["take 1", "take 2"]);
    });

    assert_eq!(rig.output(), "[3,4]");
}
