//! Batches as steps: `call: batch` opens one row, whenever its worker dies, and closes it with the step.

use windlass_workflows::check;
use windlass_workflows::machine::event::Activity;
use windlass_workflows::machine::row::{Interest, Row};
use windlass_workflows::machine::turn::OutcomeKind;

use crate::rig::{catalogue, communication, drive, json};

const TRIED: &str = "do:
- w: { wait: PT1S }
- t:
    try:
    - b:
        call: batch:1.0.0@default
        with:
          purpose: brief
          selection: { items: '${ .items }', filter: .n > 1 }
          input: { n: '${ .n }', of: '${ $configuration }' }
        metadata: { windlass: { priority: '${ .how }' } }
        timeout: { after: PT1H }
    catch: { do: [ { h: { set: { status: '${ $error.status }', child: '${ $error.details.child }' } } } ] }
- e: { call: 'echo:1.0.0@default', with: { got: '${ . }' } }
";
const INPUT: &str = r#"{"items":[{"n":1},{"n":2}],"how":"high"}"#;

#[test]
fn a_batch_is_opened_once_wherever_its_worker_dies_and_its_end_is_the_step_s() {
    let rig = drive(TRIED, INPUT, |rig| {
        rig.start();
        rig.fire();
        let activity = Activity(1);
        assert_eq!(rig.execution.interests(), [Interest::Batch { activity }]);
        rig.crash();
        assert_eq!(rig.execution.interests(), [Interest::Batch { activity }]);
        rig.settle(activity, Ok(r#"{"id":"b_7","jobs":2}"#));
        rig.crash();
        assert_eq!(rig.given(), r#"{"got":{"id":"b_7","jobs":2}}"#);
        rig.answer("1");
    });

    let [
        Row::OpenGroup {
            input, placement, ..
        },
    ] = &rig.rows[..]
    else {
        panic!("{:?}", rig.rows);
    };
    assert_eq!(
        input.get("selection"),
        Some(&json(r#"{"items":[{"n":1},{"n":2}],"filter":".n > 1"}"#))
    );
    let of_members = json(r#"{"n":"${ .n }","of":"${ $configuration }"}"#);
    assert_eq!(
        input.get("input"),
        Some(&of_members),
        "a member's, not ours"
    );
    assert_eq!(*placement, Some(json(r#"{"priority":"high"}"#)));
    assert_eq!(rig.output(), "1");
}

#[test]
fn a_batch_that_fails_is_caught_with_its_id() {
    let rig = drive(TRIED, INPUT, |rig| {
        rig.start();
        rig.fire();
        rig.settle(Activity(1), Err(communication(500)));
        rig.answer("1");
    });

    assert_eq!(rig.written(), ["open batch"]);
    assert_eq!(rig.asked.len(), 1);
    assert!(
        rig.asked[0].contains(r#""status": Number(500), "child": Text("j_99")"#),
        "{:?}",
        rig.asked
    );
}

#[test]
fn a_batch_is_closed_with_its_step() {
    let late = drive(TRIED, INPUT, |rig| {
        rig.start();
        rig.fire();
        rig.fire();
        rig.answer("1");
    });
    let cancelled = drive(TRIED, INPUT, |rig| {
        rig.start();
        rig.fire();
        rig.cancel();
        rig.settle(Activity(1), Err(communication(500)));
    });

    assert_eq!(late.written(), ["open batch", "close group 1"]);
    assert_eq!(late.output(), "1");
    assert_eq!(cancelled.written(), ["open batch", "close group 1"]);
    cancelled.result(OutcomeKind::Cancelled);
}

/// Codes and places of what is wrong with a `with` of a batch.
fn problems(with: &str) -> Vec<(String, String)> {
    let source = format!(
        "document: {{ dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }}
do: [ {{ b: {{ call: 'batch:1.0.0@default', with: {with} }} }} ]"
    );
    let known = windlass_workflows::catalogue::Ability::ALL
        .into_iter()
        .fold(
            windlass_workflows::catalogue::Catalogue::builtin(),
            windlass_workflows::catalogue::Catalogue::able,
        );
    let problems = check::publish(&source, &known).err().unwrap_or_default();
    let problems = problems.into_iter();
    problems
        .map(|one| {
            let place = one.pointer.strip_prefix("/do/0/b/with");
            let place = place.unwrap_or(&one.pointer).to_owned();
            (one.code.to_string(), place)
        })
        .collect()
}

#[test]
fn a_recipe_may_be_written_out_or_computed() {
    let of = "workflow: { namespace: a, name: c }";
    let fits = [
        format!("{{ {of}, selection: {{ category: stars, filter: .n > 1 }}, strategy: object, chunk: {{ maxItems: 10 }} }}"),
        format!("{{ {of}, selection: '${{ .what }}', strategy: '${{ .how }}', parallel: '${{ .n }}' }}"),
        format!("{{ {of}, selection: {{ items: [ '${{ .one }}', {{ k: '${{ .k }}' }} ], key: k }}, input: {{ k: '${{ $key }}' }} }}"),
        "{ configuration: '${ .c }', parallel: 4, tolerate: { percent: 1 }, await: false }".to_owned(),
        "{ purpose: brief, selection: { category: '${ .c }', limit: '${ .n }' }, onParentClose: abandon }".to_owned(),
    ];
    for with in &fits {
        assert_eq!(problems(with), [], "{with}");
    }
}

#[test]
fn what_is_written_out_of_a_recipe_is_checked_when_it_is_published() {
    let of = "workflow: { namespace: a, name: c }";
    let wrong = [
        (
            "{ selection: { category: c } }".to_owned(),
            "handler.input_mismatch",
            "",
        ),
        ("{ purpose: p }".to_owned(), "configuration.missing_key", ""),
        (
            "{ configuration: c, strategy: object }".to_owned(),
            "handler.input_mismatch",
            "/strategy",
        ),
        (
            "{ configuration: c, tolerance: {} }".to_owned(),
            "handler.input_mismatch",
            "",
        ),
        (
            format!("{{ {of}, selection: {{ category: c, filter: '.n >' }} }}"),
            "expression.syntax",
            "/selection/filter",
        ),
        (
            format!(
                "{{ {of}, selection: {{ category: c }}, input: {{ n: '${{ $context.n }}' }} }}"
            ),
            "expression.unknown_variable",
            "/input/n",
        ),
        (
            format!("{{ {of}, selection: {{ category: c }}, chunk: {{ maxItems: 5 }} }}"),
            "configuration.conflict",
            "/chunk",
        ),
        (
            format!("{{ {of}, selection: {{ category: c }}, parallel: 0 }}"),
            "handler.input_mismatch",
            "/parallel",
        ),
        (
            "{ workflow: { namespace: a, name: c, version: '1' }, selection: { category: c } }"
                .to_owned(),
            "configuration.value",
            "/workflow",
        ),
    ];
    for (with, code, place) in wrong {
        let found = problems(&with);
        let wanted = (code.to_owned(), place.to_owned());
        assert!(found.contains(&wanted), "{with}: {found:?}");
    }
}

#[test]
fn a_recipe_is_stored_and_knows_no_secret() {
    let source = "document: { dsl: '1.0.3', namespace: a, name: b, version: '1.0.0' }
use: { secrets: [ s ] }
do: [ { b: { call: 'batch:1.0.0@default', with: { purpose: p, selection: { items: [ { t: '${ $secrets.s }' } ] } } } } ]";

    let problems = check::publish(source, &catalogue()).expect_err("it leaks");

    assert_eq!(problems[0].code, "secret.leaks");
}
