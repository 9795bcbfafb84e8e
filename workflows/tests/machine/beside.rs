//! What a job sets going beside itself: events, children, groups (rulings 29 and the emit of 4.1).

use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::row::{Fate, Interest, Row};
use windlass_workflows::machine::turn::OutcomeKind;

use crate::rig::{communication, drive, json};

const CHILD: &str = "do:
- c:
    run: { workflow: { namespace: a, name: b, version: latest, input: { id: '${ .id }' } } }
";

#[test]
fn an_event_is_published_whole_and_given_out() {
    let document = "do: [ { e: { emit: { event: { with: { type: com.x.y, subject: '${ .s }', data: { n: 1 } } } } } } ]";
    let rig = drive(document, r#"{"s":"k"}"#, |rig| rig.start());

    let [Row::Publish { id, envelope }] = &rig.rows[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(envelope.get("id"), Some(&json(&format!("\"{id}\""))));
    assert_eq!(envelope.get("source"), Some(&json(r#""/test/test/1.0.0""#)));
    assert_eq!(
        envelope.get("time"),
        Some(&json(r#""2026-03-01T09:00:00Z""#))
    );
    assert_eq!(envelope.get("subject"), Some(&json(r#""k""#)));
    assert_eq!(json(&rig.output()), *envelope);
}

#[test]
fn what_an_author_says_of_an_event_stays() {
    let document = "do: [ { e: { emit: { event: { with: { id: mine, type: t, source: 'https://s', time: '2020-01-01T00:00:00Z' } } } } } ]";
    let rig = drive(document, "{}", |rig| rig.start());

    let [Row::Publish { id, envelope }] = &rig.rows[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(id, "mine");
    assert_eq!(envelope.get("source"), Some(&json(r#""https://s""#)));
}

#[test]
fn a_child_is_started_once_and_its_output_is_the_task_s() {
    let rig = drive(CHILD, r#"{"id":3}"#, |rig| {
        rig.start();
        assert!(rig.performs().is_empty());
        let activity = Activity(1);
        assert_eq!(rig.execution.interests(), [Interest::Child { activity }]);
        rig.settle(activity, Ok(r#"{"done":true}"#));
    });

    let [Row::StartChild(child)] = &rig.rows[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(child.input, json(r#"{"id":3}"#));
    assert_eq!(child.template.version, "latest");
    assert!(child.is_awaited && child.fate == Fate::Cancel);
    assert_eq!(rig.output(), r#"{"done":true}"#);
}

#[test]
fn a_child_without_input_gets_the_task_s_and_one_that_is_not_awaited_passes_it_on() {
    let document = "do: [ { c: { run: { await: false, workflow: { namespace: a, name: b, version: 1.0.0 } } } } ]";
    let rig = drive(document, r#"{"id":3}"#, |rig| rig.start());

    let [Row::StartChild(child)] = &rig.rows[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(child.input, json(r#"{"id":3}"#));
    assert_eq!(child.fate, Fate::Abandon);
    assert_eq!(rig.output(), r#"{"id":3}"#);
}

#[test]
fn a_child_bears_its_placement_and_its_parent_s_state_does_not() {
    let document = "do: [ { c: { run: { workflow: { namespace: a, name: b, version: 1.0.0 } }, metadata: { windlass: { queue: slow, limits: [ '${ \"crm:\\(.id)\" }' ], startBy: PT1H } } } } ]";
    let rig = drive(document, r#"{"id":3}"#, |rig| rig.start());

    let [Row::StartChild(child)] = &rig.rows[..] else {
        panic!("{:?}", rig.rows);
    };
    let placement = r#"{"queue":"slow","limits":["crm:3"],"startBy":"PT1H"}"#;
    assert_eq!(child.placement, Some(json(placement)));
    assert!(
        rig.entries
            .iter()
            .all(|entry| !entry.data.contains("crm:3"))
    );
}

#[test]
fn a_child_s_fault_is_raised_at_the_task_with_the_child_s_id() {
    let rig = drive(CHILD, "{}", |rig| {
        rig.start();
        rig.settle(Activity(1), Err(communication(503)));
    });

    let error = rig.error();
    assert_eq!(error.get("instance"), Some(&json(r#""/do/0/c""#)));
    assert_eq!(error.get("status"), Some(&json("503")));
    assert_eq!(error.pointer("/detail/child"), Some(&json(r#""j_99""#)));
}

#[test]
fn a_deadline_closes_the_child() {
    let document = CHILD.replace("    run:", "    timeout: { after: PT10S }\n    run:");
    let rig = drive(&document, "{}", |rig| {
        rig.start();
        rig.fire();
        // Case 18: its end comes after the timeout.
    });

    assert_eq!(rig.written(), ["start b", "close 1"]);
    assert_eq!(rig.error().get("status"), Some(&json("408")));
}

#[test]
fn a_cancel_closes_waits_for_or_abandons_a_child_as_it_says() {
    let with =
        |fate: &str| format!("{CHILD}    metadata: {{ windlass: {{ onParentClose: {fate} }} }}\n");
    let cancelled = drive(&with("cancel"), "{}", |rig| {
        rig.start();
        rig.cancel();
        assert!(rig.outcome.is_none());
        rig.settle(Activity(1), Err(communication(500)));
    });
    let waited = drive(&with("wait"), "{}", |rig| {
        rig.start();
        rig.cancel();
        assert!(rig.outcome.is_none());
        rig.settle(Activity(1), Ok("1"));
    });
    let abandoned = drive(&with("abandon"), "{}", |rig| {
        rig.start();
        rig.cancel();
    });
    let silent = drive(&with("cancel"), "{}", |rig| {
        rig.start();
        rig.cancel();
        rig.fire();
    });

    assert_eq!(silent.written(), ["start b", "close 1"]);

    assert_eq!(cancelled.written(), ["start b", "close 1"]);
    assert_eq!(waited.written(), ["start b"]);
    assert_eq!(abandoned.written(), ["start b"]);
    for rig in [cancelled, waited, abandoned, silent] {
        rig.result(OutcomeKind::Cancelled);
    }
}

#[test]
fn a_child_that_nobody_awaits_may_end_with_its_parent() {
    let document = "do:
- c:
    run: { await: false, workflow: { namespace: a, name: b, version: 1.0.0 } }
    metadata: { windlass: { onParentClose: cancel } }
- w: { wait: PT1S }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.fire();
    });

    assert_eq!(rig.written(), ["start b", "close 1"]);
}

#[test]
fn a_map_is_a_group_whose_answer_comes_back() {
    let document = "do: [ { m: { call: 'map:1.0.0@default', with: { items: [ 1, 2 ], call: 'echo:1.0.0@default' } } } ]";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        let activity = Activity(1);
        assert_eq!(rig.execution.interests(), [Interest::Group { activity }]);
        rig.settle(activity, Ok(r#"[{"index":0,"ok":true,"output":1}]"#));
    });

    let [Row::OpenGroup { input, .. }] = &rig.rows[..] else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(input.get("items"), Some(&json("[1,2]")));
    assert_eq!(rig.output(), r#"[{"index":0,"ok":true,"output":1}]"#);
}

#[test]
fn a_context_is_saved_in_the_flush_and_its_conflict_can_be_caught() {
    let document = "do:
- t:
    try: [ { s: { call: 'context-save:1.0.0@default', with: { key: k, patch: { n: 1 }, version: 3 } } } ]
    catch: { errors: { with: { status: 409 } }, do: [ { h: { set: { conflict: true } } } ] }
";
    let rig = drive(document, "{}", |rig| {
        rig.start();
        rig.tell(windlass_workflows::machine::event::EventKind::Failed {
            activity: Activity(1),
            fault: communication(409),
            again_after: None,
        });
    });

    assert_eq!(rig.written(), ["save"]);
    assert_eq!(rig.output(), r#"{"conflict":true}"#);
}
