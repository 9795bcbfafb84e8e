//! Data flow, loops, switches and directives (rulings 4 to 10 and 12 to 15).

use windlass_workflows::value::Value;

use crate::rig::{drive, error, output};

fn kind(error: &Value) -> &str {
    error
        .get("type")
        .and_then(Value::as_str)
        .and_then(|kind| kind.rsplit('/').next())
        .unwrap_or_default()
}

fn instance(error: &Value) -> &str {
    error
        .get("instance")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[test]
fn a_task_takes_in_then_runs_then_gives_out_then_exports() {
    let document = "
do:
  - first:
      if: .raw == 1
      input: { from: '{ taken: .raw }' }
      set: { body: '${ .taken }', input: '${ $input }', raw: '${ $task.input }' }
      output: { as: '. + { shaped: (.body + 1) }' }
      export: { as: '{ seen: .shaped, output: $output.body }' }
  - second:
      set: { data: '${ . }', context: '${ $context }' }
";
    assert_eq!(
        output(document, r#"{"raw":1}"#),
        r#"{"data":{"body":1,"input":{"taken":1},"raw":{"raw":1},"shaped":2},"context":{"seen":2,"output":1}}"#
    );
}

#[test]
fn several_results_mean_the_first_and_none_is_an_error() {
    assert_eq!(output("do: [ { a: { set: '${ 1, 2 }' } } ]", "{}"), "1");
    let error = error("do: [ { a: { set: '${ empty }' } } ]", "{}");
    assert_eq!((kind(&error), instance(&error)), ("expression", "/do/0/a"));
}

#[test]
fn the_context_begins_empty_and_an_export_replaces_it() {
    let document = "
do:
  - a: { set: { x: '${ $context }' }, export: { as: '{ a: 1 }' } }
  - b: { set: { x: '${ .x }', y: '${ $context }' }, export: { as: '{ b: 2 }' } }
  - c: { set: { x: '${ .x }', y: '${ .y }', z: '${ $context }' } }
";
    assert_eq!(
        output(document, "{}"),
        r#"{"x":{},"y":{"a":1},"z":{"b":2}}"#
    );
}

#[test]
fn an_export_must_be_an_object() {
    let error = error(
        "do: [ { a: { set: { x: 1 }, export: { as: '[ 1 ]' } } } ]",
        "{}",
    );
    assert_eq!((kind(&error), instance(&error)), ("expression", "/do/0/a"));
}

#[test]
fn a_skipped_task_passes_its_input_on_and_follows_its_then() {
    let document = "
do:
  - a:
      if: .x == 2
      set: { x: 9 }
      output: { as: '{ never: true }' }
      export: { as: '{ never: true }' }
      then: c
  - b: { set: { x: b } }
  - c: { set: { x: '${ .x }', context: '${ $context }' } }
";
    assert_eq!(output(document, r#"{"x":1}"#), r#"{"x":1,"context":{}}"#);
}

#[test]
fn null_is_false_and_anything_else_is_no_condition() {
    assert_eq!(
        output("do: [ { a: { if: .none, set: { x: 1 } } } ]", "{}"),
        "{}"
    );
    let error = error("do: [ { a: { if: .x, set: { x: 1 } } } ]", r#"{"x":"yes"}"#);
    assert_eq!((kind(&error), instance(&error)), ("expression", "/do/0/a"));
}

#[test]
fn a_schema_judges_the_raw_input_and_the_shaped_output() {
    let taking = "
input:
  schema: { format: json, document: { type: object, required: [ n ] } }
  from: '{ m: .n }'
do: [ { a: { set: '${ . }' } } ]
";
    assert_eq!(output(taking, r#"{"n":1}"#), r#"{"m":1}"#);
    assert_eq!(kind(&error(taking, "{}")), "validation");
    let giving = "
do:
  - a:
      set: { n: 1 }
      output: { as: .n, schema: { format: json, document: { type: string } } }
";
    let error = error(giving, "{}");
    assert_eq!((kind(&error), instance(&error)), ("validation", "/do/0/a"));
}

#[test]
fn a_loop_hands_its_output_from_item_to_item() {
    let document = "
do:
  - sum:
      for: { each: n, at: i, in: .list }
      do:
        - add: { set: { list: '${ .list }', sum: '${ (.sum // 0) + $n * $i }' } }
";
    assert_eq!(
        output(document, r#"{"list":[5,7,9]}"#),
        r#"{"list":[5,7,9],"sum":25}"#
    );
    assert_eq!(output(document, r#"{"list":[]}"#), r#"{"list":[]}"#);
    let error = error(document, r#"{"list":{"a":1}}"#);
    assert_eq!(
        (kind(&error), instance(&error)),
        ("expression", "/do/0/sum")
    );
}

#[test]
fn while_is_asked_before_every_item_and_sees_the_running_output() {
    let document = "
do:
  - count:
      for: { in: '[ 1, 2, 3, 4 ]' }
      while: .n < $stop and $index < 9 and $item < 9
      do: [ { add: { set: { n: '${ .n + 1 }' } } } ]
";
    let document = document.replace("$stop", "3");
    assert_eq!(output(&document, r#"{"n":0}"#), r#"{"n":3}"#);
    assert_eq!(output(&document, r#"{"n":5}"#), r#"{"n":5}"#);
}

#[test]
fn exit_leaves_the_list_it_stands_in() {
    let looped = "
do:
  - each:
      for: { in: '[ 1, 2, 3 ]' }
      do:
        - skip: { switch: [ { two: { when: $item == 2, then: exit } } ] }
        - take: { set: { seen: '${ .seen + [ $item ] }' } }
  - last: { set: { seen: '${ .seen }', last: true } }
";
    assert_eq!(
        output(looped, r#"{"seen":[]}"#),
        r#"{"seen":[1,3],"last":true}"#
    );
    let tried = "
do:
  - attempt:
      try:
        - a: { set: { x: 1 }, then: exit }
        - b: { raise: { error: { type: 'https://x.example/no', status: 500 } } }
      catch: { do: [ { c: { set: { x: caught } } } ] }
  - last: { set: { x: '${ .x }', last: true } }
";
    assert_eq!(output(tried, "{}"), r#"{"x":1,"last":true}"#);
    assert_eq!(
        output(
            "do: [ { a: { set: { x: 1 }, then: exit } }, { b: { set: { x: 2 } } } ]",
            "{}"
        ),
        r#"{"x":1}"#
    );
}

#[test]
fn end_ends_the_job_and_every_task_around_still_gives_out() {
    let document = "
output: { as: '. + { workflow: true }' }
do:
  - outer:
      for: { in: '[ 1, 2, 3 ]' }
      output: { as: '. + { loop: true }' }
      do:
        - attempt:
            try: [ { no: { raise: { error: { type: 'https://x.example/no', status: 500 } } } } ]
            catch: { do: [ { stop: { set: { item: '${ $item }' }, then: end } } ] }
            output: { as: '. + { try: true }' }
  - never: { set: { never: true } }
";
    assert_eq!(
        output(document, "{}"),
        r#"{"item":1,"try":true,"loop":true,"workflow":true}"#
    );
}

#[test]
fn a_switch_takes_the_first_case_that_holds_and_its_default_last() {
    let document = "
do:
  - pick:
      switch:
        - other: { then: other }
        - small: { when: .n < 10, then: small }
        - smaller: { when: .n < 5, then: smaller }
  - small: { set: { is: small }, then: end }
  - smaller: { set: { is: smaller }, then: end }
  - other: { set: { is: other } }
";
    assert_eq!(output(document, r#"{"n":1}"#), r#"{"is":"small"}"#);
    assert_eq!(output(document, r#"{"n":50}"#), r#"{"is":"other"}"#);
}

#[test]
fn a_switch_without_a_match_follows_its_own_then() {
    let document = "
do:
  - pick: { switch: [ { no: { when: .n == 2, then: b } } ], then: c }
  - b: { set: { is: b }, then: end }
  - c: { set: { is: '${ . }' } }
";
    assert_eq!(output(document, r#"{"n":1}"#), r#"{"is":{"n":1}}"#);
    assert_eq!(output(document, r#"{"n":2}"#), r#"{"is":"b"}"#);
}

#[test]
fn a_wait_passes_its_input_on_and_stores_its_instant() {
    let document = "
do:
  - pause: { input: { from: '{ n: .n }' }, wait: '${ .pause // \"PT90S\" }' }
  - after: { set: { n: '${ .n }', at: '${ now | todate }' } }
";
    let rig = drive(document, r#"{"n":1,"other":2}"#, |rig| {
        rig.start();
        assert_eq!(rig.due_in(), 90.0);
        rig.after(30);
        assert_eq!(
            rig.tell(windlass_workflows::machine::event::EventKind::Due),
            windlass_workflows::machine::Applied::Late
        );
        rig.fire();
    });
    assert_eq!(rig.output(), r#"{"n":1,"at":"2026-03-01T09:01:30Z"}"#);
}

#[test]
fn numbers_and_the_order_of_keys_survive() {
    let input = r#"{"z":1E2,"a":1.50,"m":12345678901234567890123,"b":{"y":-0.0,"x":[1.0]}}"#;
    let document = "
do:
  - keep: { set: { all: '${ . }' } }
  - pause: { wait: PT1S }
  - echo: { call: 'echo:1.0.0@default', with: { all: '${ .all }' } }
";
    let rig = drive(document, input, |rig| {
        rig.start();
        rig.fire();
        assert_eq!(rig.given(), format!("{{\"all\":{input}}}"));
        rig.answer(input);
    });
    assert_eq!(rig.output(), input);
}
