//! Calls that a job of their own makes: what the job that stands there starts, and how that one makes the call.

use std::sync::Arc;

use windlass_workflows::check;
use windlass_workflows::machine::JobFacts;
use windlass_workflows::machine::command::Call;
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::row::{Interest, Row, StartChild};
use windlass_workflows::machine::turn::OutcomeKind;
use windlass_workflows::program::{Bundle, Memory, Program, part_name, placed};

use crate::rig::{Rig, catalogue, communication, drive, facts, json, program};

const HEADER: &str = "document: { dsl: '1.0.3', namespace: test, name: test, version: 1.0.0 }\n";

const ECHO: &str = "do:
- ask:
    call: echo:1.0.0@default
    with: { n: '${ .n + 1 }' }
    metadata: { windlass: { queue: '${ .queue }', needs: { gpu: '${ .n == 3 }' }, runTime: PT5M } }
    output: { as: '${ { got: ., of: $input.n } }' }
";

/// The jobs that the rig's job has started.
fn started(rig: &Rig) -> Vec<&StartChild> {
    let rows = rig.rows.iter();
    let started = rows.filter_map(|row| match row {
        Row::StartChild(child) => Some(child),
        _ => None,
    });
    started.collect()
}

/// The job that makes the call of the task at that pointer.
fn step_job(document: &str, child: &StartChild) -> Rig {
    let template = check::publish(&format!("{HEADER}{document}"), &catalogue()).expect("checked");
    let tasks = placed(&template);
    let task = tasks
        .iter()
        .find(|task| part_name("test", &task.pointer) == child.template.name);
    let bundle = Bundle::of(&template).entered(&task.expect("a part").pointer);
    let bundle = Bundle::from_json(&bundle.to_json()).expect("a bundle");
    let of = JobFacts {
        id: 8,
        nonce: 1,
        ..facts(&child.input.to_json())
    };
    Rig::new(Arc::new(Program::build(&bundle).expect("built")), of, false)
}

#[test]
fn a_placed_call_is_a_job_s_of_its_own_and_its_end_is_the_step_s() {
    let rig = drive(ECHO, r#"{"n":3,"queue":"slow"}"#, |rig| {
        rig.start();
        assert!(rig.performs().is_empty());
        let activity = Activity(1);
        assert_eq!(rig.execution.interests(), [Interest::Child { activity }]);
        rig.settle(activity, Ok(r#"{"n":4}"#));
    });

    let [child] = started(&rig)[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(child.template.name, "test/do-0-ask");
    assert_eq!(
        child.placement,
        Some(json(
            r#"{"queue":"slow","needs":{"gpu":true},"runTime":"PT5M"}"#
        ))
    );
    assert_eq!(rig.output(), r#"{"got":{"n":4},"of":3}"#);
    let journaled = rig.entries.iter().any(|entry| entry.data.contains("slow"));
    assert!(journaled, "what was evaluated is in the journal");
}

#[test]
fn the_job_of_a_step_makes_the_very_call_under_the_step_s_key() {
    let inline = ECHO.replace("queue: '${ .queue }', needs: { gpu: '${ .n == 3 }' }, ", "");
    let mut alike = Rig::new(program(&inline), facts(r#"{"n":3,"queue":"slow"}"#), false);
    alike.start();
    let rig = drive(ECHO, r#"{"n":3,"queue":"slow"}"#, |rig| rig.start());

    let mut job = step_job(ECHO, started(&rig)[0]);
    assert_eq!(job.program.memory(), Memory::None);
    job.start();

    let (wanted, asked) = (alike.open(), job.open());
    assert_eq!(asked.key, wanted.key);
    assert_eq!(asked.path, wanted.path);
    assert_eq!(format!("{:?}", asked.call), format!("{:?}", wanted.call));
    assert_eq!(asked.settings, wanted.settings, "it may run as long");
    job.answer(r#"{"n":4}"#);
    assert_eq!(job.output(), r#"{"n":4}"#);
}

#[test]
fn a_request_is_rendered_by_the_job_that_asks_for_it() {
    let document = "use: { secrets: [ crm ] }
do:
- send:
    call: http
    with: { method: post, endpoint: 'https://shop.example/{id}', headers: { x: '${ $secrets.crm }' }, body: '${ { job: $workflow.id } }' }
    metadata: { windlass: { priority: urgent } }
";
    let rig = drive(document, r#"{"id":7}"#, |rig| rig.start());

    let mut job = step_job(document, started(&rig)[0]);
    job.start();

    let Call::Http(request) = job.open().call else {
        panic!("a request was expected");
    };
    assert_eq!(request.url, "https://shop.example/7");
    assert_eq!(request.body, Some(json(r#"{"job":"j_7"}"#)));
    let marks = job.execution.marks().expect("it has secrets");
    let revealed = marks.swapped(&request.headers[0].1, |name, _| format!("<{name}>"));
    assert_eq!(
        revealed, "<crm>",
        "the markers are those of the job that asks"
    );
}

#[test]
fn the_caller_s_place_wins_over_the_function_s() {
    let document = "use:
  functions:
    ask: { call: 'echo:1.0.0@default', with: { n: 1 }, metadata: { windlass: { queue: slow, priority: low, limits: [ a ] } } }
    tell: { call: 'echo:1.0.0@default', with: { n: 2 }, metadata: { windlass: { limits: [ a ] } } }
do:
- a: { call: ask, metadata: { windlass: { queue: '${ .q }' } } }
- b: { call: tell, metadata: { windlass: { limits: [] } } }
- c: { call: 'map:1.0.0@default', with: { items: [ 1 ], call: ask } }
";
    let rig = drive(document, r#"{"q":"fast"}"#, |rig| {
        rig.start();
        rig.settle(Activity(1), Ok("1"));
        rig.answer("2");
        rig.settle(Activity(3), Ok("[]"));
    });

    let [child] = started(&rig)[..] else {
        panic!("`b` is nowhere else: {:?}", rig.rows);
    };
    let wanted = r#"{"queue":"fast","priority":"low","limits":["a"]}"#;
    assert_eq!(child.placement, Some(json(wanted)));
    let items = rig.rows.iter().find_map(|row| match row {
        Row::OpenGroup { placement, .. } => placement.clone(),
        _ => None,
    });
    let wanted = r#"{"queue":"slow","priority":"low","limits":["a"]}"#;
    assert_eq!(items, Some(json(wanted)));
}

const TRIED: &str = "do:
- all:
    try:
    - ask: { call: 'echo:1.0.0@default', with: { n: 1 }, timeout: { after: PT1M }, metadata: { windlass: { queue: slow } } }
    catch:
      errors: { with: { status: 503 } }
      retry: { delay: PT10S, limit: { attempt: { count: 1 } } }
";

#[test]
fn an_error_is_the_step_s_and_a_retry_is_another_job_under_the_same_key() {
    let rig = drive(TRIED, "{}", |rig| {
        rig.start();
        rig.settle(Activity(1), Err(communication(503)));
        assert_eq!(rig.due_in(), 10.0);
        rig.fire();
        rig.settle(Activity(2), Err(communication(503)));
    });

    let [first, second] = started(&rig)[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(first.key, second.key);
    let error = rig.error();
    assert_eq!(error.get("detail"), None, "as of a call of its own");
    let place = r#""/do/0/all/try/0/ask""#;
    assert_eq!(error.get("instance"), Some(&json(place)));
}

#[test]
fn whoever_was_asked_is_not_asked_again_too_soon() {
    let rig = drive(TRIED, "{}", |rig| rig.start());
    let mut job = step_job(TRIED, started(&rig)[0]);
    job.start();

    job.refuse_until(communication(503), 60);

    assert_eq!(job.error().get("againAfter"), Some(&json("60.0")));
}

#[test]
fn a_deadline_or_a_cancel_closes_the_job_of_a_step() {
    let late = drive(TRIED, "{}", |rig| {
        rig.start();
        rig.fire();
    });
    let cancelled = drive(TRIED, "{}", |rig| {
        rig.start();
        rig.cancel();
        assert!(rig.outcome.is_none(), "its end is waited for a while");
        rig.settle(Activity(1), Ok("1"));
    });

    assert_eq!(late.error().get("status"), Some(&json("408")));
    for rig in [&late, &cancelled] {
        let closed = Row::CloseChild {
            activity: Activity(1),
        };
        assert_eq!(rig.rows.last(), Some(&closed));
    }
    cancelled.result(OutcomeKind::Cancelled);
}

#[test]
fn a_person_lets_a_placed_call_be_made_again() {
    let document = "do: [ { ask: { call: 'echo:1.0.0@default', with: { n: 1 }, metadata: { windlass: { queue: slow, onExhausted: park } } } } ]";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.settle(Activity(1), Err(communication(500)));
        assert!(rig.parked.is_some());
        rig.go_on();
        rig.settle(Activity(2), Ok("1"));
    });

    let [first, second] = started(&rig)[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!((&first.input, &first.key), (&second.input, &second.key));
    assert_eq!(rig.output(), "1");
}

const PAID: &str = "do:
- pay:
    call: echo:1.0.0@default
    with: { n: 1 }
    metadata: { windlass: { queue: slow, effect: { key: '${ .invoice }', onUnknown: verify, verify: 'verify-it:1.0.0@default' } } }
";

#[test]
fn the_effect_is_taken_by_the_job_of_the_step_for_the_job_that_asks() {
    let rig = drive(PAID, r#"{"invoice":"i-1"}"#, |rig| {
        rig.start();
        assert!(rig.execution.open_effects().is_empty());
    });

    let mut job = step_job(PAID, started(&rig)[0]);
    assert!(matches!(job.program.memory(), Memory::Journaled(_)));
    job.start();

    assert_eq!(job.execution.effects_of(), 7, "not its own id, which is 8");
    let effects = job.execution.open_effects();
    assert_eq!(effects[0].key, "i-1");
    assert_eq!(effects[0].step, started(&rig)[0].key);
    let activity = job.open().activity;
    job.tell(EventKind::Unknown { activity });
    assert_eq!(job.given(), r#"{"key":"i-1","input":{"invoice":"i-1"}}"#);
    job.answer(r#"{"done":true,"output":{"paid":true}}"#);
    assert_eq!(job.output(), r#"{"paid":true}"#);
}

#[test]
fn what_a_test_of_a_template_plays_is_one_job() {
    let template = check::publish(&format!("{HEADER}{ECHO}"), &catalogue()).expect("checked");
    let alone = Program::of(&template).expect("built").unplaced();
    let mut rig = Rig::new(Arc::new(alone), facts(r#"{"n":3,"queue":"slow"}"#), false);

    rig.start();
    rig.answer(r#"{"n":4}"#);

    assert!(started(&rig).is_empty());
    assert_eq!(rig.output(), r#"{"got":{"n":4},"of":3}"#);
}

#[test]
fn a_part_has_a_name_of_its_own_however_deep_its_task_stands() {
    let deep = |last: &str| format!("/do/0/{}/do/1/{last}", "a-long-name/do/0/".repeat(5));

    let (one, other) = (
        part_name("t", &deep("ask")),
        part_name("t", &deep("ask/do/0/ask")),
    );

    assert_ne!(one, other);
    for name in [one, other] {
        assert!(name.len() <= "t/".len() + 63, "{name}");
    }
}
