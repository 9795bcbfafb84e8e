//! Turns under way: what comes while one is in flight, what is left when one is lost, and who asks again.

use chrono::TimeDelta;
use windlass_workflows::machine::Applied;
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::row::{Interest, Row};
use windlass_workflows::machine::turn::{OutcomeKind, Turn};

use crate::hand::{Hand, LETTER, seq};
use crate::rig::{Rig, communication, drive, facts, json, program};

const TWO_AND_MORE: &str = "do:
- w: { wait: PT0S }
- f: { fork: { branches: [ { a: { call: 'echo:1.0.0@default' } }, { b: { call: 'echo:1.0.0@default' } } ] } }
- more: { call: 'echo:1.0.0@default', with: { got: '${ . }' } }
";

/// A job that stands in its fork, one branch of which has answered in a turn that is in flight.
fn answered_in_flight() -> (Hand, Turn) {
    let mut hand = Hand::begun(TWO_AND_MORE);
    hand.tell(EventKind::Due);
    hand.flush();
    hand.answer(1, "1");
    let turn = hand.seal();
    (hand, turn)
}

/// Case 7: a result during a flush goes to the next turn, or into the same one if that is refused.
#[test]
fn a_result_during_a_flush_counts_whether_the_flush_is_recorded_or_refused() {
    let (mut recorded, turn) = answered_in_flight();
    let sealed = seq(&turn);
    assert_eq!(recorded.answer(2, "2"), Applied::Done);
    assert!(recorded.execution.seal().is_none(), "one turn at a time");
    assert!(recorded.settle(turn).is_empty(), "`more` waits for its own");
    let next = recorded.seal();
    assert_eq!(seq(&next), sealed + 1);
    let asked = recorded.settle(next);

    let (mut refused, turn) = answered_in_flight();
    refused.answer(2, "2");
    refused.execution.reopen(turn);
    let whole = refused.seal();
    assert_eq!(seq(&whole), sealed, "both in the place of the refused one");
    assert_eq!(refused.settle(whole), asked);

    assert_eq!(asked, ["perform 3 j7-5eed-/do/2/more-1"]);
    assert_eq!(recorded.heir().pending(), refused.heir().pending());
}

const LINE: &str = "do:
- a: { call: 'echo:1.0.0@default', with: { at: '${ now }' } }
- b: { call: 'echo:1.0.0@default' }
";

/// Case 8: while nobody knows whether a turn is durable, somebody stops the job.
#[test]
fn a_stop_while_a_commit_is_unknown_leaves_its_bytes_and_nothing_begins() {
    for recorded in [true, false] {
        let mut hand = Hand::begun(LINE);
        hand.answer(1, "1");
        let turn = hand.seal();
        let bytes = turn.entry.clone();
        hand.cancel();

        assert!(hand.execution.seal().is_none(), "the same turn goes again");
        assert_eq!(turn.entry, bytes);
        if recorded {
            assert!(hand.settle(turn).is_empty(), "`b` is not begun any more");
        } else {
            hand.execution.reopen(turn);
        }
        let last = hand.seal();
        assert_eq!(seq(&last), if recorded { 3 } else { 2 });
        let outcome = match &last.end {
            Some(windlass_workflows::machine::turn::End::Outcome(outcome)) => outcome.kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(outcome, OutcomeKind::Cancelled);
        assert!(hand.settle(last).is_empty());
    }
}

/// The same for a step that a deadline above ends: what never left is not stopped either.
#[test]
fn a_deadline_while_a_commit_is_unknown_withdraws_what_the_turn_asks_for() {
    let document = "do:
- w: { wait: PT1S }
- t: { try: [ { d: { timeout: { after: PT5S }, do: [ { a: { call: 'echo:1.0.0@default' } } ] } } ], catch: { do: [] } }
- b: { call: 'echo:1.0.0@default' }
";
    let mut hand = Hand::begun(document);
    hand.tell(EventKind::Due);
    let turn = hand.seal();
    hand.now += TimeDelta::seconds(60);
    hand.tell(EventKind::Due);

    assert!(hand.settle(turn).is_empty(), "`a` is over before it began");
    assert_eq!(hand.flush(), ["perform 2 j7-5eed-/do/2/b-1"]);
}

const LISTEN: &str = "do:
- a: { call: 'echo:1.0.0@default', with: { at: '${ now }' } }
- l: { listen: { to: { one: { with: { type: a } } } } }
";

/// Case 15: mail between the last look at the inbox and the rest.
#[test]
fn mail_that_comes_while_the_job_lies_down_is_not_lost() {
    let mut hand = Hand::begun(LISTEN);
    assert_eq!(hand.mail(1), Applied::Late, "nobody listens yet");
    hand.answer(1, "1");
    let rests = hand.seal();
    assert!(
        hand.execution.wants(&json(LETTER)),
        "it is offered again: the interests have changed"
    );
    assert_eq!(hand.mail(1), Applied::Done);
    assert_eq!(hand.mail(1), Applied::Late, "one letter, one taking");
    hand.settle(rests);
    let mut dies_here = hand.heir();
    let takes = hand.seal();
    assert_eq!(takes.rows, [Row::TakeMail { id: 1 }]);

    // Whoever dies before that is durable leaves a job that still wants it.
    assert!(matches!(
        dies_here.execution.interests()[..],
        [Interest::Mail { .. }]
    ));
    dies_here.mail(1);
    assert_eq!(dies_here.seal().rows, takes.rows);
}

const GROUP: &str = "do:
- a: { call: 'echo:1.0.0@default', with: { at: '${ now }' } }
- m: { call: 'map:1.0.0@default', with: { items: '${ . }', call: 'echo:1.0.0@default' } }
";

/// Case 19: a worker dies while it plans a group: before the turn is durable, and after.
#[test]
fn a_group_is_opened_once_whenever_its_planner_dies() {
    let key = |turn: &Turn| match &turn.rows[..] {
        [Row::OpenGroup { key, activity, .. }] => (key.clone(), *activity),
        rows => panic!("{rows:?}"),
    };
    let mut hand = Hand::begun(GROUP);
    hand.answer(1, "[1,2]");
    let turn = hand.seal();
    let (opened, activity) = key(&turn);

    let mut before = hand.heir();
    before.answer(1, "[1,2]");
    assert_eq!(
        key(&before.seal()),
        (opened, activity),
        "under the same key"
    );

    hand.settle(turn);
    let mut after = hand.heir();
    assert_eq!(after.execution.interests(), [Interest::Group { activity }]);
    assert!(after.pending().is_empty() && after.execution.seal().is_none());
    after.tell(EventKind::Settled {
        activity,
        by: "b_1".into(),
        result: Ok(json("[]")),
    });
    assert!(after.seal().rows.is_empty(), "no second group");
    assert!(after.execution.is_ended());
}

fn charge(rule: &str) -> String {
    format!(
        "do: [ {{ w: {{ wait: PT1S }} }}, {{ c: {{ call: 'echo:1.0.0@default', metadata: {{ windlass: {{ effect: {{ key: '${{ \"k\\(.n)\" }}', onUnknown: {rule} }} }} }} }} }} ]"
    )
}

/// Case 21: a worker drains and names an effect that it never began: nothing is unknown about it.
#[test]
fn an_effect_that_was_only_queued_is_asked_for_again_as_it_was() {
    let rig = drive(&charge("park"), r#"{"n":4}"#, |rig| {
        rig.start();
        rig.fire();
        let asked = rig.open();
        // The next holder is told of no `Unknown`: it asks for what is pending.
        rig.crash();
        let again = rig.open();
        assert_eq!(format!("{again:?}"), format!("{asked:?}"));
        assert_eq!(
            again.settings.expect("it has an effect").effect.as_deref(),
            Some("k4")
        );
        rig.answer("1");
    });
    let begun = drive(&charge("park"), r#"{"n":4}"#, |rig| {
        rig.start();
        rig.fire();
        let activity = rig.open().activity;
        rig.tell(EventKind::Unknown { activity });
    });

    assert_eq!(rig.output(), "1");
    assert!(
        begun.parked.is_some(),
        "one that was begun is another matter"
    );
}

/// Case 22: one effect key, two jobs. The turn of the second is refused for it; the step is not made.
#[test]
fn of_two_jobs_with_one_effect_key_the_second_does_not_do_it() {
    let document = "do:
- w: { wait: PT1S }
- t:
    try: [ { c: { call: 'echo:1.0.0@default', metadata: { windlass: { effect: { key: '${ \"k\\(.n)\" }', onUnknown: redo } } } } } ]
    catch: { errors: { with: { status: 409 } }, do: [ { h: { set: { held_by: '${ $error.detail.holder }' } } } ] }
- z: { wait: PT1S }
";
    let mut second = Hand::begun(document);
    second.tell(EventKind::Due);
    let turn = second.seal();
    let refused = seq(&turn);
    second.execution.reopen(turn);
    second.tell(EventKind::EffectTaken {
        activity: Activity(1),
        holder: "j_1".into(),
    });
    let turn = second.seal();

    assert_eq!(seq(&turn), refused, "at the place of the refused one");
    assert!(
        second.settle(turn).is_empty(),
        "it is neither begun nor stopped"
    );
    second.tell(EventKind::Due);
    let last = second.seal();
    assert!(format!("{:?}", last.end).contains("held_by"), "{last:?}");
    assert!(format!("{:?}", last.end).contains("j_1"), "{last:?}");
}

/// Case 26: killed in an undo. A kill is no event: the job is cut off, and nothing of it is told here. What
/// its journal says is that undo, under its key, and no other.
#[test]
fn a_job_that_is_cut_off_in_an_undo_stands_at_that_undo() {
    let document = "do:
- s:
    metadata: { windlass: { compensate: onFailure } }
    do:
      - a: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: {} } } } }
      - b: { call: 'echo:1.0.0@default', metadata: { windlass: { undo: { call: 'undo-it:1.0.0@default', with: {} } } } }
      - c: { raise: { error: { type: 'https://x.example/no', status: 409 } } }
";
    let mut hand = Hand::begun(document);
    hand.answer(1, "1");
    hand.flush();
    hand.answer(2, "2");
    assert_eq!(hand.flush(), ["perform 3 j7-5eed-/do/0/s/do/1/b-1-undo"]);

    let cut = hand.heir();
    assert_eq!(cut.execution.view().doing, "undoes");
    assert_eq!(cut.pending(), ["perform 3 j7-5eed-/do/0/s/do/1/b-1-undo"]);
    assert!(cut.execution.next_due().is_none(), "no deadline ends it");
}

/// Case 28: neither a pause nor a park stops a clock: what the driver hears of after it is ordered by its
/// instants, and the deadline has fallen meanwhile.
#[test]
fn a_deadline_falls_while_a_job_is_paused() {
    let document = "do:
- t:
    try: [ { a: { call: 'echo:1.0.0@default', timeout: { after: PT30S } } } ]
    catch: { errors: { with: { status: 408 } }, do: [ { h: { set: { late: true } } } ] }
";
    let resumed = drive(document, "{}", |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.after(3_600);
        rig.tell(EventKind::Due);
        let output = json("1");
        let late = rig.tell(EventKind::Succeeded { activity, output });
        assert_eq!(late, Applied::Late);
    });
    // A result of before the deadline, read after it: the driver sorts by instants.
    let in_time = drive(document, "{}", |rig| {
        rig.start();
        rig.after(29);
        rig.answer("1");
        rig.after(3_600);
        assert_eq!(rig.tell(EventKind::Due), Applied::Late);
    });

    assert_eq!(resumed.output(), r#"{"late":true}"#);
    assert_eq!(in_time.output(), "1");
}

/// Case 35: what a caught panic leaves. The driver drops the state with the event half applied; the memory
/// knows nothing of it, and the same event makes the same turn.
#[test]
fn a_state_that_is_dropped_in_the_middle_of_an_event_leaves_no_trace() {
    let mut hand = Hand::begun(LINE);
    let mut doomed = hand.heir();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        doomed.answer(1, "1");
        panic!("in the middle");
    }));
    assert!(result.is_err());
    drop(doomed);

    let mut again = hand.heir();
    hand.answer(1, "1");
    again.answer(1, "1");

    let (turn, same) = (hand.seal(), again.seal());
    assert_eq!(turn.entry, same.entry);
    assert_eq!(hand.settle(turn), again.settle(same));
}

/// A refused event is the same in small: state and clock are as they were.
#[test]
fn an_event_that_is_refused_changes_nothing() {
    let mut rig = Rig::new(program(LINE), facts("{}"), false);
    rig.start();
    let activity = rig.open().activity;
    let before = (rig.execution.view(), rig.entries.len());

    let fault = communication(410);
    assert!(rig.try_tell(EventKind::Fail { activity, fault }).is_err());

    assert_eq!((rig.execution.view(), rig.entries.len()), before);
}
