//! The journal: what is written, what is not, how much of it, and what cannot be read.

use std::time::Duration;

use windlass_workflows::machine::event::{Event, EventKind};
use windlass_workflows::machine::{Execution, JobFacts, Unloadable};
use windlass_workflows::program::Memory;
use windlass_workflows::value::Value;

use crate::rig::{Rig, communication, drive, facts, json, program, start};

const PLAIN: &str = "
do:
  - t:
      try: [ { a: { call: 'echo:1.0.0@default', with: { n: '${ .n }' } } } ]
      catch: { retry: { delay: PT5S, limit: { attempt: { count: 2 } } } }
  - last: { set: { got: '${ . }' } }
";

#[test]
fn a_job_that_can_begin_again_from_its_row_writes_its_outcome_alone() {
    assert_eq!(program(PLAIN).memory(), Memory::None);
    let rig = drive(PLAIN, r#"{"n":1}"#, |rig| {
        rig.start();
        rig.answer("2");
    });
    assert_eq!(rig.output(), r#"{"got":2}"#);
    assert!(rig.entries.is_empty() && rig.heads.is_empty());
}

#[test]
fn its_first_entry_comes_with_its_first_failure_and_tells_all_from_the_start() {
    let rig = drive(PLAIN, r#"{"n":1}"#, |rig| {
        rig.start();
        assert!(rig.entries.is_empty());
        rig.refuse(communication(503));
        assert_eq!(rig.entries.len(), 1);
        rig.fire();
        assert_eq!((rig.entries.len(), rig.open().attempt), (2, 1));
        rig.answer("2");
    });
    assert_eq!(rig.output(), r#"{"got":2}"#);
    let seqs: Vec<i32> = rig.entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [1, 2, 3]);
    assert_eq!(rig.entries[0].kind, "failed");
}

#[test]
fn the_first_entry_holds_the_start() {
    let mut rig = Rig::new(program(PLAIN), facts(r#"{"n":1}"#), false);
    rig.start();
    rig.refuse(communication(503));

    let entry = Value::parse_within(&rig.entries[0].data, 96).expect("JSON");
    let events = entry
        .get("events")
        .and_then(Value::as_list)
        .expect("events");
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event.get("kind")?.as_str())
        .collect();

    assert_eq!(kinds, ["started", "failed"]);
}

#[test]
fn what_must_be_remembered_is_told_by_the_program() {
    let cases = [
        ("do: [ { a: { wait: PT1S } } ]", "wait"),
        (
            "do: [ { a: { call: 'echo:1.0.0@default', with: { at: '${ now }' } } } ]",
            "reads the clock or the attempt",
        ),
        (
            "do: [ { a: { call: 'echo:1.0.0@default', with: {}, timeout: { after: PT6M } } } ]",
            "deadline over 5 minutes",
        ),
        (
            "do: [ { t: { try: [ { a: { call: 'echo:1.0.0@default', with: {} } } ], catch: { retry: { limit: { attempt: { duration: PT6M } } } } } } ]",
            "deadline over 5 minutes",
        ),
        (
            "do: [ { a: { for: { in: '[1]' }, do: [ { b: { call: 'echo:1.0.0@default', with: {} } } ] } } ]",
            "loop over steps",
        ),
    ];
    for (document, reason) in cases {
        assert_eq!(
            program(document).memory(),
            Memory::Journaled(reason),
            "{document}"
        );
    }
    let document = "
do:
  - t:
      try: [ { no: { raise: { error: { type: 'https://x.example/no', status: 500 } } } } ]
      catch: { when: 'now > 0', do: [] }
  - a: { call: 'echo:1.0.0@default', with: {} }
";
    assert_eq!(
        program(document).memory(),
        Memory::Journaled("reads the clock or the attempt")
    );
}

/// Two calls; the first is given these members beside its `call`.
fn two_steps(first: &str) -> String {
    format!(
        "
do:
  - a: {{ call: 'echo:1.0.0@default', {first} }}
  - b: {{ call: 'echo:1.0.0@default', with: {{ got: '${{ . }}' }} }}
"
    )
}

/// Case 24: before its first entry a job is begun again from its row, and asks for the same.
#[test]
fn a_journal_begins_with_the_end_of_the_first_step_which_the_row_can_ask_for_again() {
    let document = two_steps("with: { n: '${ .n }' }");
    let rig = drive(&document, r#"{"n":1}"#, |rig| {
        rig.start();
        assert!(rig.entries.is_empty());
        rig.after(2);
        rig.answer(r#"{"ok":true}"#);
        let told = r#"{"v":1,"events":[{"kind":"started","at":"2026-03-01T09:00:00Z","now_at":"/do/0/a"},{"kind":"succeeded","now_at":"/do/1/b"}],"#;
        let entry = &rig.entries[0].data;
        assert!(rig.entries.len() == 1 && entry.starts_with(told), "{entry}");
        rig.refuse(communication(503));
    });
    assert_eq!(rig.entries.len(), 2);
}

#[test]
fn what_cannot_be_asked_for_again_alike_is_remembered_before_it_begins() {
    for first in [
        "with: { at: '${ now }' }",
        "with: { at: '${ $workflow.startedAt }' }",
        "with: { n: 1 }, timeout: { after: PT6M }",
    ] {
        let mut rig = Rig::new(program(&two_steps(first)), facts("{}"), false);
        rig.start();
        assert_eq!(rig.entries.len(), 1, "{first}");
    }
}

#[test]
fn a_bound_that_would_start_over_with_each_claim_is_remembered() {
    let step = program("do: [ { a: { call: 'echo:1.0.0@default', with: {} } } ]");
    for (seconds, turns) in [(300, 0), (301, 1)] {
        let facts = JobFacts {
            timeout: Some(Duration::from_secs(seconds)),
            ..facts("{}")
        };
        let mut rig = Rig::new(step.clone(), facts, false);
        rig.start();
        assert_eq!(rig.entries.len(), turns, "{seconds} s");
    }
}

#[test]
fn the_last_turn_does_not_repeat_what_its_outcome_says() {
    let mut rig = Rig::new(program(&two_steps("with: {}")), facts("{}"), false);
    rig.start();
    rig.answer("1");
    let output = format!("\"{}\"", "x".repeat(1_000));
    rig.answer(&output);

    assert_eq!(rig.output(), output);
    let last = &rig.entries[1].data;
    assert!(
        last.len() < 300 && last.ends_with(r#""outcome":{"kind":"completed"}}}"#),
        "{last}"
    );
}

/// Bytes of all entries of a job whose loop makes a context grow by each answer.
fn bytes(export: &str, items: usize) -> (usize, usize, usize) {
    let document = format!(
        "
do:
  - begin: {{ set: {{ list: '${{ [ range({items}) ] }}' }}, export: {{ as: '{{ base: \"fixed\", list: [] }}' }} }}
  - each:
      for: {{ in: .list }}
      do:
        - a:
            call: 'echo:1.0.0@default'
            with: {{ n: '${{ $item }}' }}
            export: {{ as: '{export}' }}
  - last: {{ set: {{ kept: '${{ $context }}' }} }}
"
    );
    let mut rig = Rig::new(program(&document), facts("{}"), false);
    rig.compares_every = 25;
    rig.start();
    for item in 0..items {
        rig.answer(&format!(
            "{{\"n\":{item},\"text\":\"{}\"}}",
            "x".repeat(200)
        ));
    }
    let bytes = rig.entries.iter().map(|entry| entry.data.len()).sum();
    let heads = rig.heads.iter().map(|head| head.state.len()).sum();
    let output = json(&rig.output());
    let kept = output
        .pointer("/kept/list")
        .and_then(Value::as_list)
        .map(<[Value]>::len);
    assert!(kept.is_none_or(|kept| kept == items || kept == 0));
    assert!(!rig.heads.is_empty(), "a long journal has a head");
    (bytes, heads, output.to_json().len())
}

/// Case 33.
#[test]
fn a_growing_context_costs_what_it_grew_by() {
    for export in [
        "$context + { (\"k\\($item)\"): . }",
        "$context + { list: ($context.list + [ . ]) }",
    ] {
        let (entries, heads, last) = bytes(export, 500);
        assert!(last > 100_000, "it grew: {last}");
        // Whole contexts would take 500 · 55 KB = 27 MB.
        assert!(
            entries < 500 * 2_500,
            "{export}: {entries} bytes of entries"
        );
        assert!(heads <= 2 * entries, "{export}: {heads} bytes of heads");
    }
}

#[test]
fn a_later_format_and_a_damaged_entry_are_told_apart() {
    let document = "do: [ { a: { wait: PT1S } }, { b: { wait: PT1S } } ]";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    rig.fire();
    let load = |entries| Execution::load(program(document), facts("{}"), None, entries).map(|_| ());
    let changed = |from: &str, to: &str| {
        let mut entries = rig.entries.clone();
        entries[1].data = entries[1].data.replace(from, to);
        entries
    };

    assert_eq!(load(rig.entries.clone()), Ok(()));
    assert_eq!(
        load(changed(r#"{"v":1"#, r#"{"v":6"#)),
        Err(Unloadable::NewerFormat { seq: 2, found: 6 })
    );
    assert!(matches!(
        load(changed("/do/1/b", "/do/1/c")),
        Err(Unloadable::Damaged { seq: 2, .. })
    ));
    assert!(matches!(
        load(rig.entries[1..].to_vec()),
        Err(Unloadable::Damaged { .. })
    ));
    assert!(matches!(
        load(Vec::new()),
        Err(Unloadable::Damaged { seq: 0, .. })
    ));
}

/// `depth` lists in each other.
fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Case 34: the depth of values.
#[test]
fn values_as_deep_as_can_be_stored_survive_and_deeper_ones_are_errors() {
    let document = "
do:
  - a: { call: 'echo:1.0.0@default', with: {} }
  - pause: { wait: PT1S }
  - wrap: { set: { in: { in: '${ . }' } } }
  - again: { wait: PT1S }
";
    let fits = drive(document, "{}", |rig| {
        rig.start();
        rig.answer(&nested(62));
        rig.fire();
        rig.fire();
    });
    assert_eq!(
        fits.output(),
        format!("{{\"in\":{{\"in\":{}}}}}", nested(62))
    );
    let deep = drive(document, "{}", |rig| {
        rig.start();
        rig.answer(&nested(64));
        rig.fire();
    });
    assert_eq!(
        deep.error().get("instance").and_then(Value::as_str),
        Some("/do/2/wrap")
    );
}

/// Case 34: the bytes of a state.
#[test]
fn a_job_that_holds_too_much_fails() {
    let document = "
do:
  - each:
      for: { in: '[ range(9) ]' }
      do:
        - a: { call: 'echo:1.0.0@default', with: {}, export: { as: '$context + { (\"k\\($item)\"): .text }' } }
";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    let mut answers = 0;
    while rig.outcome.is_none() && answers < 9 {
        rig.answer(&format!(
            "{{\"text\":\"{}\"}}",
            "x".repeat(200_000 + answers * 300_000)
        ));
        answers += 1;
    }
    assert_eq!(
        rig.ended().code.as_deref(),
        Some("expression"),
        "one value is at most a mebibyte"
    );
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    rig.answer(&format!(
        "{{\"text\":\"\",\"rest\":\"{}\"}}",
        "x".repeat(5 << 20)
    ));
    assert_eq!(
        rig.ended().code.as_deref(),
        Some("runtime"),
        "all of them at most four"
    );
    assert!(rig.execution.pending().is_empty());
}

#[test]
fn a_job_that_ended_is_read_back_as_ended() {
    let document = "do: [ { a: { wait: PT1S } } ]";
    let mut rig = Rig::new(program(document), facts("{}"), false);
    rig.start();
    rig.fire();
    let mut again = Execution::load(program(document), facts("{}"), None, rig.entries.clone())
        .expect("it can be read");

    let applied = again.apply(Event {
        at: start(),
        kind: EventKind::Due,
    });

    assert_eq!(applied, Ok(windlass_workflows::machine::Applied::Late));
    assert!(again.is_ended() && again.seal().is_none());
}
