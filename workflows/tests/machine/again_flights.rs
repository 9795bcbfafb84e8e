//! Changes in flight of jobs whose steps a policy makes again: the tries are those of the place where it stands.

use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::flight::{By, copy, skip};
use windlass_workflows::machine::turn::OutcomeKind;
use windlass_workflows::machine::{Applied, JobFacts};

use crate::again::{CHILD, ONE, TWO, policy, under};
use crate::flight::step;
use crate::rig::{Rig, communication, drive_as, json, program, start};

#[test]
fn a_rewind_to_a_step_that_waits_enters_it_anew_with_all_its_tries() {
    drive_as(TWO, under(policy(1, false), "{}"), |rig| {
        rig.start();
        rig.answer("1");
        rig.refuse(communication(503));
        rig.fire();
        rig.rewind("/do/1/b", 1);
        assert_eq!(rig.open().key, "j7-5eed-/do/1/b-2");
        rig.refuse(communication(503));
        rig.fire();
        rig.rewind("/do/1/b", 2);
        assert_eq!(
            (rig.open().key.as_str(), rig.open().attempt),
            ("j7-5eed-/do/1/b-3", 0)
        );
        rig.answer("2");
        assert_eq!(rig.output(), "2");
    });
    // The first that is known of this one is that it waits.
    drive_as(ONE, under(policy(1, false), "{}"), |rig| {
        rig.start();
        rig.refuse(communication(503));
        rig.fire();
        rig.rewind("/do/0/a", 1);
        assert_eq!(rig.open().key, "j7-5eed-/do/0/a-2");
        rig.refuse(communication(503));
        assert!(rig.outcome.is_none(), "it has its try again");
    });
}

#[test]
fn a_job_that_waits_for_its_next_try_goes_on_under_another_version() {
    let mut rig = Rig::new(program(TWO), under(policy(1, false), "{}"), false);
    rig.start();
    rig.refuse(communication(503));
    let moved = TWO
        .replace("n: 1", "n: 7")
        .replace("- a:", "- z: { set: {} }\n- a:");
    rig.migrate(&moved, &[]);
    rig.fire();

    assert_eq!(rig.given(), r#"{"n":7}"#);
    assert_eq!(rig.open().attempt, 1, "what it has had counts");
    rig.refuse(communication(503));
    assert_eq!(rig.ended().kind, OutcomeKind::Failed);
}

#[test]
fn a_person_says_what_a_parked_step_gave() {
    let mut rig = Rig::new(program(ONE), under(policy(0, true), "{}"), false);
    rig.start();
    rig.refuse(communication(503));
    assert!(rig.parked.is_some());
    let said = skip(&rig.execution, None, json("9")).expect("it is parked");
    assert_eq!(said.path, "/do/0/a");
    assert_eq!(rig.change(said.change), Applied::Done);
    rig.tell(EventKind::Due);
    assert_eq!(rig.output(), r#"{"got":9}"#);

    let mut rig = Rig::new(program(CHILD), under(policy(0, true), "{}"), false);
    rig.start();
    rig.settle(Activity(1), Err(communication(503)));
    let said = skip(&rig.execution, None, json("9")).expect("it is parked");
    assert_eq!(rig.change(said.change), Applied::Done);
    rig.tell(EventKind::Due);
    assert_eq!(rig.output(), "9");
}

#[test]
fn a_copy_of_a_job_that_waits_for_its_next_try_enters_its_step_with_all_of_them() {
    let facts = under(policy(1, false), "{}");
    let mut rig = Rig::new(program(TWO), facts.clone(), false);
    rig.start();
    rig.answer("1");
    rig.refuse(communication(503));
    let other = JobFacts {
        id: 8,
        nonce: 0xc0de,
        ..facts
    };

    let at = step("/do/1/b", 1);
    let copied = copy(&rig.history(), &at, other.clone(), start(), By::default());
    let mut new = Rig::new(rig.program.clone(), other, false);
    new.execution = copied.expect("a copy").execution;
    new.tell(EventKind::Due);

    assert_eq!(new.open().key, "j8-c0de-/do/1/b-1");
    new.refuse(communication(503));
    assert!(new.outcome.is_none(), "it has its try");
    new.fire();
    new.answer("2");
    assert_eq!(new.output(), "2");
}
