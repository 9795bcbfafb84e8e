//! Calls: requests, functions in functions (ruling 33), keys, late results.

use windlass_workflows::document::step::HttpOutput;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::{Applied, BatchFacts, JobFacts};

use crate::kit::one_of_batches;
use crate::rig::{Rig, communication, drive, drive_as, facts, json};

const TWO: &str = "
do:
  - a: { call: 'echo:1.0.0@default', with: { n: '${ .n }' } }
  - b: { call: 'echo:1.0.0@default', with: { m: '${ .m }' }, output: { as: '{ out: .o, was: $input }' } }
";

#[test]
fn steps_follow_each_other_and_each_has_its_own_key() {
    let rig = drive(TWO, r#"{"n":1}"#, |rig| {
        rig.start();
        assert_eq!(rig.given(), r#"{"n":1}"#);
        let first = rig.open();
        assert_eq!(
            (first.path.as_str(), first.visit, first.attempt),
            ("/do/0/a", 1, 0)
        );
        assert_eq!(rig.answer(r#"{"m":2}"#), Applied::Done);
        let second = rig.open();
        assert_eq!(
            (second.path.as_str(), rig.given().as_str()),
            ("/do/1/b", r#"{"m":2}"#)
        );
        assert_ne!(first.key, second.key);
        assert_ne!(first.activity, second.activity);
        rig.answer(r#"{"o":3}"#);
    });
    assert_eq!(rig.output(), r#"{"out":3,"was":{"m":2}}"#);
    assert_eq!(rig.asked.len(), 2);
}

#[test]
fn late_results_change_nothing() {
    let rig = drive(TWO, r#"{"n":1}"#, |rig| {
        rig.start();
        let activity = rig.open().activity;
        rig.answer(r#"{"m":2}"#);
        let late = EventKind::Succeeded {
            activity,
            output: json("9"),
        };
        assert_eq!(rig.tell(late), Applied::Late);
        let late = EventKind::Failed {
            activity,
            fault: communication(500),
            again_after: None,
        };
        assert_eq!(rig.tell(late), Applied::Late);
        assert_eq!(rig.given(), r#"{"m":2}"#);
        let activity = rig.open().activity;
        rig.answer(r#"{"o":3}"#);
        let late = EventKind::Succeeded {
            activity,
            output: json("9"),
        };
        assert_eq!(rig.tell(late), Applied::Late);
    });
    assert_eq!(rig.output(), r#"{"out":3,"was":{"m":2}}"#);
}

#[test]
fn a_request_is_rendered_from_the_input() {
    let document = "
do:
  - ask:
      input: { from: .order }
      call: http
      with:
        method: put
        endpoint: http://shop.example/orders/{id}?v={version}
        headers: { X-Count: '${ .count | tostring }', X-None: '${ null }' }
        query: { q: '${ .q }' }
        body: { lines: '${ .lines }', fixed: true }
        output: response
        redirect: true
";
    let input = r#"{"order":{"id":"a b","version":2,"count":3,"q":"x&y","lines":[1,2.0]}}"#;
    let rig = drive(document, input, |rig| {
        rig.start();
        let request = rig.request();
        assert_eq!(
            (request.method.as_str(), request.url.as_str()),
            ("PUT", "http://shop.example/orders/a%20b?v=2")
        );
        assert_eq!(request.headers, [("X-Count".to_owned(), "3".to_owned())]);
        assert_eq!(request.query, [("q".to_owned(), "x&y".to_owned())]);
        assert_eq!(
            request.body.map(|body| body.to_json()).as_deref(),
            Some(r#"{"lines":[1,2.0],"fixed":true}"#)
        );
        assert_eq!(
            (request.output, request.redirect),
            (HttpOutput::Response, true)
        );
        rig.answer(r#"{"statusCode":204}"#);
    });
    assert_eq!(rig.output(), r#"{"statusCode":204}"#);
}

#[test]
fn a_computed_address_is_no_template() {
    let document = "do: [ { ask: { call: http, with: { method: get, endpoint: '${ .base + \"/{id}\" }' } } } ]";
    drive(document, r#"{"base":"http://x.example","id":1}"#, |rig| {
        rig.start();
        assert_eq!(rig.request().url, "http://x.example/{id}");
        rig.answer("1");
    });
    let rig = drive(
        &document.replace(".base + \"/{id}\"", ".id"),
        r#"{"id":1}"#,
        |rig| rig.start(),
    );
    assert_eq!(
        rig.error().get("title").and_then(|title| title.as_str()),
        Some("the endpoint is number, not text")
    );
}

const LAYERS: &str = "
use:
  functions:
    outer:
      call: inner
      with: { x: '${ .a * 2 }', seen: '${ $input.a }' }
      input: { from: '{ a: (.a + 1) }' }
      output: { as: '{ outer: ., given: $input.a }' }
      timeout: { after: PT20S }
    inner:
      call: 'echo:1.0.0@default'
      with: { y: '${ .x }', seen: '${ .seen }' }
      output: { as: '{ inner: .r, x: $input.x }' }
      timeout: { after: PT40S }
do:
  - go:
      input: { from: .deep }
      call: outer
      with: { a: '${ .n }' }
      output: { as: '. + { task: $input.n }' }
      timeout: { after: PT60S }
";

#[test]
fn functions_are_layers_around_a_call() {
    let rig = drive(LAYERS, r#"{"deep":{"n":4}}"#, |rig| {
        rig.start();
        assert_eq!(rig.given(), r#"{"y":10,"seen":5}"#);
        assert_eq!(rig.due_in(), 20.0);
        rig.answer(r#"{"r":"done"}"#);
    });
    assert_eq!(
        rig.output(),
        r#"{"outer":{"inner":"done","x":10},"given":5,"task":4}"#
    );
}

#[test]
fn an_error_between_two_functions_leaves_no_input_behind() {
    let document = "
use:
  functions:
    outer: { call: inner, with: { x: '${ .a.b }' } }
    inner: { call: 'echo:1.0.0@default', with: { x: '${ .x }' } }
do:
  - attempt:
      try: [ { go: { call: outer, with: { a: 1 } } } ]
      catch: { do: [ { h: { set: { kept: 1 } } } ] }
  - after: { set: { seen: '${ $input }' } }
";
    let rig = drive(document, "{}", |rig| rig.start());

    assert_eq!(rig.output(), r#"{"seen":{"kept":1}}"#);
}

#[test]
fn the_first_timeout_of_task_and_functions_counts() {
    let rig = drive(LAYERS, r#"{"deep":{"n":4}}"#, |rig| {
        rig.start();
        rig.fire();
    });
    let error = rig.error();
    assert_eq!(
        error.get("status").and_then(|status| status.as_u64()),
        Some(408)
    );
    assert_eq!(
        error.get("instance").and_then(|at| at.as_str()),
        Some("/do/0/go")
    );
}

/// Case 23.
#[test]
fn a_second_visit_has_another_key_and_a_retry_the_same() {
    let document = "
do:
  - each:
      for: { in: '[ 1, 2 ]' }
      do:
        - attempt:
            try: [ { a: { call: 'echo:1.0.0@default', with: { n: '${ $item }' } } } ]
            catch: { retry: { delay: PT1S, limit: { attempt: { count: 3 } } } }
";
    drive(document, "{}", |rig| {
        rig.start();
        let first = rig.open();
        rig.refuse(communication(503));
        rig.fire();
        let again = rig.open();
        assert_eq!((&again.key, again.attempt), (&first.key, 1));
        assert_ne!(again.activity, first.activity);
        rig.answer("1");
        let second = rig.open();
        assert_eq!((second.visit, second.attempt), (2, 0));
        assert_ne!(second.key, first.key);
        rig.answer("2");
        assert_eq!(rig.output(), "2");
    });
}

#[test]
fn what_the_runtime_tells_is_bound() {
    let document = "
do:
  - a:
      set:
        id: '${ $workflow.id }'
        input: '${ $workflow.input }'
        name: '${ $workflow.definition.document.name }'
        task: '${ [ $task.name, $task.reference ] }'
        key: '${ $runtime.metadata.batch.key }'
        tenant: '${ $runtime.metadata.tenant }'
";
    let rig = drive(document, r#"{"n":1}"#, |rig| rig.start());
    let expected = r#"{"id":"j_7","input":{"n":1},"name":"test","task":["a","/do/0/a"],"key":null,"tenant":"acme"}"#;
    assert_eq!(rig.output(), expected);
}

#[test]
fn a_job_sees_of_its_batch_what_the_vector_of_inputs_says() {
    let mut case = one_of_batches("inputs", "name", "individual, member 1");
    let (input, wanted) = (case.need("input"), case.need("batch"));
    let text = |field: &str| wanted[field].as_str().map(str::to_owned);
    let slot = text("slot").map(|slot| slot.parse().expect("an instant"));
    let batch = BatchFacts {
        id: text("id").expect("an id"),
        configuration: text("configuration"),
        strategy: text("strategy").expect("a strategy"),
        index: wanted["index"].as_u64().expect("a place"),
        of: wanted["of"].as_u64().expect("a count"),
        key: text("key"),
        object: text("object"),
        slot,
        context: text("context"),
        chunks: None,
    };
    let facts = JobFacts {
        batch: Some(batch),
        ..facts(&input.to_string())
    };
    let document = "
do:
  - a: { set: { given: '${ . }', batch: '${ $runtime.metadata.batch }' } }
";

    let rig = drive_as(document, facts, Rig::start);

    let expected = serde_json::json!({ "given": input, "batch": wanted });
    assert_eq!(rig.output(), expected.to_string());
}
