//! Chunks: how many at once, in which order, what is tolerated, what a crash repeats.

use windlass_workflows::machine::command::Call;
use windlass_workflows::machine::event::EventKind;
use windlass_workflows::machine::fault::Fault;
use windlass_workflows::machine::row::Row;
use windlass_workflows::machine::turn::OutcomeKind;
use windlass_workflows::machine::{Applied, JobFacts};

use crate::batches::batch;
use crate::rig::{Rig, communication, drive, drive_as, facts, json};

const DOCUMENT: &str = "
use:
  functions:
    measure:
      input: { from: '{ rows: .items }' }
      call: 'echo:1.0.0@default'
      with: { rows: '${ .rows }', own: '${ $input.rows | length }' }
      output: { as: .r }
do:
  - all:
      call: chunks:1.0.0@default
      with: { call: measure, parallel: 2, tolerate: { percent: 25 } }
  - last: { set: { all: '${ . }' } }
";

fn of(chunks: u32) -> JobFacts {
    JobFacts {
        batch: Some(batch(Some(chunks))),
        ..facts("{}")
    }
}

fn open(rig: &Rig) -> Vec<u32> {
    rig.chunks().1
}

/// Case 36: the state is dropped at every chunk.
#[test]
fn so_many_run_at_once_and_answers_stand_in_order() {
    let rig = drive_as(DOCUMENT, of(5), |rig| {
        rig.start();
        assert_eq!(open(rig), [1, 2]);
        rig.chunk(2, Ok(r#"{"r":"two"}"#));
        assert_eq!(open(rig), [1, 3]);
        rig.chunk(3, Ok(r#"{"r":"three"}"#));
        rig.chunk(1, Ok(r#"{"r":"one"}"#));
        assert_eq!(open(rig), [4, 5]);
        rig.chunk(5, Err(communication(503)));
        assert_eq!(open(rig), [4]);
        rig.chunk(4, Ok(r#"{"r":"four"}"#));
    });
    let output = json(&rig.output());
    let text = |pointer: &str| {
        output
            .pointer(pointer)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    let answers: Vec<String> = (0..4).map(|place| text(&format!("/all/{place}"))).collect();
    let expected = ["one", "two", "three", "four"].iter().enumerate();
    let expected = expected
        .map(|(index, word)| format!("{{\"index\":{index},\"ok\":true,\"output\":\"{word}\"}}"));
    assert_eq!(answers, expected.collect::<Vec<_>>());
    assert_eq!(
        (
            text("/all/4/ok"),
            text("/all/4/index"),
            text("/all/4/error/status")
        ),
        ("false".into(), "4".into(), "503".into())
    );
    let keys: std::collections::BTreeSet<&String> = rig.asked.iter().collect();
    assert_eq!(
        (rig.asked.len(), keys.len()),
        (5, 5),
        "each chunk was asked for once, under its own key"
    );
}

#[test]
fn more_failures_than_tolerated_fail_and_stop_the_rest() {
    let rig = drive_as(DOCUMENT, of(7), |rig| {
        rig.start();
        rig.chunk(1, Err(communication(500)));
        assert_eq!(open(rig), [2, 3]);
        let (activity, _) = rig.chunks();
        rig.chunk(3, Err(communication(502)));
        let late = EventKind::Chunk {
            activity,
            number: 2,
            result: Ok(json("1")),
        };
        assert_eq!(rig.tell(late), Applied::Late);
    });
    let error = rig.error();
    assert_eq!(
        error
            .pointer("/detail/status")
            .and_then(|status| status.as_u64()),
        Some(502)
    );
    assert_eq!(
        error.get("instance").and_then(|at| at.as_str()),
        Some("/do/0/all")
    );
    assert!(
        rig.asked
            .last()
            .is_some_and(|last| last.starts_with("Stop"))
    );
    assert_eq!(rig.asked.len(), 4);
}

#[test]
fn a_try_beside_chunks_does_not_begin_them_again() {
    let document = "
do:
  - both:
      fork:
        branches:
          - other:
              try: [ { a: { call: 'echo:1.0.0@default' } } ]
              catch: { retry: { delay: PT5S, limit: { attempt: { count: 1 } } } }
          - chunked:
              do:
                - later: { wait: PT10S }
                - all: { call: chunks:1.0.0@default, with: { call: 'echo:1.0.0@default' } }
";
    let rig = drive_as(document, of(1), |rig| {
        rig.start();
        rig.refuse(communication(500));
        rig.fire();
        let again = rig.open().activity;
        rig.fire();
        assert_eq!(open(rig), [1]);
        rig.chunk(1, Ok("10"));
        let output = json("1");
        rig.tell(EventKind::Succeeded {
            activity: again,
            output,
        });
    });
    rig.output();
    assert!(!rig.rows.contains(&Row::BeginChunksAgain));
}

#[test]
fn a_try_around_chunks_begins_them_all_again() {
    let document = "
do:
  - t:
      try: [ { all: { call: chunks:1.0.0@default, with: { call: 'echo:1.0.0@default' } } } ]
      catch: { retry: { delay: PT5S, limit: { attempt: { count: 1 } } } }
";
    let rig = drive_as(document, of(2), |rig| {
        rig.start();
        let (first, _) = rig.chunks();
        rig.chunk(1, Ok("1"));
        rig.chunk(2, Err(communication(500)));
        assert!(!rig.rows.contains(&Row::BeginChunksAgain));
        rig.fire();
        assert_eq!(open(rig), [1]);
        assert!(rig.rows.contains(&Row::BeginChunksAgain));
        let late = EventKind::Chunk {
            activity: first,
            number: 1,
            result: Ok(json("0")),
        };
        assert_eq!(rig.tell(late), Applied::Late);
        rig.chunk(1, Ok("10"));
        rig.chunk(2, Ok("20"));
    });
    assert_eq!(
        rig.output(),
        r#"[{"index":0,"ok":true,"output":10},{"index":1,"ok":true,"output":20}]"#
    );
}

#[test]
fn a_chunk_is_rendered_from_what_was_read_of_it() {
    drive_as(DOCUMENT, of(1), |rig| {
        rig.start();
        let (activity, _) = rig.chunks();
        let call = rig
            .execution
            .render_chunk(activity, 1, &json(r#"{"chunk":1,"items":[7,8]}"#));
        let Ok(Call::Function { function, input }) = call else {
            panic!("a function was expected: {call:?}")
        };
        assert_eq!(
            (function.name.as_str(), input.to_json().as_str()),
            ("echo", r#"{"rows":[7,8],"own":2}"#)
        );
        let failed = rig
            .execution
            .render_chunk(activity, 1, &json("3"))
            .expect_err("3 has no items");
        assert_eq!(failed.code(), "expression");
        rig.chunk(1, Ok(r#"{"r":1}"#));
        assert!(
            rig.execution
                .render_chunk(activity, 1, &json("{}"))
                .is_err(),
            "nobody wants it any more"
        );
    });
}

#[test]
fn an_answer_that_does_not_fit_its_function_is_a_failed_chunk() {
    let rig = drive_as(DOCUMENT, of(1), |rig| {
        rig.start();
        rig.chunk(1, Ok("5"));
    });
    assert_eq!(
        rig.error()
            .pointer("/detail/status")
            .and_then(|status| status.as_u64()),
        Some(400)
    );
}

#[test]
fn late_and_repeated_answers_of_a_chunk_change_nothing() {
    let rig = drive_as(DOCUMENT, of(2), |rig| {
        rig.start();
        rig.chunk(1, Ok(r#"{"r":1}"#));
        assert_eq!(rig.chunk(1, Ok(r#"{"r":9}"#)), Applied::Late);
        assert_eq!(rig.chunk(7, Ok(r#"{"r":9}"#)), Applied::Late);
        rig.chunk(2, Ok(r#"{"r":2}"#));
    });
    assert!(rig.output().contains(r#""output":1"#));
}

#[test]
fn no_chunks_give_an_empty_list_and_no_batch_an_error() {
    let rig = drive_as(DOCUMENT, of(0), Rig::start);
    assert_eq!(rig.output(), r#"{"all":[]}"#);
    let rig = drive(DOCUMENT, r#"{"chunks":1}"#, |rig| {
        rig.start();
        rig.chunk(1, Ok(r#"{"r":1}"#));
    });
    assert_eq!(
        rig.result(OutcomeKind::Completed),
        r#"{"all":[{"index":0,"ok":true,"output":1}]}"#
    );
    assert_eq!(
        drive(DOCUMENT, "{}", Rig::start).ended().code.as_deref(),
        Some("configuration")
    );
}

/// Reports keep the code of an error in a column.
#[test]
fn a_code_that_no_table_takes_is_told_without_what_it_cannot_hold() {
    let fault = || Fault {
        kind: "https://x.example/o\0dd".into(),
        title: Some("gone\0".into()),
        ..communication(500)
    };
    let rig = drive_as(DOCUMENT, of(1), |rig| {
        rig.start();
        rig.chunk(1, Err(fault()));
    });
    let code = rig.rows.iter().find_map(|row| match row {
        Row::EndChunk { error, .. } => error.as_ref().map(|error| error.code.clone()),
        _ => None,
    });
    assert_eq!(code.as_deref(), Some("o\u{fffd}dd"));

    let raised = "do: [ { no: { raise: { error: { type: '${ \"https://x.example/o\\u0000dd\" }', status: 500 } } } } ]";
    let rig = drive(raised, "{}", Rig::start);
    let outcome = rig.outcome.expect("it ended");
    assert_eq!(outcome.code.as_deref(), Some("o\u{fffd}dd"));
}
