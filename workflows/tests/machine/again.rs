//! Steps that stand in no `try`, under a policy that came with their job.

use std::sync::Arc;
use std::time::Duration;

use windlass_workflows::document::step::Backoff;
use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::Row;
use windlass_workflows::machine::turn::{End, OutcomeKind};
use windlass_workflows::machine::{Execution, JobFacts};
use windlass_workflows::policy::step::StepRetry;
use windlass_workflows::value::Value;

use crate::rig::{Rig, communication, drive_as, facts, json, program};

/// One call; a job that keeps no journal.
pub const ONE: &str = "do: [ { a: { call: 'echo:1.0.0@default', with: { n: '${ .n }' }, output: { as: '${ { got: . } }' } } } ]";
/// Two calls, the second with a deadline.
pub const TWO: &str = "do:
- a: { call: 'echo:1.0.0@default', with: { n: 1 } }
- b: { call: 'echo:1.0.0@default', with: { n: '${ . }' }, timeout: { after: PT20S } }
";
/// A call in a list that a `try` decides about.
const TRIED: &str = "do:
- t:
    try: [ { l: { do: [ { a: { call: 'echo:1.0.0@default', with: {} } } ] } } ]
    catch: { errors: { with: { status: 503 } }, retry: { delay: PT1H, limit: { attempt: { count: 1 } } } }
";
pub const CHILD: &str = "do:
- c: { run: { workflow: { namespace: a, name: b, version: latest, input: {} } } }
";

pub fn policy(count: u32, parks: bool) -> StepRetry {
    StepRetry {
        count,
        delay: Duration::from_secs(2),
        backoff: Backoff::Exponential {
            factor: 2.0,
            max: None,
        },
        delay_max: Some(Duration::from_secs(120)),
        jitter: Duration::ZERO,
        parks,
    }
}

pub fn under(retry: StepRetry, input: &str) -> JobFacts {
    JobFacts {
        retry: Some(Arc::new(retry)),
        ..facts(input)
    }
}

fn format(rig: &Rig) -> Vec<u64> {
    let entries = rig.entries.iter();
    entries
        .filter_map(|entry| json(&entry.data).get("v").and_then(Value::as_u64))
        .collect()
}

#[test]
fn a_step_is_made_again_under_its_key_until_it_ends_well() {
    for document in [ONE, TWO] {
        let rig = drive_as(document, under(policy(3, false), r#"{"n":4}"#), |rig| {
            rig.start();
            let first = rig.open();
            for wait in [2.0, 4.0] {
                rig.refuse(communication(503));
                assert!(rig.performs().is_empty());
                assert_eq!(rig.due_in(), wait);
                rig.fire();
            }
            let third = rig.open();
            assert_eq!((&third.key, third.attempt), (&first.key, 2));
            assert_eq!(
                format!("{:?}", third.call),
                format!("{:?}", first.call),
                "it is asked for alike"
            );
            rig.answer("8");
            if document == TWO {
                assert_eq!(rig.open().attempt, 0, "each step has its own");
                rig.answer("8");
            }
        });
        let output = if document == ONE { r#"{"got":8}"# } else { "8" };
        assert_eq!(rig.output(), output);
    }
}

#[test]
fn a_job_begins_its_journal_when_it_must_wait_and_not_before() {
    let mut rig = Rig::new(program(ONE), under(policy(1, false), "{}"), false);
    rig.start();
    assert!(rig.entries.is_empty());
    rig.refuse(communication(503));
    assert_eq!(format(&rig), [5]);
    rig.crash();
    rig.fire();
    rig.crash();
    rig.answer("1");
    assert_eq!(rig.output(), r#"{"got":1}"#);

    let mut plain = Rig::new(program(ONE), under(policy(1, false), "{}"), false);
    plain.start();
    plain.answer("1");
    assert!(plain.entries.is_empty());
}

#[test]
fn a_job_whose_steps_end_well_is_written_as_any_other() {
    let mut rig = Rig::new(program(TWO), under(policy(1, false), "{}"), false);
    rig.start();
    rig.answer("1");
    rig.answer("2");
    assert!(format(&rig).iter().all(|format| *format == 1));
}

#[test]
fn after_the_last_retry_the_error_goes_up() {
    let rig = drive_as(ONE, under(policy(2, false), "{}"), |rig| {
        rig.start();
        for _ in 0..2 {
            rig.refuse(communication(503));
            rig.fire();
        }
        rig.refuse(communication(502));
    });
    assert_eq!(rig.error().get("status"), Some(&json("502")));
    assert!(rig.parked.is_none());
}

#[test]
fn what_would_fail_again_is_not_made_again() {
    let declined = Fault {
        kind: "card.declined".into(),
        ..Fault::standard("runtime", 500, "no")
    };
    for fault in [declined, Fault::standard("validation", 400, "no")] {
        let rig = drive_as(ONE, under(policy(9, false), "{}"), |rig| {
            rig.start();
            rig.refuse(fault.clone());
        });
        assert_eq!(rig.ended().kind, OutcomeKind::Failed);
    }
    let never = under(policy(0, false), "{}");
    let rig = drive_as(ONE, never, |rig| {
        rig.start();
        rig.refuse(communication(503));
    });
    assert_eq!(rig.ended().kind, OutcomeKind::Failed);
}

#[test]
fn a_step_in_a_try_is_the_trys() {
    let rig = drive_as(TRIED, under(policy(9, true), "{}"), |rig| {
        rig.start();
        rig.refuse(communication(503));
        assert_eq!(rig.due_in(), 3_600.0);
        rig.fire();
        rig.refuse(communication(503));
    });
    assert_eq!(rig.ended().kind, OutcomeKind::Failed);
    let other = drive_as(TRIED, under(policy(9, true), "{}"), |rig| {
        rig.start();
        // Its `catch` is not for this one, and nobody else is asked.
        rig.refuse(communication(502));
    });
    assert_eq!(other.ended().kind, OutcomeKind::Failed);
}

#[test]
fn an_exhausted_step_parks_and_has_all_its_tries_again_when_it_goes_on() {
    for document in [ONE, TWO] {
        let rig = drive_as(document, under(policy(1, true), r#"{"n":4}"#), |rig| {
            rig.start();
            let key = rig.open().key;
            for _ in 0..2 {
                rig.refuse(communication(503));
                assert!(rig.parked.is_none());
                assert_eq!(rig.due_in(), 2.0);
                rig.fire();
                rig.refuse(communication(503));
                let Some(End::Exhausted { code, .. }) = &rig.parked else {
                    panic!("it is parked");
                };
                assert_eq!(code, "communication");
                rig.go_on();
                assert_eq!(rig.open().key, key);
            }
            rig.answer("1");
            if document == TWO {
                rig.answer("1");
            }
        });
        assert_eq!(rig.ended().kind, OutcomeKind::Completed);
    }
}

#[test]
fn what_is_not_worth_another_try_parks_at_once() {
    let rig = drive_as(ONE, under(policy(3, true), "{}"), |rig| {
        rig.start();
        rig.refuse(Fault::standard("validation", 400, "no"));
    });
    assert!(rig.parked.is_some() && rig.outcome.is_none());
}

#[test]
fn a_steps_own_word_beats_the_purposes() {
    let says = |word: &str| {
        ONE.replace(
            "with:",
            &format!("metadata: {{ windlass: {{ onExhausted: {word} }} }}, with:"),
        )
    };
    for (word, parks, is_parked) in [("fail", true, false), ("park", false, true)] {
        let rig = drive_as(&says(word), under(policy(1, parks), "{}"), |rig| {
            rig.start();
            rig.refuse(communication(503));
            rig.fire();
            rig.refuse(communication(503));
        });
        assert_eq!(rig.parked.is_some(), is_parked, "{word}");
        assert_eq!(rig.outcome.is_some(), !is_parked, "{word}");
    }
}

#[test]
fn the_deadline_of_a_task_is_one_of_each_try() {
    let rig = drive_as(TWO, under(policy(1, false), "{}"), |rig| {
        rig.start();
        rig.answer("1");
        let key = rig.open().key;
        assert_eq!(rig.due_in(), 20.0);
        rig.fire();
        assert_eq!(rig.due_in(), 2.0, "nothing is due while it waits");
        rig.fire();
        assert_eq!((rig.open().key, rig.due_in()), (key, 20.0));
        rig.fire();
    });
    assert_eq!(rig.error().get("status"), Some(&json("408")));
    assert_eq!(rig.error().get("instance"), Some(&json("\"/do/1/b\"")));
    let parked = drive_as(TWO, under(policy(0, true), "{}"), |rig| {
        rig.start();
        rig.answer("1");
        rig.fire();
        assert!(rig.parked.is_some());
        rig.go_on();
        rig.answer("2");
    });
    assert_eq!(parked.output(), "2");
}

#[test]
fn people_are_not_asked_again_when_their_time_is_over() {
    let document = "do: [ { a: { call: 'approval:1.0.0@default', with: { subject: Go, assignees: [ ann ] }, timeout: { after: PT5S } } } ]";
    let rig = drive_as(document, under(policy(3, true), "{}"), |rig| {
        rig.start();
        rig.fire();
    });
    assert_eq!(rig.error().get("status"), Some(&json("408")));
}

#[test]
fn a_remote_that_asks_for_time_has_it() {
    drive_as(ONE, under(policy(1, false), "{}"), |rig| {
        rig.start();
        rig.refuse_until(communication(429), 60);
        assert_eq!(rig.due_in(), 60.0);
    });
}

#[test]
fn jitter_is_the_same_wherever_the_job_is_loaded_and_within_its_bounds() {
    let jittered = StepRetry {
        jitter: Duration::from_secs(1),
        ..policy(5, false)
    };
    // Steady and with a crash after every turn: both ask for the same at the same time.
    drive_as(ONE, under(jittered, "{}"), |rig| {
        rig.start();
        for least in [2.0, 4.0, 8.0, 16.0, 32.0] {
            rig.refuse(communication(503));
            let wait = rig.due_in();
            assert!((least..=least + 1.0).contains(&wait), "{wait}");
            rig.fire();
        }
    });
}

#[test]
fn a_child_that_failed_is_followed_by_another_one() {
    let rig = drive_as(CHILD, under(policy(1, true), "{}"), |rig| {
        rig.start();
        rig.settle(Activity(1), Err(communication(503)));
        rig.fire();
        rig.settle(Activity(2), Err(communication(503)));
        assert!(rig.parked.is_some());
        rig.go_on();
        rig.settle(Activity(3), Ok("3"));
    });
    let children = rig.rows.iter().filter_map(|row| match row {
        Row::StartChild(child) => Some((child.activity.0, child.key.as_str())),
        _ => None,
    });
    let key = "j7-5eed-/do/0/c-1";
    assert_eq!(children.collect::<Vec<_>>(), [(1, key), (2, key), (3, key)]);
    assert_eq!(rig.output(), "3");
}

#[test]
fn a_placed_call_is_placed_again() {
    let placed = ONE.replace("with:", "metadata: { windlass: { queue: slow } }, with:");
    let rig = drive_as(&placed, under(policy(1, false), r#"{"n":1}"#), |rig| {
        rig.start();
        rig.settle(Activity(1), Err(communication(503)));
        rig.fire();
        rig.settle(Activity(2), Ok("3"));
    });
    assert_eq!(rig.output(), r#"{"got":3}"#);
    assert_eq!(rig.written(), ["start test/do-0-a", "start test/do-0-a"]);
}

#[test]
fn branches_wait_for_their_own_tries() {
    let document = "do: [ { f: { fork: { branches: [
        { a: { call: 'echo:1.0.0@default', with: {} } }, { b: { call: 'echo:1.0.0@default', with: {} } } ] } } } ]";
    let rig = drive_as(document, under(policy(1, false), "{}"), |rig| {
        rig.start();
        rig.refuse_at("/do/0/f/fork/branches/0/a", communication(503));
        rig.answer_at("/do/0/f/fork/branches/1/b", "2");
        rig.fire();
        rig.answer("1");
    });
    assert_eq!(rig.output(), "[1,2]");
}

#[test]
fn a_cancel_ends_a_job_that_waits_for_its_next_try() {
    let rig = drive_as(ONE, under(policy(1, false), "{}"), |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.cancel();
    });
    assert_eq!(rig.ended().kind, OutcomeKind::Cancelled);
}

#[test]
fn a_worker_that_does_not_know_the_format_leaves_the_job_alone() {
    let mut rig = Rig::new(program(ONE), under(policy(1, false), "{}"), false);
    rig.start();
    rig.refuse(communication(503));
    let mut entries = rig.entries.clone();
    entries[0].data = entries[0].data.replacen("\"v\":5", "\"v\":6", 1);
    let load = |entries| Execution::load(rig.program.clone(), rig.facts.clone(), None, entries);
    assert!(load(rig.entries.clone()).is_ok());
    let error = load(entries).err().expect("it is newer").to_string();
    assert!(error.starts_with("newer_format"), "{error}");
}
