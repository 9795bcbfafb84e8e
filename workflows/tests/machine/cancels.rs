//! Cancelling: wherever a job stands, nothing new begins, and what runs may end by itself.

use windlass_workflows::machine::event::{Activity, Event, EventKind};
use windlass_workflows::machine::turn::{End, OutcomeKind};
use windlass_workflows::machine::{Applied, Execution, JobFacts};

use crate::batches::batch;
use crate::rig::{Rig, communication, drive, drive_as, facts, json, program, start};

const STEPS: &str = "
do:
  - a: { call: 'echo:1.0.0@default', with: {} }
  - b: { call: 'echo:1.0.0@default', with: {} }
";

fn is_cancelled(rig: &Rig) {
    let result = rig.result(OutcomeKind::Cancelled);
    assert_eq!(
        result,
        r#"{"title":"cancelled","detail":"enough","who":"ann"}"#
    );
    assert_eq!(rig.ended().code.as_deref(), Some("cancelled"));
    assert!(rig.execution.is_ended());
}

#[test]
fn before_its_start_a_job_cannot_be_cancelled_by_the_machine() {
    let mut rig = Rig::new(program(STEPS), facts("{}"), false);
    let cancel = EventKind::Cancel {
        who: "ann".into(),
        why: "enough".into(),
    };

    let refused = rig
        .try_tell(cancel)
        .expect_err("a job without a start is ended by its row");

    assert_eq!(refused.to_string(), "a job that is New cannot take cancel");
    assert_eq!(rig.execution.view().status, "New");
}

/// Case 9: the last result comes after the stop.
#[test]
fn a_running_step_may_still_give_its_result() {
    let rig = drive(STEPS, "{}", |rig| {
        rig.start();
        assert_eq!(rig.cancel(), Applied::Done);
        assert_eq!(
            (rig.execution.view().status, rig.due_in()),
            ("Closing", 10.0)
        );
        assert!(
            rig.execution.pending().is_empty(),
            "nobody shall begin it again"
        );
        rig.after(1);
        assert_eq!(rig.cancel(), Applied::Done);
        assert_eq!(rig.due_in(), 9.0, "cancelling twice gives no more time");
        rig.answer_stopping("1");
    });
    is_cancelled(&rig);
    assert_eq!(rig.asked.len(), 1, "no step followed");
}

#[test]
fn a_step_that_hangs_or_fails_does_not_hold_a_cancelled_job() {
    let hangs = drive(STEPS, "{}", |rig| {
        rig.start();
        rig.cancel();
        rig.fire();
        let late = EventKind::Succeeded {
            activity: Activity(1),
            output: json("1"),
        };
        assert_eq!(rig.tell(late), Applied::Late);
    });
    is_cancelled(&hangs);
    assert!(
        hangs
            .asked
            .last()
            .is_some_and(|last| last.starts_with("Stop"))
    );
    let fails = drive(STEPS, "{}", |rig| {
        rig.start();
        rig.cancel();
        rig.tell(EventKind::Failed {
            activity: Activity(1),
            fault: communication(500),
            again_after: None,
        });
    });
    is_cancelled(&fails);
}

#[test]
fn a_timer_is_not_waited_for() {
    let waiting = drive("do: [ { a: { wait: PT1H } } ]", "{}", |rig| {
        rig.start();
        rig.cancel();
    });
    is_cancelled(&waiting);
    let document = "
do:
  - t:
      try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]
      catch: { retry: { delay: PT1H }, do: [ { h: { set: { x: 1 } } } ] }
";
    let in_backoff = drive(document, "{}", |rig| {
        rig.start();
        rig.refuse(communication(500));
        rig.cancel();
    });
    is_cancelled(&in_backoff);
}

#[test]
fn open_chunks_are_awaited_and_no_other_begins() {
    let document = "do: [ { all: { call: chunks:1.0.0@default, with: { call: 'echo:1.0.0@default', parallel: 2 } } } ]";
    let facts = JobFacts {
        batch: Some(batch(Some(9))),
        ..facts("{}")
    };
    let rig = drive_as(document, facts, |rig| {
        rig.start();
        rig.chunk(1, Ok("1"));
        rig.cancel();
        assert_eq!(rig.execution.view().status, "Closing");
        let activity = Activity(1);
        assert!(
            rig.execution
                .render_chunk(activity, 2, &json("{}"))
                .is_err(),
            "one that was read is not begun"
        );
        rig.tell(EventKind::Chunk {
            activity,
            number: 3,
            result: Ok(json("3")),
        });
        assert_eq!(rig.execution.view().status, "Closing");
        rig.tell(EventKind::Chunk {
            activity,
            number: 2,
            result: Err(communication(500)),
        });
    });
    is_cancelled(&rig);
    assert_eq!(rig.asked.len(), 3);
}

fn applied(execution: &mut Execution, kind: EventKind) {
    execution
        .apply(Event { at: start(), kind })
        .expect("the event is legal");
}

fn cancel() -> EventKind {
    EventKind::Cancel {
        who: "ann".into(),
        why: "enough".into(),
    }
}

#[test]
fn a_step_that_was_not_asked_for_yet_never_is() {
    let mut execution = Execution::new(program(STEPS), facts("{}"));
    applied(
        &mut execution,
        EventKind::Started {
            attempt: 0,
            losses: 0,
        },
    );
    let turn = execution.seal().expect("it began");
    assert_eq!(execution.settle(turn).len(), 1);
    applied(
        &mut execution,
        EventKind::Succeeded {
            activity: Activity(1),
            output: json("1"),
        },
    );
    let refused = execution.seal().expect("a result");
    execution.reopen(refused.clone());
    applied(&mut execution, cancel());

    let turn = execution.seal().expect("a cancel");

    assert_eq!(
        turn.entry.as_ref().map(|entry| entry.seq),
        refused.entry.map(|entry| entry.seq)
    );
    assert!(turn.end.is_some(), "nothing runs, so nothing is waited for");
    assert!(execution.settle(turn).is_empty());
}

/// Case 9: the last result and a stop meet; the stop was durable first.
#[test]
fn an_ending_that_was_refused_may_still_become_a_cancelled_one() {
    let mut execution = Execution::new(program(STEPS), facts("{}"));
    applied(
        &mut execution,
        EventKind::Started {
            attempt: 0,
            losses: 0,
        },
    );
    for activity in [1, 2] {
        let turn = execution.seal().expect("news");
        execution.settle(turn);
        applied(
            &mut execution,
            EventKind::Succeeded {
                activity: Activity(activity),
                output: json("1"),
            },
        );
    }
    let completed = execution.seal().expect("its ending");
    execution.reopen(completed);
    applied(&mut execution, cancel());

    let turn = execution.seal().expect("another ending");

    let Some(End::Outcome(outcome)) = &turn.end else {
        panic!("{turn:?}")
    };
    assert_eq!(outcome.kind, OutcomeKind::Cancelled);
    execution.settle(turn);
    let late = execution.apply(Event {
        at: start(),
        kind: cancel(),
    });
    assert_eq!(
        late.expect_err("it is durable now").to_string(),
        "a job that is Ended cannot take cancel"
    );
}

#[test]
fn a_turn_of_unknown_fate_does_not_grow() {
    let mut execution = Execution::new(program(STEPS), facts("{}"));
    applied(
        &mut execution,
        EventKind::Started {
            attempt: 0,
            losses: 0,
        },
    );
    let turn = execution.seal().expect("it began");
    applied(&mut execution, cancel());

    assert!(execution.seal().is_none(), "one turn at a time");
    let commands = execution.settle(turn);

    assert!(commands.is_empty(), "what had not left is not begun");
    assert!(
        matches!(
            execution.seal().expect("the cancel").end,
            Some(End::Outcome(_))
        ),
        "so nothing is awaited"
    );
}
