//! `fork`: order, join, race, faults, context (rulings 13 and 16 to 18).

use windlass_workflows::machine::Applied;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::turn::OutcomeKind;

use crate::rig::{Rig, communication, drive, error, json, output};

const TWO: &str = "do:
- f:
    fork:
      branches:
        - a: { call: 'echo:1.0.0@default', with: { n: 1 } }
        - b: { call: 'echo:1.0.0@default', with: { n: 2 } }
";

const RACE: &str = "do:
- f:
    fork:
      compete: true
      branches:
        - a: { call: 'echo:1.0.0@default' }
        - b: { call: 'echo:1.0.0@default' }
- after: { set: { won: '${ . }' } }
";

const A: &str = "/do/0/f/fork/branches/0/a";
const B: &str = "/do/0/f/fork/branches/1/b";

#[test]
fn branches_run_side_by_side_and_join_in_declared_order() {
    let rig = drive(TWO, "{}", |rig| {
        rig.start();
        assert_eq!(rig.performs().len(), 2);
        rig.answer_at(B, r#""second""#);
        assert_eq!(rig.performs().len(), 1);
        rig.answer_at(A, r#""first""#);
    });

    assert_eq!(rig.output(), r#"["first","second"]"#);
}

#[test]
fn pure_branches_join_at_once() {
    let document = "do: [ { f: { fork: { branches: [ { a: { set: { x: 1 } } }, { b: { set: '${ .n }' } } ] } } } ]";

    assert_eq!(output(document, r#"{"n":2}"#), r#"[{"x":1},2]"#);
}

#[test]
fn the_first_fault_cancels_the_others_and_leaves_the_fork() {
    let rig = drive(TWO, "{}", |rig| {
        rig.start();
        let late = rig.open_at(A).activity;
        rig.refuse_at(B, communication(503));
        let again = rig.tell(EventKind::Succeeded {
            activity: late,
            output: json("1"),
        });
        assert_eq!(again, Applied::Late);
    });

    let error = rig.error();
    assert_eq!(error.get("instance"), Some(&json(&format!("\"{B}\""))));
    assert!(rig.asked.iter().any(|asked| asked.starts_with("Stop")));
}

/// A race whose branches end in this order: with an output, or with the status of an error.
fn raced(ends: &[(&str, Result<&str, u16>)]) -> Rig {
    drive(RACE, "{}", |rig| {
        rig.start();
        for (path, end) in ends {
            match end {
                Ok(output) => rig.answer_at(path, output),
                Err(status) => rig.refuse_at(path, communication(*status)),
            };
        }
    })
}

#[test]
fn the_first_done_wins_a_race_and_stops_the_others() {
    let rig = raced(&[(B, Ok("2"))]);

    assert_eq!(rig.output(), r#"{"won":2}"#);
    assert!(rig.asked.iter().any(|asked| asked.starts_with("Stop")));
}

#[test]
fn a_faulting_branch_merely_loses_a_race() {
    let rig = raced(&[(A, Err(503)), (B, Ok("2"))]);

    assert_eq!(rig.output(), r#"{"won":2}"#);
}

#[test]
fn when_all_lose_the_first_fault_is_raised() {
    let rig = raced(&[(B, Err(502)), (A, Err(503))]);

    assert_eq!(rig.error().get("status"), Some(&json("502")));
}

/// Case 11: a race with a pure winner is one turn, and what it would have asked for is not asked for.
#[test]
fn a_pure_winner_ends_the_race_in_its_turn_wherever_it_stands() {
    let first = "do: [ { f: { fork: { compete: true, branches: [ { a: { set: 1x } }, { b: { call: 'echo:1.0.0@default' } } ] } } } ]"
        .replace("1x", "'${ 1 }'");
    let last = "do: [ { f: { fork: { compete: true, branches: [ { b: { call: 'echo:1.0.0@default' } }, { a: { set: '${ 1 }' } } ] } } } ]";

    for document in [first.as_str(), last] {
        let rig = drive(document, "{}", Rig::start);

        assert_eq!(rig.output(), "1");
        assert!(rig.asked.is_empty(), "{:?}", rig.asked);
        assert_eq!(rig.entries.len(), 1);
    }
}

#[test]
fn equal_instants_are_won_by_declared_order() {
    let document = "do: [ { f: { fork: { compete: true, branches: [
        { red: { do: [ { w: { wait: PT5S } }, { s: { set: '${ \"red\" }' } } ] } },
        { blue: { do: [ { w: { wait: PT5S } }, { s: { set: '${ \"blue\" }' } } ] } } ] } } } ]";

    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.fire();
    });

    assert_eq!(rig.output(), r#""red""#);
}

#[test]
fn a_branch_sees_its_own_exports_and_a_join_applies_what_each_changed() {
    let document = "do:
- before: { set: { n: 1 }, export: { as: '{ kept: 0, both: 0, gone: 1 }' } }
- f:
    fork:
      branches:
        - a: { set: { x: 1 }, export: { as: '$context + { a: 1, both: 1 }' } }
        - b: { set: '${ $context }', export: { as: '$context + { b: 2, both: 2 } | del(.gone)' } }
- after: { set: '${ [ ., $context ] }' }
";

    assert_eq!(
        output(document, "{}"),
        r#"[[{"x":1},{"kept":0,"both":0,"gone":1}],{"kept":0,"both":2,"a":1,"b":2}]"#
    );
}

#[test]
fn only_the_winner_s_exports_count() {
    let document = "do:
- f:
    fork:
      compete: true
      branches:
        - a: { do: [ { e: { set: { x: 1 }, export: { as: '{ a: 1 }' } } }, { w: { wait: PT9S } } ] }
        - b: { set: { x: 2 }, export: { as: '{ b: 2 }' } }
- after: { set: '${ $context }' }
";

    assert_eq!(output(document, "{}"), r#"{"b":2}"#);
}

/// Case 13: exports of a failed fork are dropped, those of a failed `try` body stay.
#[test]
fn a_failed_fork_leaves_no_exports() {
    let document = "do:
- t:
    try:
      - e: { set: { n: 1 }, export: { as: '{ kept: 1 }' } }
      - f:
          fork:
            branches:
              - a: { set: { x: 1 }, export: { as: '$context + { lost: 1 }' } }
              - b: { raise: { error: { type: 'https://x.example/no', status: 409 } } }
    catch: { do: [ { h: { set: '${ $context }' } } ] }
";

    assert_eq!(output(document, "{}"), r#"{"kept":1}"#);
}

#[test]
fn exit_ends_the_branch_alone() {
    let document = "do: [ { f: { fork: { branches: [
        { a: { do: [ { x: { set: { x: 1 }, then: exit } }, { y: { set: { y: 1 } } } ], then: exit } },
        { b: { set: { b: 1 } } } ] } } } ]";

    assert_eq!(output(document, "{}"), r#"[{"x":1},{"b":1}]"#);
}

#[test]
fn a_timeout_of_the_fork_ends_every_branch() {
    let document = TWO.replace("    fork:", "    timeout: { after: PT10S }\n    fork:");
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.answer_at(A, "1");
        rig.fire();
    });

    assert_eq!(rig.error().get("status"), Some(&json("408")));
    assert_eq!(rig.error().get("instance"), Some(&json("\"/do/0/f\"")));
}

#[test]
fn a_try_inside_a_branch_retries_beside_the_others() {
    let document = "do: [ { f: { fork: { branches: [
        { a: { try: [ { c: { call: 'echo:1.0.0@default' } } ], catch: { retry: { delay: PT5S, limit: { attempt: { count: 1 } } } } } },
        { b: { call: 'echo:1.0.0@default' } } ] } } } ]";
    let a = "/do/0/f/fork/branches/0/a/try/0/c";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.refuse_at(a, communication(503));
        rig.answer_at(B, "2");
        rig.fire();
        rig.answer_at(a, "1");
    });

    assert_eq!(rig.output(), "[1,2]");
}

#[test]
fn forks_stand_in_forks_and_loops() {
    let document = "do:
- each:
    for: { in: '[ 1, 2 ]' }
    do:
      - f:
          fork:
            branches:
              - a: { fork: { branches: [ { c: { call: 'echo:1.0.0@default', with: { i: '${ $item }' } } }, { d: { set: '${ $item }' } } ] } }
              - b: { set: '${ $index }' }
";
    let c = "/do/0/each/do/0/f/fork/branches/0/a/fork/branches/0/c";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.answer_at(c, r#""x""#);
        rig.answer_at(c, r#""y""#);
    });

    assert_eq!(rig.output(), r#"[["y",2],1]"#);
}

#[test]
fn a_cancel_waits_for_the_steps_of_all_branches() {
    let rig = drive(TWO, "{}", |rig| {
        rig.start();
        let (a, b) = (rig.open_at(A).activity, rig.open_at(B).activity);
        rig.cancel();
        assert!(rig.outcome.is_none());
        for activity in [b, a] {
            rig.tell(EventKind::Succeeded {
                activity,
                output: json("1"),
            });
        }
    });

    rig.result(OutcomeKind::Cancelled);
}

/// Case 10: results of two branches in one flush.
#[test]
fn two_branches_may_answer_in_one_turn() {
    let program = crate::rig::program(TWO);
    let mut rig = Rig::new(program, crate::rig::facts("{}"), false);
    rig.start();
    for step in rig.performs() {
        let event = EventKind::Succeeded {
            activity: step.activity,
            output: json("1"),
        };
        let at = rig.now;
        rig.execution
            .apply(windlass_workflows::machine::event::Event { at, kind: event })
            .expect("it is open");
    }
    rig.tell(EventKind::Due);

    assert_eq!(rig.output(), "[1,1]");
    assert_eq!(rig.entries.len(), 2);
}

#[test]
fn an_if_may_skip_a_branch() {
    let document = "do: [ { f: { fork: { branches: [ { a: { if: 'false', set: { x: 1 } } }, { b: { set: { b: 1 } } } ] } } } ]";

    assert_eq!(output(document, r#"{"n":1}"#), r#"[{"n":1},{"b":1}]"#);
}

#[test]
fn too_many_branches_beside_each_other_are_an_error() {
    let many: Vec<String> = (0..40)
        .map(|n| {
            let inner: Vec<String> = (0..30)
                .map(|m| format!("{{ c{m}: {{ wait: PT1S }} }}"))
                .collect();
            format!(
                "{{ b{n}: {{ fork: {{ branches: [ {} ] }} }} }}",
                inner.join(",")
            )
        })
        .collect();
    let document = format!(
        "do: [ {{ f: {{ fork: {{ branches: [ {} ] }} }} }} ]",
        many.join(",")
    );

    assert_eq!(error(&document, "{}").get("status"), Some(&json("500")));
}
