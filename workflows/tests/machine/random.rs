//! Small documents and scripts drawn at random: whatever happens, nothing panics, the journal folds
//! to what stands, and crashes change neither outcome nor what is asked for.

use std::sync::Arc;

use proptest::prelude::*;
use windlass_workflows::machine::JobFacts;
use windlass_workflows::machine::event::{Activity, EventKind};
use windlass_workflows::machine::row::Interest;

use crate::again::policy;
use crate::batches::batch;
use crate::rig::{Rig, communication, drive_as, facts, json};

/// A task, before it knows its place.
#[derive(Clone, Debug)]
pub enum Draw {
    Set(usize),
    Call(usize),
    Chunks,
    Raise,
    Wait(u32),
    Do(Vec<Task>),
    For(usize, Vec<Task>),
    Switch(usize, usize),
    Try(usize, Vec<Task>, Option<Vec<Task>>),
    Fork(bool, Vec<Task>),
    Scope(usize, Vec<Task>),
    Listen(usize, Option<Vec<Task>>),
    Emit,
    Run(bool),
    /// A call of one of the functions that may be called here.
    Function(usize),
}

#[derive(Clone, Debug)]
pub struct Task {
    pub draw: Draw,
    /// Bits: condition, input, output, export, timeout.
    extras: u8,
    then: usize,
}

/// Data and context feed each other: without a bound they double with every task, and a run of a few
/// moves takes minutes.
const SHAPES: [&str; 7] = [
    "${ . }",
    "${ { n: 1, was: . } }",
    "${ .n + 1 }",
    "${ [ (if (tojson | length) > 2000 then 0 else . end), $context ] }",
    "${ $input }",
    "${ .none }",
    "${ \"1\\\" \\(.)\" }",
];
const CASES: [&str; 4] = ["true", ".n == 1", "$context.k != null", ".n"];
const CATCHES: [&str; 4] = [
    r#""retry":{"delay":"PT3S","limit":{"attempt":{"count":2}}}"#,
    r#""retry":{"backoff":{"linear":{}},"limit":{"attempt":{"count":1,"duration":"PT7S"}}}"#,
    r#""errors":{"with":{"status":503}},"retry":{"delay":"PT1S","jitter":{"from":"PT0S","to":"PT5S"},"limit":{"attempt":{"count":3},"duration":"PT9S"}}"#,
    r#""when":"$error.status != 400","retry":{"when":"$error.status == 503","limit":{"attempt":{"count":1}}}"#,
];

pub fn task() -> impl Strategy<Value = Task> {
    tasks_of(leaf().boxed(), 3)
}

/// A task that may call functions.
fn caller(depth: u32) -> impl Strategy<Value = Task> {
    let call = (0_usize..FUNCTIONS).prop_map(Draw::Function);
    tasks_of(prop_oneof![4 => leaf(), 1 => call].boxed(), depth)
}

fn leaf() -> impl Strategy<Value = Draw> {
    prop_oneof![
        3 => (0..SHAPES.len()).prop_map(Draw::Set),
        4 => (0..SHAPES.len()).prop_map(Draw::Call),
        1 => Just(Draw::Chunks),
        1 => Just(Draw::Raise),
        1 => (0_u32..20).prop_map(Draw::Wait),
        1 => Just(Draw::Emit),
        1 => any::<bool>().prop_map(Draw::Run),
        2 => (0..LISTENS.len()).prop_map(|kind| Draw::Listen(kind, None)),
        2 => (0..CASES.len(), 0_usize..6).prop_map(|(case, then)| Draw::Switch(case, then)),
    ]
}

fn tasks_of(leaf: BoxedStrategy<Draw>, depth: u32) -> impl Strategy<Value = Task> {
    with_extras(leaf).prop_recursive(depth, 16, 3, |inner| {
        let list = prop::collection::vec(inner, 0..3);
        let some = prop_oneof![
            list.clone().prop_map(Draw::Do),
            (0..SCOPES.len(), list.clone()).prop_map(|(scope, list)| Draw::Scope(scope, list)),
            (0..LISTENS.len(), list.clone())
                .prop_map(|(kind, list)| Draw::Listen(kind, Some(list))),
            (any::<bool>(), list.clone()).prop_map(|(compete, list)| Draw::Fork(compete, list)),
            (0_usize..4, list.clone()).prop_map(|(items, body)| Draw::For(items, body)),
            (0..CATCHES.len(), list.clone(), prop::option::of(list))
                .prop_map(|(catch, body, handler)| Draw::Try(catch, body, handler)),
        ];
        with_extras(some.boxed())
    })
}

fn with_extras(draw: BoxedStrategy<Draw>) -> BoxedStrategy<Task> {
    let extras = prop_oneof![3 => Just(0_u8), 2 => any::<u8>()];
    (draw, extras, 0_usize..12)
        .prop_map(|(draw, extras, then)| Task { draw, extras, then })
        .boxed()
}

pub fn written(tasks: &[Task], level: usize) -> String {
    let items = tasks
        .iter()
        .enumerate()
        .map(|(place, task)| format!("{{\"t{place}\":{}}}", one(task, place, tasks.len(), level)));
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// Levels from here on are inside a fork.
const FORKED: usize = 100;

/// As many levels has each function; those of the document's own tasks are below.
const FUNCTION: usize = 1_000;

/// `f0` may call those that follow it, so that none calls itself.
const FUNCTIONS: usize = 3;

/// `use`, with these functions.
fn used(functions: &[Task]) -> String {
    let functions = functions.iter().enumerate().map(|(place, task)| {
        let level = FUNCTION * (place + 1);
        let members = body(&task.draw, 0, 1, level);
        format!("\"f{place}\":{{{members}{}}}", extras(task, level))
    });
    let functions = functions.collect::<Vec<_>>().join(",");
    format!("{{\"functions\":{{{functions}}}}}")
}

fn quoted(text: &str) -> String {
    windlass_workflows::value::Value::from(text).to_json()
}

const LISTENS: [&str; 4] = [
    r#"{"one":{"with":{"type":"a"}}}"#,
    r#"{"all":[{"with":{"type":"a"}},{"with":{"type":"b"},"correlate":{"k":{"from":".data.k"}}}]}"#,
    r#"{"any":[{"with":{"type":"a"}},{"with":{"type":"b","data":"${ .k != 3 }"}}],"until":"length == 2"}"#,
    r#"{"any":[{"with":{"type":"a"}}],"until":{"one":{"with":{"type":"b"}}}}"#,
];
const SCOPES: [&str; 3] = ["onFailure", "onCancel", "onFailureOrCancel"];
const FATES: [&str; 3] = ["wait", "cancel", "abandon"];

/// Only forward: a jump back may turn for ever.
fn next(then: usize, place: usize, count: usize, level: usize) -> String {
    match then {
        0 => "exit".into(),
        // Inside a fork nobody knows what it means.
        1 if level < FORKED => "end".into(),
        2 if place + 2 < count => format!("t{}", place + 2),
        _ => "continue".into(),
    }
}

fn one(task: &Task, place: usize, count: usize, level: usize) -> String {
    let members = body(&task.draw, place, count, level);
    let extras = extras(task, level);
    let then = next(task.then, place, count, level);
    format!("{{{members}{extras},\"then\":\"{then}\"}}")
}

fn extras(task: &Task, level: usize) -> String {
    let extras = [
        r#""if":".n != 2""#,
        r#""input":{"from":"{ n: (.n? // 1) }"}"#,
        r#""output":{"as":"{ out: . }"}"#,
        r#""export":{"as":"if ($context | tojson | length) > 2000 then {} else $context + { k: [ $context.k, . ] } end"}"#,
        r#""timeout":{"after":"PT11S"}"#,
    ];
    let drawn = extras.iter().enumerate().filter(|(bit, extra)| {
        // What a function exports would reach out of it.
        let reaches_out = level >= FUNCTION && extra.starts_with("\"export\"");
        task.extras & (1 << bit) != 0 && !reaches_out
    });
    drawn.map(|(_, extra)| format!(",{extra}")).collect()
}

fn body(draw: &Draw, place: usize, count: usize, level: usize) -> String {
    match draw {
        Draw::Set(shape) => format!("\"set\":{}", quoted(SHAPES[*shape])),
        Draw::Call(shape) => {
            let undo = match shape % 3 {
                0 => r#","metadata":{"windlass":{"undo":{"call":"undo-it:1.0.0@default","with":{"o":"${ $output }"}}}}"#,
                1 => r#","metadata":{"windlass":{"onExhausted":"park","queue":"${ \"q\" }"}}"#,
                _ => "",
            };
            format!("\"call\":\"echo:1.0.0@default\",\"with\":{{\"v\":{}}}{undo}", quoted(SHAPES[*shape]))
        }
        Draw::Function(number) => match level / FUNCTION {
            FUNCTIONS.. => r#""set":{"n":3}"#.to_owned(),
            first => format!(
                "\"call\":\"f{}\",\"with\":{{\"n\":\"${{ .n? // 1 }}\"}}",
                first + number % (FUNCTIONS - first)
            ),
        },
        Draw::Emit => r#""emit":{"event":{"with":{"type":"e","data":"${ . }"}}}"#.into(),
        Draw::Run(waits) => {
            let fate = FATES[if *waits { place % 3 } else { 1 + place % 2 }];
            format!(r#""run":{{"await":{waits},"workflow":{{"namespace":"a","name":"b","version":"latest"}}}},"metadata":{{"windlass":{{"onParentClose":"{fate}"}}}}"#)
        }
        Draw::Listen(kind, body) => {
            let body = body.as_ref().map(|tasks| format!(",\"foreach\":{{\"item\":\"m{level}\",\"at\":\"y{level}\",\"do\":{}}}", written(tasks, level + 1)));
            format!("\"listen\":{{\"to\":{}}}{}", LISTENS[*kind], body.unwrap_or_default())
        }
        Draw::Scope(scope, tasks) => format!("\"do\":{},\"metadata\":{{\"windlass\":{{\"compensate\":\"{}\"}}}}", written(tasks, level), SCOPES[*scope]),
        Draw::Fork(compete, tasks) => {
            let inner = level / FUNCTION * FUNCTION + level % FORKED + FORKED + 1;
            let tasks = match tasks.as_slice() {
                [] => "[{\"t\":{\"set\":\"${ . }\"}}]".to_owned(),
                tasks => {
                    let branches = tasks.iter().enumerate().map(|(place, task)| format!("{{\"t{place}\":{}}}", one(task, place, place + 1, inner)));
                    format!("[{}]", branches.collect::<Vec<_>>().join(","))
                }
            };
            format!("\"fork\":{{\"compete\":{compete},\"branches\":{tasks}}}")
        }
        Draw::Chunks => r#""call":"chunks:1.0.0@default","with":{"call":"echo:1.0.0@default","parallel":2,"tolerate":{"percent":40}}"#.into(),
        Draw::Raise => r#""raise":{"error":{"type":"https://x.example/no","status":409,"detail":"${ . }"}}"#.into(),
        Draw::Wait(seconds) => format!("\"wait\":{{\"seconds\":{seconds}}}"),
        Draw::Do(tasks) => format!("\"do\":{}", written(tasks, level)),
        Draw::For(items, tasks) => {
            let list = quoted(&format!("[ range({items}) ]"));
            let names = format!("\"each\":\"i{level}\",\"at\":\"x{level}\"");
            let asked = quoted(&format!("$i{level} < 3 and $x{level} < 9"));
            format!("\"for\":{{{names},\"in\":{list}}},\"while\":{asked},\"do\":{}", written(tasks, level + 1))
        }
        Draw::Switch(case, then) => {
            let then = next(*then, place, count, level);
            format!("\"switch\":[{{\"a\":{{\"when\":{},\"then\":\"{then}\"}}}}]", quoted(CASES[*case]))
        }
        Draw::Try(catch, tasks, handler) => {
            let handler = handler.as_ref().map(|tasks| format!(",\"do\":{}", written(tasks, level))).unwrap_or_default();
            format!("\"try\":{},\"catch\":{{{}{handler}}}", written(tasks, level), CATCHES[*catch])
        }
    }
}

/// One move of the world outside, as far as it applies to where the job stands.
pub fn happen(rig: &mut Rig, draw: u8, number: i64) {
    let (activity, chunks) = rig.chunks();
    let performs = rig.performs();
    let interests = rig.execution.interests();
    let child = interests.iter().find_map(|interest| match interest {
        Interest::Child { activity } => Some(*activity),
        _ => None,
    });
    let listens = interests
        .iter()
        .any(|interest| matches!(interest, Interest::Mail { .. }));
    if draw % 41 == 40 {
        rig.cancel();
    } else if rig.parked.is_some() {
        rig.go_on();
    } else if draw % 5 == 4 && rig.execution.next_due().is_some() {
        rig.fire();
    } else if let Some(number) = chunks.get(usize::from(draw) % chunks.len().max(1)) {
        let fails = draw.is_multiple_of(7);
        let result = match fails {
            true => Err(communication(500)),
            false => Ok(json(r#"{"n":1}"#)),
        };
        rig.tell(EventKind::Chunk {
            activity,
            number: *number,
            result,
        });
    } else if listens && draw % 3 == 1 {
        let kind = if draw.is_multiple_of(2) { "a" } else { "b" };
        rig.mail(
            number,
            &format!(r#"{{"type":"{kind}","data":{{"k":{}}}}}"#, draw % 4),
        );
    } else if let Some(activity) = child.filter(|_| !draw.is_multiple_of(3) || performs.is_empty())
    {
        let result = match draw % 4 {
            0 => Err(communication(503)),
            _ => Ok("{\"n\":2}"),
        };
        rig.settle(activity, result);
    } else if !performs.is_empty() {
        let activity = performs[usize::from(draw) % performs.len()].activity;
        rig.after(i64::from(draw % 3));
        answer(rig, activity, draw);
    } else if rig.execution.next_due().is_some() {
        rig.fire();
    } else {
        // Two of the one to one of the other: a listen inside a listen shall not eat all that ends it.
        let kind = if number % 3 == 0 { "a" } else { "b" };
        rig.mail(number, &format!(r#"{{"type":"{kind}","data":{{"k":1}}}}"#));
    }
}

fn answer(rig: &mut Rig, activity: Activity, draw: u8) {
    let again_after = (draw % 4 == 1).then(|| std::time::Duration::from_secs(draw.into()));
    let output = match draw % 4 {
        2 => r#"{"n":1,"list":[1.50,"x"]}"#.to_owned(),
        _ => draw.to_string(),
    };
    rig.tell(match draw % 4 {
        0 | 1 => EventKind::Failed {
            activity,
            fault: communication(if draw.is_multiple_of(4) { 503 } else { 500 }),
            again_after,
        },
        _ => EventKind::Succeeded {
            activity,
            output: json(&output),
        },
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Cases 1 and 2: after every turn the state is read again, from the first entry and from the newest head, and goes on
    /// alike.
    #[test]
    fn nothing_panics_and_crashes_change_nothing(
        tasks in prop::collection::vec(caller(3), 1..4),
        functions in prop::collection::vec(caller(1), FUNCTIONS),
        script in prop::collection::vec(any::<u8>(), 0..40),
        retries in 0_u32..4,
    ) {
        let document = format!("use: {}\ndo: {}\n", used(&functions), written(&tasks, 0));
        let retry = (retries > 0).then(|| Arc::new(policy(retries - 1, false)));
        let facts = JobFacts { batch: Some(batch(Some(3))), retry, ..facts(r#"{"n":1}"#) };
        drive_as(&document, facts, |rig| {
            rig.start();
            let answers = std::iter::repeat(2);
            for (draw, number) in script.iter().copied().chain(answers).zip(1..1_000) {
                if rig.outcome.is_some() {
                    return;
                }
                happen(rig, draw, number);
            }
            panic!("it does not end: {:?}", rig.execution.view());
        });
    }
}
