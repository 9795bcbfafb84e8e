//! A journal under another program: other numbers of nodes, other answers of the expression library.
//! Loading evaluates nothing, so no decision that was made is made again.

use windlass_workflows::machine::Execution;
use windlass_workflows::machine::event::{Event, EventKind};
use windlass_workflows::machine::turn::Entry;

use crate::rig::{Rig, communication, facts, json, program};

/// A tried step in a branch, beside a listen in another, behind a list that can grow.
fn numbered(more: &str) -> String {
    format!(
        "do:
- first: {{ do: [ {{ x: {{ set: '${{ . }}' }} }}{more} ] }}
- f:
    fork:
      branches:
        - b: {{ do: [ {{ t: {{ try: [ {{ c: {{ call: 'echo:1.0.0@default', with: {{ v: '${{ . }}' }} }} }} ], catch: {{ retry: {{ delay: PT5S, limit: {{ attempt: {{ count: 2 }} }} }} }} }} }} ] }}
        - l: {{ listen: {{ to: {{ one: {{ with: {{ type: a }} }} }} }} }}
- last: {{ call: 'echo:1.0.0@default' }}
"
    )
}

/// The same moves from where `rig` stands, under this program; every turn and command as text.
fn rest(rig: &Rig, document: &str, moves: &[fn(&mut Rig)]) -> Vec<String> {
    let mut other = Rig::new(program(document), facts(r#"{"n":1}"#), false);
    other.execution = Execution::load(
        program(document),
        facts(r#"{"n":1}"#),
        None,
        rig.entries.clone(),
    )
    .expect("it can be read");
    other.now = rig.now;
    other.entries = rig.entries.clone();
    let mut told = vec![format!("{:?}", other.execution.view())];
    for make in moves {
        make(&mut other);
        told.push(format!("{:?}", other.execution.pending()));
    }
    let entries = &other.entries[rig.entries.len()..];
    told.extend(entries.iter().map(|entry: &Entry| entry.data.clone()));
    told
}

/// Case 4: another binary may number the nodes otherwise: state and journal say pointers.
#[test]
fn a_job_goes_on_in_a_program_that_numbers_its_nodes_otherwise() {
    let old = numbered("");
    let new = numbered(", { y: { set: { never: true }, if: 'false' } }, { z: { do: [] } }");
    let moves: [fn(&mut Rig); 4] = [
        |rig| {
            rig.fire();
        },
        |rig| {
            rig.answer("2");
        },
        |rig| {
            rig.mail(1, r#"{"type":"a","data":3}"#);
        },
        |rig| {
            rig.answer("4");
        },
    ];
    let mut rig = Rig::new(program(&old), facts(r#"{"n":1}"#), false);
    rig.start();
    rig.refuse(communication(503));

    let (same, shifted) = (rest(&rig, &old, &moves), rest(&rig, &new, &moves));

    assert!(same.len() > moves.len() + 3, "{same:?}");
    assert_eq!(shifted, same);
}

/// Every place that decides: a case, a loop's list, an input, a length, a correlation.
const DECIDES: &str = "do:
- pick: { switch: [ { one: { when: '.n == 1', then: each } }, { other: { then: y } } ] }
- y: { set: { never: true }, then: end }
- each:
    for: { in: '[ range(2) ]' }
    do:
      - c: { call: 'echo:1.0.0@default', with: { v: '${ $item + 10 }' } }
      - w: { wait: '${ \"PT10S\" }' }
- l: { listen: { to: { one: { with: { type: a }, correlate: { k: { from: .data.k, expect: '${ 1 + 1 }' } } } } } }
";

/// The same document under a library that gives something else everywhere.
fn otherwise() -> String {
    let mut changed = DECIDES.to_owned();
    for (from, to) in [
        (".n == 1'", ".n == 2'"),
        ("range(2)", "range(5)"),
        ("$item + 10", "$item + 90"),
        ("PT10S", "PT99S"),
        ("1 + 1", "40 + 1"),
    ] {
        assert!(changed.contains(from), "{from}");
        changed = changed.replace(from, to);
    }
    changed
}

/// Drops the state, and goes on under the other library.
fn upgraded(rig: &Rig) -> Execution {
    let (program, facts) = (program(&otherwise()), facts(r#"{"n":1}"#));
    Execution::load(program, facts, None, rig.entries.clone()).expect("it can be read")
}

/// Case 5: a changed expression library loads every journal and keeps every decision that was made.
#[test]
fn decisions_that_were_made_are_kept_under_a_changed_library() {
    let mut rig = Rig::new(program(DECIDES), facts(r#"{"n":1}"#), false);
    let stands = |rig: &Rig| {
        let (now, then) = (&rig.execution, upgraded(rig));
        assert_eq!(
            format!("{:?}", then.pending()),
            format!("{:?}", now.pending())
        );
        assert_eq!(then.next_due(), now.next_due());
        assert_eq!(then.interests(), now.interests());
        assert_eq!(then.view(), now.view());
        then
    };
    // The first entry is written when the first step ends.
    rig.start();
    rig.answer("1");
    stands(&rig);
    rig.fire();
    stands(&rig);
    rig.answer("2");
    let mut later = stands(&rig);

    // The list of the loop was evaluated once: it has two items for ever.
    later
        .apply(Event {
            at: later.next_due().expect("a timer"),
            kind: EventKind::Due,
        })
        .expect("it fires");
    assert_eq!(later.view().doing, "listens");
    rig.fire();
    let kept = stands(&rig);
    assert!(kept.wants(&json(r#"{"type":"a","data":{"k":2}}"#)));
    assert!(!kept.wants(&json(r#"{"type":"a","data":{"k":41}}"#)));
}

/// What comes after is evaluated by the library that comes to it.
#[test]
fn what_is_not_decided_yet_is_decided_by_the_new_library() {
    let mut rig = Rig::new(program(DECIDES), facts(r#"{"n":1}"#), false);
    rig.start();
    rig.answer("1");
    rig.execution = upgraded(&rig);
    rig.compares_every = usize::MAX;

    rig.fire();

    assert_eq!(rig.given(), r#"{"v":91}"#);
}
